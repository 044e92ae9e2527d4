"""Input lines by the buffer: as many as can be had without making a reader wait for those that are there."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from mtkit.errors import DataError, reason
from mtkit.files.text import check_beginning, decode_line, packing_of, read_raw_lines
from mtkit.translation.arrivals import Arrivals


def _nothing() -> None:
    """What is done before waiting for a line, where nothing else is asked for."""


def read_buffers(path: str | Path, size: int, before_waiting: Callable[[], None] = _nothing) -> Iterator[list[str]]:
    r"""Yield the lines of a text file in lists of at most ``size``.

    Of a regular file every list but the last is full. Of a pipe, a terminal or a socket a list is what has arrived: one
    line typed is one list. It is read on while the caller is busy. After a list comes another one only if that is full
    or the last; else an empty one, so that the caller can finish what it has begun. After that a line is waited for.

    Args:
        path: Plain, .gz or .zst; ``-`` is standard input.
        size: Lines read ahead.
        before_waiting: Called each time that a line is waited for; what it raises ends the reading.

    Returns:
        Lists of lines without their ``\n``; a ``\r`` before it is kept.

    Raises:
        DataError: As ``mtkit.files.text.read_lines`` does, after the lines before the faulty one were yielded.
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
    if packing_of(path):
        return None
    try:
        return None if _is_regular(Path(path).stat()) else os.open(path, os.O_RDONLY)
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from error


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
    number, idle = 0, True
    with Arrivals(descriptor, path, size) as arrivals:
        while True:
            if idle and arrivals.is_waited_for():
                before_waiting()
            raw_lines = arrivals.take(wait=idle)
            if idle and not raw_lines:
                return
            if number == 0 and raw_lines:
                check_beginning(b"\n".join(raw_lines), path)
            idle = not raw_lines
            buffer: list[str] = []
            for number, raw in enumerate(raw_lines, number + 1):  # noqa: B020  # counted over all lists
                try:
                    buffer.append(decode_line(raw, number, path))
                except DataError:
                    if buffer:
                        yield buffer
                    raise
            yield buffer
