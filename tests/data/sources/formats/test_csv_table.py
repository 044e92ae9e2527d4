import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from mtkit.data.sources import pairs
from mtkit.errors import DataError
from tests.data.conftest import pairs_of, source_of


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", ",en,de\n0,a,b\n1,c,d\n", [("a", "b"), ("c", "d")]),
        ("a.csv", "en,de\na,b,\nc,d,\n", [("a", "b"), ("c", "d")]),
        ("a.csv", "en,de,\na,b,\n", [("a", "b")]),
        ("a.csv", "x,en,y,de\n1,a,,b\n", [("a", "b")]),
        ("a.csv", '\ufeffen,de\r\n"a\r\nb, ""c""","d"\r\n\r\n007,NA\r\n', [('a b, "c"', "d"), ("007", "NA")]),
        ("a.csv", 'en,de\n5" disk, "x"\n', [('5" disk', ' "x"')]),
        ("a.csv", "en;de\na,x;b\n", [("a,x", "b")]),
        ("a.csv", "en\tde\na,x\tb\n", [("a,x", "b")]),
        ("a.csv", "sep=|\r\nen|de\r\na;x|b,c\r\n", [("a;x", "b,c")]),
        ("a.csv", '"en","de"\n"a",b\n', [("a", "b")]),
        ("a.CSV", "translation.en,translation.de\na,b\n", [("a", "b")]),
        ("a.tsv", 'en\tde\n"a\nb"\tc, d\n5" x\ty "z"\n', [("a b", "c, d"), ('5" x', 'y "z"')]),
    ],
)
def test_what_can_be_read_exactly_is(
    name: str, content: str, expected: Sequence[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "CHUNK_PAIRS", 1)
    (tmp_path / name).write_bytes(content.encode())
    assert pairs_of(source_of({"hf": str(tmp_path / name)})) == expected
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(content.encode()))
    assert pairs_of(source_of({"hf": str(packed)})) == expected
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / f"train{Path(name).suffix.lower()}").write_bytes(content.encode())
    assert pairs_of(source_of({"hf": str(folder)})) == expected


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", "en,de\na, b,c\nd,e,\n", ":2: 3 fields where the first line names 2; put a field that has a comma"),
        ("a.csv", "en,de\na,b\nc,d,\n", ":3: 3 fields where the first line names 2"),
        ("a.csv", "en,de\na,b,\nc,d\n", ":3: 2 fields where the first line names 2 and the rows before have 3"),
        ("a.csv", "en,de\na,b\n\nc\n", ":4: 1 field where the first line names 2; write the missing comma"),
        ("a.csv", '"en","de"\n"1","a","b"\n', ":2: 3 fields .*name every column in the first line"),
        ("a.csv", "a,b\nc,d\n", r":1: no fields en and de \(it has a, b\); .*put a line with the names of the columns"),
        ("a.csv", "en,de,en\na,b,c\n", ":1: 2 columns are called en; give each its own name"),
        ("a.csv", 'en,de\n"a" b,c\n', r":2: a field goes on after its closing quotation mark"),
        ("a.csv", 'en,de\na,b\n"c,d\ne,f\n', r":3: a quotation mark opens a field that is never closed"),
        ("a.csv", 'en,de,"x\na,b,c\n', ":1: a quotation mark opens a field that is never closed"),
        ("a.csv", '"x\na,b"\nc\n', r":1: no fields en and de \(it has x\)"),
        ("a.csv", "en,de\ra,b\r", ":1: a carriage return without a line feed"),
        ("a.csv", "", ": is empty: the first line of a table names its columns"),
        ("a.tsv", 'en\tde\n"a\tb\nc\td\n"e\tf\n', r":2: a field goes on .*is read by \{tsv: a\.tsv\} instead of hf:"),
        ("a.tsv", 'en\tde\n"a\tb\nc\td\ne"\tf\n', r":2: a quotation mark opens a field that runs over a tab"),
        ("a.tsv", 'en\tde\na\tb\n"c\td\ne\tf"\n', r":3: 1 field .*over several lines.*\{tsv: a\.tsv\}"),
    ],
)
def test_what_is_unclear_is_refused_with_its_line(name: str, content: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content.encode())
    with pytest.raises(DataError, match=rf"{name}{reason}") as caught:
        pairs_of(source_of({"hf": str(tmp_path / name)}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("en,de\na,b\nc,ü\n".encode("latin-1"), ":3: byte 3 of the line is not UTF-8 .*iconv"),
        ("en,de\na,b\n".encode("utf-16"), ": is UTF-16: convert it with iconv -f utf-16 -t utf-8"),
        ("en,de\na,b\n".encode("utf-16-be"), ": is UTF-16BE: convert it with iconv"),
    ],
)
def test_another_encoding_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.csv{reason}"):
        pairs_of(source_of({"hf": str(tmp_path / "a.csv")}))


def test_a_column_may_hold_a_score(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('en,de,good\n"a\n",A,0.5\nb,B,x\n')
    source = source_of({"hf": str(path), "score": "good", "limit": 1})
    with pytest.raises(DataError, match=r"a\.csv:4: the score 'x' is not a number"):
        list(source.chunks())
    path.write_text("en,de,good\na,A,0.5\nb,B,2\n")
    assert [chunk.scores for chunk in source_of({"hf": str(path), "score": "good"}).chunks()] == [[0.5, 2.0]]
    with pytest.raises(DataError, match=r"a\.csv:1: no column bad \(there are en, de, good\)"):
        list(source_of({"hf": str(path), "score": "bad"}).chunks())
