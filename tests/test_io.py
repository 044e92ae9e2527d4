import gzip
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from mtkit.errors import DataError
from mtkit.io import atomic_directory, atomic_file, read_json, read_lines, read_raw_lines, sha256_file, write_json

TEXT = "eins\nzwei\u2028halb\u0085drei\rvier\n\nfünf"
LINES = ["eins", "zwei\u2028halb\u0085drei\rvier", "", "fünf"]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_lines_end_at_line_feeds_alone(tmp_path: Path, ending: str) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}
    path = tmp_path / f"text{ending}"
    path.write_bytes(packers[ending](TEXT.encode()))
    assert list(read_lines(path)) == LINES


def test_several_zstd_frames_are_one_text(tmp_path: Path) -> None:
    (tmp_path / "a.zst").write_bytes(zstandard.compress(b"a\nb") + zstandard.compress(b"c\nd\n"))
    assert list(read_lines(tmp_path / "a.zst")) == ["a", "bc", "d"]


def test_carriage_returns_before_line_feeds_and_a_byte_order_mark_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "dos.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\n b\t \r\n\r\n")
    assert list(read_lines(path)) == ["a", " b\t ", ""]
    assert list(read_raw_lines(path)) == ["a\r", " b\t \r", "\r"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ok\nb\xe4d\n", r"x.txt:2: byte 2 of the line is not UTF-8 \(0xe4\)"),
        (b"\xff\xfea\x00", r"x.txt:1: byte 1"),
        (b"a\n\xc3", r"x.txt:2: byte 1"),
    ],
)
def test_what_is_not_utf8_is_named_by_line_and_byte(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_lines(path))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_damaged_archive_is_named(tmp_path: Path, ending: str) -> None:
    packed = gzip.compress(os.urandom(5000)) if ending == ".gz" else zstandard.compress(os.urandom(5000))
    for name, content in (("cut", packed[:-20]), ("not", b"plain text\n")):
        path = tmp_path / f"{name}{ending}"
        path.write_bytes(content)
        if name == "cut" and ending == ".zst":
            continue  # a stream may end early without zstandard's noticing; its checksum is not always there
        with pytest.raises(DataError, match=rf"{name}\{ending}"):
            list(read_lines(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.txt: No such file"):
        list(read_lines(tmp_path / "none.txt"))


def test_an_atomic_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with atomic_file(path) as file:
        file.write(b"first")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"%d" % (1 // 0))
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_an_atomic_directory_replaces_the_old_one_or_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    with atomic_directory(path) as work:
        (work / "a").write_text("1")
        assert not path.exists()
    with pytest.raises(FileNotFoundError), atomic_directory(path) as work:
        (work / "missing" / "b").write_text("2")
    assert [entry.name for entry in path.iterdir()] == ["a"]
    (tmp_path / ".directory.partial").mkdir()
    (tmp_path / ".directory.partial" / "leftover").write_text("of a killed process")
    with atomic_directory(path) as work:
        (work / "c").write_text("3")
    assert [entry.name for entry in path.iterdir()] == ["c"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["directory"]


def test_json_survives_and_damage_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ä": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"ä": [1, 2.5, None]}
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a.json: not valid JSON"):
        read_json(tmp_path / "a.json")


def test_the_hash_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
