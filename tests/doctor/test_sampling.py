import pytest

from mtkit.doctor.chunks import Chunk
from mtkit.doctor.sampling import PairSample


def drawn(n: int, size: int, chunk: int) -> list[int]:
    """The pairs that are drawn of ``n`` numbered ones, which come in chunks."""
    sample = PairSample(size)
    for start in range(0, n, chunk):
        lines = [str(i) for i in range(start, min(start + chunk, n))]
        sample.add(Chunk(0, start, lines, lines))
    assert all(pair.src == pair.tgt == str(pair.pair) for pair in sample.pairs())
    return [pair.pair for pair in sample.pairs()]


def test_a_sample_that_is_large_enough_has_all_pairs() -> None:
    assert drawn(100, 100, 30) == list(range(100))


@pytest.mark.parametrize("chunk", [7, 100, 10_000])
def test_the_chunks_do_not_decide_which_pairs_are_drawn(chunk: int) -> None:
    assert drawn(10_000, 50, chunk) == drawn(10_000, 50, 333)


def test_every_part_of_the_corpus_is_drawn_alike() -> None:
    parts = [
        sum(start <= pair < start + 2_500 for pair in drawn(10_000, 1_000, 512)) for start in range(0, 10_000, 2_500)
    ]
    assert sum(parts) == 1_000
    assert all(abs(n - 250) < 60 for n in parts)  # four standard deviations
