"""The assessments that ship, and those that a caller brings along; each is compiled once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from domain.errors import ConfigurationError, NotFound, ProblemDetail, UserInputError, known_names
from knowledge.catalogue import Catalogue

from .definition import Definition, Level, Node, Weight, read_definition
from .notation import fold, number, threshold
from .tree import Model, compile_definition

DATA = Path(__file__).parent / "data"
NOT_DEFINITIONS = ("words.yaml", "asking.yaml", "speech.yaml")
KEPT = 64


@dataclass(frozen=True)
class Assessment:
    """A compiled definition with the two other readings of unanswered items."""

    model: Model
    alternatives: Mapping[str, Model]

    @property
    def definition(self) -> Definition:
        return self.model.definition


class Library:
    """Assessments by key."""

    def __init__(self, catalogue: Catalogue, folder: Path = DATA) -> None:
        """Raises ConfigurationError for a shipped definition that is wrong, naming file and line."""
        self.catalogue = catalogue
        self._known = frozenset((*catalogue.clauses, *catalogue.sections))
        self._texts = {p.stem: p for p in sorted(folder.glob("*.yaml")) if p.name not in NOT_DEFINITIONS}
        self._shipped = lru_cache(maxsize=None)(self._load)
        self._brought = lru_cache(maxsize=KEPT)(self._compile_text)

    def keys(self) -> list[str]:
        return list(self._texts)

    def get(self, key: str) -> Assessment:
        """By key or title; raises NotFound."""
        if key in self._texts:
            return self._shipped(key)
        wanted = fold(key).lower()
        alike = [k for k in self._texts if wanted in (fold(self._shipped(k).definition.title).lower(), k.lower())]
        if len(alike) == 1:
            return self._shipped(alike[0])
        raise NotFound(f"没有名为“{key}”的评估", where="assessment", cure=known_names(key, self.keys()))

    def read(self, text: str) -> Assessment:
        """A definition that came with the call; raises UserInputError naming line and key."""
        return self._brought(sha256(text.encode()).hexdigest(), _Text(text))

    def _load(self, key: str) -> Assessment:
        path = self._texts[key]
        try:
            return self._made(read_definition(path.read_text(encoding="utf-8")).model_copy(update={"key": key}))
        except (OSError, UserInputError) as error:
            detail = [ProblemDetail(where=f"{path.name} {d.where}", what=d.what, cure=d.cure) for d in getattr(error, "detail", [])]
            raise ConfigurationError(f"评估定义 {path.name} 有错", where=str(path), cure="修正该文件", detail=detail) from error

    def _compile_text(self, digest: str, text: "_Text") -> Assessment:
        return self._made(read_definition(text.text))

    def _made(self, definition: Definition) -> Assessment:
        model = compile_definition(definition, self._known)
        if definition.matrix:
            return Assessment(model, {})
        others = {
            rule: model if definition.missing == rule else compile_definition(definition.model_copy(update={"missing": rule}), self._known)
            for rule in ("exclude", "zero")
        }
        return Assessment(model, others)

    def adjusted(
        self, assessment: Assessment, weights: Mapping[str, object] | None, levels: Mapping[str, object] | Sequence[object] | None
    ) -> Assessment:
        """With the caller's own weights and grade scale; raises UserInputError."""
        definition = assessment.definition
        if weights:
            definition = _weighted(definition, assessment.model, weights)
        if levels:
            definition = definition.model_copy(update={"levels": _levels(levels)})
        return self._made(definition)


class _Text:
    """A long text that is equal to every other: the digest beside it tells them apart."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Text)

    def __hash__(self) -> int:
        return 0


def _weighted(definition: Definition, model: Model, weights: Mapping[str, object]) -> Definition:
    wanted: dict[int, Weight] = {}
    faults: list[ProblemDetail] = []
    for name, raw in weights.items():
        index, value = model.names.get(fold(name).lower()), number(raw)
        if index is None or value is None or value < 0:
            what = f"没有名为“{name}”的指标" if index is None else f"“{raw}”不是权重"
            faults.append(ProblemDetail(where=f"weights.{name}", what=what, cure=known_names(name, [n.id for n in model.nodes[1:]])))
        else:
            wanted[index] = Weight(value, isinstance(raw, str) and raw.strip().endswith("%"))
    if faults:
        raise UserInputError("权重有误", detail=faults)
    by_line = {(model.nodes[i].id, model.nodes[i].spec.line): w for i, w in wanted.items()}

    def changed(node: Node) -> Node:
        own = by_line.get((node.id or node.title, node.line))
        update: dict[str, object] = {"children": tuple(changed(child) for child in node.children)}
        return node.model_copy(update=update | ({"weight": own} if own is not None else {}))

    return definition.model_copy(update={"children": tuple(changed(child) for child in definition.children)})


def _levels(levels: Mapping[str, object] | Sequence[object]) -> tuple[Level, ...]:
    pairs: list[tuple[object, object]] = list(levels.items()) if isinstance(levels, Mapping) else []
    if not isinstance(levels, Mapping):
        for entry in levels:
            if not isinstance(entry, Mapping) or "name" not in entry:
                raise UserInputError("levels 写不对", where="levels", cure='写成 {"成熟": ">= 80"} 或 [{"name": "成熟", "at": 80}]')
            pairs.append((entry["name"], entry.get("at")))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    made: list[Level] = []
    for name, raw in pairs:
        bounds = threshold(raw)
        if bounds is None:
            raise UserInputError(f"等级“{name}”的分数“{raw}”写不对", where="levels", cure='写成 ">= 80" 或 "60-80"')
        made.append(Level(name=str(name), at=bounds))
    return tuple(made)
