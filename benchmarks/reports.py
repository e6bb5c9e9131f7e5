"""A full diagnosis report (40 scenes × 5 levels, 60 items, 30 clauses) as Word and PDF, from its record to bytes."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

from tools.reports.diagnosis import layout
from tools.reports.kinds import kind_of
from tools.reports.layout import Layout
from tools.reports.record import (
    Assessment,
    Change,
    ClauseEntry,
    Comparison,
    DiagnosisReport,
    Dimension,
    Enterprise,
    Gap,
    Item,
    Matrix,
    NextLevel,
    Rating,
    Result,
    Scene,
)
from tools.reports.typeset import chart_png, pdf
from tools.reports.words import docx

from .options import Options, run_script
from .report import Figure, median

LIMIT_S = 3.0
DIMENSIONS = ("数字意识", "数字基础设施", "业务数字化水平", "数据治理能力", "创新应用能力")
LEVELS = ("车间", "基础", "先进", "卓越", "领航")
AT = datetime(2026, 3, 18, tzinfo=UTC)
ROUNDS = 5


def measure(options: Options) -> Iterator[Figure]:
    kind = kind_of("diagnosis")
    record = full_record()
    first = both(layout(record, kind))
    rounds = [both(layout(record, kind)) for _ in range(1 if options.quick else ROUNDS)]
    note = "CPU seconds; a full record, every chart drawn"
    yield Figure("reports", "first", sum(first), "s", LIMIT_S, note="with imports and typefaces read")
    yield Figure("reports", "word_and_pdf", median([sum(times) for times in rounds]), "s", LIMIT_S, note=note)
    yield Figure("reports", "word", median([times[0] for times in rounds]), "s", note=note)
    yield Figure("reports", "pdf", median([times[1] for times in rounds]), "s", note=note)


def both(made: Layout) -> tuple[float, float]:
    return timed(lambda: docx(made, chart_png)), timed(lambda: pdf(made))


def timed(work: Callable[[], bytes]) -> float:
    started = time.process_time()
    assert work()
    return time.process_time() - started


def full_record() -> DiagnosisReport:
    """As large as a diagnosis gets: every item and every scene rated, with evidence."""
    items = tuple(
        Item(
            id=f"I{n}",
            title=f"第 {n} 项",
            node=DIMENSIONS[n % 5],
            value="3 级",
            score=60.0,
            best=100,
            contribution=1.0,
            clauses=("TISC-7.3.1-b",),
        )
        for n in range(60)
    )
    scenes = tuple(Scene(id=f"S{n}", title=f"第 {n} 个场景", cells=("达成", "达成", "部分", "未达成", "/")) for n in range(40))
    words = "我们有逐月的现场记录，由专人核对后归档，检查时可以调阅。"
    rated = [(part.id, part.title) for part in (*items, *scenes)]
    return DiagnosisReport(
        enterprise=Enterprise(name="精密锻造有限公司", industry="锻造", scale="中型"),
        assessment=Assessment(title="五维数字化成熟度诊断", version="2026-1", rule="Σ 权重 × 得分", scale=("起步级：0 分及以上",)),
        ratings=tuple(
            Rating(item=key, title=title, value="3 级", state="confirmed", evidence=words, confirmed_by="李慧敏", at=AT)
            for key, title in rated
        ),
        result=Result(
            total=60,
            best=100,
            level="协同级",
            coverage=1,
            nodes=tuple(Dimension(id=name, title=name, score=60, best=100, weight=20) for name in DIMENSIONS),
            items=items,
            comparison=Comparison(
                total_before=50, nodes=tuple(Change(id=name, title=name, before=50, after=60, delta=10) for name in DIMENSIONS)
            ),
            next_level=NextLevel(level="引领级", gap=20, gaps=tuple(Gap(title=name, score=60, needed=80) for name in DIMENSIONS)),
        ),
        matrix=Matrix(levels=LEVELS, rows=scenes),
        clauses=tuple(ClauseEntry(id=f"条款-{n}", wording="用结构化的指标体系评估企业数字化现状，结果可对比、可跟踪。") for n in range(30)),
        dated=date(2026, 3, 20),
    )


if __name__ == "__main__":
    run_script("reports", __doc__ or "", measure)
