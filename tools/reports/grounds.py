"""What it stands on: what waits for confirmation, confirmed ratings with their evidence, clauses."""

from .figures import NONE, moment
from .layout import Column, Section, text
from .page import Page, joined, or_none
from .record import Rating


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
