"""Ctrl-C and SIGTERM: both end a command at once, with what it had begun to write put away."""

import signal
from types import FrameType

_received = False


def install() -> None:
    """Let both signals raise KeyboardInterrupt; while it runs, training puts handlers of its own in their place."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell asks of what it starts in the background
            signal.signal(number, _interrupt)


def check() -> None:
    """Raise KeyboardInterrupt if a signal came whose exception was lost, as can happen inside a library's callback.

    Called before whatever may wait for ever.
    """
    if _received:
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    global _received
    _received = True
    raise KeyboardInterrupt
