"""What a question says about where to look: named standards, levels, addresses, separate parts. No search happens here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from pypinyin import lazy_pinyin

from domain.clause import FACTORY_LEVELS, FactoryLevel
from domain.numerals import NUMERAL_CHARS, parse_numeral
from domain.yaml_data import parse_yaml

from .catalogue import Catalogue
from .lexicon import fold

VOCABULARY = Path(__file__).parent / "data" / "vocabulary.yaml"
CIRCLED = re.compile("[①②③④⑤⑥⑦⑧⑨]")
"""Numbers of parts; folding would make plain digits of them."""
SPLITTERS = re.compile(r"[？?！!。；;]|(?:^|[，,：:])(?=(?:一是|二是|三是|一个|还有|另外|再就是|顺便))")
CORRECTED = re.compile(r"[一-鿿]\(([一-鿿])\)")
"""A slip that its writer put right at once: 先近(进)级, 工信布(部)."""
SENTENCES = re.compile(r"[^。;；?？!！]+[。;；?？!！]?")
NUMBERED = re.compile(r"(?<![0-9.])(\d+(?:\.\d+)+)(?:-(\d{1,2})(?![\d.-])|[\s-]?([a-n])(?![a-z0-9])|(?![0-9.]))")
ANNEX = re.compile(r"附录\s*([a-z](?:[\s.-]*(?:\d+|[a-z](?![a-z])))*)")
LETTERED = re.compile(r"(?<![a-z0-9])([a-n])(?:\)|）|项|款|条)")
ARTICLE = re.compile(rf"第?[（(]?([{NUMERAL_CHARS}\d]+)[）)]?条|[（(]([{NUMERAL_CHARS}]+)[）)]")
LEVEL_ENDS = ("级", "档", "那", "这", "的", ",", "、", "。", "和", "跟", "?", "", " ")
SCENE_NUMBER = re.compile(r"(?:场景|序号|第)\s*(\d{1,2})(?!\d|[.\-年])")


class Vocabulary(BaseModel):
    """Words that steer the analysis, as data (`data/vocabulary.yaml`)."""

    model_config = ConfigDict(frozen=True)

    levels: dict[FactoryLevel, list[str]]
    level_words: list[FactoryLevel]
    ladder_words: list[str]
    """Signs that bare level words (先进, 基础) mean levels."""
    target_marks: list[str]
    current_marks: list[str]
    step_up: list[str]
    all_steps: list[str]
    negation: list[str]
    several: list[str]
    filler: list[str]
    confusion: list[str]
    follow_up: list[str]
    pronouns: list[str]


def load_vocabulary(path: Path = VOCABULARY) -> Vocabulary:
    return Vocabulary.model_validate(parse_yaml(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Question:
    """A question with what it says about where its answer stands."""

    text: str
    standards: tuple[str, ...] = ()
    """Keys of the standards it names, in order of mention."""
    shunned: tuple[str, ...] = ()
    """Standards it names only to say that they are not meant."""
    levels: tuple[FactoryLevel, ...] = ()
    """Levels of the Jiangsu ladder that it wants to know about, most wanted first."""
    current_level: FactoryLevel | None = None
    step_up: bool = False
    """It asks for one level above where the plant stands, without naming it."""
    addresses: tuple[str, ...] = ()
    """Clause or section ids it names outright."""
    search_text: str = ""
    """The question without the documents' names, fillers, and remarks on what is not meant."""
    parts: tuple[str, ...] = ()
    """The sentences of `search_text`, when there is more than one."""
    context: str = ""
    """What the turn before was about, when this turn leans on it."""
    elliptical: bool = False
    """It has next to no subject of its own: the context is its subject."""
    several: bool = False
    """Its wording says that it wants more than one clause."""


@lru_cache(maxsize=4096)
def _sounds(text: str) -> tuple[str, ...]:
    return tuple(lazy_pinyin(text))


class QuestionReader:
    """Reads questions against one catalogue. Misspelt names are heard by their sound (先近级, 工信布)."""

    def __init__(self, catalogue: Catalogue, vocabulary: Vocabulary) -> None:
        self._catalogue = catalogue
        self._words = vocabulary
        self._remembered = lru_cache(maxsize=1024)(self._read)

    @cached_property
    def _names(self) -> list[tuple[str, str]]:
        """Every alias with its standard, longest first, so that a longer name is not read as a shorter one inside it."""
        pairs = [(fold(alias), key) for key, standard in self._catalogue.standards.items() for alias in standard.aliases]
        return sorted(pairs, key=lambda pair: -len(pair[0]))

    def read(self, text: str, earlier: Sequence[str] = ()) -> Question:
        """Read `text` in the light of the user's earlier turns, the latest last, where it leans on them."""
        return self._remembered(text, tuple(earlier))

    def _read(self, text: str, earlier: tuple[str, ...]) -> Question:
        folded = CORRECTED.sub(r"\1", fold(CIRCLED.sub("；", text)))
        search_text = self._search_text(text, folded)
        leans = bool(earlier) and self._leans(folded, search_text)
        before = self.read(earlier[-1], earlier[:-1]) if leans else None
        named, shunned = self._standards(folded)
        if before and not named:
            named = [key for key in before.standards if key not in shunned]
        levels, current, step_up = self._levels(fold(earlier[-1]) + " " + folded if before and not self._level_spots(folded) else folded)
        return Question(
            text=text,
            search_text=search_text,
            several=any(word in folded or word in text for word in self._words.several),
            standards=tuple(named),
            shunned=tuple(key for key in shunned if key not in named),
            levels=levels,
            current_level=current,
            step_up=step_up,
            addresses=tuple(self._addresses(folded, named)),
            parts=self._for_each(folded, named) if len(named) > 1 else self._parts(search_text),
            context=" ".join(filter(None, [before.context if before.elliptical else "", before.search_text])) if before else "",
            elliptical=leans and self._elliptical(search_text),
        )

    def _leans(self, folded: str, search_text: str) -> bool:
        return self._elliptical(search_text) or any(word in folded for word in self._words.follow_up)

    def _elliptical(self, search_text: str) -> bool:
        return sum("一" <= char <= "鿿" for char in search_text) < 9 or any(word in search_text for word in self._words.pronouns)

    def _standards(self, folded: str) -> tuple[list[str], list[str]]:
        found: dict[str, int] = {}
        shunned: dict[str, int] = {}
        taken = [False] * len(folded)
        for alias, key in self._names:
            for at in _occurrences(folded, alias) + _sounding(folded, alias):
                if any(taken[at : at + len(alias)]):
                    continue
                taken[at : at + len(alias)] = [True] * len(alias)
                target = shunned if self._negated(folded, at) else found
                target[key] = min(target.get(key, at), at)
        return sorted(found, key=found.__getitem__), sorted(shunned, key=shunned.__getitem__)

    def _search_text(self, text: str, folded: str) -> str:
        """What is left to search for; the whole text when nothing would be left."""
        sentences = [s for s in SENTENCES.findall(folded) if not any(word in s for word in self._words.confusion)]
        rest = " ".join(sentences)
        for alias, _ in self._names:
            rest = rest.replace(alias, " ")
        for word in self._words.filler:
            rest = rest.replace(word, " ")
        return rest if sum("一" <= char <= "鿿" for char in rest) >= 4 else text

    def _negated(self, folded: str, at: int) -> bool:
        before = folded[max(0, at - 4) : at]
        return any(word in before for word in self._words.negation)

    def _levels(self, folded: str) -> tuple[tuple[FactoryLevel, ...], FactoryLevel | None, bool]:
        spots = sorted(self._level_spots(folded))
        current: FactoryLevel | None = None
        wanted: list[FactoryLevel] = []
        for at, level in spots:
            if current is None and self._marked(folded, at, self._words.current_marks, self._words.target_marks):
                current = level
            elif level not in wanted:
                wanted.append(level)
        step_up = any(word in folded for word in self._words.step_up)
        if current and wanted and any(word in folded for word in self._words.all_steps):
            low, high = FACTORY_LEVELS.index(current), FACTORY_LEVELS.index(wanted[-1])
            between = list(FACTORY_LEVELS[low + 1 : high + 1])
            wanted = between or wanted
        if current and not wanted:
            wanted = [_above(current) if step_up else current]
        elif step_up and spots and spots[-1][0] < max(folded.rfind(word) for word in self._words.step_up):
            current = spots[-1][1]
            wanted = [_above(current)]
        return tuple(wanted), current, step_up and not wanted

    def _level_spots(self, folded: str) -> list[tuple[int, FactoryLevel]]:
        spots: dict[int, FactoryLevel] = {}
        for level, names in self._words.levels.items():
            for name in names:
                heard = [at for at in _sounding(folded, name) if folded[at + 2] == name[2]]  # 卓越绩效 is no 卓越级
                for at in _occurrences(folded, name) + heard:
                    spots[at] = level
        ladder = bool(spots) or any(word in folded for word in self._words.ladder_words)
        for level in self._words.level_words:
            for at in _occurrences(folded, level):
                follows = folded[at + 2 : at + 4]
                named = follows.startswith(("级", "档", "那档", "那级", "这档", "这级")) or (ladder and follows[:1] in LEVEL_ENDS)
                if named and not any(abs(at - other) <= 2 for other in spots):
                    spots[at] = level
        return list(spots.items())

    def _marked(self, folded: str, at: int, marks: list[str], rivals: list[str]) -> bool:
        """Whether the nearest mark before `at` in its own clause is one of `marks` and not of `rivals`."""
        start = max((folded.rfind(stop, 0, at) for stop in "，,。；;？?！!"), default=-1) + 1
        before = folded[start:at]
        if before.endswith(("(", "（")):
            before = folded[max(0, start - 20) : at]
        own = max((before.rfind(mark) for mark in marks), default=-1)
        rival = max((before.rfind(mark) for mark in rivals if not any(mark in m for m in marks)), default=-1)
        return own > rival

    def _addresses(self, folded: str, named: list[str]) -> list[str]:
        keys = named or list(self._catalogue.standards)
        found: list[str] = []
        for match in NUMBERED.finditer(folded):
            number, ordinal, letter = match.groups()
            letters = [letter] if letter else [m.group(1) for m in LETTERED.finditer(folded[match.end() : match.end() + 8])]
            items = [ordinal] if ordinal else letters
            for key in keys:
                exact = [c for item in items if self._catalogue.knows(c := f"{key}-{number}-{item}")]
                found += exact or [c for c in [f"{key}-{number}"] if self._catalogue.knows(c)]
        found += [i for m in ANNEX.finditer(folded) for key in keys if (i := self._annexed(key, m.group(1)))]
        if "MIIT" in named:
            found += self._articles(folded)
        if "JSSF" in named:
            found += [s for m in SCENE_NUMBER.finditer(folded) if self._catalogue.knows(s := f"JSSF-{int(m.group(1)):02d}")]
        if any(f"{fold(key)}-" in folded for key in self._catalogue.standards):
            found += [i for i in self._catalogue.clauses if fold(i) in folded]
        return list(dict.fromkeys(found))

    def _annexed(self, key: str, written: str) -> str:
        """The id of `a.3-5`, `a2 a.1-1` or plain `a` in an annex; the longest beginning that names something."""
        steps = re.findall(r"[a-z]|\d+", written)
        beginnings = (key.lower() + "".join(steps[:n]) for n in range(len(steps), 0, -1))
        return next((self._bare_ids[bare] for bare in beginnings if bare in self._bare_ids), "")

    @cached_property
    def _bare_ids(self) -> dict[str, str]:
        """Ids by their letters and digits alone."""
        return {re.sub(r"[^a-z0-9]", "", i.lower()): i for i in (*self._catalogue.sections, *self._catalogue.clauses) if i.isascii()}

    def _articles(self, folded: str) -> list[str]:
        numbers = (parse_numeral(m.group(1) or m.group(2)) for m in ARTICLE.finditer(folded))
        return [i for n in numbers if n is not None and self._catalogue.knows(i := f"MIIT-{n:02d}")]

    def _for_each(self, folded: str, named: list[str]) -> tuple[str, ...]:
        """For each of several standards, what is asked of it: the clauses that name it, and those that name none."""
        clauses = [clause for clause in re.split(r"[,;。；？！?!]", folded) if clause.strip()]
        owners = [set(self._standards(clause)[0]) for clause in clauses]
        return tuple(
            self._search_text(text, text)
            for key in named
            for text in [" ".join(c for c, owner in zip(clauses, owners, strict=True) if not owner or key in owner)]
        )

    def _parts(self, text: str) -> tuple[str, ...]:
        parts = [part.strip(" ，,、：:") for part in SPLITTERS.split(text) if part]
        parts = [part for part in parts if len(part) >= 6]
        return tuple(parts) if len(parts) > 1 else ()


def _above(level: FactoryLevel) -> FactoryLevel:
    return FACTORY_LEVELS[min(FACTORY_LEVELS.index(level) + 1, len(FACTORY_LEVELS) - 1)]


def _occurrences(text: str, word: str) -> list[int]:
    return [m.start() for m in re.finditer(re.escape(word), text)]


def _sounding(text: str, name: str) -> list[int]:
    """Places where three characters sound like `name`, two of them being its own and the third another."""
    if len(name) != 3 or not "一" <= name[0] <= "鿿":
        return []
    wanted = _sounds(name)
    spots = ((at, text[at : at + 3]) for at in range(len(text) - 2))
    return [at for at, heard in spots if sum(a == b for a, b in zip(heard, name, strict=True)) == 2 and _sounds(heard) == wanted]
