"""The texts that the guard learns from: ours, many, and the same for a seed."""

from evals.guard_texts import Part, Writer, write_texts
from evals.train_guard import fit, rows
from guardrails.attacks.features import grams
from guardrails.attacks.model import OK, load_model
from knowledge.catalogue import load_catalogue


def test_choices_and_words_are_written_out() -> None:
    writer = Writer(1)
    writer.learn({"place": "here|there"})
    assert writer.write("{a|b} <place>") in {"a here", "a there", "b here", "b there"}
    assert writer.write("print({q})") == "print({q})"


def test_the_same_seed_writes_the_same_texts() -> None:
    catalogue = load_catalogue()
    first, again, other = (write_texts(catalogue, seed, scale=0.02) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert {item.label for item in first.requests} == set(load_model().classes)
    assert not [item.text for item in first.requests if "{q}" in item.text or "{g}" in item.text or "{x}" in item.text]


def test_what_is_held_out_and_the_rest_are_all_patterns_and_share_none() -> None:
    patterns = {"words": {"name": "a|b"}, "asks": [str(number) for number in range(10)]}
    for fold in range(4):
        rest, held_out = Part(fold, 4).of(patterns)["asks"], Part(fold, 4, held_out=True).of(patterns)["asks"]
        assert sorted([*rest, *held_out]) == patterns["asks"]
        assert held_out
    assert Part(1, 4).of(patterns)["words"] == patterns["words"]


def test_a_fit_tells_apart_what_it_was_shown() -> None:
    texts = write_texts(load_catalogue(), 7, scale=0.02).sentences
    data = rows(texts, [OK, "planted"])
    fitted = fit(data, 2)
    right = 0
    for item in texts:
        buckets = grams(item.text.lower()).buckets
        score = fitted.weights[buckets].sum(axis=0) / max(1, len(buckets)) ** 0.5 + fitted.bias
        right += int(score.argmax() == (item.label != OK))
    assert right > 0.9 * len(texts)
