"""One command in a process of its own, forked so that nothing is imported again, within bounds of time and memory."""

import contextlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 20.0
MEGABYTES = 2_500
"""Resident, those shared with the parent among them."""

_CODES = {0, 1, 2, 3, 75}
_BUG = 70


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    fault: str | None
    """traceback, crash, hang, memory, code or device; None where it ended as a command may."""

    code: int
    output: str
    seconds: float


def attempt(action: Callable[[], None], directory: Path) -> Outcome:
    """Run an action in a working directory; what it prints comes back."""
    shown = directory / ".output"
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _child(action, directory, shown)
    status, megabytes = _wait(pid, started)
    seconds = time.monotonic() - started
    output = shown.read_text(encoding="utf-8", errors="replace") if shown.exists() else ""
    if status is None:
        return Outcome("hang", -1, output, seconds)
    code = os.waitstatus_to_exitcode(status)
    fault = None
    if code == _BUG or "Traceback (most recent call last)" in output:
        fault = "traceback"
    elif code < 0:
        fault = "crash"
    elif megabytes > MEGABYTES:
        fault = "memory"
    elif code not in _CODES or (code and not output.strip()):
        fault = "code"
    elif not all(Path(device).is_char_device() for device in ("/dev/zero", "/dev/null")):
        fault = "device"  # a file lies in its place: damaged files are links to it
    return Outcome(fault, code, output, seconds)


def _wait(pid: int, started: float) -> tuple[int | None, float]:
    """Exit status and peak memory in MB; no status where it had to be ended."""
    pause = 0.002
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return status, usage.ru_maxrss / 1000
        if time.monotonic() - started > SECONDS:
            os.killpg(pid, signal.SIGKILL)
            _, _, usage = os.wait4(pid, 0)
            return None, usage.ru_maxrss / 1000
        time.sleep(pause)
        pause = min(pause * 1.3, 0.05)


def _child(action: Callable[[], None], directory: Path, shown: Path) -> None:
    """What the forked process does; it never returns."""
    code = _BUG
    try:
        os.setpgid(0, 0)
        file = os.open(shown, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(file, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        virtual = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (virtual + 6 * 10**9, virtual + 6 * 10**9))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(directory)
        try:
            action()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


def command(*arguments: str) -> Callable[[], None]:
    """The command line with these arguments."""

    def run() -> None:
        from mtkit.cli import main

        sys.argv = ["mtkit", *arguments]
        main()

    return run
