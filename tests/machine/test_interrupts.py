import signal
import time
from collections.abc import Iterator

import pytest

from mtkit.machine import interrupts

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ENDING}
    monkeypatch.setattr(interrupts, "_received", None)
    interrupts.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_signal_that_is_sent_twice_interrupts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupts.check()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)  # to the whole group
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()
    later = time.monotonic() + 5
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", ENDING)
def test_each_signal_that_ends_a_command_interrupts_it(handlers: None, number: signal.Signals) -> None:  # noqa: ARG001
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_a_signal_that_is_to_be_ignored_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As nohup asks for."""
    monkeypatch.setattr(interrupts, "_received", None)
    before = {number: signal.getsignal(number) for number in ENDING}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupts.install()
        signal.raise_signal(signal.SIGHUP)
        interrupts.check()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
