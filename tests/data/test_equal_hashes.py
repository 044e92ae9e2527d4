from pathlib import Path

import numpy as np
import pytest

from mtkit.data.equal_hashes import EqualHashes


@pytest.mark.parametrize("first_half", [False, True])
def test_repeats_are_those_that_a_dictionary_finds(tmp_path: Path, first_half: bool) -> None:
    rng = np.random.default_rng(1)
    # Few different halves, over all partitions: many pairs share the first half alone.
    hashes = rng.integers(0, 2**63, 700, dtype=np.uint64)[rng.integers(0, 700, (5_000, 2))]
    seen: dict[tuple[int, ...], int] = {}
    expected = {}
    for pair, (high, low) in enumerate(hashes.tolist()):
        key = (high,) if first_half else (high, low)
        if key in seen:
            expected[pair] = seen[key]
        seen.setdefault(key, pair)
    with EqualHashes(tmp_path) as equal:
        equal.add(hashes[:1_234])
        equal.add(hashes[1_234:])
        found = [part.repeats(first_half=first_half) for part in equal.parts()]
    again, first = (np.concatenate(side).tolist() for side in zip(*found, strict=True))
    assert dict(zip(again, first, strict=True)) == expected
    assert len(expected) > 5
    assert list(tmp_path.iterdir()) == []
