"""Where results go: standard output, or a file that is not an input as well."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mtkit.errors import ConfigError, DataError


def check_output(option: str, output: Path | None, *inputs: Path | str | None) -> None:
    """Find out whether an output would replace an input.

    Args:
        option: That names the output, such as ``-o``.
        output: None and ``-`` are standard output.
        inputs: None and ``-`` are none.

    Raises:
        ConfigError: If so.
    """
    if output is None or not output.exists():
        return
    if any(path is not None and Path(path).exists() and output.samefile(path) for path in inputs):
        raise ConfigError(f"{option} {output}: is an input too; choose another file")


def line_writer(out: IO[bytes]) -> Callable[[str], None]:
    """What writes lines in UTF-8, at once where somebody looks on."""
    is_seen = out.isatty()

    def write(line: str) -> None:
        out.write(f"{line}\n".encode())
        if is_seen:
            out.flush()

    return write


@contextmanager
def open_output(path: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears under its name when all of it is written.

    Raises:
        DataError: If it cannot be written.
    """
    from mtkit.files import atomic_file

    if path is None or str(path) == "-":
        if sys.stdout is None or sys.stdout.closed:
            raise DataError("standard output is closed; name a file with -o FILE")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.is_dir():
        raise DataError(f"{path}: is a directory; name a file")
    try:
        if path.exists() and not path.is_file():  # a device or a named pipe
            with path.open("wb") as file:
                yield file
        else:
            with atomic_file(path.resolve()) as whole:
                yield whole
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot write: {error.strerror or error}") from error
