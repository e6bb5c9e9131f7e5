"""Shop-floor words and the standards' terms behind them."""

import pytest
import yaml

from knowledge.lexicon import fold
from knowledge.thesaurus import THESAURUS, Thesaurus, ThesaurusEntry, load_thesaurus

WORDS = Thesaurus(
    [
        ThesaurusEntry(term="设备运维", said=["修机器", "机器老坏"]),
        ThesaurusEntry(term="预测性维护", said=["机器老坏", "坏之前知道"]),
        ThesaurusEntry(term="设备", said=["机器"]),
        ThesaurusEntry(term="自动导引运输车", said=["AGV"]),
    ]
)


def test_everyday_words_lead_to_terms() -> None:
    assert WORDS.terms("怎么修机器") == ["设备运维"]


def test_the_longest_word_is_the_one_meant() -> None:
    assert WORDS.terms("机器老坏怎么办") == ["设备运维", "预测性维护"]


def test_each_term_comes_once_in_the_order_of_the_words() -> None:
    assert WORDS.terms("机器、AGV、机器") == ["设备", "自动导引运输车"]


def test_width_and_case_do_not_matter() -> None:
    assert WORDS.terms("ａｇｖ多少钱") == ["自动导引运输车"]


def test_terms_do_not_lead_back_to_words() -> None:
    assert WORDS.terms("设备运维与预测性维护") == []


@pytest.mark.parametrize("text", ["", "天气真好"])
def test_other_words_lead_nowhere(text: str) -> None:
    assert WORDS.terms(text) == []


class TestWhatShips:
    def test_everyday_words_lead_to_terms(self) -> None:
        assert "故障预测" in load_thesaurus().terms("想在坏之前知道")

    def test_a_word_is_at_least_two_characters_and_not_its_own_term(self) -> None:
        entries = shipped()
        assert entries
        assert [entry.term for entry in entries for word in entry.said if len(word) < 2 or fold(word) == fold(entry.term)] == []

    def test_terms_and_their_words_come_once(self) -> None:
        terms = [entry.term for entry in shipped()]
        assert len(terms) == len(set(terms))
        assert [entry.term for entry in shipped() if len(set(entry.said)) < len(entry.said)] == []


def shipped() -> list[ThesaurusEntry]:
    return [ThesaurusEntry.model_validate(entry) for entry in yaml.safe_load(THESAURUS.read_text(encoding="utf-8"))]
