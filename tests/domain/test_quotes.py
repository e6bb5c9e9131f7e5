"""A quote counts only when it stands in the text word by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer import Answer, Citation, Sentence, is_verbatim

TEXT = "设备联网率不低于 90%，\n台账应每月更新（含备件）。"


@pytest.mark.parametrize(
    "quote", ["设备联网率", "不低于90%", "不低于 90%,台账", "90％，台账应", "台账应每月更新(含备件)", "台 账\n应每月", TEXT, f"  {TEXT}\n"]
)
def test_line_breaks_spaces_and_full_width_do_not_matter(quote: str) -> None:
    assert is_verbatim(quote, TEXT)


@pytest.mark.parametrize("quote", ["", "  \n", "设备入网率", "不低于 80%", "台账应每月更新。", "联网设备率", "更新台账"])
def test_one_other_word_is_no_quote(quote: str) -> None:
    assert not is_verbatim(quote, TEXT)


@given(st.text(min_size=1), st.data())
def test_any_stretch_of_a_text_is_a_quote_of_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    stretch = text[start:end]
    if stretch.isascii() and stretch.strip():
        assert is_verbatim(stretch, text)


def test_an_answer_lists_each_citation_once() -> None:
    one = Citation(clause_id="A-1", standard="甲", path=[], quote="甲", source="catalogue", verified=True)
    two = one.model_copy(update={"quote": "乙"})
    answer = Answer(text="", sentences=[Sentence(text="", citations=[one, two]), Sentence(text="", citations=[one])])
    assert answer.citations == [one, two]
