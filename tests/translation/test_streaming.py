import gzip
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mtkit.errors import DataError
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
        os.write(writer, b"ee\n\n")
        assert next(buffers) == ["three", ""]


def test_a_pipe_with_plenty_delivers_full_lists(tmp_path: Path) -> None:
    with named_pipe(tmp_path) as (path, writer):
        os.write(writer, b"".join(b"line %d\n" % i for i in range(100)))
        buffers = read_buffers(path, 40)
        assert [len(next(buffers)) for _ in range(3)] == [40, 40, 20]


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


def test_what_is_called_before_waiting_can_end_the_reading() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a\nb\n")
    calls = []

    def stop() -> None:
        calls.append(1)
        raise KeyboardInterrupt

    buffers = read_buffers(f"/dev/fd/{reader}", 10, before_waiting=stop)
    assert next(buffers) == ["a", "b"]
    assert calls == []
    with pytest.raises(KeyboardInterrupt):
        next(buffers)
    os.close(reader)
    os.close(writer)
