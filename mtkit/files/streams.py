"""Standard output and standard error, as the command line has them.

What cannot be written is told in one line, not in a traceback, and what a person is shown is made visible.
Results are never changed: what is written to a file, into a pipe, or by ``mtkit.files.outputs`` stays as it is.
"""

import errno
import io
import os
import sys
from typing import Any, TextIO

from mtkit.errors import DataError, reason
from mtkit.wording import visible

_CLOSED = "standard output is closed; redirect it, for example with > FILE"
_CURSOR_UP = "\x1b[A"
"""How a progress bar moves to its line, alone in what it writes."""


def set_up() -> None:
    """Put streams of ours in the places of the standard ones, where these are what the process was started with."""
    for number in range(3):
        _keep_taken(number)
    if sys.stdout is None:
        sys.stdout = _Text(io.BufferedWriter(_Stream(1, closed_message=_CLOSED)), "surrogateescape")
    elif _leads_to(sys.stdout, 1):
        sys.stdout.flush()
        sys.stdout = _Text(io.BufferedWriter(_Stream(1)), "surrogateescape", for_people=sys.stdout.isatty())
    if sys.stderr is None or _leads_to(sys.stderr, 2):
        sys.stderr = _Text(io.BufferedWriter(_Stream(2, tells=False)), "backslashreplace", for_people=True)


def is_closed(stream: TextIO | None) -> bool:
    """Whether nothing can be written to a standard stream, because the process was started without it."""
    if stream is None or stream.closed:
        return True
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return isinstance(raw, _Stream) and raw.closed_message is not None


def check_open() -> None:
    """Refuse to begin what has its results printed where they would be lost.

    Raises:
        DataError: If standard output is closed.
    """
    if is_closed(sys.stdout):
        raise DataError(_CLOSED)


class _Stream(io.RawIOBase):
    """A descriptor that says once what is wrong with it, and takes everything from then on."""

    def __init__(self, descriptor: int, *, tells: bool = True, closed_message: str | None = None) -> None:
        self._descriptor, self._tells, self.closed_message = descriptor, tells, closed_message
        self._is_lost = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        if self._is_lost:
            return len(data)
        try:
            if self.closed_message is not None:
                raise OSError(errno.EBADF, self.closed_message)
            return os.write(self._descriptor, data)
        except OSError as error:
            self._is_lost = True
            if not self._tells or isinstance(error, BrokenPipeError):  # nobody reads it any more
                return len(data)
            raise DataError(self.closed_message or f"standard output: cannot write: {reason(error)}") from None


class _Text(io.TextIOWrapper):
    """Text in UTF-8, whatever the locale; visible where it is for people."""

    def __init__(self, buffer: io.BufferedWriter, errors: str, *, for_people: bool = False) -> None:
        super().__init__(buffer, encoding="utf-8", errors=errors, newline="\n", line_buffering=True)
        self._for_people = for_people

    def write(self, text: str) -> int:
        if self._for_people and text.strip("\r\n") and text.replace(_CURSOR_UP, ""):
            text = "\r".join(map(visible, text.split("\r")))
        return super().write(text)


def _keep_taken(number: int) -> None:
    """Let a standard descriptor that is closed lead nowhere, or the next file that is opened would be in its place."""
    try:
        os.fstat(number)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _leads_to(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (OSError, ValueError):  # one that stands in for it
        return False
