"""Hashed word and character n-grams of a text, in numpy alone: the same for training and for use.

A token is a word of Latin letters, a run of digits (all runs are the same token) or any other single character, so that Chinese is
read by character and English by word. One to three neighbouring tokens and the stem of a long word are the features. No dictionary is
needed, nothing is slower on hostile text, and one pass serves every segment of a document.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BITS = 18
BUCKETS = 1 << BITS
STEM = 5
"""Letters of a word that its inflections share."""
LONGEST_WORD = 32
"""Letters of a word that are looked at: a longer run is a code or a key."""
WIDTHS = (1, 2, 3)

Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]

_POWERS: Words = np.cumprod(np.full(LONGEST_WORD, 0x01000193, dtype=np.uint32), dtype=np.uint32)


@dataclass(frozen=True)
class Grams:
    """The features of a text: their buckets, and the first and the last of the tokens that each is made of."""

    buckets: Words
    first: Places
    last: Places
    places: Places
    """Where each token begins."""


def grams(text: str) -> Grams:
    """Features of folded, lower-case `text`, one kind behind the other; within a kind, in the order of the text."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32)
    hashes, stems, long, places = _tokens(codes)
    numbers = np.arange(len(hashes))
    found = [_mixed(stems[long] ^ np.uint32(0x5BD1E995))]
    first, last = [numbers[long]], [numbers[long]]
    run = np.zeros(len(hashes), dtype=np.uint32)
    for width in WIDTHS:
        count = len(hashes) - width + 1
        if count <= 0:
            break
        run = run[:count] * np.uint32(0x9E3779B1) + hashes[width - 1 :]
        found.append(_mixed(run + np.uint32(width)))
        first.append(numbers[:count])
        last.append(numbers[width - 1 :])
    return Grams(np.concatenate(found) >> np.uint32(32 - BITS), np.concatenate(first), np.concatenate(last), places)


def _tokens(codes: Words) -> tuple[Words, Words, npt.NDArray[np.bool_], Places]:
    """Per token: its hash, the hash of its stem, whether it is long enough to have one, and where it starts."""
    letters = ((codes >= 97) & (codes <= 122)) | ((codes >= 0xC0) & (codes <= 0x24F))
    digits = (codes >= 48) & (codes <= 57)
    kinds = letters.astype(np.int8) + 2 * digits.astype(np.int8)
    spaces = codes <= 32
    begins = np.ones(len(codes), dtype=bool)
    begins[1:] = (kinds[1:] != kinds[:-1]) | (kinds[1:] == 0)
    places = np.flatnonzero(begins)
    if not len(places):
        empty = np.zeros(0, dtype=np.uint32)
        return empty, empty, np.zeros(0, dtype=bool), places
    lengths = np.diff(np.append(places, len(codes)))
    within = np.arange(len(codes)) - np.repeat(places, lengths)
    values = np.where(digits, np.uint32(48) * (within == 0), codes).astype(np.uint32) + np.uint32(0x9E37) * ~digits
    weighted = np.where(within < LONGEST_WORD, values * _POWERS[np.minimum(within, LONGEST_WORD - 1)], 0).astype(np.uint32)
    hashes = _mixed(np.add.reduceat(weighted, places, dtype=np.uint32))
    stems = np.add.reduceat(np.where(within < STEM, weighted, 0).astype(np.uint32), places, dtype=np.uint32)
    kept = ~spaces[places]
    long = letters[places] & (lengths > STEM)
    return hashes[kept], stems[kept], long[kept], places[kept]


def _mixed(values: Words) -> Words:
    """A 32-bit finaliser (murmur3): every bit of the sum moves every bit of the bucket."""
    mixed = values ^ (values >> np.uint32(16))
    mixed = mixed * np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed = mixed * np.uint32(0xC2B2AE35)
    return mixed ^ (mixed >> np.uint32(16))
