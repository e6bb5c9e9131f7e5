"""Texts that the guard learns from, made from the patterns in `data/guard_*.yaml`: all our own, in any number, the same for a seed."""

import base64
import codecs
import itertools
import random
import re
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from domain.errors import ConfigurationError
from guardrails.attacks.sentences import starts
from guardrails.normalise import View
from knowledge.catalogue import Catalogue

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
OWN = ("domain", "knowledge", "records", "agents", "serving")
CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")
NAME = re.compile(r"<([a-z]+)>")
SPEAKS_CHINESE = re.compile(r"[一-鿿]")

ENCODINGS: Sequence[Callable[[str], str]] = (
    lambda text: "b'" + base64.b64encode(text.encode()).decode() + "'",
    urllib.parse.quote,
    lambda text: text.encode().hex(),
    lambda text: codecs.encode(text, "rot13"),
    lambda text: text[::-1],
    lambda text: "".join(chr(ord(char) + 4) for char in text),
    lambda text: " ".join(text),
)
JAILBREAKS = frozenset({"role_play", "fiction", "forced_start", "encoded", "code_join", "fake_dialogue"})


@dataclass(frozen=True)
class Labelled:
    """One text and the class that it stands for."""

    text: str
    label: str


class Writer:
    """Writes out patterns: `{a|b}` is a choice, `<name>` a word of a list."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.words: dict[str, list[str]] = {}

    def learn(self, words: dict[str, str]) -> None:
        self.words |= {name: line.split("|") for name, line in words.items()}

    def write(self, pattern: str) -> str:
        while CHOICE.search(pattern):
            pattern = CHOICE.sub(lambda match: self.random.choice(match[1].split("|")), pattern)
        while NAME.search(pattern):
            pattern = NAME.sub(self._word, pattern, count=1)
        return pattern.strip()

    def _word(self, match: re.Match[str]) -> str:
        if match[1] not in self.words:
            raise ConfigurationError(f"没有词表 {match[1]}", where="evals/data/guard_*.yaml", cure="在 words 里补上，或改正写法")
        return self.random.choice(self.words[match[1]])

    def some(self, patterns: Sequence[str], count: int) -> list[str]:
        """`count` distinct texts as far as there are so many, every pattern about as often as the others."""
        found = dict.fromkeys(self.write(patterns[number % len(patterns)]) for number in range(count if patterns else 0))
        return list(found)


def read(name: str) -> Any:
    return yaml.safe_load((DATA / f"guard_{name}.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Part:
    """Which patterns are written out: of every list those of one fold, or all but those."""

    fold: int = 0
    folds: int = 1
    held_out: bool = False

    def of(self, data: Any) -> Any:
        """`data` with its lists of patterns cut; a list that is too short for the fold is left out of the held-out part."""
        if isinstance(data, dict):
            return {key: self.of(value) for key, value in data.items()}  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(data, list) or self.folds == 1:
            return data
        patterns: list[str] = data
        return [one for number, one in enumerate(patterns) if (number % self.folds == self.fold) is self.held_out]


ALL = Part()


@dataclass(frozen=True)
class Texts:
    """Everything that is written for one seed."""

    requests: list[Labelled]
    """What users send."""
    sentences: list[Labelled]
    """Sentences of documents: `ok` or `planted`."""


def write_texts(
    catalogue: Catalogue, seed: int = 7, per_class: int = 700, scale: float = 1.0, part: Part = ALL, *, written_only: bool = False
) -> Texts:
    """Thousands of texts per kind; `scale` shortens a trial. `written_only`: nothing that is not made from patterns."""
    writer = Writer(seed)
    benign = {"zh": part.of(read("benign_zh")), "en": part.of(read("benign_en"))}
    documents = part.of(read("documents"))
    frames = part.of(read("frames"))
    for words in (benign["zh"]["words"], benign["en"]["words"], documents["words"]):
        writer.learn(words)
    count = int(per_class * scale)
    risks: dict[str, list[Labelled]] = {}
    requests: list[Labelled] = []
    for language in ("zh", "en"):
        risks[language] = list(_risks(writer, part.of(read(f"risks_{language}")), frames[language]["plain"], count))
        requests += risks[language]
        requests += _attacks(writer, frames[language]["attack"], risks[language], count)
    innocent = _innocent(writer, benign, documents, None if written_only else catalogue, scale)
    requests += innocent
    requests += _mixed(writer, innocent, [r for r in requests if r.label != "ok"], int(6000 * scale))
    return Texts(requests, [] if written_only else list(_sentences(writer, documents, benign, catalogue, scale)))


def _risks(writer: Writer, classes: dict[str, dict[str, list[str]]], frames: list[str], count: int) -> Iterator[Labelled]:
    for label, patterns in classes.items():
        for goal in writer.some(patterns["goals"], count):
            yield Labelled(writer.write(writer.random.choice(frames)).replace("{g}", goal), label)
        for ask in writer.some(patterns["asks"], count // 2):
            yield Labelled(ask, label)


def _attacks(writer: Writer, wrappers: dict[str, list[str]], risks: list[Labelled], count: int) -> Iterator[Labelled]:
    for kind, patterns in wrappers.items():
        for pattern in writer.some(patterns, count):
            asked = writer.random.choice(risks)
            text = pattern
            while "{q}" in text:
                text = text.replace("{q}", writer.random.choice(risks).text if "{q}" in text.replace("{q}", "", 1) else asked.text, 1)
            cut = len(asked.text) // 2
            text = text.replace("{q1}", asked.text[:cut]).replace("{q2}", asked.text[cut:])
            text = text.replace("{x}", writer.random.choice(ENCODINGS)(asked.text))
            label = "jailbreak" if kind in JAILBREAKS else asked.label if kind == "research" else "injection"
            yield Labelled(text, label)


def _innocent(
    writer: Writer, benign: dict[str, Any], documents: dict[str, Any], catalogue: Catalogue | None, scale: float
) -> list[Labelled]:
    def some(patterns: list[str], count: int) -> list[str]:
        return writer.some(patterns, int(count * scale))

    clauses = list(catalogue.clauses.values()) if catalogue else []
    texts = [question for clause in clauses for question in clause.questions]
    texts += [clause.text for clause in clauses]
    texts += some(benign["zh"]["questions"], 9000) + some(benign["zh"]["requirements"], 4000) + some(benign["zh"]["chat"], 2000)
    texts += some(benign["en"]["questions"], 24000) + some(benign["en"]["prose"] + benign["en"]["stories"], 14000)
    texts += some(documents["documents"], 2500)
    for _ in range(int(5000 * scale)):
        texts.append("".join(_shuffled(writer, benign["zh"]["requirements"], 10)))
    for _ in range(int(6000 * scale)):
        texts.append(" ".join(_shuffled(writer, benign["en"]["prose"], 8)))
        texts.append(" ".join(_shuffled(writer, benign["en"]["stories"], 6)))
        texts.append(" ".join(writer.some(benign["en"]["questions"], writer.random.randint(2, 3))))
    texts += [source[at : at + 400] for source in (own_sources() if catalogue else []) for at in range(0, len(source), int(1200 / scale))]
    return [Labelled(text, "ok") for text in texts]


def own_sources() -> list[str]:
    """The code of this project, as English and technical texts that want nothing; what speaks of attacks left out."""
    files = [path for folder in OWN for pattern in ("*.py", "*.md") for path in sorted((ROOT / folder).rglob(pattern))]
    return [path.read_text(encoding="utf-8") for path in files]


def _shuffled(writer: Writer, patterns: list[str], most: int) -> list[str]:
    """A paragraph: sentences of different patterns in any order."""
    return [writer.write(pattern) for pattern in writer.random.sample(patterns, writer.random.randint(2, min(most, len(patterns))))]


def _mixed(writer: Writer, innocent: list[Labelled], attacks: list[Labelled], count: int) -> Iterator[Labelled]:
    """Attacks beside innocent words: what stands before or after an attack does not excuse it."""
    by_language: dict[bool, list[str]] = {True: [], False: []}
    for item in innocent:
        by_language[bool(SPEAKS_CHINESE.search(item.text))].append(item.text)
    for _ in range(count):
        attack = writer.random.choice(attacks)
        other = writer.random.choice(by_language[bool(SPEAKS_CHINESE.search(attack.text))])[:120]
        parts = [other, attack.text]
        writer.random.shuffle(parts)
        yield Labelled(writer.random.choice(["", " ", "\n", "。"]).join(parts), attack.label)


def _sentences(writer: Writer, documents: dict[str, Any], benign: dict[str, Any], catalogue: Catalogue, scale: float) -> Iterator[Labelled]:
    for patterns in documents["planted"].values():
        for text in writer.some(patterns, int(6000 * scale)):
            yield Labelled(text, "planted")
    ordinary = writer.some(documents["documents"], int(14000 * scale)) + writer.some(benign["en"]["prose"], int(4000 * scale))
    ordinary += writer.some(benign["zh"]["requirements"], int(5000 * scale))
    for clause in catalogue.clauses.values():
        ordinary += [part for part in re.split(r"(?<=[。；\n])", clause.text) if part.strip()] + [clause.title]
    for source in own_sources():
        begins = starts(View.of(source).folded).tolist()
        ordinary += [source[begin:end] for begin, end in itertools.pairwise([*begins, len(source)])]
    for text in ordinary:
        yield Labelled(text, "ok")
