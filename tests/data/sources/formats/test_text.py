import bz2
import lzma
from pathlib import Path

import pytest

from mtkit.data.sources import pairs
from mtkit.errors import DataError
from tests.data.conftest import WriteLines, pairs_of, source_of


def test_columns_with_names_have_them_in_the_first_line(
    write_lines: WriteLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "CHUNK_PAIRS", 2)
    path = write_lines("a.tsv", ["id\tde\ten\tquality", "1\teins\tone\t0.5", "2\tzwei\ttwo\t1e-3", "3\tdrei\ttri\t-2"])
    source = source_of({"tsv": path, "columns": ["en", "de"], "score": "quality"})
    assert pairs_of(source) == [("one", "eins"), ("two", "zwei"), ("tri", "drei")]
    assert [score for chunk in source.chunks() for score in chunk.scores or []] == [0.5, 0.001, -2.0]
    assert [segment for chunk in source.one_side(1) for segment in chunk] == ["eins", "zwei", "drei"]


def test_columns_by_number_take_the_first_line_too(write_lines: WriteLines) -> None:
    path = write_lines("a.tsv", ["0.1\tone\teins", "7\ttwo\tzwei"])
    [chunk] = source_of({"tsv": path, "columns": [1, 2], "score": 0}).chunks()
    assert chunk == (["one", "two"], ["eins", "zwei"], [0.1, 7.0])


def test_a_file_of_a_header_alone_has_no_pairs(write_lines: WriteLines) -> None:
    assert pairs_of(source_of({"tsv": write_lines("a.tsv", ["en\tde"]), "columns": ["en", "de"]})) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ["en", "nl"]}, r"a\.tsv:1: no column nl \(there are en, de, q\)"),
        ({"columns": ["en", "de"], "score": "q"}, r"a\.tsv:3: the score 'high' is not a number"),
        ({"columns": [0, 1], "score": 2}, r"a\.tsv:1: the score 'q' is not a number"),
        ({"columns": [0, 3]}, r"a\.tsv:1: 3 column\(s\) where the recipe takes columns 0 and 3"),
        ({"columns": [0, 1], "score": 5}, r"a\.tsv:1: 3 column\(s\) where the recipe takes columns 0, 1 and 5"),
    ],
)
def test_what_is_not_there_is_named(options: dict[str, object], message: str, write_lines: WriteLines) -> None:
    path = write_lines("a.tsv", ["en\tde\tq", "one\teins\t1", "two\tzwei\thigh"])
    with pytest.raises(DataError, match=message):
        pairs_of(source_of({"tsv": path} | options))


@pytest.mark.parametrize(("columns", "score", "twice"), [(["a", "b"], "q", "q"), (["a", "c"], None, "c")])
def test_a_name_of_two_columns_is_refused(
    columns: list[str], score: str | None, twice: str, write_lines: WriteLines
) -> None:
    path = write_lines("a.tsv", ["a\tb\tc\tc\tq\tq", "one\teins\tx\ty\t1\t2"])
    with pytest.raises(DataError, match=rf"a\.tsv:1: 2 columns are called {twice}; give each its own name"):
        pairs_of(source_of({"tsv": path, "columns": columns, "score": score}))


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9])
def test_a_limit_takes_the_first_pairs(limit: int, write_lines: WriteLines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "CHUNK_PAIRS", 2)
    rows = [(f"s{n}", f"t{n}") for n in range(4)]
    path = write_lines("a.tsv", [f"{src}\t{tgt}\t{n}" for n, (src, tgt) in enumerate(rows)])
    source = source_of({"tsv": path, "limit": limit, "score": 2})
    assert pairs_of(source) == rows[:limit]
    assert [score for chunk in source.chunks() for score in chunk.scores or []] == list(range(4))[:limit]
    assert [segment for chunk in source.one_side(0) for segment in chunk] == [src for src, _ in rows[:limit]]
    assert source.name == "a"


def test_files_packed_otherwise_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.tsv.xz").write_bytes(lzma.compress(b"one\teins\n"))
    (tmp_path / "b.tsv.bz2").write_bytes(bz2.compress(b"two\tzwei\n"))
    assert pairs_of(source_of(str(tmp_path / "a.tsv.xz"))) == [("one", "eins")]
    assert source_of(str(tmp_path / "b.tsv.bz2")).name == "b"
    assert pairs_of(source_of(str(tmp_path / "b.tsv.bz2"))) == [("two", "zwei")]
