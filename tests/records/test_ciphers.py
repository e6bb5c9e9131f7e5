import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ConfigurationError
from records.ciphers import CODES, Algorithm, Box, WrongCiphertext, algorithm_name

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
ALGORITHMS = st.sampled_from(sorted(CODES))
NONCE = bytes(12)


@given(algorithm=ALGORITHMS, text=st.binary(max_size=200), bound=st.binary(max_size=20), nonce=st.binary(min_size=12, max_size=12))
def test_what_was_sealed_opens(algorithm: Algorithm, text: bytes, bound: bytes, nonce: bytes) -> None:
    sealed = Box(algorithm, KEY).seal(nonce, text, bound)
    assert len(sealed) == len(text) + Box(algorithm, KEY).overhead
    assert Box(algorithm, KEY).open(nonce, sealed, bound) == text


@given(algorithm=ALGORITHMS, text=st.binary(max_size=60), data=st.data())
def test_any_single_flipped_bit_is_found(algorithm: Algorithm, text: bytes, data: st.DataObject) -> None:
    box, bound = Box(algorithm, KEY), b"bound"
    parts = [NONCE, box.seal(NONCE, text, bound), bound]
    which = data.draw(st.integers(0, 2))
    damaged = bytearray(parts[which])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    parts[which] = bytes(damaged)
    with pytest.raises(WrongCiphertext):
        box.open(*parts)


@given(algorithm=ALGORITHMS, length=st.integers(0, 60))
def test_a_cut_off_ciphertext_and_another_key_open_nothing(algorithm: Algorithm, length: int) -> None:
    sealed = Box(algorithm, KEY).seal(NONCE, b"x" * 60, b"")
    with pytest.raises(WrongCiphertext):
        Box(algorithm, KEY).open(NONCE, sealed[:length], b"")
    with pytest.raises(WrongCiphertext):
        Box(algorithm, OTHER).open(NONCE, sealed, b"")


def test_two_algorithms_do_not_open_each_others_values() -> None:
    sealed = {name: Box(name, KEY).seal(NONCE, b"x" * 40, b"") for name in CODES}
    for mine in CODES:
        for other in CODES:
            if mine != other:
                with pytest.raises(WrongCiphertext):
                    Box(mine, KEY).open(NONCE, sealed[other], b"")


def test_a_box_shows_nothing_of_its_key() -> None:
    assert repr(Box("sm4-gcm", KEY)) == "Box(sm4-gcm)"


@pytest.mark.parametrize("name", sorted(CODES))
def test_the_algorithms_of_this_machine(name: str) -> None:
    assert algorithm_name(name) == name


def test_an_algorithm_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ConfigurationError, match="aes-256-gmc") as caught:
        algorithm_name("aes-256-gmc")
    assert "aes-256-gcm" in caught.value.detail[0].cure
