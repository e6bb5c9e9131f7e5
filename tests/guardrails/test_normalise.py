"""The folded form: what detectors look at, with the way back to the characters as they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.normalise import View


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("１３８，ＡＢＣ", "138,ABC"),
        ("1\u200b3\u00ad8", "138"),
        ("1\ufe0f\u20e33\u20e3", "13"),
        ("1\u03363\u0336", "13"),
        ("①③⑧", "138"),
        ("१३८", "138"),
        ("138–1234−5678", "138-1234-5678"),
        ("Ѕystem", "System"),
        ("甲\u3000乙\u00a0丙", "甲 乙 丙"),
        ("甲。乙、丙", "甲。乙、丙"),
    ],
)
def test_what_a_text_folds_to(text: str, folded: str) -> None:
    assert View.of(text).folded == folded


@given(st.text(st.characters(), max_size=60))
def test_every_folded_character_came_from_its_own_place(text: str) -> None:
    view = View.of(text)
    ends = [view.span(at, at + 1) for at in range(len(view.folded))]
    assert all(0 <= start < end <= len(text) for start, end in ends)
    assert ends == sorted(ends)
    assert len(view.lowered) == len(view.folded)


@given(st.text(st.sampled_from("甲乙ａ１，。 \u3000\n-–\u200bЅ"), max_size=30), st.text(st.sampled_from("甲１\u200b，"), max_size=30))
def test_a_text_folds_the_same_alone_and_beside_others(first: str, second: str) -> None:
    assert View.of(first + second).folded == View.of(first).folded + View.of(second).folded
