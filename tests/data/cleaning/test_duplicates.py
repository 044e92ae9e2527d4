from pathlib import Path

import numpy as np
import pytest

from mtkit.data.cleaning import duplicates
from mtkit.data.cleaning.duplicates import EqualKeys, hashes_of, later_ones, repeats


@pytest.mark.parametrize("run_records", [1 << 18, 100])
def test_repeats_are_those_that_a_set_finds(run_records: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_RUN_RECORDS", run_records)
    rng = np.random.default_rng(1)
    keys = [str(i).encode() for i in rng.integers(0, 2_000, size=5_000).tolist()]
    counts = rng.random(5_000) < 0.7
    seen: set[bytes] = set()
    expected = set()
    for row in np.flatnonzero(counts).tolist():
        if keys[row] in seen:
            expected.add(row)
        seen.add(keys[row])
    found: list[int] = []
    with EqualKeys(tmp_path / "keys") as search:
        for start in range(0, 5_000, 37):
            chunk = keys[start : start + 37]
            search.add(hashes_of(chunk), np.arange(start, start + len(chunk)))
        for rows, new, _ in search.groups():
            found += later_ones(rows, new, counts[rows]).tolist()
    assert sorted(found) == sorted(expected)
    assert not list(tmp_path.iterdir())


def test_a_search_without_keys_finds_nothing(tmp_path: Path) -> None:
    with EqualKeys(tmp_path / "keys") as search:
        search.add(hashes_of([]), np.arange(0))
        assert all(len(rows) == 0 for rows, *_ in search.groups())


@pytest.mark.parametrize("half", [False, True])
def test_repeats_are_those_that_a_dictionary_finds(tmp_path: Path, half: bool) -> None:
    rng = np.random.default_rng(1)
    # Few different halves, over all parts: many rows share the first half alone.
    hashes = rng.integers(0, 2**63, 700, dtype=np.uint64)[rng.integers(0, 700, (5_000, 2))]
    seen: dict[tuple[int, ...], int] = {}
    expected = {}
    for row, (high, low) in enumerate(hashes.tolist()):
        key = (high,) if half else (high, low)
        if key in seen:
            expected[row] = seen[key]
        seen.setdefault(key, row)
    with EqualKeys(tmp_path / "hashes") as search:
        search.add(hashes[:1_234], np.arange(1_234))
        search.add(hashes[1_234:], np.arange(1_234, 5_000))
        found = [repeats(group.rows, group.new_high if half else group.new) for group in search.groups()]
    again, first = (np.concatenate(side).tolist() for side in zip(*found, strict=True))
    assert dict(zip(again, first, strict=True)) == expected
    assert len(expected) > 5
