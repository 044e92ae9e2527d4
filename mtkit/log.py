"""What mtkit tells a person while it works: log lines and progress bars on stderr, metrics as JSON lines on disk."""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from mtkit.files import atomic_file, check_regular, parse_json, read_regular
from mtkit.visible import visible

if TYPE_CHECKING:
    from tqdm import tqdm  # imported when the first bar is shown, so that a quick answer does not wait for it

logger = logging.getLogger("mtkit")

_MAX_METRICS_BYTES = 2_000_000_000


class _Handler(logging.Handler):
    """Writes a log line above whatever progress bar is on the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(self.format(record), file=_Stderr())
        else:
            _Stderr().write(f"{self.format(record)}\n")
            _Stderr().flush()


class _Stderr:
    """Stderr for as long as it is there: what goes on when its terminal is closed is not to end by that."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


class _LogFile(logging.FileHandler):
    """A log file that is done without where it cannot be written: of a full disk what saves will speak."""

    def handleError(self, record: logging.LogRecord) -> None:  # logging's name
        pass


def set_up_logging(*, verbose: bool = False, quiet: bool = False) -> None:
    """Send mtkit's log to stderr: warnings alone, the usual, or everything."""
    handler = _Handler()
    handler.setFormatter(_Formatter())
    handler.setLevel(logging.WARNING if quiet else logging.DEBUG)  # a log file is not made quieter by this
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)


@contextmanager
def log_to_file(path: Path) -> Iterator[None]:
    """Copy the log, with time and level, to the end of a file for the length of the block."""
    if path.exists():
        check_regular(path)
    handler = _LogFile(path, encoding="utf-8")
    handler.setFormatter(_FileFormatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):
            handler.close()


def progress_bar(*, total: int | None, description: str, unit: str, initial: int = 0) -> "tqdm[Any]":
    """A progress bar on stderr, or nothing where stderr is not a terminal."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        initial=initial,
        desc=description,
        unit=unit,
        unit_scale=total is None or total > 100_000,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty() or _quiet(),
        file=cast(TextIO, _Stderr()),
        leave=False,
    )


def _quiet() -> bool:
    return any(isinstance(handler, _Handler) and handler.level >= logging.WARNING for handler in logger.handlers)


class MetricsLog:
    """``metrics.jsonl``: one JSON object a line, each with the update that it belongs to."""

    def __init__(self, path: Path, *, last_update: int, last_validated: int) -> None:
        """Open for appending, after dropping what an interrupted run wrote and will write again.

        Args:
            path: ``metrics.jsonl``.
            last_update: The update that the run goes on from.
            last_validated: The last update whose validation is complete.
        """
        self._path = path

        if path.exists():
            lines = read_regular(path, max_bytes=_MAX_METRICS_BYTES).splitlines(keepends=True)
            kept = [
                line for line in lines if _update_of(line) <= (last_validated if b"valid_" in line else last_update)
            ]
            if kept != lines:
                with atomic_file(path) as file:
                    file.write(b"".join(kept))

    def write(self, update: int, values: Mapping[str, object]) -> None:
        """Append one record."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"update": update, **values}, ensure_ascii=False) + "\n")


def _update_of(line: bytes) -> float:
    """The update of a record; a torn last line belongs to no update that was kept."""
    try:
        return float(parse_json(line)["update"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


class _Formatter(logging.Formatter):
    """Plain messages; warnings and errors say what they are."""

    def format(self, record: logging.LogRecord) -> str:
        message = visible(super().format(record))
        return message if record.levelno < logging.WARNING else f"mtkit: {record.levelname.lower()}: {message}"


class _FileFormatter(logging.Formatter):
    """The same for a file, which will be shown on a terminal one day."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def bytes_shown(n: float) -> str:
    """``1536000`` as ``1.5 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(n) < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


def duration_shown(seconds: float) -> str:
    """``3725`` as ``1h02m``; ``65`` as ``1m05s``; ``4.2`` as ``4.2s``."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def counted(n: float, noun: str) -> str:
    """``1 line``, ``2,000 lines``, ``2.5 minutes``."""
    number = f"{n:,}" if isinstance(n, int) else f"{n:g}"
    return f"{number} {noun}" if n == 1 else f"{number} {noun}s"


def peak_memory() -> int:
    """Highest resident size of this process so far, in bytes (0 where the platform does not say)."""
    try:
        import resource
    except ImportError:
        return 0
    scale = 1 if os.uname().sysname == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
