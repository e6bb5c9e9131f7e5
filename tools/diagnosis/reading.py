"""The typed extractor of the offline model: which assessment a question means, and which number is whose score or weight."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import yaml

from domain.quantity import Quantity, quantities

from ..contract import Reading
from .asking import AskingWords, load_asking
from .library import Library
from .matrix import Grid
from .notation import number, show

GAP = 8
"""Characters between a name and its number."""
SURE, LIKELY, ASKING = 0.92, 0.85, 0.45
LEAST_NAMED = 2
LEAST_DESCRIPTION = 30
_NUMBER = r"\d+(?:\.\d+)?"
_LINK = r"\s*(?:分|%|％)?\s*(?:[/、，,;；:：|]|和|与|跟|及|以及|\s)\s*"
_SERIES = re.compile(rf"(?<![\d.]){_NUMBER}(?:{_LINK}{_NUMBER})+\s*(?:分|%|％)?")
_TRIPLE = re.compile(
    rf"(?P<name>[\u4e00-\u9fffA-Za-z]{{1,12}}?)\s*(?:得分|得|评分|打了|打|为|是|：|:)?\s*(?P<score>{_NUMBER})\s*分?\s*"
    rf"[，,、（(]?\s*(?:权重|占比|比重|占)\s*(?:为|是|：|:)?\s*(?P<weight>{_NUMBER})\s*(?P<percent>[%％]?)"
)


@dataclass(frozen=True)
class Series:
    """Numbers in a row."""

    values: tuple[Decimal, ...]
    start: int
    end: int
    percent: bool


def reader(library: Library) -> Callable[[str], Reading | None]:
    """`read_arguments` of score_assessment."""
    words = load_asking()
    grids = {key: library.get(key).model.grid for key in library.keys()}  # noqa: SIM118 - a method of ours, no mapping
    titles = {key: _first_level(library, key) for key in words.assessments}

    def read_arguments(text: str) -> Reading | None:
        plain = folded(text)
        if any(word in plain for word in words.knowledge):
            return None
        return (
            _named(plain, words, titles)
            or _items(plain, words, library)
            or _series(plain, words, titles)
            or _own_weights(plain, words)
            or _gate(plain, words)
            or _scene(plain, words, grids)
            or _wish(plain, words, titles)
        )

    return lru_cache(maxsize=256)(read_arguments)


def read_listing(text: str) -> Reading | None:
    """`read_arguments` of list_assessments."""
    plain = folded(text)
    return Reading({}, SURE) if len(plain) < 40 and any(p.search(plain) for p in load_asking().listing.patterns) else None


def read_proposal(text: str) -> Reading | None:
    """`read_arguments` of propose_ratings: a wish for ratings, with something that can be rated."""
    if not any(p.search(folded(text)) for p in load_asking().proposing):
        return None
    if len(text.strip()) < LEAST_DESCRIPTION:
        return Reading({}, ASKING, "请把企业的情况说一说（规划、设备、系统、数据、应用），我据此逐项提出评级建议并附上原话。")
    return Reading({"text": text}, LIKELY)


def folded(text: str) -> str:
    """NFKC without changing any position."""
    return "".join(n if len(n := unicodedata.normalize("NFKC", c)) == 1 else c for c in text)


def _first_level(library: Library, key: str) -> tuple[str, ...]:
    model = library.get(key).model
    return tuple(model.nodes[i].id for i in model.nodes[0].children)


def _asks_score(text: str, words: AskingWords) -> bool:
    return any(word in text for word in words.scoring)


def _named(text: str, words: AskingWords, titles: Mapping[str, tuple[str, ...]]) -> Reading | None:
    """Scores that stand with the names of an assessment's dimensions."""
    numbers = [q for q in quantities(text) if q.kind == "number"]
    best: tuple[str, dict[str, Decimal]] | None = None
    for key, spoken in words.assessments.items():
        found = _scores_by_name(text, spoken.aliases, numbers)
        if len(found) >= LEAST_NAMED and (best is None or len(found) > len(best[1])):
            best = key, found
    if best is None or not (_asks_score(text, words) or any(word in text for word in words.assessments[best[0]].words)):
        return None
    key, found = best
    absent = [name for name in titles[key] if name not in found]
    if absent:
        return Reading({"assessment": key}, ASKING, f"还缺 {'、'.join(absent)} 的得分，请补充。")
    return _reading(text, words, key, titles[key], [found[name] for name in titles[key]], taken=())


def _items(text: str, words: AskingWords, library: Library) -> Reading | None:
    """Scores that stand with the names of single items; those that are not said are told as missing."""
    if not _asks_score(text, words):
        return None
    numbers = [q for q in quantities(text) if q.kind == "number"]
    for key in words.assessments:
        model = library.get(key).model
        items = [model.nodes[i] for i in model.items]
        found = _scores_by_name(text, {node.id: (node.id,) for node in items}, numbers)
        tops = {node.id: node.scale.ladder[-1][0] for node in items if node.scale and node.scale.ladder}
        fitting = all(score <= (number(tops.get(name)) or score) for name, score in found.items())
        if len(found) >= LEAST_NAMED and fitting:
            return Reading({"assessment": key, "answers": {name: _plain(score) for name, score in found.items()}}, SURE)
    return None


def _wish(text: str, words: AskingWords, titles: Mapping[str, tuple[str, ...]]) -> Reading | None:
    """An assessment is wanted, and nothing is said yet to assess."""
    if not words.wishing.search(text) or any(char.isdigit() for char in text) or len(text) > 40:
        return None
    key = next((k for k, spoken in words.assessments.items() if any(word in text for word in spoken.words)), None)
    if key is None:
        return None
    question = f"请给出这几项的得分（0-100）：{'、'.join(titles[key])}；也可以先把情况说一说，由我逐项提出评级建议。"
    return Reading({"assessment": key}, ASKING, question)


def _scores_by_name(text: str, names: Mapping[str, Sequence[str]], numbers: Sequence[Quantity]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    taken: list[int] = []
    for name, aliases in names.items():
        for alias in sorted(aliases, key=len, reverse=True):
            at = text.find(alias)
            if at < 0:
                continue
            end = at + len(alias)
            after = next((q for q in numbers if q.start >= end and q.start not in taken), None)
            if after is not None and after.start - end <= GAP and not re.search(r"[，。；、,;]|权重|占", text[end : after.start]):
                found[name] = Decimal(repr(after.value))
                taken.append(after.start)
            break
    return found


def _series_in(text: str) -> list[Series]:
    made: list[Series] = []
    for match in _SERIES.finditer(text):
        values = tuple(Decimal(n) for n in re.findall(_NUMBER, match[0]))
        made.append(Series(values, match.start(), match.end(), "%" in match[0] or "％" in match[0]))
    if made:
        return made
    run: list[Quantity] = []
    for q in [*quantities(text), None]:  # 八十、七十、六十、九十
        if q is not None and q.kind == "number" and (not run or re.fullmatch(_LINK, text[run[-1].end : q.start])):
            run.append(q)
            continue
        if len(run) > 1:
            values = tuple(Decimal(repr(r.value)) for r in run)
            made.append(Series(values, run[0].start, run[-1].end, run[-1].unit == "%"))
        run = [q] if q is not None and q.kind == "number" else []
    return made


def _is_weights(text: str, series: Series, words: AskingWords) -> bool:
    near = text[max(0, series.start - 12) : series.start]
    near = re.split(r"\d", near)[-1]
    after = re.split(r"[，,。；;]", text[series.end : series.end + 5])[0]
    return series.percent or any(word in near or word in after for word in words.weights)


def _series(text: str, words: AskingWords, titles: Mapping[str, tuple[str, ...]]) -> Reading | None:
    """As many numbers in a row as an assessment has dimensions."""
    if not _asks_score(text, words):
        return None
    rows = [s for s in _series_in(text) if not _is_weights(text, s, words)]
    for key, spoken in words.assessments.items():
        meant = any(word in text for word in (*spoken.words, *spoken.ordered))
        others = [k for k, other in words.assessments.items() if k != key and any(word in text for word in other.words)]
        if not meant or (others and not any(word in text for word in spoken.words)):
            continue
        fitting = [s for s in rows if len(s.values) == len(titles[key])]
        if fitting:
            return _reading(text, words, key, titles[key], list(fitting[0].values), taken=(fitting[0],))
    return None


def _reading(
    text: str, words: AskingWords, key: str, names: Sequence[str], scores: Sequence[Decimal], taken: tuple[Series, ...]
) -> Reading:
    out_of = _out_of(text, words, key, scores)
    answers: dict[str, object] = {
        name: {"value": _plain(score), "out_of": _plain(out_of)} if out_of else _plain(score)
        for name, score in zip(names, scores, strict=True)
    }
    arguments: dict[str, object] = {"assessment": key, "answers": answers}
    said = any(word in text for word in words.weights)
    rows = [s for s in _series_in(text) if s not in taken and _is_weights(text, s, words)]
    fitting = next((s for s in rows if len(s.values) == len(names)), None)
    if said and rows and fitting is None:
        return Reading(arguments, ASKING, f"权重给了 {len(rows[0].values)} 个，应为 {len(names)} 个（{'、'.join(names)}），请补充。")
    if fitting is not None:
        total = sum(fitting.values, Decimal(0))
        if total not in (Decimal(100), Decimal(1)):
            return Reading(arguments, ASKING, f"权重之和是 {show(total)}，应为 100，请核对。")
        arguments["weights"] = {name: _plain(weight) for name, weight in zip(names, fitting.values, strict=True)}
    return Reading(arguments, SURE)


def _plain(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _out_of(text: str, words: AskingWords, key: str, scores: Sequence[Decimal]) -> Decimal | None:
    """The full mark where it is said, or five where every score of a five-step scale is five at most."""
    for pattern in words.out_of:
        if (match := pattern.search(text)) and (full := number(match[1])) and full < 100:
            return full
    return Decimal(5) if key == "digital-maturity" and all(score <= 5 for score in scores) and "百分" not in text else None


def _own_weights(text: str, words: AskingWords) -> Reading | None:
    """A weighted total of the user's own indicators: 质量80分占40%、成本70分占60%; or scores in a row with weights in a row."""
    if not _asks_score(text, words) or not any(word in text for word in (*words.weights, "加权", "占")):
        return None
    triples = [(m["name"], Decimal(m["score"]), Decimal(m["weight"])) for m in _TRIPLE.finditer(text)]
    rows = _series_in(text)
    if len(triples) < LEAST_NAMED:
        scores = [s for s in rows if not _is_weights(text, s, words)]
        weights = [s for s in rows if _is_weights(text, s, words)]
        pair = next(((s, w) for s in scores for w in weights if len(s.values) == len(w.values)), None)
        if pair is None:
            return None
        triples = [(f"指标{n}", s, w) for n, (s, w) in enumerate(zip(pair[0].values, pair[1].values, strict=True), 1)]
    names = [name for name, _, _ in triples]
    total = sum((weight for _, _, weight in triples), Decimal(0))
    if len(set(names)) < len(names):
        return None
    if total not in (Decimal(100), Decimal(1)):
        return Reading({}, ASKING, f"权重之和是 {show(total)}，应为 100，请核对。")
    top = max(Decimal(100), *(score for _, score, _ in triples))
    children = [{"id": name, "weight": _plain(weight), "range": f"0-{show(top)}"} for name, _, weight in triples]
    definition = yaml.safe_dump({"title": "加权总分", "children": children}, allow_unicode=True, sort_keys=False)
    return Reading({"definition": definition, "answers": {name: _plain(score) for name, score, _ in triples}}, LIKELY)


def _gate(text: str, words: AskingWords) -> Reading | None:
    """Which level a digital-level score opens."""
    gate = words.gate
    if not any(word in text for word in gate.asks) or not any(word in text for word in gate.mentions):
        return None
    scores = [q for q in quantities(text) if q.kind == "number" and q.unit == "分" and 0 <= q.value <= 100]
    if len(scores) == 1 and any(word in text for word in gate.words):
        return Reading({"assessment": gate.assessment, "answers": {"数字化水平得分": _plain(Decimal(repr(scores[0].value)))}}, SURE)
    for word in sorted(gate.words, key=len, reverse=True):
        for match in re.finditer(re.escape(word), text):
            for q in quantities(text):
                between = text[match.end() : q.start]
                if q.kind == "number" and q.unit in ("", "分") and q.start >= match.end() and len(between) <= GAP and 0 <= q.value <= 100:
                    if re.search(r"[。；;]", between):
                        continue
                    return Reading({"assessment": gate.assessment, "answers": {"数字化水平得分": _plain(Decimal(repr(q.value)))}}, SURE)
    return None


def _scene(text: str, words: AskingWords, grids: Mapping[str, Grid | None]) -> Reading | None:
    """Whether a scene has reached a level: from what is said of its levels, or else a question for it."""
    asked = re.search(rf"(?:{'|'.join(words.scenes.asks)})(?P<between>.{{0,12}}?)(?:了吗|了没|没有|吗|不|么|呢)?[?？]?\s*$", text)
    if asked is None:
        return None
    for key, grid in grids.items():
        row = next((n for n, r in enumerate(grid.rows) if r.title in text), None) if grid else None
        if grid is None or row is None:
            continue
        level = next(
            (n for n, name in enumerate(grid.levels) if name in asked["between"] or f"{name}级" in text[asked.start() - 6 :]), None
        )
        if level is None:
            return None
        said = dict(_said_levels(text[: asked.start()].replace(grid.rows[row].title, "○"), grid, words))
        wanted = [c for c in grid.rows[row].cells if c.level <= level]
        if said and all(c.level in said for c in wanted):
            answers = {grid.rows[row].id: {grid.levels[c.level]: said[c.level] for c in wanted}}
            return Reading({"assessment": key, "answers": answers}, LIKELY)
        cells = "、".join(f"{grid.levels[c.level]}（{c.asks}）" for c in wanted) or "该级没有要求"
        question = words.scenes.question.format(scene=grid.rows[row].title, level=f"{grid.levels[level]}级", cells=cells)
        return Reading({"assessment": key}, ASKING, question)
    return None


def _said_levels(text: str, grid: Grid, words: AskingWords) -> Iterator[tuple[int, str]]:
    for n, name in enumerate(grid.levels):
        match = re.search(rf"{name}级?(?P<said>[^，。；,;]{{1,12}})", text)
        if not match:
            continue
        said = match["said"]
        if any(word in said for word in words.scenes.partly):
            yield n, "部分"
        elif any(word in said for word in words.scenes.undone):
            yield n, "否"
        elif any(word in said for word in words.scenes.done):
            yield n, "是"
