"""The signals that end a command, and whether one that comes is still heeded."""

import signal

SAME_SECONDS = 1.0
"""A signal so soon after another is the same one: timeout and shells send it to the process and to its group."""

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")  # the third comes when a terminal is closed

_heeded = True


def ending_signals() -> list[signal.Signals]:
    """The ending signals of this system, except those that the process was started to ignore, as by nohup."""
    known = (getattr(signal, name) for name in _NAMES if hasattr(signal, name))
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


def heed(heeded: bool) -> None:
    """Say whether a signal is to end the command; not where all that is left to be done is to say a last word."""
    global _heeded
    _heeded = heeded


def are_heeded() -> bool:
    """Whether a signal is to end the command."""
    return _heeded
