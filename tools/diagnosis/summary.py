"""A result in Chinese sentences, and the clauses that it stands on."""

from collections.abc import Callable, Iterable

from domain.answer import Citation, is_verbatim
from domain.principal import Principal
from knowledge.catalogue import Catalogue

from .definition import Definition
from .notation import number, show
from .outcome import AssessmentResult, NodeResult

Cite = Callable[[str, Principal], Citation | None]
MOST_CITED = 6
MOST_NAMED = 6
MOST_NOTES = 2


def said(value: float | None) -> str:
    return show(number(value))


def summarise(result: AssessmentResult) -> str:
    """The total first, then how it came about, what is missing, and the way on."""
    parts = [_headline(result)]
    top = [node for node in result.nodes if node.depth == 1]
    shown = [node for node in top if node.score is not None or node.verdict]
    sums = [node for node in shown if node.weight is not None and node.contribution is not None]
    if sums and len(sums) == len(top) and len(top) <= 12:
        terms = " + ".join(f"{node.title} {said(node.score)}×{said(node.weight)}%" for node in sums)
        parts.append(f"{terms} = {said(result.total)}")
    elif 0 < len(shown) <= 12 and not _is_matrix(result):
        parts.append("；".join(f"{node.title} {_node(node)}" for node in shown))
    parts += [f"{scene.title}：{_scene(scene)}" for scene in top if scene.level or scene.asks][:MOST_NAMED]
    if result.vetoes:
        parts.append("；".join(result.vetoes))
    if result.missing and result.coverage < 1 and not _is_matrix(result):
        named = "、".join(result.missing[:MOST_NAMED])
        more = f"等 {len(result.missing)} 项" if len(result.missing) > MOST_NAMED else ""
        parts.append(f"未答或不计：{named}{more}")
        if result.total_on_answered not in (None, result.total):
            parts.append(f"只按已评部分计为 {said(result.total_on_answered)}")
        if result.total_on_all not in (None, result.total):
            parts.append(f"未评按 0 计为 {said(result.total_on_all)}")
    parts += [f"回答冲突，须确认：{c.id}（{c.said}）" for c in result.conflicts[:MOST_NAMED]]
    parts += _way_on(result)
    if result.comparison:
        delta = result.comparison.total_delta
        if delta is not None:
            parts.append(f"比上次{'高' if delta > 0 else '低' if delta < 0 else '不变'}{f' {said(abs(delta))}' if delta else ''}")
        parts += [result.comparison.note] if result.comparison.note else []
    parts += result.notes[:MOST_NOTES]
    return "。".join(parts) + "。"


def _is_matrix(result: AssessmentResult) -> bool:
    return any(node.next_level for node in result.nodes)


def _headline(result: AssessmentResult) -> str:
    name = f"{result.title}{f'（{result.version}）' if result.version else ''}"
    level = f"，等级：{result.level}{f'（{result.label}）' if result.label else ''}" if result.level else ""
    passed = next((g for g in reversed(result.gates) if g.level == result.level and g.clause), None)
    failed = next((g for g in result.gates if g.passed is False and g.clause), None)
    if passed or failed:
        opened = f"可对照{_named(result.level)}开展场景自评价（{passed.condition}）" if passed else "未达到任何一级的分数线"
        above = f"；{_named(failed.level)}要求 {failed.condition}，还没达到" if failed else ""
        return f"{name}：得分 {said(result.total)}，{opened}{above}{f'，结果为{result.label}' if result.label else ''}"
    if result.total is None and _is_matrix(result):
        return f"{name}{f'，结果为{result.label}' if result.label else ''}"
    return f"{name}：总分 {said(result.total)}{level}" if result.total is not None else f"{name}：没有可计的总分"


def _named(level: str | None) -> str:
    return f"{level}级" if level and level != "车间" and not level.endswith("级") else f"智能{level}" if level == "车间" else level or ""


def _node(node: NodeResult) -> str:
    should = f"，宜 {said(node.should_share)}%" if node.should_share is not None else ""
    return f"{said(node.score)}{f'（{node.verdict}{should}）' if node.verdict else ''}"


def _scene(scene: NodeResult) -> str:
    reached = f"已达到{_named(scene.level)}" if scene.level else "尚未达到任何一级"
    if not scene.asks:
        return reached
    return f"{reached}，升到{_named(scene.next_level)}还缺 {'；'.join(text.rstrip('。') for text in scene.asks)}"


def _way_on(result: AssessmentResult) -> list[str]:
    ahead = result.next_level
    if ahead is None or _is_matrix(result):
        return []
    gap = f"（还差 {said(ahead.gap)}）" if ahead.gap else ""
    if not ahead.steps:
        return [f"下一级：{ahead.level}{gap}"]
    steps = "；".join(f"{s.title} 由 {s.current} 到 {s.to}" for s in ahead.steps)
    return [f"到{ahead.level}{gap}投入最小的做法：{steps}"]


def figures(result: AssessmentResult) -> list[float]:
    """The numbers that an answer may state, the total first."""
    found = [
        result.total,
        result.total_on_answered,
        result.total_on_all,
        *(n.score for n in result.nodes),
        *(n.weight for n in result.nodes),
    ]
    ahead, past = result.next_level, result.comparison
    found += [ahead.gap if ahead else None, past.total_delta if past else None]
    found += [abs(past.total_delta) if past and past.total_delta else None]
    return list(dict.fromkeys(value for value in found if value is not None))


def cited(definition: Definition, result: AssessmentResult) -> Iterable[str]:
    """Clause ids that the result stands on, the most telling first."""
    gates = [g.clause for g in result.gates if g.clause and (g.level == result.level or g.passed is False)]
    top = [clause for child in definition.children[:MOST_CITED] for clause in child.clauses[:1]]
    scenes = [clause for item in result.items[:MOST_CITED] for clause in item.clauses]
    return dict.fromkeys([*gates[:2], *(definition.clauses if not gates else ()), *top, *scenes])


def citations(catalogue: Catalogue, clauses: Iterable[str], principal: Principal, cite: Cite | None) -> list[Citation]:
    """Each clause's official text where one is ingested, else the catalogue's own wording, verbatim."""
    found: list[Citation] = []
    for clause_id in clauses:
        made = (cite(clause_id, principal) if cite else None) or _catalogue_citation(catalogue, clause_id)
        found += [made] if made else []
        if len(found) == MOST_CITED:
            break
    return found


def _catalogue_citation(catalogue: Catalogue, clause_id: str) -> Citation | None:
    clause = catalogue.clauses.get(clause_id)
    if clause is None or not is_verbatim(clause.text.strip(), clause.text):
        return None
    standard = catalogue.standard_of(clause_id)
    return Citation(
        clause_id=clause_id,
        standard=standard.short,
        path=catalogue.path(clause_id),
        quote=clause.text.strip(),
        source="catalogue",
        status=standard.status,
        version=standard.version,
        verified=True,
    )
