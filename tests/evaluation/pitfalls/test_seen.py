from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.evaluation.pitfalls.seen import SeenSources

LINES = [f"Sentence number {n} of the corpus." for n in range(20_000)]
OTHERS = [f"Line {n} of another text." for n in range(20_000)]


def test_every_source_is_found_and_few_others_are_in_two_bytes_a_source() -> None:
    seen = SeenSources.build(iter(LINES), len(LINES))
    assert seen.n_bytes == 2 * len(LINES)
    found = seen.overlap(LINES)
    assert (found.n_seen, found.n_checked) == (len(LINES), len(LINES))
    assert found.is_real
    false = seen.overlap(OTHERS)
    assert false.n_checked == len(OTHERS)
    assert false.n_seen < 2 * len(OTHERS) / 2_000
    assert not false.is_real


def test_half_a_test_set_is_told_as_half() -> None:
    found = SeenSources.build(LINES, len(LINES)).overlap([*LINES[:500], *OTHERS[:500]])
    assert 500 <= found.n_seen <= 503
    assert str(found).startswith(f"{found.n_seen} of 1,000 distinct lines (50.")


def test_case_white_space_repetition_and_empty_lines_do_not_count() -> None:
    seen = SeenSources.build(["How  are you?", ""], 2)
    found = seen.overlap(["how are YOU? ", "How are you?", "", "  "])
    assert (found.n_seen, found.n_checked) == (1, 1)


def test_filter_survives_the_disk(tmp_path: Path) -> None:
    SeenSources.build(LINES, len(LINES)).write(tmp_path / "file")
    assert (tmp_path / "file").stat().st_size < 2.01 * len(LINES)
    found = SeenSources.read(tmp_path / "file").overlap([*LINES[:100], *OTHERS[:100]])
    assert 100 <= found.n_seen <= 102


def test_of_a_huge_corpus_every_second_source_is_kept() -> None:
    seen = SeenSources.build(LINES, (1 << 24) + 1)
    assert seen.n_bytes < 1 << 25
    found = seen.overlap([*LINES, *OTHERS])
    assert found.n_checked == pytest.approx(len(LINES), rel=0.05)  # half of both
    assert found.n_seen == pytest.approx(len(LINES) / 2, rel=0.05)


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"x" * 100])
def test_damaged_filter_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError, match="file: damaged"):
        SeenSources.read(tmp_path / "file")
