"""Ctrl-C and SIGTERM: both end a command at once, with what it had begun to write put away."""

import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

_SAME_SECONDS = 1.0
"""A signal so soon after another is the same one: timeout and shells send it to the process and to its group. A second
KeyboardInterrupt would break off the cleaning up, and leave processes and their semaphores to the system."""

_received: float | None = None
"""When the last signal came, on ``time.monotonic()``."""


def install() -> None:
    """Let both signals raise KeyboardInterrupt; while it runs, training puts handlers of its own in their place."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell asks of what it starts in the background
            signal.signal(number, _interrupt)


def check() -> None:
    """Raise KeyboardInterrupt if a signal came whose exception was lost, as can happen inside a library's callback.

    Called before whatever may wait for ever.
    """
    if _received is not None:
        raise KeyboardInterrupt


def leave(code: int) -> NoReturn:
    """End the process that a signal has stopped, once all is put away, without waiting for threads that still compute.

    A batch that a library searches cannot be called back, and may take minutes.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads
            stream.flush()
    os._exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    global _received
    before, _received = _received, time.monotonic()
    if before is not None and _received - before < _SAME_SECONDS:
        return
    raise KeyboardInterrupt
