import bz2
import gzip
import lzma
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mtkit.errors import DataError
from mtkit.files import text as io
from mtkit.files.text import MAX_LINE_BYTES, read_line_chunks, read_lines, read_raw_lines

TEXT = "eins\nzwei\u2028halb\u0085drei\rvier\n\nfünf"
LINES = ["eins", "zwei\u2028halb\u0085drei\rvier", "", "fünf"]


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
def test_lines_end_at_line_feeds_alone(
    tmp_path: Path, ending: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(io, "_BLOCK_BYTES", block_bytes)
    path = tmp_path / f"text{ending}"
    path.write_bytes(PACKERS[ending](TEXT.encode()))
    assert list(read_lines(path)) == LINES
    assert list(read_line_chunks(path, 3)) == [LINES[:3], LINES[3:]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\ufeff"))), st.integers(1, 4))
def test_chunks_are_the_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[str], n_lines: int) -> None:
    path = tmp_path_factory.mktemp("lines") / "x"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    chunks = list(read_line_chunks(path, n_lines))
    assert [line for chunk in chunks for line in chunk] == [line.removesuffix("\r") for line in lines]
    assert list(read_lines(path)) == [line.removesuffix("\r") for line in lines]
    assert all(len(chunk) == n_lines for chunk in chunks[:-1])


@pytest.mark.parametrize("read", [read_lines, lambda path: read_line_chunks(path, 8192)])
def test_a_line_without_end_is_named_and_not_read_whole(
    tmp_path: Path, read: Callable[[Path], Iterable[object]]
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(b"one\n%s\n" % (b"two" * 2000))  # so many that its beginning is text
        file.truncate(1_000_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"sparse:3: no line feed within 100 MB"):
            list(read(path))
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_a_long_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"a" * 5_000_000 + b"\nb")
    assert [len(line) for line in read_lines(path)] == [5_000_000, 1]
    assert [len(line) for [line] in read_line_chunks(path, 1)] == [5_000_000, 1]


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
        (b"\xff\xfea\x00", r"x.txt: is UTF-16"),
        (b"a\n\xc3", r"x.txt:2: byte 1"),
    ],
)
def test_what_is_not_utf8_is_named_by_line_and_byte(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_lines(path))


@pytest.mark.parametrize("ending", [".gz", ".zst", ".xz", ".bz2"])
def test_a_damaged_archive_is_named(tmp_path: Path, ending: str) -> None:
    packed = PACKERS[ending](b"".join(b"line %d\n" % (i * i) for i in range(50_000)))
    middle = len(packed) // 2
    damaged = packed[:middle] + b"garbage" + packed[middle + 7 :]
    for name, content in (("cut", packed[:-20]), ("not", b"plain text\n"), ("damaged", damaged)):
        path = tmp_path / f"{name}{ending}"
        path.write_bytes(content)
        for read in (read_lines, lambda path: read_line_chunks(path, 8192)):
            with pytest.raises(
                DataError,
                match=rf"{name}\{ending}: (damaged archive|cannot read|incomplete, it breaks off) after line \d+",
            ):
                list(read(path))


@pytest.mark.parametrize("ending", [".gz", ".zst", ".xz", ".bz2"])
def test_an_archive_that_breaks_off_is_to_be_fetched_again(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cut{ending}"
    path.write_bytes(PACKERS[ending](b"".join(b"line %d\n" % (i * i) for i in range(50_000)))[:-20])
    with pytest.raises(DataError, match=rf"cut\{ending}: incomplete, it breaks off after line \d+; fetch it again$"):
        list(read_lines(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.txt: No such file"):
        list(read_lines(tmp_path / "none.txt"))


@pytest.mark.parametrize("name", ["x.de", "x.de.gz"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(b"one\n", mtime=0), "is packed with gzip: name it {}.gz"),
        (zstandard.compress(b"one\n"), "is packed with zstd: name it {}.zst"),
        (lzma.compress(b"one\n"), "is packed with xz: name it {}.xz"),
        (bz2.compress(b"one\n"), "is packed with bzip2: name it {}.bz2"),
        ("zwölf\n".encode("utf-16"), "is UTF-16: convert it with iconv -f utf-16 -t utf-8"),
        ("plain\nzwölf\n".encode("utf-16-le"), "is UTF-16LE: convert it with iconv -f utf-16le -t utf-8"),
        ("plain\nzwölf\n".encode("utf-16-be"), "is UTF-16BE: convert it with iconv -f utf-16be -t utf-8"),
        ("zwölf\n".encode("utf-32"), "is UTF-32: convert it with iconv -f utf-32 -t utf-8"),
        (b"\x7fELF\x02\x00\n\xff\xfe\x80\n", "is not text: it has NUL bytes"),
        ("one\nzwölf\n".encode("latin-1"), "{}:2: byte 3 of the line is not UTF-8 (0xf6); convert the file, for"),
    ],
)
@pytest.mark.parametrize(
    "read", [lambda path: list(read_lines(path)), lambda path: list(read_line_chunks(path, 2))], ids=["lines", "chunks"]
)
def test_what_is_not_utf_8_is_called_what_it_is(
    tmp_path: Path, name: str, content: bytes, why: str, read: Callable[[Path], object]
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    expected = why.format(path)
    if name.endswith(".gz") and "name it" in why:
        expected = why.partition("name it")[0] + "unpack it first"
    with pytest.raises(DataError) as error:
        read(path)
    assert str(error.value).startswith(expected if why.startswith("{}") else f"{path}: {expected}")
