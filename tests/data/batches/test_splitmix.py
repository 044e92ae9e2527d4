import numpy as np

from mtkit.data.batches.splitmix import splitmix64


def test_the_bits_are_those_of_the_published_generator() -> None:
    """Vigna's splitmix64.c, of which the n-th output with seed 0 is that of the number n."""
    numbers = np.array([1, 2, 3], dtype=np.uint64)
    assert [f"{bits:016x}" for bits in splitmix64(numbers).tolist()] == [
        "e220a8397b1dcdaf",
        "6e789e6aa1b965f4",
        "06c45d188009454f",
    ]


def test_each_key_has_other_bits_and_a_number_the_same_in_any_order() -> None:
    numbers = np.arange(10_000, dtype=np.uint64)
    keyed = [splitmix64(numbers, key) for key in range(3)]
    assert len(np.unique(np.concatenate(keyed))) == 30_000
    assert (splitmix64(numbers[::-1], 2)[::-1] == keyed[2]).all()
    halves = np.concatenate(keyed) >> np.uint64(63)
    assert abs(halves.mean() - 0.5) < 0.02
