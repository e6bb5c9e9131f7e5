"""Shop-floor words and the terms the standards use for them (车间话 → 标准术语), as data."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domain.yaml_data import parse_yaml

from .lexicon import fold

THESAURUS = Path(__file__).parent / "data" / "thesaurus.yaml"


class ThesaurusEntry(BaseModel):
    """One term with the words people say instead of it."""

    model_config = ConfigDict(frozen=True)

    term: str
    said: list[str]


class Thesaurus:
    """Looks up the terms behind everyday words, in one direction only: what people say to what the standards write."""

    def __init__(self, entries: list[ThesaurusEntry]) -> None:
        self._terms: dict[str, list[str]] = {}
        for entry in entries:
            for word in entry.said:
                self._terms.setdefault(fold(word), []).append(entry.term)
        self._longest = max(map(len, self._terms), default=0)

    def terms(self, text: str) -> list[str]:
        """Terms for the words of `text`, longest words first matched, each term once."""
        folded = fold(text)
        found: dict[str, None] = {}
        at = 0
        while at < len(folded):
            for size in range(min(self._longest, len(folded) - at), 1, -1):
                terms = self._terms.get(folded[at : at + size])
                if terms:
                    found.update(dict.fromkeys(terms))
                    at += size - 1
                    break
            at += 1
        return list(found)


def load_thesaurus(path: Path = THESAURUS) -> Thesaurus:
    raw = parse_yaml(path.read_text(encoding="utf-8")) if path.exists() else []
    return Thesaurus([ThesaurusEntry.model_validate(item) for item in raw or []])
