from hypothesis import given
from hypothesis import strategies as st

from mtkit.engines.batching import in_batches


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
