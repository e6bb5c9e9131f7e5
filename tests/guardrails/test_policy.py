"""The policy is data; a mistake in it refuses to start and names the line."""

from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from guardrails.policy import load_policy

GOOD = "rules:\n  pii: {input: redact, tool: allow, output: redact}\n"


def refused(tmp_path: Path, text: str) -> ConfigurationError:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_policy(path)
    return caught.value


def test_the_shipped_policy_loads_and_says_what_to_do_with_every_family() -> None:
    policy = load_policy()
    for rule in (
        "text.empty",
        "pii.mobile",
        "secret.token",
        "leak.instructions",
        "injection.override",
        "jailbreak.role_play",
        "unsafe.crime",
    ):
        assert policy.rule(rule) is not policy.rule("nothing.of.the.kind")
    for attack in ("injection.override", "jailbreak.role_play", "unsafe.crime"):
        assert policy.rule(attack).input == "block"
        assert policy.rule(attack).line


def test_an_operators_own_policy_is_read_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_policy(path).rule("pii.mobile").input == "redact"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rules:\n  pii: {input: redact, tool: allow, output: redact}\n  bad: {input: blokc, tool: allow, output: allow}\n", 3),
        ("rules:\n  pii:\n    input: redact\n    tool: allow\n    output: redact\n    audence: [staff]\n", 6),
        ("rules:\n  # a comment\n  pii: {input: redact, tool: allow}\n", 3),
        ("rules:\n  pii: {input: redact, tool: allow, output: redact, audience: [boss]}\n", 2),
        ("rulez: {}\n", 1),
    ],
)
def test_a_mistake_is_named_by_its_line(tmp_path: Path, text: str, line: int) -> None:
    error = refused(tmp_path, text)
    assert any(f"第 {line} 行" in detail.where for detail in error.detail), error.detail


def test_what_is_no_yaml_at_all_says_where(tmp_path: Path) -> None:
    assert "line " in refused(tmp_path, "rules:\n  - [\n").message


def test_a_policy_that_is_not_there_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="读不了"):
        load_policy(tmp_path / "none.yaml")
