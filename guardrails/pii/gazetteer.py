"""Looking for thousands of words at once: by their first two characters, the longest first."""

from collections.abc import Iterable, Iterator, Sequence


class Gazetteer:
    """A set of words of two or more characters, found in a text in time that does not grow with the set."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = frozenset(word for word in words if len(word) >= 2)
        self._starts: dict[str, Sequence[str]] = {}
        for word in sorted(self.words, key=lambda word: (-len(word), word)):
            self._starts[word[:2]] = (*self._starts.get(word[:2], ()), word)

    def at(self, text: str, start: int) -> int:
        """Where the longest word that begins at `start` ends; `start` when none does."""
        for word in self._starts.get(text[start : start + 2], ()):
            if text.startswith(word, start):
                return start + len(word)
        return start

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Words in the order of the text, none over another."""
        starts = self._starts
        at = 0
        for index, pair in enumerate(map(str.__add__, text, text[1:])):
            if index >= at and pair in starts:
                end = self.at(text, index)
                if end > index:
                    yield index, end
                    at = end


class Endings:
    """A set of words, asked for what a text ends with at a spot."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._lengths = sorted({len(word) for word in self._words}, reverse=True)

    def before(self, text: str, end: int) -> int:
        """Where the longest word that ends at `end` begins; `end` when none does."""
        for length in self._lengths:
            if length <= end and text[end - length : end] in self._words:
                return end - length
        return end
