"""SIGTERM and SIGINT: the first asks the run to stop once its update is done, a second one ends it at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

from mtkit.errors import Interrupted
from mtkit.log import logger


@contextmanager
def interrupting(message: str) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the block at once with ``Interrupted``, for work that is simply done again.

    Raises:
        Interrupted: With the message, when a signal arrives.
    """

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise Interrupted(message)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class StopSignal:
    """Within ``with StopSignal() as stop`` the first signal makes ``stop.received`` true."""

    def __init__(self) -> None:
        self.received: str | None = None
        """Name of the signal, or None while there was none."""
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignal":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.received = signal.Signals(number).name
        for each in self._previous:
            signal.signal(each, signal.SIG_DFL)
        with suppress(RuntimeError):  # the signal came in the middle of a write to the same stream
            logger.warning("%s: finishing this update and saving; once more to quit at once", self.received)
