"""Signals during training: the first asks the run to stop once its update is done, a later one ends it at once."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

from mtkit.errors import Interrupted
from mtkit.log import logger
from mtkit.machine.signals import SAME_SECONDS, ending_signals, heed


@contextmanager
def interrupting(message: Callable[[], str]) -> Iterator[None]:
    """Let signals end the block at once with ``Interrupted``, for work that is simply done again.

    Raises:
        Interrupted: With the message of that moment, when a signal arrives.
    """
    received: list[float] = []

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        now = time.monotonic()
        is_same = bool(received) and now - received[-1] < SAME_SECONDS
        received.append(now)
        if not is_same:
            heed(False)
            raise Interrupted(message())

    previous = {number: signal.signal(number, stop) for number in ending_signals()}
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
        self._last = 0.0  # when it came, on time.monotonic()
        self._is_held = False

    def __enter__(self) -> "StopSignal":
        for number in ending_signals():
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While the block writes a checkpoint no signal ends the process."""
        self._is_held = True
        yield
        self._is_held = False

    def hold(self) -> None:
        """Let no signal end the process from now on: all is saved, and it ends by itself."""
        self._is_held = True

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        before, self._last = self._last, time.monotonic()
        if self.received is None:
            self.received = signal.Signals(number).name
            heed(False)
            with suppress(RuntimeError):  # the signal came in the middle of a write to the same stream
                logger.warning("%s: finishing this update and saving; send it again to quit at once", self.received)
        elif self._last - before >= SAME_SECONDS and not self._is_held:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
