"""Ctrl-C, SIGTERM, a closed terminal: all end a command at once, with what it had begun to write put away."""

import atexit
import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from mtkit.machine.signals import SAME_SECONDS, are_heeded, ending_signals, heed

_received: float | None = None
"""Time of the last signal, on ``time.monotonic()``."""


def install() -> None:
    """Let the signals raise KeyboardInterrupt; while training runs, its handlers replace these."""
    heed(True)
    atexit.register(_end_undisturbed)
    for number in ending_signals():
        signal.signal(number, _interrupt)


def check() -> None:
    """Raise KeyboardInterrupt if a signal came whose exception was lost, as can happen inside a library's callback.

    Called before whatever may wait for ever.
    """
    if _received is not None:
        raise KeyboardInterrupt


def _end_undisturbed() -> None:
    """Python gives the signals back to the system before it ends, and one would then change the exit code."""
    for number in ending_signals():
        signal.signal(number, signal.SIG_IGN)


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
    if before is not None and _received - before < SAME_SECONDS:
        return  # a second KeyboardInterrupt would break off the cleaning up, and leave processes and semaphores behind
    if are_heeded():
        raise KeyboardInterrupt
