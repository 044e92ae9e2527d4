from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtkit.engines.batching import checked_size, in_batches
from mtkit.errors import ConfigError


def test_sentences_are_batched_the_longest_first() -> None:
    assert list(in_batches([3, 9, 5, 1], 3, "sentences")) == [[1, 2, 0], [3]]
    assert list(in_batches([], 3, "sentences")) == []


def test_tokens_are_counted_with_padding() -> None:
    assert list(in_batches([4, 3, 2, 1], 8, "tokens")) == [[0, 1], [2, 3]]
    assert list(in_batches([20, 1], 8, "tokens")) == [[0], [1]]  # a sentence longer than a batch is one by itself


def test_a_batch_of_several_sentences_keeps_to_the_limit() -> None:
    assert list(in_batches([4, 4, 4], 3, "sentences", max_tokens=8)) == [[0, 1], [2]]
    assert list(in_batches([40, 4], 2, "sentences", max_tokens=8)) == [[0], [1]]


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(1, 60), st.sampled_from(["sentences", "tokens"]))
def test_every_sentence_is_in_one_batch(lengths: list[int], size: int, batch_type: str) -> None:
    batches = list(in_batches(lengths, size, batch_type))  # type: ignore[arg-type]
    assert sorted(number for batch in batches for number in batch) == list(range(len(lengths)))
    for batch in batches:
        n = len(batch) if batch_type == "sentences" else len(batch) * max(lengths[number] for number in batch)
        assert n <= size or len(batch) == 1


@pytest.mark.parametrize(
    ("size", "batch_type", "message"),
    [
        (0, "sentences", "batch size 0: must be at least 1"),
        (-1, "tokens", "batch size -1: must be at least 1"),
        (2.5, "tokens", "batch size 2.5: must be a whole number"),
        (True, "tokens", "batch size True: must be a whole number"),
        (None, "x", "batch type 'x': must be sentences or tokens"),
    ],
)
def test_an_impossible_batch_is_refused(size: Any, batch_type: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked_size(size, batch_type)


def test_a_batch_has_the_size_that_is_given() -> None:
    assert checked_size(7, "tokens") == 7
    assert checked_size(None, "tokens") == 2_000
