"""What mtkit tells a person while it works: log lines and progress bars on stderr, metrics as JSON lines on disk."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from mtkit.wording import visible

if TYPE_CHECKING:
    from tqdm import tqdm  # imported when the first bar is shown, so that a quick answer does not wait for it

logger = logging.getLogger("mtkit")


ONCE = {"once": True}
"""``extra`` of a message that is told once in a command, however often it is true."""


def once(key: str) -> dict[str, object]:
    """The same of messages that differ, but are about the same."""
    return {"once": key}


class _Once(logging.Filter):
    """Drops a message of ``ONCE`` that the handler has written."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(record, "once", False):
            return True
        key = record.once  # type: ignore[attr-defined]  # of extra
        message = key if isinstance(key, str) else record.getMessage()
        is_new = message not in self._told
        self._told.add(message)
        return is_new


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
    handler.addFilter(_Once())
    handler.setLevel(logging.WARNING if quiet else logging.DEBUG)  # a log file is not made quieter by this
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)


@contextmanager
def log_to_file(path: Path) -> Iterator[None]:
    """Copy the log, with time and level, to the end of a file for the length of the block."""
    handler = _LogFile(path, encoding="utf-8")
    handler.setFormatter(_FileFormatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(_Once())
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


class _Formatter(logging.Formatter):
    """Plain messages; warnings and errors say what they are."""

    def format(self, record: logging.LogRecord) -> str:
        message = visible(super().format(record))
        return message if record.levelno < logging.WARNING else f"mtkit: {record.levelname.lower()}: {message}"


class _FileFormatter(logging.Formatter):
    """Formatter for a file, which will be shown on a terminal one day."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))
