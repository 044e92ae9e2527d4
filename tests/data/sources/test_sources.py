import gzip
from pathlib import Path

import pytest
import zstandard

from mtkit.data.sources import pairs
from mtkit.data.sources.sources import open_source, open_sources
from mtkit.errors import ConfigError, DataError
from mtkit.settings.source import SourceConfig
from tests.data.conftest import ToyData, WriteLines, pairs_of


def test_a_line_ends_at_a_line_feed_and_nowhere_else(tmp_path: Path, toy_data: ToyData) -> None:
    (tmp_path / "a.en").write_bytes("one\u2028still one\r\ntwo\u0085\rstill two\nthree\x00\x0bthree".encode())
    (tmp_path / "a.de").write_bytes("\ufeffeins\nzwei\n\n".encode())
    data = toy_data(train={"src": str(tmp_path / "a.en"), "tgt": str(tmp_path / "a.de")})
    assert pairs_of(open_sources(data)["train"][0]) == [
        ("one\u2028still one", "eins"),
        ("two\u0085\rstill two", "zwei"),
        ("three\x00\x0bthree", ""),
    ]


def test_packed_files_read_as_plain_ones_do(tmp_path: Path, toy_data: ToyData) -> None:
    text = b"eins\nzwei\n"
    (tmp_path / "a.en.gz").write_bytes(gzip.compress(text))
    # Two frames, as parallel packers write them.
    (tmp_path / "a.de.zst").write_bytes(zstandard.compress(text[:5]) + zstandard.compress(text[5:]))
    data = toy_data(train={"src": str(tmp_path / "a.en.gz"), "tgt": str(tmp_path / "a.de.zst")})
    assert pairs_of(open_sources(data)["train"][0]) == [("eins", "eins"), ("zwei", "zwei")]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_chunks_hold_every_pair_in_order(
    n: int, toy_data: ToyData, write_lines: WriteLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "CHUNK_PAIRS", 2)
    lines = [str(i) for i in range(n)]
    data = toy_data(train={"src": write_lines("a.en", lines), "tgt": write_lines("a.de", lines)})
    [source] = open_sources(data)["train"]
    assert pairs_of(source) == [(line, line) for line in lines]
    assert [line for chunk in source.one_side(1) for line in chunk] == lines


@pytest.mark.parametrize(("n_src", "n_tgt"), [(2, 3), (5, 3), (3, 0), (9_000, 20_000)])
def test_unequal_line_counts_name_both_files_and_counts(
    n_src: int, n_tgt: int, toy_data: ToyData, write_lines: WriteLines
) -> None:
    src, tgt = write_lines("a.en", ["x"] * n_src), write_lines("a.de", ["x"] * n_tgt)
    [source] = open_sources(toy_data(train={"src": src, "tgt": tgt}))["train"]
    with pytest.raises(DataError, match=rf"a\.en has {n_src:,} lines but .*a\.de has {n_tgt:,}:"):
        pairs_of(source)


def test_what_is_not_utf8_is_named_by_file_line_and_byte(tmp_path: Path, toy_data: ToyData) -> None:
    (tmp_path / "a.en").write_bytes(b"one\n" * 8_500 + b"caf\xe9\n" + b"one\n")
    data = toy_data(train={"src": str(tmp_path / "a.en"), "tgt": str(tmp_path / "a.en")})
    with pytest.raises(DataError, match=r"a\.en:8501: byte 4 of the line is not UTF-8 \(0xe9\)"):
        pairs_of(open_sources(data)["train"][0])


@pytest.mark.parametrize("name", ["torn.en.gz", "torn.en.zst"])
def test_a_torn_archive_is_named(name: str, tmp_path: Path, toy_data: ToyData) -> None:
    text = b"".join(b"line %d\n" % (i * i) for i in range(50_000))
    packed = gzip.compress(text) if name.endswith("gz") else zstandard.compress(text)
    (tmp_path / name).write_bytes(packed[: len(packed) // 2] + b"garbage")
    data = toy_data(train={"src": str(tmp_path / name), "tgt": str(tmp_path / name)})
    with pytest.raises(DataError, match=name):
        pairs_of(open_sources(data)["train"][0])


def test_tsv_columns_are_taken_by_number(toy_data: ToyData, write_lines: WriteLines) -> None:
    path = write_lines("a.tsv", ['id1\teins\t"one', "id2\tzwei\ttwo\textra"])
    [source] = open_sources(toy_data(train={"tsv": path, "columns": [2, 1]}))["train"]
    assert pairs_of(source) == [('"one', "eins"), ("two", "zwei")]


def test_a_tsv_row_with_too_few_columns_is_named_by_its_line(toy_data: ToyData, write_lines: WriteLines) -> None:
    path = write_lines("a.tsv", ["one\teins"] * 9_000 + ["two"])
    [source] = open_sources(toy_data(train=path))["train"]
    with pytest.raises(DataError, match=r"a\.tsv:9001: 1 column\(s\) where the recipe takes columns 0 and 1"):
        pairs_of(source)


def test_sources_are_called_after_their_files(toy_data: ToyData, write_lines: WriteLines) -> None:
    files = {"src": write_lines("news.2014.en.gz", []), "tgt": write_lines("news.2014.de.gz", [])}
    data = toy_data(train=[files, files, files | {"name": "mine"}, write_lines("b.tsv", [])])
    assert [source.name for source in open_sources(data)["train"]] == ["news.2014", "news.2014-2", "mine", "b"]


def test_two_test_sets_of_one_name_are_refused(toy_data: ToyData, write_lines: WriteLines) -> None:
    files = {"src": write_lines("test.en", ["x"]), "tgt": write_lines("test.de", ["x"])}
    with pytest.raises(DataError, match="two test sets are called test; give each a different name"):
        open_sources(toy_data(test=[files, files]))


@pytest.mark.parametrize("source", [{"jsonl": "a.jsonl"}, {"hf": "a.csv"}])
def test_fields_called_after_one_language_twice_are_refused(source: dict[str, object], toy_data: ToyData) -> None:
    with pytest.raises(ConfigError, match="from en to itself: name two fields with fields:"):
        open_sources(toy_data(train=source | {"src_lang": "en", "tgt_lang": "en"}))
    open_sources(toy_data(train=source | {"src_lang": "en", "tgt_lang": "en", "fields": ["a", "b"]}))


@pytest.mark.parametrize("name", ["a/b", "..", "", ".hidden", "a\\b"])
def test_a_name_cannot_lead_out_of_the_prepared_corpus(name: str, toy_data: ToyData) -> None:
    with pytest.raises(ValueError, match="no slashes"):
        toy_data(test={"src": "a.en", "tgt": "a.de", "name": name})


def test_the_languages_of_every_source_are_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    open_source(SourceConfig(src="a", tgt="b", tgt_lang="tolkien"), "train", ("en", "de"))
    assert [message.partition(" (")[0] for message in caplog.messages] == ["tolkien is not a language code"]
