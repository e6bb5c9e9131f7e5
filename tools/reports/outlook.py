"""What follows: the way to the next level, comparisons, next steps and services."""

from .figures import OPEN, day, short
from .layout import Bar, Block, Chart, Column, Section, heading, text
from .page import CLAUSE, LONG_LABEL, Page, cut, joined, or_none
from .record import Action

MOST_BARS = 20
"""What a drawing can show on one page."""


def upgrade(page: Page) -> Section:
    """What the next level asks, and the cheapest way there."""
    ahead = page.result.next_level
    if ahead is None:
        why = "评级确认之前不给出升级路径。" if page.withheld else "记录中没有下一等级的差距。"
        return Section(title="差距与升级路径", blocks=(text(why),))
    gap = f"，总分还差 {page.score(ahead.gap)} 分" if ahead.gap is not None and ahead.gap > 0 else ""
    blocks = [text(f"下一等级：{ahead.level}{gap}。")]
    measured = [gap for gap in ahead.gaps if gap.score is not None and gap.needed is not None and gap.needed > 0]
    if 0 < len(measured) <= MOST_BARS:
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
            title=cut(title, LONG_LABEL),
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
