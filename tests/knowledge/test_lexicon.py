"""Chinese text as sparse vectors."""

from hypothesis import given
from hypothesis import strategies as st

from knowledge.lexicon import document_vector, fold, query_vector, token_id, tokens


class TestTokens:
    def test_characters_pairs_and_words(self) -> None:
        assert sorted(tokens("设备联网率")) == sorted(["设", "备", "联", "网", "率", "设备", "备联", "联网", "网率"])

    def test_words_of_three_characters_and_more_are_kept_whole(self) -> None:
        assert "产业链" in tokens("产业链上下游")

    def test_codes_stay_whole(self) -> None:
        assert tokens("GB/T 37950-2019") == ["gb/t", "37950-2019"]
        assert "7.3.1" in tokens("见7.3.1条")

    def test_width_and_case_do_not_matter(self) -> None:
        assert tokens("ＡＧＶ小车１２台") == tokens("agv小车12台")
        assert fold("ＧＢ／Ｔ") == "gb/t"

    def test_text_without_words_has_no_tokens(self) -> None:
        assert tokens("，。！？\n ") == []

    @given(st.text())
    def test_any_text_can_be_read(self, text: str) -> None:
        assert all(tokens(text))


class TestVectors:
    def test_a_tokens_dimension_never_changes(self) -> None:
        assert token_id("设备") == 1_878_089_015

    def test_a_query_meets_the_documents_that_share_its_words(self) -> None:
        query = query_vector("设备联网率")

        def score(text: str) -> float:
            return sum(weight * query.get(token, 0.0) for token, weight in document_vector(text).items())

        assert score("设备联网率的算法") > score("设备的维护") > score("人员培训") == 0

    def test_repetition_saturates(self) -> None:
        once, often = document_vector("设备"), document_vector("设备" * 50)
        assert once[token_id("设备")] < often[token_id("设备")] < 2.2

    def test_single_characters_count_a_third_in_a_query(self) -> None:
        query = query_vector("设备")
        assert query[token_id("设备")] == 1
        assert query[token_id("设")] == 1 / 3

    def test_expansions_weigh_less_and_never_lower_a_word_of_the_query(self) -> None:
        query = query_vector("设备", [("设备台账", 0.4)])
        assert query[token_id("设备")] == 1
        assert query[token_id("台账")] == 0.4

    def test_nothing_in_nothing_out(self) -> None:
        assert document_vector("") == query_vector("") == {}

    @given(st.text())
    def test_every_weight_is_positive(self, text: str) -> None:
        assert all(weight > 0 for weight in (*document_vector(text).values(), *query_vector(text).values()))
