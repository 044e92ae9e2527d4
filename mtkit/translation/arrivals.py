"""Lines of a pipe, a terminal or a socket, read by a thread of its own while the caller has other work."""

import errno
import os
import select
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType

from mtkit.errors import DataError, reason
from mtkit.files.text import MAX_LINE_BYTES

_PATIENCE = 0.02  # seconds that a line waits for others to come


class Arrivals:
    """What has arrived on a file descriptor; a context, whose end stops the reading.

    No more is read ahead than ``size`` lines and what one read brings.
    """

    def __init__(self, descriptor: int, path: str | Path, size: int) -> None:
        """Begin to read.

        Args:
            descriptor: One that ``select`` can wait for; it stays open.
            path: Its name in errors.
            size: Lines that are taken at a time; at most.
        """
        self._descriptor = descriptor
        self._path = path
        self._size = size
        self._lines: deque[bytes] = deque()
        self._since = 0.0  # when the first of them came
        self._ended = False
        self._closing = False
        self._failure: OSError | None = None
        self._changed = threading.Condition()
        self._alarm, self._bell = os.pipe()  # ends a wait for the descriptor
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    def __enter__(self) -> "Arrivals":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        os.write(self._bell, b".")
        self._thread.join()
        os.close(self._alarm)
        os.close(self._bell)

    def is_waited_for(self) -> bool:
        r"""Whether nothing is there yet, and more may come."""
        with self._changed:
            return not self._lines and not self._ended

    def take(self, *, wait: bool) -> list[bytes]:
        r"""Up to ``size`` lines, without their ``\n``.

        Args:
            wait: For a line, and a moment for those that come right after it; none are the end then. Without, there
                are none unless there are ``size`` of them, or the last ones.

        Raises:
            DataError: If the descriptor cannot be read, after all lines before were taken.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._lines or self._ended)
                self._changed.wait_for(self._is_full, timeout=self._since + _PATIENCE - time.monotonic())
            if self._failure is not None and not self._lines:
                raise DataError(f"{self._path}: cannot read: {reason(self._failure)}") from self._failure
            if not wait and not self._is_full():
                return []
            taken = [self._lines.popleft() for _ in range(min(self._size, len(self._lines)))]
            self._changed.notify_all()
            return taken

    def _is_full(self) -> bool:
        return self._ended or len(self._lines) >= self._size

    def _read(self) -> None:
        """What the thread does."""
        begun: list[bytes] = []  # a line whose end has not been read
        n_begun = 0  # bytes of it
        try:
            while self._descriptor in select.select([self._descriptor, self._alarm], [], [])[0]:
                chunk = os.read(self._descriptor, 1 << 16)
                if not chunk:
                    break
                first, *others = chunk.split(b"\n")
                begun.append(first)
                n_begun = len(others[-1]) if others else n_begun + len(first)
                if n_begun > MAX_LINE_BYTES:
                    raise OSError(errno.EFBIG, f"no line feed within {MAX_LINE_BYTES:,} bytes")
                whole: list[bytes] = []
                for rest in others:
                    whole.append(b"".join(begun))
                    begun = [rest]
                if not self._add(whole):
                    return
        except OSError as error:
            self._failure = error
            begun = begun if error.errno != errno.EFBIG else []
        last = b"".join(begun)
        self._add([last] if last else [], ended=True)

    def _add(self, lines: list[bytes], *, ended: bool = False) -> bool:
        """Hand lines over, and wait until there is room for more; False where nobody wants them any longer."""
        with self._changed:
            if lines and not self._lines:
                self._since = time.monotonic()
            self._lines += lines
            self._ended = ended
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closing or ended or len(self._lines) < self._size)
            return not self._closing
