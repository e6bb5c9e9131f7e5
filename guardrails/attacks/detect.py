"""The two detectors: `AttackDetector` for what people type, `IndirectDetector` for what was read (passages, files, tool output, names).

Both look at the folded text and at what was hidden in it, first by phrases and then by the models. They differ in what they expect:
a person asks and orders by right, so a request is judged by what it wants; a document has no business addressing the assistant at all,
so there each sentence is judged by whom it speaks to, and exactly those sentences are reported.
"""

import re
from collections.abc import Iterator, Sequence

from guardrails.findings import Finding
from guardrails.normalise import View

from .decode import candidates
from .model import Judgement, Model, load_model
from .phrases import FRAME, Hit, Phrases, load_families
from .sensitivity import Limits, Sensitivity, load_sensitivity
from .sentences import FENCE, starts

CHINESE = re.compile(r"[\u4e00-\u9fff]")
HIDDEN = "jailbreak.obfuscated"
INDIRECT = "injection.indirect"
ASKED = re.compile(r"(?:^|\n)[^\S\n]{0,4}(?:user|human|用户|人类)[^\S\n]{0,2}:")
ANSWERED = re.compile(r"(?:^|\n)[^\S\n]{0,4}(?:assistant|ai|bot|chatgpt|助手|助理)[^\S\n]{0,2}:")
DIALOGUE = "jailbreak.fake_dialogue"
WINDOW = 400
"""Characters that are judged together."""
MOST_WINDOWS = 60
TOGETHER = 8
"""Windows whose features are made at once."""
PHRASE_SCORE = 0.99
SHORT_SHARE = 0.08
"""Share of Chinese characters from which a text counts as Chinese: a character says as much as a word."""


class AttackDetector:
    """Finds attacks and unsafe requests in what a user sends."""

    name = "attacks"

    def __init__(self, sensitivity: Sensitivity | None = None, model: Model | None = None) -> None:
        self._sensitivity = sensitivity or load_sensitivity()
        self._model = model or load_model()
        self._phrases = Phrases(load_families(), "user")

    def find(self, view: View) -> Sequence[Finding]:
        """Findings in the order of the text; none for an ordinary question."""
        hits = self._phrases.find(view.lowered)
        framed = any(hit.rule.startswith(FRAME) for hit in hits)
        found = [_finding(view, h.rule, h.start, h.end, PHRASE_SCORE, h.reason) for h in hits if not h.rule.startswith(FRAME)]
        found += self._hidden(view)
        found += self._dialogue(view)
        found += self._judged(view, framed)
        return sorted(found, key=lambda finding: (finding.start, finding.end))

    def score(self, view: View) -> float:
        """The threshold up to which one limit for every text would flag this one, for operating curves."""
        if any(finding.score == PHRASE_SCORE for finding in self.find(view)):
            return 1.0
        return self._clearest(view.lowered)[0].score

    def _judged(self, view: View, framed: bool) -> Iterator[Finding]:
        text = view.lowered
        limits = self._limits(text)
        judged, start, end = self._clearest(text)
        short = len(text) < self._sensitivity.thresholds.long_from
        if judged.score >= (limits.framed if framed else limits.short if short else limits.long):
            kind = self._sensitivity.kind(judged.kind, judged.score)
            yield _finding(view, kind.rule, start, end, judged.score, kind.reason)

    @staticmethod
    def _dialogue(view: View) -> Iterator[Finding]:
        """Turns of a conversation that never was, ending in one for the assistant to continue."""
        asked = ASKED.search(view.lowered)
        if asked and ASKED.search(view.lowered, asked.end()) and ANSWERED.search(view.lowered, asked.end()):
            yield _finding(view, DIALOGUE, asked.start(), len(view.lowered), PHRASE_SCORE, "伪造助手已经照做的对话")

    def _clearest(self, text: str) -> tuple[Judgement, int, int]:
        """The window of the text that looks most like an attack: an attack is one somewhere, and a long text is a little of everything."""
        once = _said_once(text)
        windows = _windows(len(once))
        scored = [one for group in _groups(windows) for one in self._scored(once, group)]
        judged, start, end = max(scored, key=lambda one: one[0].score)
        return (judged, start, end) if once == text else (judged, 0, len(text))

    def _scored(self, text: str, windows: Sequence[tuple[int, int]]) -> Iterator[tuple[Judgement, int, int]]:
        """Neighbouring windows, whose features are made together."""
        begin, end = windows[0][0], windows[-1][1]
        judged = self._model.judge_all(text[begin:end], [(start - begin, stop - begin) for start, stop in windows])
        for one, (start, stop) in zip(judged, windows, strict=True):
            yield one, start, stop

    def _hidden(self, view: View) -> Iterator[Finding]:
        for candidate in candidates(view.folded):
            inner = View.of(candidate.text).lowered
            hits = [hit for hit in self._phrases.find(inner) if not hit.rule.startswith(FRAME)]
            judged = self._model.judge(inner)
            if hits:
                yield _finding(view, HIDDEN, candidate.start, candidate.end, PHRASE_SCORE, f"隐藏的内容{hits[0].reason}")
            elif candidate.end - candidate.start < len(view.folded) and judged.score >= self._sensitivity.thresholds.hidden:
                reason = f"隐藏的内容{self._sensitivity.kinds[judged.kind].reason}"
                yield _finding(view, HIDDEN, candidate.start, candidate.end, judged.score, reason)

    def _limits(self, text: str) -> Limits:
        user = self._sensitivity.thresholds.user
        return user.zh if _chinese(text) else user.en


class IndirectDetector:
    """Finds instructions that somebody planted in data; each finding covers the whole sentences that carry one."""

    name = "indirect"

    def __init__(self, sensitivity: Sensitivity | None = None, model: Model | None = None) -> None:
        self._sensitivity = sensitivity or load_sensitivity()
        self._model = model or load_model()
        self._phrases = Phrases(load_families(), "data")

    def find(self, view: View) -> Sequence[Finding]:
        """Findings in the order of the text, neighbours joined; none for data that only informs."""
        text = view.lowered
        if not text.strip():
            return []
        begins = starts(view.folded)
        ends = [*begins[1:].tolist(), len(text)]
        segments = list(zip(begins.tolist(), ends, strict=True))
        marked: dict[int, tuple[float, str, str]] = {}
        for index, score in enumerate(self._model.instructions(text, begins).tolist()):
            if score >= self._limit(text[segments[index][0] : segments[index][1]]):
                marked[index] = (score, INDIRECT, "资料中夹带了写给助手的指令")
        for hit in [*self._phrases.find(text), *self._hidden(view)]:
            rule = hit.rule if hit.rule == "injection.tool" else INDIRECT
            for index in range(int(begins.searchsorted(hit.start, side="right")) - 1, len(segments)):
                if segments[index][0] >= max(hit.end, hit.start + 1):
                    break
                marked[index] = (PHRASE_SCORE, rule, f"资料中夹带了指令：{hit.reason}")
        self._with_code(text, segments, marked)
        return list(_joined(view, segments, marked))

    def scores(self, view: View) -> list[float]:
        """The sentence model's score of every sentence, for operating curves."""
        return self._model.instructions(view.lowered, starts(view.folded)).tolist()

    def _hidden(self, view: View) -> Iterator[Hit]:
        for candidate in candidates(view.folded):
            for hit in self._phrases.find(View.of(candidate.text).lowered)[:1]:
                yield Hit(hit.rule, candidate.start, candidate.end, f"隐藏的内容{hit.reason}")

    def _limit(self, sentence: str) -> float:
        return self._sensitivity.thresholds.data.zh if _chinese(sentence) else self._sensitivity.thresholds.data.en

    @staticmethod
    def _with_code(text: str, segments: Sequence[tuple[int, int]], marked: dict[int, tuple[float, str, str]]) -> None:
        """A fenced block that an instruction introduces goes with it."""
        for index in [*marked]:
            if index + 1 < len(segments) and text.startswith(FENCE, segments[index + 1][0]):
                marked.setdefault(index + 1, marked[index])


def _joined(view: View, segments: Sequence[tuple[int, int]], marked: dict[int, tuple[float, str, str]]) -> Iterator[Finding]:
    runs: list[list[int]] = []
    for index in sorted(marked):
        if runs and index == runs[-1][-1] + 1 and marked[index][1] == marked[runs[-1][-1]][1]:
            runs[-1].append(index)
        else:
            runs.append([index])
    for run in runs:
        score, rule, reason = max(marked[index] for index in run)
        yield _finding(view, rule, segments[run[0]][0], segments[run[-1]][1], score, reason)


def _finding(view: View, rule: str, start: int, end: int, score: float, reason: str) -> Finding:
    first, last = view.span(start, end)
    return Finding(rule, first, last, round(score, 4), reason)


def _chinese(text: str) -> bool:
    return len(CHINESE.findall(text[:2000])) >= SHORT_SHARE * len(text[:2000])


def _said_once(text: str) -> str:
    """`text` without its repeated lines: the model adds up what it sees, and a question is no worse for being asked again."""
    return "\n".join(dict.fromkeys(line.strip() for line in text.split("\n"))) if "\n" in text else text


def _groups(windows: Sequence[tuple[int, int]]) -> list[Sequence[tuple[int, int]]]:
    """Runs of windows that overlap, short enough that looking into all of them for each costs little."""
    groups: list[list[tuple[int, int]]] = []
    for window in windows:
        if groups and len(groups[-1]) < TOGETHER and window[0] < groups[-1][-1][1]:
            groups[-1].append(window)
        else:
            groups.append([window])
    return list(groups)


def _windows(size: int) -> list[tuple[int, int]]:
    """Overlapping windows over a text of `size` characters; of a very long one, those at its beginning and end."""
    starts_at = list(range(0, max(1, size - WINDOW // 2), WINDOW // 2))
    if len(starts_at) > MOST_WINDOWS:
        starts_at = [*starts_at[: MOST_WINDOWS // 2], *starts_at[-MOST_WINDOWS // 2 :]]
    return [(start, min(size, start + WINDOW)) for start in starts_at]
