"""Input lines by the buffer: as many as can be had without making a reader wait for those that are there."""

import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from mtkit.errors import DataError
from mtkit.io import decode_line, read_raw_lines

_PATIENCE = 0.02  # seconds without a new line after which those at hand are passed on


def _nothing() -> None:
    """What is done before waiting for a line, where nothing else is asked for."""


def read_buffers(path: str | Path, size: int, before_waiting: Callable[[], None] = _nothing) -> Iterator[list[str]]:
    r"""Yield the lines of a text file in lists of at most ``size``.

    Of a regular file every list but the last is full. Of a pipe, a terminal or a socket a list ends when nothing more
    is there to read: one line typed is one list.

    Args:
        path: Plain, .gz or .zst; ``-`` is standard input.
        size: Lines read ahead.
        before_waiting: Called each time that nothing is there to read yet; what it raises ends the reading.

    Returns:
        Lists of lines without their ``\n``; a ``\r`` before it is kept.

    Raises:
        DataError: As ``mtkit.io.read_lines`` does, after the lines before the faulty one were yielded.
    """
    descriptor = _live_descriptor(path)
    if descriptor is None:
        yield from _full_buffers(read_raw_lines(path), size)
        return
    try:
        yield from _live_buffers(descriptor, path, size, before_waiting)
    finally:
        if str(path) != "-":
            os.close(descriptor)


def is_live(path: str | Path) -> bool:
    """Whether ``read_buffers`` passes on what is there before its lists are full: of a pipe, a terminal or a socket."""
    descriptor = _live_descriptor(path)
    if descriptor is not None and str(path) != "-":
        os.close(descriptor)
    return descriptor is not None


def _live_descriptor(path: str | Path) -> int | None:
    """A file descriptor, where the input is one that select can wait for."""
    if os.name != "posix":
        return None
    if str(path) == "-":
        if sys.stdin is None or sys.stdin.closed:
            return None
        with suppress(OSError):  # standard input that stands in for a file has no descriptor
            descriptor = sys.stdin.fileno()
            return None if _is_regular(os.fstat(descriptor)) else descriptor
        return None
    if Path(path).suffix in (".gz", ".zst"):
        return None
    try:
        return None if _is_regular(Path(path).stat()) else os.open(path, os.O_RDONLY)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _is_regular(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)


def _full_buffers(lines: Iterator[str], size: int) -> Iterator[list[str]]:
    buffer: list[str] = []
    try:
        for line in lines:
            buffer.append(line)
            if len(buffer) == size:
                yield buffer
                buffer = []
    except DataError:
        if buffer:
            yield buffer
        raise
    if buffer:
        yield buffer


def _live_buffers(
    descriptor: int, path: str | Path, size: int, before_waiting: Callable[[], None]
) -> Iterator[list[str]]:
    number = 0
    buffer: list[str] = []
    for raw in _live_lines(descriptor, path, before_waiting):
        if raw is not None:
            number += 1
            try:
                buffer.append(decode_line(raw, number, path))
            except DataError:
                if buffer:
                    yield buffer
                raise
        if buffer and (raw is None or len(buffer) == size):
            yield buffer
            buffer = []
    if buffer:
        yield buffer


def _live_lines(descriptor: int, path: str | Path, before_waiting: Callable[[], None]) -> Iterator[bytes | None]:
    """Lines as they come, and None where the next one has to be waited for."""
    begun: list[bytes] = []  # a line whose end has not been read
    while True:
        if not select.select([descriptor], [], [], _PATIENCE)[0]:
            yield None
            before_waiting()
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError as error:
            raise DataError(f"{path}: cannot read: {error.strerror}") from error
        if not chunk:
            break
        first, *others = chunk.split(b"\n")
        begun.append(first)
        for rest in others:
            yield b"".join(begun)
            begun = [rest]
    if last := b"".join(begun):
        yield last
