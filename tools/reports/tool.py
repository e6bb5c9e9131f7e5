"""`write_report`: a report from a structured record, as Word and PDF, kept as artifacts beside the record itself."""

import asyncio
import re

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UserInputError
from domain.principal import Principal, own_label
from records.artifacts import Artifact, ArtifactStore, NewArtifact

from ..contract import Tool, ToolContext, ToolResult
from .appendix import Cite, standing_on, with_appendix
from .asking import reader
from .diagnosis import faults_of, layout
from .from_file import FileSource
from .kinds import Kind, check_fields, kind_of, load_kinds
from .record import DiagnosisReport, canonical, digest
from .typeset import chart_png, pdf
from .words import docx

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
UNFIT = re.compile(r'[\\/:*?"<>|\s]+')
"""What file systems do not take in a name."""
LONGEST_PART = 60
MOST_NAMED = 5


class ReportInput(BaseModel):
    """Which report, and the record it is made from."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(default="企业数字化诊断报告", min_length=1, max_length=100, description="报告类型，如 企业数字化诊断报告")
    enterprise: str = Field(default="", max_length=100, description="企业名称、统一社会信用代码或档案编号；由其档案生成，与 record 二选一")
    assessment: str = Field(default="", max_length=100, description="用哪一项评估；不写则取档案中评级最多的一项")
    reviewed_by: str = Field(default="", max_length=200, description="审核人姓名")
    record: DiagnosisReport | None = Field(
        default=None, description="诊断记录：企业、评估、评级（须有确认人）、结果、矩阵、下一步、服务路径（docs/reports.md）"
    )


class Missing(BaseModel):
    """What keeps a report a draft."""

    what: str
    cure: str


class ReportFile(BaseModel):
    """One file that was kept."""

    artifact_id: str
    name: str
    media_type: str
    size: int
    sha256: str


class ReportOutput(BaseModel):
    """Where the report is, and what it is worth."""

    kind: str
    title: str
    status: str
    version: str
    sha256: str
    """Of the canonical inputs, as on the last page; it is the hash of the kept record."""
    gaps: list[Missing]
    files: list[ReportFile]
    clauses: list[str]


def report_tool(artifacts: ArtifactStore, cite: Cite, source: FileSource) -> Tool[ReportInput, ReportOutput]:
    """The tool over `artifacts`; `cite` gives the stored wording of a clause, `source` the record of an enterprise's file."""
    for kind in load_kinds().values():
        check_fields(kind, DiagnosisReport)

    async def run(given: ReportInput, context: ToolContext) -> ToolResult[ReportOutput]:
        kind = kind_of(given.kind)
        if (given.record is None) == (not given.enterprise):
            raise UserInputError("enterprise 与 record 应给出一个", where="enterprise", cure="写企业档案的编号，或给出完整的诊断记录")
        about = (given.enterprise, given.assessment, kind, context.principal, context.now(), given.reviewed_by)
        bare = given.record or await asyncio.to_thread(source.record, *about)
        record, citations = await asyncio.to_thread(with_appendix, bare, kind, cite, context.principal)
        context.cancellation.raise_if_cancelled()
        files = await asyncio.to_thread(rendered, record, kind, context.principal, context.run_id)
        context.cancellation.raise_if_cancelled()
        kept = await asyncio.to_thread(artifacts.add, files, context.principal, door=context.door)
        output = _output(record, kind, kept)
        return ToolResult(
            summary=summarise(output),
            data=output,
            citations=standing_on(citations, record, kind),
            artifacts=[artifact.id for artifact in kept],
            values=[float(len(output.gaps))],
        )

    return Tool(
        name="write_report",
        summary="由企业档案或结构化的诊断记录生成《企业数字化诊断报告》（Word 与 PDF）；缺必备内容时出草稿并列出缺项，未确认的评级不作结论",
        input=ReportInput,
        output=ReportOutput,
        run=run,
        examples=EXAMPLES,
        effect="compute",
        clauses=tuple(dict.fromkeys(clause for kind in load_kinds().values() for clause in kind.clauses)),
        read_arguments=reader(),
    )


def rendered(record: DiagnosisReport, kind: Kind, principal: Principal, run_id: str) -> list[NewArtifact]:
    """The report in every form, and the record it can be made from again; private to whoever asked."""
    made = layout(record, kind)
    name = file_name(record, kind, draft=made.draft)
    forms = (
        (f"{name}.docx", WORD, docx(made, chart_png)),
        (f"{name}.pdf", "application/pdf", pdf(made)),
        (f"{name}.json", "application/json", canonical(kind.edition, record)),
    )
    label = own_label(principal)
    return [NewArtifact(kind=kind.key, name=n, media_type=media, data=data, label=label, run_id=run_id) for n, media, data in forms]


def file_name(record: DiagnosisReport, kind: Kind, *, draft: bool) -> str:
    """Without an ending; nothing in it that a file system refuses."""
    parts = (record.enterprise.name, kind.title, record.version, "草稿" if draft else "")
    return "-".join(clean for part in parts if (clean := UNFIT.sub("_", part).strip("._")[:LONGEST_PART]))


def _output(record: DiagnosisReport, kind: Kind, kept: list[Artifact]) -> ReportOutput:
    gaps = [Missing(what=what, cure=cure) for what, cure in faults_of(record, kind)]
    return ReportOutput(
        kind=kind.key,
        title=kind.title,
        status="草稿" if gaps else "正式",
        version=record.version,
        sha256=digest(kind.edition, record),
        gaps=gaps,
        files=[ReportFile(artifact_id=a.id, name=a.name, media_type=a.media_type, size=a.size, sha256=a.sha256) for a in kept],
        clauses=[entry.id for entry in record.clauses],
    )


def summarise(output: ReportOutput) -> str:
    """One or two Chinese sentences."""
    said = f"已生成《{output.title}》（{output.status}），有 Word、PDF 和可复核的记录，在文件列表中下载。"
    if not output.gaps:
        return said
    named = "、".join(gap.what for gap in output.gaps[:MOST_NAMED])
    more = "等" if len(output.gaps) > MOST_NAMED else ""
    return f"{said}仍是草稿，还缺 {len(output.gaps)} 项：{named}{more}。"


EXAMPLES = (
    "生成诊断报告",
    "帮我生成企业数字化诊断报告",
    "把这次诊断的结果导出成一份诊断报告",
    "给我出一份数字化诊断报告，Word 和 PDF 都要",
    "出具《企业数字化诊断报告》",
)
