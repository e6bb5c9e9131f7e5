"""What was found: result, method, dimensions, items, matrix. Nothing here computes: a figure is the record's, or it is not there."""

from .figures import NONE, OPEN, percent, share, short
from .layout import Axis, Block, Chart, Column, HeatRow, Section, heading, text
from .page import CLAUSE, LABEL, LONG_LABEL, Page, cut, joined, or_none
from .record import Dimension

PASSED = {True: "满足", False: "不满足", None: OPEN}
MOST_RAYS, MOST_SCENES, SHORT_LABEL = 12, 40, 4
"""What a drawing can show on one page."""


def summary(page: Page) -> Section:
    """The result in one look, and whose it is."""
    record, result = page.record, page.result
    best = f" / {short(result.best)}" if result.best is not None and result.total is not None else ""
    label = f"（{result.label}）" if result.label and result.level else ""
    cards = (
        ("总分", page.score(result.total, page.absent) + best),
        ("等级", (result.level or page.absent) + label),
        ("答题覆盖率", share(result.coverage)),
    )
    blocks = [Block(kind="cards", pairs=cards)]
    if page.withheld:
        words = "有计入得分的评级尚未由具名人员确认，总分、等级和有关得分不作为结论列出，见“待确认事项”。"
        blocks.append(text(words, "warning"))
    if result.label and result.level:
        blocks.append(text(f"等级为{result.label}性质，正式等级以有权评定的机构或系统为准。", "note"))
    blocks += [text(f"一票否决：{veto}", "warning") for veto in result.vetoes]
    if record.assessment.rule:
        blocks.append(text(f"计分规则：{record.assessment.rule}"))
    enterprise = record.enterprise
    facts = (
        ("企业名称", enterprise.name),
        ("统一社会信用代码", enterprise.credit_code),
        ("所属行业", enterprise.industry),
        ("所在地区", enterprise.region),
        ("企业规模", enterprise.scale),
        ("主要产品", enterprise.products),
    )
    known = tuple((name, value) for name, value in facts if value)
    blocks += [heading("企业概况"), Block(kind="facts", pairs=known)] if known else []
    blocks += [text(enterprise.summary)] if enterprise.summary else []
    blocks += [heading("说明"), *(text(note) for note in result.notes)] if result.notes else []
    return Section(title="诊断结论", blocks=tuple(blocks))


def method(page: Page) -> Section:
    """How the total came about: weights, formula, scale, coverage, with clause ids."""
    assessment, result = page.record.assessment, page.result
    facts = (
        ("评估名称", assessment.title),
        ("评估版本", joined(assessment.version, assessment.status, by="，")),
        ("计分规则", assessment.rule),
        ("等级标准的依据", assessment.scale_source),
        ("答题覆盖率", share(result.coverage, "")),
        ("未作答或不计入的题目", "、".join(result.missing)),
        ("依据条款", "、".join(assessment.clauses)),
    )
    known = tuple((name, value) for name, value in facts if value)
    blocks = [Block(kind="facts", pairs=known) if known else text("记录中没有写明评价方法。")]
    weighted = [node for node in result.nodes if node.weight is not None]
    if weighted:
        columns = (Column(title="维度", width=3), Column(title="权重", align="right"), Column(title="满分", align="right"), CLAUSE)
        rows = [(_indented(n), percent(n.weight), short(n.best), or_none(n.clause)) for n in weighted]
        blocks.append(page.numbering.table("权重", columns, rows))
    if assessment.scale:
        columns = (Column(title="等级划分（由低到高）"),)
        blocks.append(page.numbering.table("等级划分", columns, [(line,) for line in assessment.scale]))
    if result.gates:
        columns = (Column(title="等级", width=1.2), Column(title="条件", width=3.5), Column(title="是否满足", align="center"), CLAUSE)
        rows = [(gate.level, gate.condition, PASSED[gate.passed], or_none(gate.clause)) for gate in result.gates]
        blocks.append(page.numbering.table("等级条件", columns, rows))
    return Section(title="评价方法与规则", blocks=tuple(blocks))


def dimensions(page: Page) -> Section | None:
    """The groups' scores, and the radar of those directly under the total, with last time's outline."""
    result = page.result
    if not result.nodes:
        return None
    blocks: list[Block] = []
    rays = [node for node in result.nodes if node.depth == 1 and node.best]
    if 3 <= len(rays) <= MOST_RAYS:
        page.charts["radar"] = radar(page, rays)
        last = "，虚线为上次诊断" if page.charts["radar"].before else ""
        blocks.append(page.numbering.chart(f"各维度得分（占满分的比例{last}）", "radar"))
    columns = (
        Column(title="维度", width=2.6),
        Column(title="得分", align="right"),
        Column(title="满分", align="right"),
        Column(title="权重", align="right"),
        Column(title="对总分贡献", width=1.2, align="right"),
        Column(title="覆盖率", align="right"),
        Column(title="等级", align="center"),
    )
    rows = [_dimension(page, node) for node in result.nodes]
    blocks.append(page.numbering.table("各维度得分", columns, rows))
    return Section(title="维度结果", blocks=tuple(blocks))


def _dimension(page: Page, node: Dimension) -> tuple[str, ...]:
    figures = (page.score(node.score, page.absence(node.id)), short(node.best), percent(node.weight), page.score(node.contribution))
    return (_indented(node), *figures, share(node.coverage), or_none(node.level))


def _indented(node: Dimension) -> str:
    return "\u3000" * (node.depth - 1) + node.title


def radar(page: Page, rays: list[Dimension]) -> Chart:
    last = page.result.comparison
    before = {change.id: change.before for change in last.nodes} if last else {}
    axes = [
        Axis(
            title=cut(node.title, LABEL),
            now=_part(node.score, node.best),
            before=_part(before.get(node.id), node.best),
            shown=page.score(node.score, page.absence(node.id)),
            shown_before=page.score(before.get(node.id)) if before.get(node.id) is not None else "",
        )
        for node in rays
    ]
    drawn = any(axis.before is not None for axis in axes)
    return Chart(kind="radar", axes=tuple(axes), before="上次诊断" if drawn else "")


def _part(value: float | None, best: float | None) -> float | None:
    """Where a value stands between nothing and the best; a drawing has no room beyond."""
    return None if value is None or not best or best <= 0 else min(1.0, max(0.0, value / best))


def items(page: Page) -> Section | None:
    """Every item with what it adds and the clause that asks for it."""
    if not page.result.items:
        return None
    titles = {node.id: node.title for node in page.result.nodes}
    columns = (
        Column(title="题目", width=2.6),
        Column(title="维度", width=1.6),
        Column(title="作答", width=1.2),
        Column(title="得分", width=1, align="right"),
        Column(title="满分", width=0.8, align="right"),
        Column(title="贡献", width=0.9, align="right"),
        CLAUSE,
    )
    rows: list[tuple[str, ...]] = []
    for item in page.result.items:
        absent = page.absence(item.id)
        figures = (page.score(item.score, absent), short(item.best), page.score(item.contribution))
        said = item.value or absent
        rows.append((item.title, titles.get(item.node, item.node) or NONE, said, *figures, "、".join(item.clauses) or NONE))
    return Section(title="逐项得分", blocks=(page.numbering.table("逐项得分、贡献与依据", columns, rows),))


def matrix(page: Page) -> Section | None:
    """Scenes by levels as a map, with signs besides shades."""
    given = page.record.matrix
    if given is None or not given.rows:
        return None
    rows = tuple(HeatRow(title=cut(f"{row.id} {row.title}", LONG_LABEL), cells=row.cells) for row in given.rows)
    levels = tuple(cut(level, SHORT_LABEL) for level in given.levels)
    blocks: list[Block] = []
    for at in range(0, len(rows), MOST_SCENES):
        key = f"heat-{at // MOST_SCENES + 1}"
        page.charts[key] = Chart(kind="heat", levels=levels, rows=rows[at : at + MOST_SCENES])
        blocks.append(page.numbering.chart("各场景分级达成情况" if at == 0 else "各场景分级达成情况（续）", key))
    note = text("“/”为该级没有要求，从不计入；“?”为未作答或待确认。", "note")
    return Section(title="场景矩阵", blocks=(*blocks, note))
