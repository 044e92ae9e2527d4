from pathlib import Path

import pytest

from mtkit.data.cleaning.filters import HeldOut, Leakage
from mtkit.data.sources.pairs import Pairs
from mtkit.doctor.leakage import WAYS, HeldOutIndex, load_held_out, pair_hashes, save_held_out

HELD = [Pairs(["One apple.", "two"], ["Ein Apfel.", "zwei"]), Pairs(["three", "One apple."], ["drei", "Ein Apfel."])]


@pytest.fixture
def index(tmp_path: Path) -> HeldOutIndex:
    save_held_out(HELD, tmp_path)
    return load_held_out(tmp_path)


def leaks(index: HeldOutIndex, src: list[str], tgt: list[str]) -> dict[int, tuple[int, str]]:
    """The training row of each held-out pair that leaks, and how."""
    pairs = Pairs(src, tgt)
    return {number: (row, WAYS[way]) for row, number, way in index.leaks(pair_hashes(pairs), pairs)}


def test_each_held_out_pair_leaks_once_and_in_the_worst_way(index: HeldOutIndex) -> None:
    src = ["ONE apple!", "One apple.", "Two", "three", "four"]
    tgt = ["ein Apfel", "Ein Apfel.", "anders", "anders", "vier"]
    assert leaks(index, src, tgt) == {
        0: (1, "leaked_pairs"),
        3: (1, "leaked_pairs"),
        1: (2, "leaked_near_sources"),
        2: (3, "leaked_sources"),
    }
    assert leaks(index, src[:1], tgt[:1]) == {0: (0, "leaked_near_pairs"), 3: (0, "leaked_near_pairs")}


def test_empty_sources_do_not_leak(tmp_path: Path) -> None:
    save_held_out([Pairs(["", " "], ["leer", "leer"])], tmp_path)
    assert leaks(load_held_out(tmp_path), ["", " "], ["leer", "leer"]) == {}


def test_without_held_out_pairs_nothing_leaks(tmp_path: Path) -> None:
    save_held_out([], tmp_path)
    assert leaks(load_held_out(tmp_path), ["two"], ["zwei"]) == {}


@pytest.mark.parametrize("near", [True, False])
def test_cleaning_drops_what_the_doctor_finds(index: HeldOutIndex, near: bool) -> None:
    pairs = Pairs(["one apple", "One apple.", "two"], ["ein Apfel", "Ein Apfel.", "2"])
    ways = ("leaked_pairs", "leaked_near_pairs") if near else ("leaked_pairs",)
    kept = Leakage("pair", HeldOut.of(HELD, near=near))(pairs)
    for row, stays in enumerate(kept):
        found = leaks(index, pairs.src[row : row + 1], pairs.tgt[row : row + 1]).values()
        assert any(way in ways for _, way in found) is not stays
