import gzip
import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.translation import arrivals
from mtkit.translation.streaming import read_buffers


@contextmanager
def named_pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A pipe and the descriptor of its writing end, which is still open."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    keeper = os.open(path, os.O_RDWR)  # so that neither end waits for the other to be opened
    writer = os.open(path, os.O_WRONLY)
    os.set_blocking(writer, True)
    try:
        yield path, writer
    finally:
        os.close(writer)
        os.close(keeper)


def test_lists_of_a_file_are_full_but_for_the_last(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("a\nb\n\nc\nd")
    assert list(read_buffers(path, 2)) == [["a", "b"], ["", "c"], ["d"]]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes("a\u2028b\r\nc\rd\x85e\n".encode())
    assert list(read_buffers(path, 10)) == [["a\u2028b\r", "c\rd\x85e"]]


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "lines.gz"
    path.write_bytes(gzip.compress(b"a\nb\n"))
    assert list(read_buffers(path, 10)) == [["a", "b"]]


def test_lines_before_a_faulty_one_are_delivered(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a\nb\n\xff\nc\n")
    buffers = read_buffers(path, 10)
    assert next(buffers) == ["a", "b"]
    with pytest.raises(DataError, match=r"lines\.txt:3: byte 1 of the line is not UTF-8"):
        next(buffers)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: No such file"):
        list(read_buffers(tmp_path / "none.txt", 10))
    with pytest.raises(DataError, match="Is a directory"):
        list(read_buffers(tmp_path, 10))


def test_a_pipe_delivers_what_it_has_without_waiting_for_more(tmp_path: Path) -> None:
    with named_pipe(tmp_path) as (path, writer):
        os.write(writer, "\ufeffone\ntwo\r\nthr".encode())
        buffers = read_buffers(path, 10)
        assert next(buffers) == ["one", "two\r"]
        assert next(buffers) == []  # the caller can finish these now
        os.write(writer, b"ee\n\n")
        assert next(buffers) == ["three", ""]


def test_a_pipe_with_plenty_delivers_full_lists(tmp_path: Path) -> None:
    with named_pipe(tmp_path) as (path, writer):
        os.write(writer, b"".join(b"line %d\n" % i for i in range(100)))
        buffers = read_buffers(path, 40)
        assert [len(next(buffers)) for _ in range(4)] == [40, 40, 0, 20]


def write_patiently(writer: int, line: bytes, n: int, *, seconds: float) -> int:
    """Lines that found room in a pipe; each is waited for so long at most."""
    os.set_blocking(writer, False)
    for number in range(n):
        if not select.select([], [writer], [], seconds)[1]:
            return number
        os.write(writer, line)
    return n


def test_a_pipe_is_read_while_the_caller_is_busy(tmp_path: Path) -> None:
    line = b"x" * (select.PIPE_BUF - 1) + b"\n"
    with named_pipe(tmp_path) as (path, writer):
        os.write(writer, b"first\n")
        buffers = read_buffers(path, 300)
        assert next(buffers) == ["first"]
        assert write_patiently(writer, line, 250, seconds=30) == 250  # far more than a pipe holds
        assert next(buffers) == []
        n_read = 0
        while n_read < 250:
            n_read += len(next(buffers))
        assert n_read == 250


def test_not_much_more_is_read_ahead_than_a_list(tmp_path: Path) -> None:
    line = b"x" * (select.PIPE_BUF - 1) + b"\n"
    with named_pipe(tmp_path) as (path, writer):
        os.write(writer, b"first\n")
        buffers = read_buffers(path, 10)
        assert next(buffers) == ["first"]
        assert write_patiently(writer, line, 1000, seconds=0.5) < 1000


def test_a_pipe_ends_with_its_last_line_whether_or_not_it_has_a_line_feed() -> None:
    reader, writer = os.pipe()
    long_line = "x" * 200_000  # more than is read at once, and than fits the pipe

    def write() -> None:
        with os.fdopen(writer, "w") as file:
            file.write(f"first\n{long_line}\nlast")

    thread = threading.Thread(target=write)
    thread.start()
    lines = [line for buffer in read_buffers(f"/dev/fd/{reader}", 10) for line in buffer]
    thread.join()
    os.close(reader)
    assert lines == ["first", long_line, "last"]


def test_a_faulty_line_of_a_pipe_is_named(tmp_path: Path) -> None:
    with named_pipe(tmp_path) as (path, writer):
        os.write(writer, b"a\n\xe4\n")
        buffers = read_buffers(path, 10)
        assert next(buffers) == ["a"]
        with pytest.raises(DataError, match=r"pipe:2: byte 1 of the line is not UTF-8"):
            next(buffers)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("Hello world\n".encode("utf-16-le"), "is UTF-16LE"),
        ("\nHello world\n".encode("utf-16-be"), "is UTF-16BE"),  # the first line of bytes is a NUL
        (b"\x00" * 100 + b"\n", "is not text"),  # a line that has ended, or it is waited for
        (b"PK\x03\x04\n", "is packed with zip"),
        (b'msgid "a"\nmsgstr "b"\n', "is a PO file"),
    ],
)
@pytest.mark.parametrize("n_times", [1, 100])
def test_what_comes_through_a_pipe_is_called_what_it_is(
    tmp_path: Path, content: bytes, what: str, n_times: int
) -> None:
    with named_pipe(tmp_path) as (path, writer):
        os.write(writer, content * n_times)
        with pytest.raises(DataError, match=f"pipe: {what}"):
            next(read_buffers(path, 3))


def test_what_is_called_before_waiting_can_end_the_reading() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a\nb\n")
    found: list[list[str]] = []

    def stop() -> None:
        if found:
            raise KeyboardInterrupt

    def read() -> None:
        for lines in read_buffers(f"/dev/fd/{reader}", 10, before_waiting=stop):
            found.append(lines)  # noqa: PERF402  # what was found before the error counts

    with pytest.raises(KeyboardInterrupt):
        read()
    os.close(writer)
    os.close(reader)
    assert found == [["a", "b"], []]


def test_a_caller_that_has_seen_enough_leaves_no_thread_behind() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a\n")
    before = threading.active_count()
    buffers = read_buffers(f"/dev/fd/{reader}", 10)
    assert next(buffers) == ["a"]
    assert threading.active_count() == before + 1
    buffers.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    os.close(writer)
    os.close(reader)


def test_a_pipe_without_line_feeds_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MAX_LINE_BYTES", 1_000)
    reader, writer = os.pipe()
    os.write(writer, b"one\n" + b"x" * 2_000)
    found: list[str] = []
    with pytest.raises(DataError, match="cannot read: no line feed within 1,000 bytes"):
        found.extend(line for buffer in read_buffers(f"/dev/fd/{reader}", 10) for line in buffer)
    os.close(writer)
    os.close(reader)
