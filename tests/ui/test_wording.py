"""Both languages say the same things."""

import re
from collections.abc import Iterator
from typing import Any

from ui.wording import FOLDER, load_wording

SLOT = re.compile(r"\{(\w+)\}")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from leaves(below, f"{path}.{number}")
    else:
        yield path, str(value)


def test_languages_have_the_same_keys_and_slots() -> None:
    chinese, english = (dict(leaves(load_wording(language).texts)) for language in ("zh-CN", "en"))
    assert {file.stem for file in FOLDER.glob("*.yaml")} == {"zh-CN", "en"}
    assert chinese.keys() == english.keys()
    for key, text in chinese.items():
        assert sorted(SLOT.findall(text)) == sorted(SLOT.findall(english[key])), key
        assert text.strip(), key


def test_four_groups_of_examples() -> None:
    for language in ("zh-CN", "en"):
        groups = load_wording(language).section("starters")
        assert [group["icon"] for group in groups] == ["staff", "operator", "evaluator", "developer"]
        assert all(2 <= len(group["questions"]) <= 3 for group in groups)


def test_a_tool_without_a_name_here_keeps_its_own() -> None:
    words = load_wording("zh-CN")
    assert words.step("search_standards").name == "检索条款"
    assert words.step("third_party_tool").name == "third_party_tool"
