import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.encoding import decode, encode, new_id, storable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_what_is_encoded_comes_back(value: object) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("value", ["\x00", "\ud800 半个字", 2**80, 2**64 + 1, -(2**63) - 1, {"a": "\udfff", "b": -(2**70)}])
def test_values_that_json_libraries_stumble_over_come_back_too(value: object) -> None:
    encoded = encode(value)
    assert decode(encoded) == value
    assert "\x00" not in encoded
    encoded.encode()


def test_a_number_that_json_does_not_have_becomes_nothing() -> None:
    assert decode(encode({"a": math.nan})) == {"a": None}


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_stored_text_is_free_of_what_databases_refuse(text: str) -> None:
    clean = storable(text)
    assert "\x00" not in clean
    clean.encode()
    assert len(clean) == len(text)
    assert storable(clean) == clean


def test_ids_are_different_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [each[:12] for each in ids] == sorted(each[:12] for each in ids)
