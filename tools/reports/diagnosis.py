"""The diagnosis record as a layout: which sections it has, and what each says."""

from .confirmed import contradicted, standing
from .figures import day
from .findings import dimensions, items, matrix, method, summary
from .grounds import basis, evidence, waiting
from .kinds import Kind
from .layout import Block, Layout, Numbering, Section, numbered
from .outlook import comparison, upgrade, what_next
from .page import Page
from .record import DiagnosisReport, digest

SHORT_HASH = 12
MOST_NAMED = 5


def faults_of(record: DiagnosisReport, kind: Kind) -> list[tuple[str, str]]:
    """What keeps the report a draft: fields that are missing once nothing unconfirmed counts, and scores that were built on such."""
    stands = standing(record)
    confirmed = stands.record.model_copy(update={"ratings": tuple(r for r in record.ratings if r.stands)})
    found = [(entry.label, entry.cure) for entry in kind.mandatory if entry.missing(confirmed)]
    if others := contradicted(record):
        named = "、".join(others[:MOST_NAMED]) + ("等" if len(others) > MOST_NAMED else "")
        found.insert(0, (f"计分所用的作答与确认的评级不同：{named}", "按确认的评级重新计分，再出具报告"))
    if stands.withheld:
        found.insert(0, ("计分所依据的评级尚未全部确认", "总分、等级及有关得分暂不列出；由具名人员确认“待确认事项”中的评级后重新出具"))
    return found


def layout(record: DiagnosisReport, kind: Kind) -> Layout:
    """Every text of the report, in the order in which it is read."""
    sha256 = digest(kind.edition, record)
    page, faults = Page(standing(record), kind, Numbering()), faults_of(record, kind)
    made = [summary(page), method(page), dimensions(page), items(page), matrix(page), upgrade(page), comparison(page)]
    made += [what_next(page), waiting(page), evidence(page), basis(page), _signatures(record)]
    status = "草稿" if faults else "正式"
    name = record.enterprise.name or "（未填写企业名称）"
    version = record.version or "未编号"
    return Layout(
        title=kind.title,
        subject=name,
        status=status,
        facts=(
            ("评估名称", record.assessment.title or "未填写"),
            ("报告版本", version),
            ("报告日期", day(record.dated, "未填写")),
            ("报告状态", status),
            ("内容校验码", sha256[:SHORT_HASH]),
        ),
        running=f"{name} · {kind.title} · {version} · {sha256[:SHORT_HASH]}",
        faults=tuple(faults),
        sections=tuple(numbered(section for section in made if section is not None)),
        charts=page.charts,
        closing=(("报告版本", version), ("模板版本", kind.template), ("输入记录的 SHA-256", sha256)),
    )


def _signatures(record: DiagnosisReport) -> Section:
    people = (("编制人", record.prepared_by), ("审核人", record.reviewed_by), ("企业确认人", ""))
    note = "本报告由结构化记录生成；相同的记录生成逐字节相同的报告，可凭下列校验码核对。"
    return Section(title="签字", blocks=(Block(kind="signatures", pairs=people), Block(kind="text", text=note, tone="note")))
