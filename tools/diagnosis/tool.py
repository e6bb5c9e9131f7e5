"""`list_assessments`, `score_assessment`, `propose_ratings`: assessments as tools."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UserInputError
from knowledge.catalogue import Catalogue

from ..contract import AnyTool, Tool, ToolContext, ToolResult
from .board import board_result
from .compare import compare
from .explain import result_of
from .filling import fill
from .library import Assessment, Library
from .outcome import AssessmentResult
from .proposing import Proposals, ProposeInput, propose
from .reading import read_listing, read_proposal, reader
from .scoring import score
from .sensitivity import next_level
from .summary import Cite, citations, cited, figures, summarise

LONGEST_DEFINITION = 400_000


class ListInput(BaseModel):
    """Which assessment to show in detail; all of them in short without."""

    model_config = ConfigDict(extra="forbid")

    assessment: str = Field(default="", max_length=100, description="评估的键；不写则列出全部")


class Listed(BaseModel):
    """One assessment in short."""

    key: str
    title: str
    version: str
    summary: str
    items: int
    clauses: list[str]


class Asked(BaseModel):
    """One item of an assessment: what is asked and how it may be answered."""

    id: str
    title: str
    group: str
    answer: str
    weight: float | None = None


class ListOutput(BaseModel):
    """What there is."""

    assessments: list[Listed]
    items: list[Asked] = Field(default_factory=list[Asked])
    """Of the assessment that was asked for."""


class ScoreInput(BaseModel):
    """Which assessment, and the answers."""

    model_config = ConfigDict(extra="forbid")

    assessment: str = Field(default="", max_length=100, description="评估的键（list_assessments 列出）；与 definition 二选一")
    definition: str = Field(
        default="", max_length=LONGEST_DEFINITION, description="评估定义的 YAML 文本（docs/assessments.md）；与 assessment 二选一"
    )
    answers: dict[str, Any] | list[dict[str, Any]] = Field(
        description="{指标: 值}，或 {指标: {value, evidence, expires, respondent, confirmed_by, out_of}}，或这样的行的列表（加 item）"
    )
    weights: dict[str, float | str] = Field(default_factory=dict[str, float | str], description="自定权重：指标→权重（同组之和 100 或 1）")
    levels: dict[str, float | str] | list[dict[str, Any]] = Field(
        default_factory=dict[str, float | str], description='自定等级：名称→分数线，如 {"成熟": ">= 80"}'
    )
    previous: dict[str, Any] | None = Field(default=None, description="上一次的结果（本工具的 data），用于比较")
    today: date | None = Field(default=None, description="判断证据是否过期的日期；不写则为今天")
    steps: bool = Field(default=True, description="是否给出到下一级投入最小的做法")


def diagnosis_tools(library: Library, cite: Cite | None = None) -> list[AnyTool]:
    """The three tools over the shipped assessments; `cite` gives the citation of an official text where one is ingested."""
    catalogue = library.catalogue

    async def list_(given: ListInput, context: ToolContext) -> ToolResult[ListOutput]:
        output = listed(library, given.assessment)
        return ToolResult(summary=say_list(output), data=output, values=[float(len(output.assessments)), *_counts(output)])

    async def score_(given: ScoreInput, context: ToolContext) -> ToolResult[AssessmentResult]:
        assessment = chosen(library, given)
        today = given.today or context.now().date()
        result = await asyncio.to_thread(assess, assessment, given, today, catalogue)
        clauses = cited(assessment.definition, result)
        return ToolResult(
            summary=summarise(result),
            data=result,
            citations=citations(catalogue, clauses, context.principal, cite),
            values=figures(result),
        )

    async def propose_(given: ProposeInput, context: ToolContext) -> ToolResult[Proposals]:
        return await asyncio.to_thread(propose, library, given)

    return [
        Tool(
            name="list_assessments",
            summary="列出有哪些评估（成熟度、智能工厂、产业大脑、人工智能应用、平台符合性、平台指标），或一项评估的全部题目",
            input=ListInput,
            output=ListOutput,
            run=list_,
            examples=("列出有哪些评估", "你们能做哪些诊断", "有哪些评估模型可以用"),
            read_arguments=read_listing,
        ),
        Tool(
            name="score_assessment",
            summary="按评估定义计算总分、等级、逐项贡献、缺项和升级路径：五维数字化成熟度、江苏智能工厂自评、产业大脑加权、或自带的指标体系",
            input=ScoreInput,
            output=AssessmentResult,
            run=score_,
            examples=EXAMPLES,
            effect="compute",
            clauses=("TISC-7.3.1-b", "TISC-7.2.2-b", "JSSF-T1", "JSSF-T2", "JSSF-T3", "JSSF-T4", "JSSF-T5", "SDIB-A", "MIIT-01"),
            read_arguments=reader(library),
        ),
        Tool(
            name="propose_ratings",
            summary="从企业自述中提出各项评级的建议，逐条附原句；只建议，须由具名人员确认",
            input=ProposeInput,
            output=Proposals,
            run=propose_,
            examples=("根据这段介绍给我们各项打个建议分", "看看我们的情况说明能评几级，附上依据的原话"),
            effect="compute",
            clauses=("TISC-7.3.1-b",),
            read_arguments=read_proposal,
        ),
    ]


def chosen(library: Library, given: ScoreInput) -> Assessment:
    """The assessment meant, with the caller's weights and levels."""
    if bool(given.assessment) == bool(given.definition):
        raise UserInputError("assessment 与 definition 应给出一个", where="assessment", cure="写评估的键，或给出 YAML 定义")
    found = library.get(given.assessment) if given.assessment else library.read(given.definition)
    return library.adjusted(found, given.weights, given.levels) if given.weights or given.levels else found


def assess(assessment: Assessment, given: ScoreInput, today: date, catalogue: Catalogue | None = None) -> AssessmentResult:
    """The whole result."""
    model = assessment.model
    if model.grid is not None:
        board = fill(model.grid, given.answers, today, review=assessment.definition.expired == "review")
        result = board_result(assessment.definition, board, catalogue)
    else:
        run = score(model, given.answers, today)
        result = result_of(run, assessment.alternatives)
        if given.steps:
            result = result.model_copy(update={"next_level": next_level(run)})
    previous: Mapping[str, object] | None = given.previous
    return result.model_copy(update={"comparison": compare(result, previous)}) if previous else result


def listed(library: Library, key: str) -> ListOutput:
    """All assessments in short, and the items of the one asked for."""
    rows: list[Listed] = []
    for name in library.keys() if not key else [library.get(key).definition.key]:
        assessment = library.get(name)
        d, model = assessment.definition, assessment.model
        count = sum(len(row.cells) for row in model.grid.rows) if model.grid else len(model.items)
        rows.append(Listed(key=name, title=d.title, version=d.version, summary=d.summary, items=count, clauses=list(d.clauses)))
    return ListOutput(assessments=rows, items=_asked(library.get(key)) if key else [])


def _asked(assessment: Assessment) -> list[Asked]:
    model = assessment.model
    if model.grid is not None:
        levels, rows = model.grid.levels, model.grid.rows
        cells = [(row, cell) for row in rows for cell in row.cells]
        return [
            Asked(id=model.grid.cell_id(c.row, c.level), title=f"{r.title}·{levels[c.level]}", group=r.title, answer="是、部分、否")
            for r, c in cells
        ]
    out: list[Asked] = []
    for index in model.items:
        node = model.nodes[index]
        weight = float(node.spec.weight.value) if node.spec.weight else None
        title = f"{node.title}：{node.spec.question}" if node.spec.question else node.title
        group = model.nodes[node.parent].title if node.parent else ""
        out.append(Asked(id=node.id, title=title, group=group, answer=node.scale.asks if node.scale else "", weight=weight))
    return out


def say_list(output: ListOutput) -> str:
    rows = "；".join(f"{row.title}（{row.key}，{row.items} 项）：{row.summary}" for row in output.assessments)
    asks = "；".join(f"{item.title}（{item.answer}）" for item in output.items[:10])
    more = f"。题目 {len(output.items)} 项：{asks}{'……' if len(output.items) > 10 else ''}" if output.items else ""
    return f"有 {len(output.assessments)} 项评估：{rows}{more}。" if not output.items else f"{rows}{more}。"


def _counts(output: ListOutput) -> list[float]:
    return [float(row.items) for row in output.assessments]


EXAMPLES = (
    "帮我做个数字化成熟度诊断，数字意识3分、数字基础设施2分、业务数字化水平3分、数据治理能力2分、创新应用能力1分",
    "五个维度分别是70、65、60、55、50分，成熟度总分多少",
    "产业大脑四个一级指标分别得80、70、60、90，总分多少",
    "数字化水平得分72能申报哪一级",
    "车间智能排产这个场景达到先进级了吗",
    "数字意识80、数字基础设施70、业务数字化60、数据治理50、创新应用40，按权重10/20/30/20/20算总分",
)
