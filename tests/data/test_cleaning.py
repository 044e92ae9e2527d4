from pathlib import Path

import numpy as np
import pytest

from mtkit.config import CleaningConfig
from mtkit.data.cleaning import TextCleaning, drop_report, length_verdicts

KEPT, EMPTY, DUPLICATE, TOO_LONG, LENGTH_RATIO = range(5)


def verdicts_of(directory: Path, *chunks: list[tuple[str, str]], config: CleaningConfig | None = None) -> list[int]:
    with TextCleaning(directory, config or CleaningConfig()) as cleaning:
        for chunk in chunks:
            cleaning.add([src for src, _ in chunk], [tgt for _, tgt in chunk])
        return [int(verdict) for verdict in cleaning.finish()]


def test_every_occurrence_but_the_first_is_a_duplicate(tmp_path: Path) -> None:
    chunks = [[("a", "x"), ("b", "x"), ("a", "x")], [("a", "y"), ("a", "x"), ("b", "x")]]
    assert verdicts_of(tmp_path, *chunks) == [KEPT, KEPT, DUPLICATE, KEPT, DUPLICATE, DUPLICATE]


def test_duplicates_are_those_that_a_set_finds(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pairs = [(f"s{i}", f"t{j}") for i, j in rng.integers(0, 60, size=(5_000, 2)).tolist()]
    seen: set[tuple[str, str]] = set()
    expected = []
    for pair in pairs:
        expected.append(DUPLICATE if pair in seen else KEPT)
        seen.add(pair)
    assert verdicts_of(tmp_path, pairs[:1_777], pairs[1_777:]) == expected


def test_the_border_between_the_sides_counts(tmp_path: Path) -> None:
    assert verdicts_of(tmp_path, [("a b", "c"), ("a", "b c"), ("ab", "c"), ("a", "bc")]) == [KEPT] * 4


def test_an_empty_side_is_empty_and_not_a_duplicate(tmp_path: Path) -> None:
    assert verdicts_of(tmp_path, [("", "x"), ("x", "\u2028 \t"), ("", "x"), ("x", "x")]) == [EMPTY] * 3 + [KEPT]


def test_duplicates_stay_when_they_are_wanted(tmp_path: Path) -> None:
    config = CleaningConfig(drop_duplicates=False)
    assert verdicts_of(tmp_path, [("a", "x"), ("a", "x"), ("", "")], config=config) == [KEPT, KEPT, EMPTY]


def test_characters_are_counted_on_either_side(tmp_path: Path) -> None:
    with TextCleaning(tmp_path, CleaningConfig()) as cleaning:
        cleaning.add(["ab", "ä"], ["c", ""])
        assert cleaning.n_characters.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("src_tokens", "tgt_tokens", "expected"),
    [
        (1, 1, KEPT),
        (0, 5, EMPTY),
        (5, 0, EMPTY),
        (0, 0, EMPTY),
        (10, 10, KEPT),
        (11, 10, TOO_LONG),
        (10, 11, TOO_LONG),
        (2, 6, KEPT),
        (2, 7, LENGTH_RATIO),
        (10, 3, LENGTH_RATIO),
        (11, 1, TOO_LONG),
    ],
)
def test_lengths_are_judged_by_the_first_limit_that_is_exceeded(
    src_tokens: int, tgt_tokens: int, expected: int
) -> None:
    config = CleaningConfig(max_tokens=10, max_ratio=3)
    lengths = [np.array([tokens], dtype=np.int32) for tokens in (src_tokens, tgt_tokens)]
    assert length_verdicts(lengths[0], lengths[1], config).tolist() == [expected]


def test_the_report_names_the_reasons_that_occurred() -> None:
    assert drop_report(np.array([7, 0, 2, 0, 1])) == {"duplicate": 2, "length_ratio": 1}
