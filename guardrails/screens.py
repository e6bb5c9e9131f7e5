"""All screens of the platform: which detectors look at what, in order, in one list each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .attacks import AttackDetector, IndirectDetector
from .findings import Detector, Finding
from .limits import TextLimits
from .normalise import View
from .pii.detector import ALL_RULES, PiiDetector
from .policy import Direction, Policy
from .pseudonyms import FORGED, Pseudonyms, TokenDetector, hidden, hidden_in_place
from .screen import Rewrite, Screen
from .secrets import PromptLeakDetector, SecretDetector

PII = "pii."


@dataclass(frozen=True)
class Screens:
    """One screen for each way that a text can go."""

    input: Screen
    """What somebody asks, and every argument they give."""
    data: Screen
    """What was read and is about to be shown to a model: passages, tool results, names of files."""
    output: Screen
    """Whole sentences that are about to be said."""
    stream: Screen
    """The same on its way out, piece by piece: what can be told from a few characters."""
    policy: Policy
    """What all of them decide by."""


def build_screens(policy: Policy, longest_question: int, instructions: Sequence[str], *, report_all: bool = False) -> Screens:
    """The platform's screens by one policy.

    Args:
        policy: what is done about findings.
        longest_question: characters.
        instructions: our own prompts, which must not leave.
        report_all: look also for personal data that the policy lets pass, for reports; it costs five times as much.

    Raises:
        ConfigurationError: a detector's data are missing or wrong.
    """

    def pii(direction: Direction) -> PiiDetector:
        return PiiDetector({rule for rule in ALL_RULES if report_all or policy.rule(rule).action(direction) != "allow"})

    def screen(direction: Direction, *detectors: Detector) -> Screen:
        return Screen(direction, detectors, policy, rewrite)

    limits, tokens, secrets, leaks = TextLimits(longest_question), TokenDetector(), SecretDetector(), PromptLeakDetector(instructions)
    attacks = AttackDetector()
    return Screens(
        input=screen("input", limits, tokens, secrets, pii("input"), attacks),
        data=screen("tool", tokens, secrets, pii("tool"), IndirectDetector()),
        output=screen("output", secrets, leaks, pii("output"), attacks),
        stream=screen("output", secrets, leaks, pii("output")),
        policy=policy,
    )


def masking() -> Callable[[str], str]:
    """How a text reads that becomes public: identifiers, people and addresses hidden for good, every other character at its place."""
    detector = PiiDetector(ALL_RULES - {"pii.company", "pii.uscc"})
    return lambda text: hidden_in_place(text, found) if (found := detector.find(View.of(text))) else text


def rewrite(finding: Finding, value: str) -> str:
    """How a redacted spot reads for good: personal data masked as its kind asks, the rest as `replaced` has it."""
    return hidden(finding, value) if finding.rule.startswith(PII) else replaced(finding, value)


def pseudonymous(pseudonyms: Pseudonyms) -> Rewrite:
    """How it reads within a run: personal data under other names, and nothing that only looks like one of those."""

    def write(finding: Finding, value: str) -> str:
        named = finding.rule.startswith(PII) or finding.rule == FORGED
        return pseudonyms.token(finding, value) if named else replaced(finding, value)

    return write


def replaced(finding: Finding, value: str) -> str:
    """Keys are named, planted instructions and invisible characters are gone, what looks like our token is written otherwise."""
    if finding.rule == FORGED:
        return f"（{value[1:-1]}）"
    return "〔密钥〕" if finding.rule.startswith("secret.") else ""
