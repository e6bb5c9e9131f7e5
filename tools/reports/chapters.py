"""The chapters of the diagnosis report. None of them computes: a figure is the record's, or it is not there."""

from .figures import NONE, OPEN, day, moment, percent, share, short
from .layout import Axis, Bar, Block, Chart, Column, HeatRow, Section, heading, text
from .page import Page, joined, or_none
from .record import Action, Dimension, Rating

CLAUSE = Column(title="依据条款", width=1.6)
PASSED = {True: "满足", False: "不满足", None: OPEN}


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
    if result.label:
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
    blocks = [Block(kind="facts", pairs=tuple((name, value) for name, value in facts if value))]
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
    if len(rays) >= 3:
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
            title=node.title,
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
    rows = tuple(HeatRow(title=f"{row.id} {row.title}", cells=row.cells) for row in given.rows)
    page.charts["heat"] = Chart(kind="heat", levels=given.levels, rows=rows)
    note = text("“/”为该级没有要求，从不计入；“?”为未作答或待确认。", "note")
    return Section(title="场景矩阵", blocks=(page.numbering.chart("各场景分级达成情况", "heat"), note))


def upgrade(page: Page) -> Section:
    """What the next level asks, and the cheapest way there."""
    ahead = page.result.next_level
    if ahead is None:
        why = "评级确认之前不给出升级路径。" if page.withheld else "记录中没有下一等级的差距。"
        return Section(title="差距与升级路径", blocks=(text(why),))
    gap = f"，总分还差 {page.score(ahead.gap)} 分" if ahead.gap is not None and ahead.gap > 0 else ""
    blocks = [text(f"下一等级：{ahead.level}{gap}。")]
    measured = [gap for gap in ahead.gaps if gap.score is not None and gap.needed is not None and gap.needed > 0]
    if measured:
        page.charts["gaps"] = bars(page)
        blocks.append(page.numbering.chart("与下一等级的差距（竖线为应达到的得分）", "gaps"))
    if ahead.gaps:
        columns = (Column(title="差距", width=2.4), Column(title="现状", width=2), Column(title="应达到", width=2), CLAUSE)
        rows = [(g.title, _stand(page, g.current, g.score), _stand(page, g.target, g.needed), or_none(g.clause)) for g in ahead.gaps]
        blocks.append(page.numbering.table("差距清单", columns, rows))
    if ahead.steps:
        columns = (
            Column(title="改进事项", width=3),
            Column(title="现状", width=1.2),
            Column(title="目标", width=1.2),
            Column(title="投入", width=0.8, align="right"),
            Column(title="总分增量", align="right"),
            CLAUSE,
        )
        rows = [(s.title, or_none(s.current), or_none(s.to), short(s.effort), page.change(s.gain), or_none(s.clause)) for s in ahead.steps]
        blocks.append(page.numbering.table("投入最小的升级路径", columns, rows))
    blocks += [text(ahead.note, "note")] if ahead.note else []
    return Section(title="差距与升级路径", blocks=tuple(blocks))


def _stand(page: Page, words: str, score: float | None) -> str:
    return or_none(joined(words, page.score(score) if score is not None else "", by="，"))


def bars(page: Page) -> Chart:
    ahead = page.result.next_level
    rows = [(gap.title, gap.score, gap.needed) for gap in (ahead.gaps if ahead else ()) if gap.score is not None and gap.needed is not None]
    longest = max(*(max(now, needed) for _, now, needed in rows), 0.0) or 1.0
    made = [
        Bar(
            title=title,
            now=max(0.0, now) / longest,
            needed=max(0.0, needed) / longest,
            shown=page.score(now),
            shown_needed=page.score(needed),
        )
        for title, now, needed in rows
    ]
    return Chart(kind="bars", bars=tuple(made))


def comparison(page: Page) -> Section:
    """With the last diagnosis, and with enterprises of the same kind where there are enough of them."""
    return Section(title="对比分析", blocks=(heading("与上次诊断对比"), *_last_time(page), heading("与同类企业对比"), *_cohort(page)))


def _last_time(page: Page) -> list[Block]:
    last = page.result.comparison
    if last is None:
        return [text("没有上次诊断的记录，不作对比。")]
    facts = (
        ("上次诊断", joined(day(last.dated, ""), last.version, by="，")),
        ("上次总分", page.score(last.total_before)),
        ("上次等级", or_none(last.level_before)),
        ("总分变化", OPEN if page.withheld else page.change(last.total_delta)),
    )
    blocks = [Block(kind="facts", pairs=tuple((name, value) for name, value in facts if value))]
    if last.nodes:
        columns = (Column(title="维度", width=3), *(Column(title=name, align="right") for name in ("上次", "本次", "变化")))
        rows = [(c.title, page.score(c.before), page.score(c.after, page.absent), page.change(c.delta)) for c in last.nodes]
        blocks.append(page.numbering.table("各维度与上次对比", columns, rows))
    return [*blocks, text(last.note, "note")] if last.note else blocks


def _cohort(page: Page) -> list[Block]:
    cohort = page.result.cohort
    if cohort is None:
        return [text("没有同类企业的汇总数据，不作对比。")]
    if cohort.size < page.kind.smallest_cohort:
        return [text("同类企业的样本太少，为避免识别出单个企业，不显示对比。")]
    facts = (
        ("同类企业", cohort.name),
        ("样本数", str(cohort.size)),
        ("平均总分", page.score(cohort.mean)),
        ("总分中位数", page.score(cohort.median)),
    )
    blocks = [Block(kind="facts", pairs=facts)]
    if cohort.nodes:
        own = {node.id: node.score for node in page.result.nodes}
        columns = (Column(title="维度", width=3), Column(title="本企业", align="right"), Column(title="同类平均", align="right"))
        rows = [(n.title, page.score(own.get(n.id), page.absent), page.score(n.mean)) for n in cohort.nodes]
        blocks.append(page.numbering.table("各维度与同类平均对比", columns, rows))
    return blocks


def what_next(page: Page) -> Section:
    """What is done next, and by which services."""
    return Section(
        title="下一步工作与服务路径",
        blocks=(
            heading("下一步工作"),
            *_actions(page, page.record.next_steps, "下一步工作", "事项"),
            heading("服务路径"),
            *_actions(page, page.record.service_path, "服务路径", "阶段"),
        ),
    )


def _actions(page: Page, actions: tuple[Action, ...], caption: str, named: str) -> list[Block]:
    if not actions:
        return [text("记录中没有列出。")]
    columns = (
        Column(title=named, width=1.8),
        Column(title="内容", width=3.2),
        Column(title="负责", width=1.1),
        Column(title="期限", width=1.1),
        CLAUSE,
    )
    rows = [(a.title, or_none(a.detail), or_none(a.owner), or_none(a.due), or_none(a.clause)) for a in actions]
    return [page.numbering.table(caption, columns, rows)]


def waiting(page: Page) -> Section:
    """Proposals, here and nowhere else."""
    if not page.standing.waiting:
        return Section(title="待确认事项", blocks=(text("没有待确认的评级。"),))
    columns = (
        Column(title="题目", width=1.8),
        Column(title="建议评级", width=1),
        Column(title="建议所依据的原句", width=3),
        Column(title="证据文件", width=1.3),
        Column(title="作答人", width=0.9),
    )
    rows = [(_named(r), or_none(r.value), or_none(r.evidence), or_none(r.file), or_none(r.respondent)) for r in page.standing.waiting]
    words = "以下评级只是建议或没有具名人员确认，不是结论，没有用于本报告的任何得分、等级和图表。"
    return Section(title="待确认事项", blocks=(text(words, "warning"), page.numbering.table("待确认的评级", columns, rows)))


def evidence(page: Page) -> Section | None:
    """Confirmed ratings with what they stand on and who answers for them."""
    kept = [rating for rating in page.record.ratings if rating.stands]
    if not kept:
        return None
    columns = (
        Column(title="题目", width=1.7),
        Column(title="评级", width=0.9),
        Column(title="依据的原句", width=2.6),
        Column(title="证据文件", width=1.3),
        Column(title="作答人", width=0.9),
        Column(title="确认人与时间", width=1.5),
    )
    rows = [(_named(r), _rated(r), or_none(r.evidence), or_none(r.file), or_none(r.respondent), _by(r)) for r in kept]
    return Section(title="已确认的评级与证据", blocks=(page.numbering.table("评级、证据与确认", columns, rows),))


def _named(rating: Rating) -> str:
    return rating.title or rating.item


def _rated(rating: Rating) -> str:
    return f"{rating.value}（更正）" if rating.state == "corrected" else or_none(rating.value)


def _by(rating: Rating) -> str:
    return joined(rating.confirmed_by, moment(rating.at, ""), by="\n")


def basis(page: Page) -> Section | None:
    """The clauses that the report stands on, with their state and version."""
    if not page.record.clauses:
        return None
    columns = (
        Column(title="编号", width=1.4),
        Column(title="位置", width=1.8),
        Column(title="表述", width=3.6),
        Column(title="状态与版本", width=1.2),
    )
    rows = [(c.id, or_none(c.path), c.wording, joined(c.status, c.version, by="\n") or NONE) for c in page.record.clauses]
    return Section(title="附录：依据条款", blocks=(page.numbering.table("依据条款", columns, rows),))
