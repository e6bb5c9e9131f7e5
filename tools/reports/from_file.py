"""The record of a diagnosis from an enterprise's file: the ratings that people stand for, and what the engine makes of them.

Ratings that nobody has confirmed come along as such; no score rests on them (`confirmed.py`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from domain.errors import NotFound, UserInputError
from domain.principal import Principal
from records.enterprises.archive import Archive
from records.enterprises.cohort import CohortFigures
from records.enterprises.items import Assessment as PastResult
from records.enterprises.items import Rating as KeptRating
from records.enterprises.search import EnterpriseQuery
from records.enterprises.store import EnterpriseFile
from records.enterprises.vocabulary import industries

from ..diagnosis.library import Assessment, Library
from ..diagnosis.matrix import Grid
from ..diagnosis.notation import Interval
from ..diagnosis.outcome import AssessmentResult, ItemResult
from ..diagnosis.tool import ScoreInput, assess
from .kinds import Kind
from .record import (
    Action,
    CellState,
    Change,
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
from .record import Assessment as Assessed

MOST_ITEMS = 500
MOST_NAMED = 5
FILE_ID = re.compile(r"[0-9a-f]{32}")
STANDS = ("confirmed", "corrected")


class FileSource:
    """Records of diagnoses out of enterprise files."""

    def __init__(self, archive: Archive, library: Library) -> None:
        self._archive, self._library = archive, library

    def record(
        self, enterprise: str, assessment: str, kind: Kind, principal: Principal, now: datetime, reviewed_by: str
    ) -> DiagnosisReport:
        """The file's newest state. Without `assessment`, the one that most of its ratings belong to.

        Raises:
            NotFound: no such file for this principal, or no such assessment.
            UserInputError: the file has no ratings.
        """
        file = self._archive.files.get(self._file_of(enterprise, principal), principal)
        kept = [KeptRating.model_validate(each.content) for each in self._items(file.id, "rating", principal)]
        ratings = [each for each in kept if each.state != "withdrawn"]
        key = assessment or _commonest([each.assessment for each in ratings])
        chosen = self._library.get(key)
        key, version = chosen.definition.key, chosen.definition.version
        past = [PastResult.model_validate(each.content) for each in self._items(file.id, "assessment", principal)]
        earlier = sorted((each for each in past if each.assessment == key and each.on < now.date()), key=lambda each: each.on)
        mine = [each for each in ratings if (each.assessment, each.version) == (key, version)]
        facts = [each for each in mine if each.state in STANDS]
        given = ScoreInput(assessment=key, answers=[_answer(each) for each in facts], previous=_previous(earlier[-1]) if earlier else None)
        result = assess(chosen, given, now.date(), self._library.catalogue)
        cohort = self._archive.cohorts.of(file.id, key, version, principal, smallest=kind.smallest_cohort)
        found = Diagnosis(file, mine, chosen, result, earlier[-1] if earlier else None, cohort)
        return diagnosis_record(found, kind, now.date(), prepared_by=principal.id, reviewed_by=reviewed_by)

    def _file_of(self, named: str, principal: Principal) -> str:
        """The id of the one file meant by its number, its credit code, or its name or a part of that."""
        if FILE_ID.fullmatch(named):
            return named
        found = self._archive.files.search(EnterpriseQuery(text=named), principal, limit=MOST_NAMED + 1).enterprises
        alike = [each for each in found if named in (each.name, each.uscc)] or found
        if len(alike) == 1:
            return alike[0].id
        if not alike:
            raise NotFound(
                f"没有名为“{named[:40]}”的企业档案", where="enterprise", cure="用 shuzhi enterprises list 查看，或先建立企业档案"
            )
        names = "、".join(f"{each.name}（{each.id}）" for each in alike[:MOST_NAMED])
        raise UserInputError(f"“{named[:40]}”不止一家：{names}", where="enterprise", cure="写档案编号")

    def _items(self, file_id: str, kind: Any, principal: Principal) -> Sequence[Any]:
        found: list[Any] = []
        while page := self._archive.relations.items(file_id, kind, principal, after=found[-1].id if found else "", limit=MOST_ITEMS):
            found += page
        return found


@dataclass(frozen=True)
class Diagnosis:
    """An enterprise's file, the ratings of one assessment in it, and what they come to."""

    file: EnterpriseFile
    ratings: Sequence[KeptRating]
    assessment: Assessment
    result: AssessmentResult
    last: PastResult | None = None
    cohort: CohortFigures | None = None


def diagnosis_record(found: Diagnosis, kind: Kind, dated: date, *, prepared_by: str, reviewed_by: str) -> DiagnosisReport:
    """Nothing in it that is not in what was found, but the service path, which comes with the kind of report."""
    file, assessment, result = found.file, found.assessment, found.result
    titles = {item.id: item.title for item in result.items}
    grid = assessment.model.grid
    return DiagnosisReport(
        enterprise=_enterprise(file),
        assessment=_assessed(assessment, result),
        ratings=tuple(_rating(each, titles) for each in found.ratings),
        result=_result(result, found.last, found.cohort, is_matrix=grid is not None),
        matrix=_matrix(grid, result.items) if grid else None,
        next_steps=_next_steps(result),
        service_path=tuple(Action(title=stage.title, detail=stage.detail, clause=stage.clause) for stage in kind.service_path),
        version=f"{dated:%Y%m%d}-{file.version}",
        prepared_by=prepared_by,
        reviewed_by=reviewed_by,
        dated=dated,
    )


def _commonest(keys: Sequence[str]) -> str:
    if not keys:
        cure = "先完成诊断访谈或提出评级，由具名人员确认"
        raise UserInputError("这份企业档案还没有评级，不能出诊断报告", where="enterprise", cure=cure)
    return max(sorted(set(keys)), key=keys.count)


def _answer(rating: KeptRating) -> dict[str, Any]:
    return {
        "item": rating.item,
        "value": rating.value,
        "evidence": rating.evidence,
        "respondent": rating.respondent,
        "confirmed_by": rating.decided_by,
    }


def _previous(last: PastResult) -> dict[str, Any]:
    nodes = [{"id": name, "title": name, "score": value} for name, value in last.results.items() if isinstance(value, int | float)]
    return {"version": last.version, "assessment": last.assessment, "total": last.score, "level": last.level, "nodes": nodes}


def _enterprise(file: EnterpriseFile) -> Enterprise:
    profile = file.profile
    sections = industries().sections
    named = sections[profile.industry_code[0]].name if profile.industry_code and profile.industry_code[0] in sections else ""
    return Enterprise(
        name=profile.name,
        credit_code=profile.uscc or "",
        industry=profile.industry_text or named,
        region=profile.region or "",
        scale=file.size.value if not file.size.missing else "",
        products="、".join(profile.products),
        summary="；".join(filter(None, ["、".join(profile.systems), "、".join(profile.pain_points)])),
    )


def _assessed(assessment: Assessment, result: AssessmentResult) -> Assessed:
    definition = assessment.definition
    return Assessed(
        key=definition.key,
        title=definition.title,
        version=definition.version,
        status=definition.status,
        clauses=definition.clauses,
        rule=_rule(assessment, result),
        scale=_scale(assessment),
        scale_source=definition.note or definition.status,
    )


def _rule(assessment: Assessment, result: AssessmentResult) -> str:
    if assessment.model.grid is not None:
        return "等级按综合得分的门槛确定；场景逐级累计达成，标“/”的格没有要求，不计入"
    parts = "、".join(f"{node.title} {node.weight:g}%" for node in result.nodes if node.depth == 1 and node.weight is not None)
    return f"总分 = Σ 权重 × 得分；权重：{parts}" if parts else assessment.definition.summary


def _scale(assessment: Assessment) -> tuple[str, ...]:
    grid = assessment.model.grid
    if grid is not None:
        return tuple(f"{level}：{_bound(gate)}" for level, gate in zip(grid.levels, grid.gates, strict=True) if gate is not None)
    return tuple(f"{level.name}：{_bound(level.at)}" for level in assessment.definition.levels if level.at is not None)


def _bound(bound: Interval) -> str:
    return bound.text or f"≥ {bound.low}"


def _rating(kept: KeptRating, titles: Mapping[str, str]) -> Rating:
    return Rating(
        item=kept.item,
        title=titles.get(kept.item, kept.item),
        value=kept.value,
        state="proposed" if kept.state not in STANDS else "corrected" if kept.state == "corrected" else "confirmed",
        evidence=kept.evidence,
        file=kept.source,
        respondent=kept.respondent,
        confirmed_by=kept.decided_by,
        at=datetime.fromisoformat(kept.decided_at) if kept.decided_at else None,
    )


def _result(result: AssessmentResult, last: PastResult | None, cohort: CohortFigures | None, *, is_matrix: bool) -> Result:
    return Result(
        total=result.total,
        level=result.level or "",
        label=result.label,
        coverage=result.coverage,
        nodes=tuple(
            Dimension(
                id=node.id,
                title=node.title,
                depth=max(1, node.depth),
                score=node.score,
                best=node.best,
                weight=node.weight,
                contribution=node.contribution,
                coverage=node.coverage,
                level=node.level or "",
            )
            for node in ([] if is_matrix else result.nodes)
        ),
        items=tuple(
            Item(
                id=item.id,
                title=item.title,
                node=item.node,
                value=item.value,
                score=item.score,
                best=item.best,
                contribution=item.contribution,
                clauses=tuple(item.clauses),
            )
            for item in result.items
        ),
        missing=tuple(result.missing),
        gates=tuple(Gate(level=g.level, condition=g.condition, passed=g.passed, clause=g.clause) for g in result.gates),
        vetoes=tuple(result.vetoes),
        comparison=_comparison(result, last),
        cohort=_cohort(cohort, result),
        next_level=_next_level(result),
        notes=tuple(result.notes),
    )


def _comparison(result: AssessmentResult, last: PastResult | None) -> Comparison | None:
    found = result.comparison
    if found is None or last is None:
        return None
    nodes = tuple(Change(id=n.id, title=n.title, before=_figure(n.before), after=_figure(n.after), delta=n.delta) for n in found.nodes)
    return Comparison(
        version=last.version,
        dated=last.on,
        total_before=found.total_before,
        total_delta=found.total_delta,
        level_before=found.level_before or "",
        nodes=nodes,
        note=found.note,
    )


def _figure(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _cohort(cohort: CohortFigures | None, result: AssessmentResult) -> Cohort | None:
    if cohort is None:
        return None
    nodes = tuple(CohortNode(id=n.id, title=n.title, mean=cohort.nodes[n.id]) for n in result.nodes if n.id in cohort.nodes)
    return Cohort(name=cohort.name, size=cohort.size, mean=cohort.mean, median=cohort.median, nodes=nodes)


def _next_level(result: AssessmentResult) -> NextLevel | None:
    ahead = result.next_level
    if ahead is None:
        return None
    gaps = tuple(
        Gap(id=node.id, title=node.title, current=node.level or "", target=node.next_level or "", score=node.score)
        for node in result.nodes
        if node.asks
    )
    steps = tuple(Step(id=s.id, title=s.title, current=s.current, to=s.to, effort=s.effort, gain=s.gain) for s in ahead.steps[:3])
    return NextLevel(level=ahead.level, gap=ahead.gap, gaps=gaps, steps=steps, note=ahead.note)


def _next_steps(result: AssessmentResult) -> tuple[Action, ...]:
    """What to do: the steps to the next level, and what has to be answered before anything can be said."""
    steps = result.next_level.steps if result.next_level else []
    actions = [Action(title=f"{step.title}：由“{step.current or '未开展'}”提升到“{step.to}”") for step in steps]
    if result.missing:
        actions.append(Action(title=f"补齐并确认尚未评定的 {len(result.missing)} 项"))
    return tuple(actions)


def _matrix(grid: Grid, items: Sequence[ItemResult]) -> Matrix:
    answered = {item.id: item for item in items}

    def state(row: int, level: int) -> CellState:
        if (row, level) not in grid.asked:
            return "/"
        item = answered.get(grid.cell_id(row, level))
        if item is None or item.verdict == "未知":
            return "未知"
        return "达成" if item.verdict == "达标" else "部分" if "部分" in item.value else "未达成"

    rows = (Scene(id=row.id, title=row.title, cells=tuple(state(n, k) for k in range(len(grid.levels)))) for n, row in enumerate(grid.rows))
    return Matrix(levels=grid.levels, rows=tuple(rows))
