"""A definition compiled once: nodes in one array, children before parents, weights as exact shares, every reference checked."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from graphlib import CycleError, TopologicalSorter

from domain.errors import ConfigurationError, ProblemDetail, UserInputError, known_names
from domain.formula import Expression

from .definition import Aggregate, Definition, Node, Scale, fault
from .exact import CONTEXT, settle
from .levels import Condition, Ladder, Names, VetoRule, compile_condition, compile_ladder, compile_veto
from .matrix import Grid, compile_grid
from .notation import fold, show
from .scales import ONE, ZERO, ItemScale, compile_scale, noted

HUNDRED = Decimal(100)
VALUE = re.compile(r"(.+)\.(?:value|答案)\Z")
MOST_NODES = 20_000
WEIGHTED = ("weighted_sum", "weighted_mean")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a formula's name gets its number: a node's score or answer, or a shared input."""

    name: str
    kind: str
    """score, value or input."""
    index: int = -1


@dataclass(slots=True)
class Compiled:
    """One node, ready to be scored."""

    index: int
    id: str
    title: str
    spec: Node
    parent: int = -1
    depth: int = 0
    children: tuple[int, ...] = ()
    bonus: tuple[int, ...] = ()
    deductions: tuple[int, ...] = ()
    records: tuple[int, ...] = ()
    recorded: bool = False
    """It, or the group it is in, is noted and never scored."""
    aggregate: Aggregate = "sum"
    weights: tuple[Decimal, ...] = ()
    """Of the children, in order: shares of 1, or coefficients."""
    scale: ItemScale | None = None
    expression: Expression | None = None
    """Of a group whose score is a formula over ids."""
    sources: tuple[Source, ...] = ()
    low: Decimal = ZERO
    high: Decimal = HUNDRED
    zero_if_missing: bool = True
    not_applicable: str = "redistribute"
    ladder: Ladder | None = None

    @property
    def is_item(self) -> bool:
        return self.scale is not None


@dataclass(frozen=True)
class Model:
    """A compiled definition. `nodes[0]` is the total."""

    definition: Definition
    nodes: tuple[Compiled, ...] = ()
    order: tuple[int, ...] = ()
    """Indexes, each after everything it needs."""
    items: tuple[int, ...] = ()
    names: Mapping[str, int] = field(default_factory=dict[str, int])
    """Ids, and titles that only one node has, folded."""
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    ladder: Ladder | None = None
    vetoes: tuple[VetoRule, ...] = ()
    requires: Condition | None = None
    grid: Grid | None = None


def compile_definition(definition: Definition, known_clauses: Collection[str] | None = None) -> Model:
    """Check and compile.

    Raises:
        UserInputError: every fault with its line and key.
    """
    faults: list[ProblemDetail] = []
    if definition.matrix:
        grid = compile_grid(definition.matrix, faults)
        faults += _unknown_clauses([(definition.line, c) for c in definition.clauses], known_clauses)
        _raise(faults)
        return Model(definition, grid=grid)
    with localcontext(CONTEXT):
        return _Compiler(definition, known_clauses, faults).model()


def _raise(faults: list[ProblemDetail]) -> None:
    if faults:
        raise UserInputError(f"评估定义有 {len(faults)} 处错误：{faults[0].where}，{faults[0].what}", detail=faults[:30])


def _unknown_clauses(cited: list[tuple[int, str]], known: Collection[str] | None) -> Iterator[ProblemDetail]:
    """Clause ids of our standards that do not exist; a foreign standard's ids are the author's own."""
    if known is None:
        return
    ours = {clause.split("-", 1)[0] for clause in known}
    for line, clause in cited:
        if clause not in known and clause.split("-", 1)[0] in ours:
            yield fault(line, "clauses", f"没有编号为“{clause}”的条款", known_names(clause, list(known)))


class _Compiler:
    def __init__(self, definition: Definition, known_clauses: Collection[str] | None, faults: list[ProblemDetail]) -> None:
        self.definition = definition
        self.known_clauses = known_clauses
        self.faults = faults
        self.nodes: list[Compiled] = []
        self.names: dict[str, int] = {}
        self.inputs = {fold(name).lower(): name for name in definition.inputs}

    def model(self) -> Model:
        definition = self.definition
        if not definition.children:
            _raise([fault(definition.line, "children", "没有指标", "在 children 下列出维度和指标")])
        own = {name: getattr(definition, name) for name in ROOT_FIELDS}
        root = Node(id="总分", title=definition.title, line=definition.line, formula=definition.total, **own)
        self._add(root, -1, 0)
        if len(self.nodes) > MOST_NODES:
            _raise([fault(definition.line, "children", f"指标过多（{len(self.nodes)} 个）", f"不超过 {MOST_NODES} 个")])
        self._name()
        _raise(self.faults)
        for node in self.nodes:
            self._compile(node)
        _raise(self.faults)
        order = self._order()
        _raise(self.faults)
        for index in order:
            self._bounds(self.nodes[index])
        names = Names(self.names, {i: n.title for i, n in enumerate(self.nodes)}, self._groups())
        for node in self.nodes[1:]:
            if node.spec.levels:
                node.ladder = compile_ladder(node.spec.levels, names, self.faults, cumulative=False)
        ladder = compile_ladder(definition.levels, names, self.faults, cumulative=definition.cumulative) if definition.levels else None
        vetoes = [compile_veto(veto, names, ladder, self.faults) for veto in definition.vetoes]
        vetoes += [compile_veto(n.spec.veto, names, ladder, self.faults, n) for n in self.nodes if n.spec.veto is not None]
        requires = compile_condition(definition.requires, names, self.faults, definition.line) if definition.requires is not None else None
        _raise(self.faults)
        items = tuple(n.index for n in self.nodes if n.is_item)
        found = tuple(veto for veto in vetoes if veto is not None)
        return Model(definition, tuple(self.nodes), order, items, self.names, self.inputs, ladder, found, requires)

    def _add(self, spec: Node, parent: int, depth: int) -> int:
        index = len(self.nodes)
        node = Compiled(index, spec.id or spec.title, spec.title or spec.id, spec, parent, depth)
        above = self.nodes[parent] if parent >= 0 else None
        definition = self.definition
        node.zero_if_missing = (
            (spec.missing == "zero") if spec.missing else above.zero_if_missing if above else definition.missing == "zero"
        )
        node.not_applicable = spec.not_applicable or (above.not_applicable if above else definition.not_applicable)
        self.nodes.append(node)
        if not node.id:
            self.faults.append(fault(spec.line, "id", "指标没有 id 或 title", "写上 title: 名称"))
        kinds: dict[str, list[int]] = {"children": [], "bonus": [], "deductions": [], "records": []}
        node.recorded = spec.record or (above is not None and above.recorded)
        for child in spec.children:
            kind = (
                "records" if node.recorded or child.record else "bonus" if child.bonus else "deductions" if child.deduction else "children"
            )
            kinds[kind].append(self._add(child, index, depth + 1))
        node.children, node.bonus = tuple(kinds["children"]), tuple(kinds["bonus"])
        node.deductions, node.records = tuple(kinds["deductions"]), tuple(kinds["records"])
        self.faults += _unknown_clauses([(spec.line, clause) for clause in spec.clauses], self.known_clauses)
        return index

    def _name(self) -> None:
        by_title: dict[str, list[int]] = {}
        lines: dict[str, int] = {}
        for node in self.nodes[1:]:
            key = fold(node.id).lower()
            if key in self.names:
                what = f"编号“{node.id}”重复，第 {lines[key]} 行已有"
                self.faults.append(fault(node.spec.line, "id", what, "每个指标用不同的 id；没有写 id 时以 title 为 id"))
            self.names[key], lines[key] = node.index, node.spec.line
            by_title.setdefault(fold(node.title).lower(), []).append(node.index)
        for node in self.nodes[1:]:
            self.names.setdefault(node.id, node.index)  # as written, for the quick way
        for title, found in by_title.items():
            if len(found) == 1:
                self.names.setdefault(title, found[0])

    def _groups(self) -> dict[str, tuple[int, ...]]:
        first = tuple(i for i in self.nodes[0].children)
        items = tuple(n.index for n in self.nodes if n.is_item and not n.spec.bonus and not n.spec.deduction)
        return {"dimensions": first, "维度": first, "一级指标": first, "items": items, "指标": items, "题目": items}

    def _compile(self, node: Compiled) -> None:
        try:
            if node.spec.children:
                self._compile_group(node)
            else:
                self._compile_item(node)
        except ConfigurationError as error:
            self.faults.append(fault(node.spec.line, node.id, error.message, error.detail[0].cure if error.detail else ""))
        except ValueError as error:
            self.faults.append(fault(node.spec.line, node.id, str(error)))

    def _compile_item(self, node: Compiled) -> None:
        if node.recorded and not node.spec.given and node.spec.scale is None:
            node.scale = noted(node.spec.unit)
            return
        scale = self._scale_of(node.spec)
        node.scale = compile_scale(node.spec, scale, node.spec.points if node.spec.points is not None else self.definition.points)
        if scale.formula is not None or scale.growth:
            own = [name for name in node.scale.variables if name not in scale.inputs]
            node.sources = tuple(source for name in own if (source := self._source(name, node)) is not None)
        if isinstance(node.spec.effort, dict):
            _check_efforts(node)

    def _scale_of(self, spec: Node) -> Scale:
        if spec.given:
            if spec.scale is not None:
                raise ValueError("scale 与自己的量表只能写一个")
            return spec
        if spec.scale is not None:
            if spec.scale not in self.definition.scales:
                raise ValueError(f"scales 里没有“{spec.scale}”")
            named = self.definition.scales[spec.scale]
            return (
                named.model_copy(update={"cap": spec.cap, "floor": spec.floor}) if spec.cap is not None or spec.floor is not None else named
            )
        default = self.definition.default_scale
        if isinstance(default, str):
            if default not in self.definition.scales:
                raise ValueError(f"scales 里没有“{default}”")
            return self.definition.scales[default]
        return default or spec

    def _source(self, name: str, node: Compiled) -> Source | None:
        plain = fold(name).lower()
        if plain in self.inputs:
            return Source(name, "input")
        if plain in self.names and self.names[plain] != node.index:
            return Source(name, "score", self.names[plain])
        match = VALUE.fullmatch(plain)
        if match and match[1] in self.names:
            return Source(name, "value", self.names[match[1]])
        if self.names.get(plain) == node.index:
            raise ValueError(f"公式引用了自己：{name}")
        return None

    def _compile_group(self, node: Compiled) -> None:
        spec = node.spec
        formula = spec.formula
        if spec.given and formula is None:
            raise ValueError("有 children 的是一组，不能又有自己的量表")
        if formula is not None:
            node.expression = Expression(formula)
            sources = [self._source(name, node) for name in node.expression.names]
            unknown = [name for name, source in zip(node.expression.names, sources, strict=True) if source is None]
            if unknown:
                raise ValueError(f"公式里的“{'、'.join(unknown)}”不是指标或输入；{known_names(unknown[0], [n.id for n in self.nodes[1:]])}")
            node.sources = tuple(source for source in sources if source is not None)
        weighted = [self.nodes[i] for i in node.children if self.nodes[i].spec.weight is not None]
        node.aggregate = spec.aggregate or ("weighted_sum" if weighted else "sum")
        if not node.children and formula is None and not node.recorded:
            raise ValueError("这一组只有加分或扣分项")
        uses = node.aggregate in WEIGHTED or (weighted and node.aggregate in ("share", "geometric_mean"))
        if uses and formula is None:
            node.weights = self._weights(node)
        else:
            node.weights = (ONE,) * len(node.children)

    def _weights(self, node: Compiled) -> tuple[Decimal, ...]:
        children = [self.nodes[i] for i in node.children]
        absent = [child for child in children if child.spec.weight is None]
        if absent:
            self.faults.append(fault(absent[0].spec.line, "weight", f"“{absent[0].title}”没有权重，同组其他指标有", "补上，或全部不写"))
            return ()
        given = [child.spec.weight for child in children if child.spec.weight is not None]
        total = sum((w.value for w in given), ZERO)
        mixed = len({w.percent for w in given}) > 1
        if mixed:
            total = sum((w.value if w.percent or w.value > 1 else w.value * HUNDRED for w in given), ZERO)
            given = [w if w.percent or w.value > 1 else w._replace(value=w.value * HUNDRED) for w in given]
        if node.aggregate == "weighted_mean" or not node.spec.check_weights:
            if total == 0:
                raise ValueError("权重之和为 0")
            return tuple(w.value / HUNDRED if w.percent else w.value for w in given)
        own = node.spec.weight.value if node.spec.weight else None
        whole = ONE if not given[0].percent and abs(total - ONE) < SLACK else HUNDRED if abs(total - HUNDRED) < SLACK else None
        if whole is None and own is not None and abs(total - own) < SLACK:
            whole = own
        if whole is None:
            said = "、".join(f"{child.title} {show(w.value)}{'%' if w.percent else ''}" for child, w in zip(children, given, strict=True))
            due = f"应为 100（或 1{f'，或上级的 {show(own)}' if own is not None else ''}）"
            what = f"“{node.title}”下的权重之和为 {show(total)}，{due}：{said}"
            self.faults.append(fault(children[0].spec.line, "weight", what, "核对权重；确实不按 100 分配时写 check_weights: false"))
            return ()
        return tuple(w.value / total for w in given)

    def _order(self) -> tuple[int, ...]:
        needs = {
            n.index: {*n.children, *n.bonus, *n.deductions, *n.records, *(s.index for s in n.sources if s.index >= 0)} for n in self.nodes
        }
        try:
            return tuple(TopologicalSorter(needs).static_order())
        except CycleError as error:
            ring: list[Compiled] = [self.nodes[int(i)] for i in error.args[1]]
            first = min(ring, key=_line_of)
            what = f"循环引用：{' → '.join(n.title for n in reversed(ring))}"
            self.faults.append(fault(first.spec.line, "formula", what, "去掉其中一处引用"))
            return ()

    def _bounds(self, node: Compiled) -> None:
        """The lowest and the highest score that a node can have, bonus and deductions apart."""
        if node.scale is not None:
            node.low, node.high = node.scale.low, node.scale.high
            return
        children = [self.nodes[i] for i in node.children]
        node.low, node.high = ZERO, HUNDRED
        if node.expression is None and children:
            node.low = settle(bound_of(node, [c.low for c in children]))
            node.high = settle(bound_of(node, [c.high for c in children]))
        if node.spec.points is not None:
            node.low, node.high = ZERO, node.spec.points
        if node.spec.cap is not None:
            node.high = min(node.high, node.spec.cap)


SLACK = Decimal("0.0000001")
ROOT_FIELDS = ("children", "aggregate", "check_weights", "bonus_cap", "deduction_cap", "cap", "floor", "round", "missing", "not_applicable")


def _check_efforts(node: Compiled) -> None:
    assert isinstance(node.spec.effort, dict)
    assert node.scale is not None
    known = [str(raw) if not isinstance(raw, Decimal) else show(raw) for raw, _ in node.scale.ladder]
    unknown = [label for label in node.spec.effort if label not in known]
    if unknown:
        raise ValueError(f"effort 里的“{unknown[0]}”不是该题的答案：{'、'.join(known)}")


def bound_of(node: Compiled, scores: list[Decimal]) -> Decimal:
    """What the group makes of these scores of its children, all of them counting."""
    kind = node.aggregate
    if kind == "weighted_sum":
        return sum((w * s for w, s in zip(node.weights, scores, strict=True)), ZERO)
    if kind == "weighted_mean":
        return sum((w * s for w, s in zip(node.weights, scores, strict=True)), ZERO) / sum(node.weights, ZERO)
    if kind == "sum":
        return sum(scores, ZERO)
    if kind in ("share", "conformance"):
        return HUNDRED if scores and max(scores) > 0 else ZERO
    if kind == "count":
        return Decimal(len(scores)) if scores and max(scores) > 0 else ZERO
    if kind == "product":
        made = ONE
        for score in scores:
            made *= score
        return made
    return max(scores) if kind in ("max", "geometric_mean") else min(scores) if kind == "min" else sum(scores, ZERO) / len(scores)


def _line_of(node: Compiled) -> int:
    return node.spec.line
