import signal

import pytest

from mtkit.machine.signals import are_heeded, ending_signals, heed


def test_what_the_process_was_told_to_ignore_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        ignoring = ending_signals()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        assert set(ending_signals()) - set(ignoring) == {signal.SIGHUP}
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_system_without_a_signal_does_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGHUP", "SIGQUIT"):
        monkeypatch.delattr(signal, name)
    assert {number.name for number in ending_signals()} == {"SIGINT", "SIGTERM"}


def test_whether_signals_are_heeded_is_remembered() -> None:
    before = are_heeded()
    try:
        for heeded in (False, True):
            heed(heeded)
            assert are_heeded() is heeded
    finally:
        heed(before)
