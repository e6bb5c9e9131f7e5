"""The chain of detectors for one direction, and what the policy makes of their findings. A detector that fails to run blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from domain.principal import Principal
from knowledge.recent import Recent

from .findings import Detector, Finding
from .normalise import View
from .policy import SEVERITY, Action, Direction, Policy, Rule

Rewrite = Callable[[Finding, str], str]
"""How the value of a finding is written where it is redacted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one finding, and where it stands in the text as it was given."""

    rule: str
    action: Action
    reason: str
    """Chinese, for the person; never the value."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What may happen to a text: the strictest action, the text that may go on, and a verdict on everything that was found."""

    action: Action
    text: str
    """Empty when blocked."""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def blocked(self) -> bool:
        return self.action == "block"

    def events(self) -> list[dict[str, Any]]:
        """What a run's trace shows: everything but a plain allow, each rule once."""
        shown = {v.rule: {"rule": v.rule, "action": v.action, "reason": v.reason} for v in self.verdicts if v.action != "allow"}
        return list(shown.values())

    @property
    def reason(self) -> str:
        """Why it was blocked; empty otherwise."""
        return next((v.reason for v in self.verdicts if v.action == "block"), "")


UNCHANGING = "detectors"
"""Generation of what a screen remembers: its detectors stay the same for its life."""
REMEMBERED = 4096
"""Texts in which nothing at all was found, by hash: detectors are pure, and the same passages and questions come again and again."""


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Screen:
    """Every detector of one direction, in order. All look at the same text; redactions are made together at the end."""

    def __init__(self, direction: Direction, detectors: Sequence[Detector], policy: Policy, rewrite: Rewrite) -> None:
        self.direction: Direction = direction
        self._detectors = list(detectors)
        self._policy = policy
        self._rewrite = rewrite
        self._clean: Recent[bool] = Recent(REMEMBERED)

    def check(self, text: str, principal: Principal, *, known: str = "", start: int = 0, rewrite: Rewrite | None = None) -> Decision:
        """Decide about one text.

        Args:
            text: what is about to pass.
            principal: on whose behalf; its roles may be an audience of a rule.
            known: text that the principal has before it anyway (its question, quotes it may read): what stands there is not redacted.
            rewrite: how a redacted value is written, instead of this screen's own way.
            start: where what is about to pass begins; what stands before it has passed and is looked at for its meaning only.
        """
        if not start and self._clean.known(_digest(text), UNCHANGING):
            return Decision("allow", text)
        return self._decided(text, principal, known, start, rewrite or self._rewrite)

    def _decided(self, text: str, principal: Principal, known: str, start: int, rewrite: Rewrite) -> Decision:
        view = View.of(text)
        verdicts: list[Verdict] = []
        changes: list[Finding] = []
        for detector in self._detectors:
            try:
                found = detector.find(view)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check blocks
                reason = f"安全检查 {detector.name} 没有完成（{type(error).__name__}），已拦截"
                return Decision("block", "", (*verdicts, Verdict(detector.name, "block", reason, 0, len(text))))
            for finding in found:
                rule = self._policy.rule(finding.rule)
                action = self._action(rule, finding, text, principal, known)
                reason = (rule.line or finding.reason) if action == "block" else (finding.reason or rule.line)
                verdicts.append(Verdict(finding.rule, action, reason, finding.start, finding.end))
                if action == "redact":
                    changes.append(finding)
        if not verdicts:
            if not start:  # the pieces of a stream do not come again
                self._clean.recall(_digest(text), UNCHANGING, lambda: True)
            return Decision("allow", text[start:])
        action = strictest([v.action for v in verdicts])
        if action == "block":
            return Decision("block", "", tuple(verdicts))
        return Decision(action, self._rewritten(text, changes, start, rewrite), tuple(verdicts))

    def _action(self, rule: Rule, finding: Finding, text: str, principal: Principal, known: str) -> Action:
        action = rule.action(self.direction)
        if action == "redact" and (rule.audience & principal.roles or (known and text[finding.start : finding.end] in known)):
            return "allow"
        return action

    @staticmethod
    def _rewritten(text: str, changes: list[Finding], start: int, rewrite: Rewrite) -> str:
        """Overlapping findings are written once, as the one that begins first; of one that has begun to pass, the rest is not let go."""
        parts: list[str] = []
        at = start
        for finding in sorted(changes, key=lambda f: (f.start, -f.end)):
            if finding.end <= at:
                continue
            if finding.start >= at:
                parts += [text[at : finding.start], rewrite(finding, text[finding.start : finding.end])]
            at = finding.end
        return "".join([*parts, text[at:]])


def strictest(actions: Sequence[Action]) -> Action:
    return max(actions, key=SEVERITY.index) if actions else "allow"
