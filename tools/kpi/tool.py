"""`compute_kpi`: the indicators of TISC annex 2 (典型数智化服务场景评价指标) as a tool."""

from collections.abc import Callable
from datetime import date

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from domain.answer import Citation, is_verbatim
from domain.clause import FormulaInput
from domain.errors import UserInputError
from domain.principal import Principal
from knowledge.catalogue import Catalogue

from ..contract import Tool, ToolContext, ToolResult
from .engine import Amount, Given, KpiResult, compute, resolve, round_significant, show
from .names import Indicator, find, indicators
from .reading import reader

Cite = Callable[[str, Principal], Citation | None]
Value = FiniteFloat | list[FiniteFloat] | str


class KpiInput(BaseModel):
    """Which indicator, and its variables."""

    model_config = ConfigDict(extra="forbid")

    indicator: str = Field(min_length=1, max_length=100, description="指标的条款编号（TISC-A2-a.1-1）或名称（采购成本下降率）")
    inputs: dict[str, Value] = Field(
        description="变量名→数值；Σ 类变量给一列数；日期写 2025-03-01；也可写带单位的文字，如 86.4万元", max_length=20
    )
    units: dict[str, str] = Field(default_factory=dict[str, str], description="变量名→单位；不写则用指标自带的单位")
    basis: str = Field(default="", max_length=500, description="数值的口径说明，原样写入结果")


class KpiOutput(BaseModel):
    """The value and everything it stands on."""

    indicator: str
    name: str
    value: float
    unit: str
    display: str
    formula: str
    inputs: dict[str, float | list[float] | str]
    units: dict[str, str]
    in_text: bool
    better: str
    note: str


def kpi_tool(catalogue: Catalogue, cite: Cite | None = None) -> Tool[KpiInput, KpiOutput]:
    """The tool over `catalogue`; `cite` gives the citation of an official text where one is ingested."""
    book = indicators(catalogue)

    async def run(given: KpiInput, context: ToolContext) -> ToolResult[KpiOutput]:
        indicator = find(book, given.indicator)
        result = evaluate_input(indicator, given)
        citation = (cite(indicator.id, context.principal) if cite else None) or catalogue_citation(catalogue, indicator)
        return ToolResult(
            summary=summarise(indicator, result, given.basis),
            data=output(indicator, result, given.basis),
            citations=[citation] if citation else [],
            values=result.values,
        )

    return Tool(
        name="compute_kpi",
        summary="按团标附录 2 的公式计算 38 个数智化服务成效指标（采购成本下降率、产品缺陷率、客户留存率、单位产品能耗等）",
        input=KpiInput,
        output=KpiOutput,
        run=run,
        examples=EXAMPLES,
        effect="compute",
        clauses=tuple(book),
        read_arguments=reader(book),
    )


def evaluate_input(indicator: Indicator, given: KpiInput) -> KpiResult:
    """Compute; figures reported beside the indicator are accepted and not part of the formula."""
    inputs = {name: value for name, value in given.inputs.items() if name not in indicator.spec.beside}
    beside = len(indicator.formula.variables)
    inputs = {name: value for name, value in inputs.items() if not _is_beside(name, beside, len(indicator.spec.beside))}
    stray = [name for name in given.units if name not in given.inputs]
    if stray:
        raise UserInputError(f"给了单位但没给数值：{'、'.join(stray)}", where="units", cure="变量名须与 inputs 一致")
    amounts: dict[str, Given] = {name: _with_unit(value, given.units.get(name, "")) for name, value in inputs.items()}
    formula = indicator.formula
    if "sum(" in formula.expression and len(amounts) == 1:
        count = _count_of(indicator, amounts)
        amounts |= {"v2": count} if count else {}
    return compute(formula, amounts, signed=indicator.spec.signed, shares=indicator.spec.shares)


def _is_beside(name: str, variables: int, beside: int) -> bool:
    return name[:1] == "v" and name[1:].isdigit() and variables < int(name[1:]) <= variables + beside


def _with_unit(value: Value, unit: str) -> Given:
    return Amount(value, unit) if unit and not isinstance(value, str) else value


def _count_of(indicator: Indicator, amounts: dict[str, Given]) -> float | None:
    """How many summands were given, where their number is the divisor and was not said."""
    known, _ = resolve(indicator.formula, amounts)
    first = known.get("v1")
    return float(len(first.value)) if first and isinstance(first.value, list) and len(first.value) > 1 else None


def catalogue_citation(catalogue: Catalogue, indicator: Indicator) -> Citation | None:
    """The clause's own catalogue wording, verbatim; None when it is not (nothing unverified is cited)."""
    text = indicator.clause.text
    standard = catalogue.standard_of(indicator.id)
    quote = text.strip()
    if not is_verbatim(quote, text):
        return None
    return Citation(
        clause_id=indicator.id,
        standard=standard.short,
        path=catalogue.path(indicator.id),
        quote=quote,
        source="catalogue",
        status=standard.status,
        version=standard.version,
        verified=True,
    )


def output(indicator: Indicator, result: KpiResult, basis: str) -> KpiOutput:
    return KpiOutput(
        indicator=indicator.id,
        name=indicator.name,
        value=result.value,
        unit=result.unit,
        display=result.display,
        formula=result.formula,
        inputs={name: _json(amount.value) for name, amount in result.inputs.items()},
        units={name: amount.unit for name, amount in result.inputs.items()},
        in_text=result.in_text,
        better=indicator.formula.better or "",
        note="；".join(n for n in (result.note, basis, *result.remarks) if n),
    )


def _json(value: FormulaInput) -> float | list[float] | str:
    return value.isoformat() if isinstance(value, date) else value


def summarise(indicator: Indicator, result: KpiResult, basis: str = "") -> str:
    """One or more Chinese sentences: name, formula, the numbers put in, the result, and what has to be known about it."""
    said = "，".join(f"{name} {_written(amount)}" for name, amount in result.inputs.items())
    also = "".join(f"（即 {show(value)} {unit}）" for value, unit in result.also if unit not in result.display)
    growth = f"，增长率 {show(result.growth)}%" if result.growth is not None else ""
    parts = [f"{indicator.name} = {result.display}{also}{growth}"]
    parts += [f"公式：{result.formula}" if result.in_text else f"标准未给出公式，按“{result.formula}”计算"]
    parts += [f"代入：{said}"]
    parts += [f"口径：{basis}"] if basis else []
    parts += [f"说明：{'；'.join(result.remarks)}"] if result.remarks else []
    parts += [f"注意：{result.note}"] if result.note else []
    return "。".join(parts) + "。"


def _written(amount: Amount) -> str:
    value, unit = amount.value, "" if amount.unit in ("日期", "各源单位", "tCO2e/单位") else amount.unit
    if isinstance(value, date):
        return value.isoformat()
    numbers = value if isinstance(value, list) else [value]
    written = "、".join(f"{round_significant(n):,.10g}" if abs(n) < 1e10 else f"{n:,.0f}" for n in numbers)
    return f"{written} {unit}".strip()


EXAMPLES = (
    "原来采购花了500万，上了比价平台以后420万，采购成本下降率多少",
    "改造前一吨产品耗0.8吨标煤，现在0.6，能耗降了几成",
    "库存周转从45天压到30天，下降率是多少",
    "报销对账以前要38个人天，上RPA后12个，省了多少",
    "客服原来30个人现在12个人，人力成本优化率怎么算",
    "车间人工成本从200万降到150万，降了百分之几",
    "这批做了5000件，挑出12件不合格，缺陷率多少",
    "返工12万、报废8万、客诉5万，营收1250万，质量成本占比多少",
    "系统预警40次，真坏的34次，准确率多少",
    "审批以前要48小时，电子签批后6小时，提升了多少",
    "每周开会从20小时减到12小时，会议效率提升率",
    "决策周期从10天缩短到4天，缩短了几天",
    "订单交付周期从30天降到21天，缩短率多少",
    "供应商响应时间由8小时变为2小时，提升率是多少",
    "客服平均响应时间从120秒降到15秒，下降率多少",
    "200个询盘最后50个下单，转化率多少",
    "广告投了100万，多卖了180万，投资回报率多少",
    "年初100个客户，年底还剩86个，留存率多少",
    "去年销售收入1亿，今年1.36亿，增长率多少",
    "数字化产品收入今年380万，去年250万，增长多少",
    "付费用户从1200户涨到1500户，增加了多少",
    "每次买300元，一年买4次，能合作3年，客户终身价值多少",
    "数字化项目总投资200万，净收益60万，回报率多少",
    "细分市场总销售额2亿，我们卖了3000万，市场占有率多少",
    "2025年1月10日启动概念设计，2025年9月1日量产，新品上市周期几天",
    "预测卖900件，实际卖了1000件，误差率多少",
    "收到有效评价500个，满意的460个，满意度多少",
    "推荐者60人，贬损者15人，共100份答卷，净推荐值多少",
    "三起投诉分别用了3.5、8、12小时，平均处理时长多少",
    "智能渠道用了600次，总共1000次，使用率多少",
    "综合能耗1200吨标煤，合格产品4万件，单位产品能耗多少",
    "用电1000MWh，排放因子0.5703，碳排放量多少",
    "技术部门新增5个岗位，业务部门新增7个，净增岗位多少",
    "员工300人，参加过数智化培训的240人，覆盖率多少",
)
