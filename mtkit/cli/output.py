"""Which files a command may write: none that it reads, and none for two things."""

import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from mtkit.errors import ConfigError

STANDARD_OUTPUT = Path("-")


def check_outputs(outputs: Mapping[str, Path | None], *inputs: Path | str | None) -> None:
    """Find out whether an output would replace an input, or two outputs each other, whatever their names are.

    Args:
        outputs: By the options that name them; None is none, ``-`` is standard output.
        inputs: None is none, ``-`` is standard input.

    Raises:
        ConfigError: If so.
    """
    read = {_place(path, 0) for path in inputs if path is not None} - {None}
    written: dict[object, str] = {}
    for option, path in outputs.items():
        if path is None or (place := _place(path, 1)) is None:
            continue
        shown = "standard output" if path == STANDARD_OUTPUT else f"{option} {path}"
        if place in read:
            raise ConfigError(f"{shown}: is an input too; choose another file")
        if place in written:
            raise ConfigError(f"{written[place]} and {shown} are the same file: give each a file of its own")
        written[place] = shown


def _place(path: Path | str, stream: int) -> object:
    """What tells a file or pipe from others, under all of its names; None of terminals and devices.

    Args:
        path: ``-`` is the stream.
        stream: 0 for standard input, 1 for standard output.
    """
    from mtkit.outputs import descriptor_of

    number = _number(stream) if str(path) == "-" else descriptor_of(Path(path))
    if number is None and str(path) == "-":
        return stream
    try:
        found = Path(path).stat() if number is None else os.fstat(number)
    except OSError:
        return os.path.realpath(path)  # it is to be made
    is_kept = stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode)
    return (found.st_dev, found.st_ino) if is_kept else None


def _number(stream: int) -> int | None:
    """The descriptor of standard input or output; None of what stands in for it."""
    file = (sys.stdin, sys.stdout)[stream]
    try:
        return None if file is None else file.fileno()
    except (OSError, ValueError):
        return None


def line_writer(out: IO[bytes]) -> Callable[[str], None]:
    """What writes lines in UTF-8, at once where somebody looks on."""
    is_seen = out.isatty()

    def write(line: str) -> None:
        out.write(f"{line}\n".encode())
        if is_seen:
            out.flush()

    return write
