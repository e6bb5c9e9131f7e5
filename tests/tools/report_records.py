"""A full diagnosis record: five dimensions, sixty items, a matrix of forty scenes by five levels, thirty clauses."""

from datetime import UTC, date, datetime

from tools.reports.record import (
    Action,
    Assessment,
    CellState,
    Change,
    ClauseEntry,
    Cohort,
    CohortNode,
    Comparison,
    DiagnosisReport,
    Dimension,
    Enterprise,
    Gap,
    Gate,
    Item,
    Matrix,
    NextLevel,
    Rating,
    Result,
    Scene,
    Step,
)

DIMENSIONS = ("数字意识", "数字基础设施", "业务数字化水平", "数据治理能力", "创新应用能力")
SCORES = (67.25, 58.4, 71.13, 43.5, 35.92)
LEVELS = ("车间", "基础", "先进", "卓越", "领航")
SCENES = ("车间智能排产", "质量在线检测", "设备预测性维护", "能源智能管控", "产品数字化设计", "仓储智能管理", "供应链协同", "安全生产管控")
ASKED = "按岗位说明和现场记录核对"
AT = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)


def full_record(*, final: bool = True) -> DiagnosisReport:
    items = tuple(
        Item(
            id=f"I{n:02}",
            title=f"{DIMENSIONS[n % 5]}第{'甲乙丙丁戊己庚辛壬癸子丑'[n // 5]}项的建设与应用情况",
            node=DIMENSIONS[n % 5],
            value=f"{n % 5 + 1} 级",
            score=round(20.0 * (n % 5 + 1) - n / 7, 3),
            best=100,
            contribution=round((20.0 * (n % 5 + 1) - n / 7) / 60, 4),
            clauses=("TISC-7.3.1-b", "TISC-7.2.2-b")[: n % 2 + 1],
        )
        for n in range(60)
    )
    ratings = tuple(
        Rating(
            item=item.id,
            title=item.title,
            value=item.value,
            state="corrected" if n % 9 == 0 else "confirmed",
            evidence=f"我们{ASKED}，{DIMENSIONS[n % 5]}由专人负责，系统里有逐月的记录。",
            file=f"材料/{item.id} 现场记录.pdf",
            respondent="王立新",
            confirmed_by="李慧敏",
            at=AT,
        )
        for n, item in enumerate(items)
    )
    scenes = tuple(
        Scene(
            id=f"JSSF-{n:02}", title=SCENES[n % 8] + ("（二期）" if n % 11 == 0 else ""), cells=tuple(_cell(n, level) for level in range(5))
        )
        for n in range(1, 41)
    )
    confirmed_scenes = tuple(
        Rating(
            item=scene.id,
            title=scene.title,
            value="逐级核对",
            state="confirmed",
            evidence=ASKED,
            respondent="赵工",
            confirmed_by="李慧敏",
            at=AT,
        )
        for scene in scenes
    )
    proposed = Rating(
        item="I60",
        title="智能体应用",
        value="2 级",
        state="proposed",
        evidence="今年试用了两个助手。",
        file="自述.docx",
        respondent="王立新",
    )
    return DiagnosisReport(
        enterprise=Enterprise(
            name="江苏恒锐精密锻造有限公司",
            credit_code="91320214MA1TESTX0K",
            industry="汽车零部件锻造",
            region="江苏省无锡市",
            scale="中型" if final else "",
            products="转向节、轮毂轴承单元锻件",
            summary="企业有锻造、热处理和机加工三个车间，近三年持续投入数控化改造，客户以整车厂和一级供应商为主。",
        ),
        assessment=Assessment(
            key="digital-maturity",
            title="五维数字化成熟度诊断",
            version="2026-1",
            status="本平台约定",
            clauses=("TISC-7.3.1-b", "TISC-7.2.2-b"),
            rule="总分 = Σ 维度权重 × 维度得分；维度得分为其题目得分的平均",
            scale=("起步级：0 分及以上", "单点级：20 分及以上", "集成级：40 分及以上", "协同级：60 分及以上", "引领级：80 分及以上"),
            scale_source="等级划分采用本平台约定，可换用国家或行业认可的成熟度等级标准",
        ),
        ratings=(*ratings, *confirmed_scenes, proposed),
        result=Result(
            total=55.24,
            best=100,
            level="集成级",
            label="参考",
            coverage=0.983,
            nodes=tuple(
                Dimension(
                    id=name,
                    title=name,
                    score=score,
                    best=100,
                    weight=20,
                    contribution=round(score / 5, 3),
                    coverage=1 if n else 0.915,
                    level=("协同级", "集成级", "协同级", "集成级", "单点级")[n],
                    clause="TISC-7.3.1-b",
                )
                for n, (name, score) in enumerate(zip(DIMENSIONS, SCORES, strict=True))
            ),
            items=(*items, Item(id="I60", title="智能体应用", node="创新应用能力", best=100)),
            missing=("智能体应用",),
            gates=(
                Gate(level="集成级", condition="总分 >= 40", passed=True, clause="TISC-7.2.2-b"),
                Gate(level="协同级", condition="总分 >= 60", passed=False, clause="TISC-7.2.2-b"),
            ),
            comparison=Comparison(
                version="2025-1",
                dated=date(2025, 3, 12),
                total_before=48.9,
                total_delta=6.34,
                level_before="集成级",
                nodes=tuple(
                    Change(id=name, title=name, before=round(score - n * 3.7 + 2, 2), after=score, delta=round(n * 3.7 - 2, 2))
                    for n, (name, score) in enumerate(zip(DIMENSIONS, SCORES, strict=True))
                ),
                note="两次诊断用同一套题目，口径相同。",
            ),
            cohort=Cohort(
                name="无锡市汽车零部件中型企业",
                size=37,
                mean=51.08,
                median=50.2,
                nodes=tuple(CohortNode(id=name, title=name, mean=46.5 + 3 * n) for n, name in enumerate(DIMENSIONS)),
            ),
            next_level=NextLevel(
                level="协同级",
                gap=4.76,
                gaps=(
                    Gap(id="数据治理能力", title="数据治理能力", score=43.5, needed=60, target="建立主数据标准", clause="TISC-7.3.1-b"),
                    Gap(id="创新应用能力", title="创新应用能力", score=35.92, needed=60, target="形成常态化应用", clause="TISC-7.3.1-b"),
                    Gap(id="数字基础设施", title="数字基础设施", score=58.4, needed=60, target="关键设备全部联网", clause="TISC-7.3.1-b"),
                ),
                steps=(
                    Step(
                        id="I03", title="把质量检测数据接入统一平台", current="2 级", to="3 级", effort=2, gain=1.9, clause="TISC-7.3.1-b"
                    ),
                    Step(id="I13", title="设立数据管理岗位并定期考核", current="3 级", to="4 级", effort=1, gain=1.65),
                    Step(id="I24", title="在热处理车间试点能耗预测", current="1 级", to="2 级", effort=3, gain=1.333),
                ),
                note="已按投入从小到大比较；投入为相对档位。",
            ),
            notes=("权重为平台默认，各 20%。",),
        ),
        matrix=Matrix(levels=LEVELS, rows=scenes),
        next_steps=(
            Action(
                title="主数据治理",
                detail="梳理物料、设备、客户三类主数据，发布编码规则",
                owner="信息部",
                due="2026-06-30",
                clause="TISC-7.3.1-b",
            ),
            Action(title="检测数据入库", detail="两条终检线的结果自动写入质量库", owner="质量部", due="2026-09-30"),
        ),
        service_path=(
            Action(title="初诊与规划", detail="本报告及改造规划", owner="服务商甲", due="2026 年二季度", clause="TISC-7.2.2-b"),
            Action(title="方案设计", detail="质量数据平台场景方案", owner="服务商甲", due="2026 年三季度"),
            Action(title="实施与复评", detail="上线后按同一版本复评", owner="平台运营方", due="2027 年一季度"),
        ),
        clauses=tuple(
            ClauseEntry(
                id=f"TISC-7.3.1-{chr(97 + n % 26)}{'' if n < 26 else 2}",
                path="企业服务能力 › 需求识别",
                wording="靠结构化指标体系对企业数字化现状作量化评估，结果可对比、可跟踪，用于规划后续服务路径。",
                status="征求意见稿",
                version="2025",
            )
            for n in range(30)
        ),
        version="V1.0",
        prepared_by="周文静",
        reviewed_by="陈国栋",
        dated=date(2026, 3, 20),
    )


def _cell(scene: int, level: int) -> CellState:
    if (scene + level) % 7 == 0 and level < 2:
        return "/"
    reach = scene % 5
    return "达成" if level < reach else "部分" if level == reach else "未达成"
