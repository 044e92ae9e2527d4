"""Files for results, opened in one way wherever a person names one."""

import gzip
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from mtkit.errors import ConfigError, DataError, ReaderGone, reason
from mtkit.files.not_text import promised_by
from mtkit.files.own import owner_of
from mtkit.files.streams import is_closed
from mtkit.files.text import packing_of
from mtkit.files.whole import atomic_file, followed

_MAX_LINKS = 40
_GZIP_LEVEL = 6  # the program's own: what is more costs much time and saves little


@contextmanager
def open_output(path: Path | None) -> Iterator[IO[bytes]]:
    """What results are written to: standard output, a file, a pipe or a device; packed where its name ends so.

    A file appears under its name when all of it is written. One that is there already keeps its permissions, its owner
    and its names: links to it are followed, and of one that has several names, or lies where nothing can be put in its
    place, the content is replaced in the end. What is open already, such as ``/dev/stdout`` or ``/dev/fd/3``, is
    written on from where it stands.

    Args:
        path: None and ``-`` are standard output.

    Raises:
        DataError: If it cannot be written.
        ReaderGone: If it is a pipe that nobody reads any more.
    """
    shown = "standard output" if path is None or str(path) == "-" else str(path)
    try:
        with _opened(path) as plain, _packed(plain, packing_of(shown)) as out:
            yield out
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        raise DataError(f"{shown}: cannot write: {reason(error)}") from error


def write_output(path: Path, parts: Iterable[bytes]) -> None:
    """Write all of a file that is not a command's main result, as ``open_output`` opens it.

    Raises:
        DataError: If it cannot be written.
    """
    try:
        with open_output(path) as out:
            for part in parts:
                out.write(part)
    except ReaderGone:
        raise DataError(f"{path}: cannot write: its reader has closed it") from None


def descriptor_of(path: Path) -> int | None:
    """The number of the open descriptor that ``/dev/stdout``, ``/dev/fd/3`` or a link to such a name stands for."""
    descriptors = re.compile(rf"/proc/{os.getpid()}(/task/\d+)?/fd|/dev/fd")
    for _ in range(_MAX_LINKS):
        place = Path(os.path.realpath(path.parent)) / path.name
        if place.name.isdecimal() and descriptors.fullmatch(str(place.parent)):
            return int(place.name)
        if not place.is_symlink():
            return None
        path = place.parent / place.readlink()
    return None


def is_stream(path: Path) -> bool:
    """Whether a name stands for what is open already, a device or a pipe: it tells nothing of what goes there."""
    return descriptor_of(path) is not None or (path.exists() and not path.is_file() and not path.is_dir())


def _opened(path: Path | None) -> AbstractContextManager[IO[bytes]]:
    if path is None or str(path) == "-":
        return _standard_output()
    if (descriptor := descriptor_of(path)) is not None:
        return _descriptor(descriptor)
    target = followed(path)
    if target.is_dir():
        raise DataError(f"{path}: is a directory; name a file")
    if not target.exists():
        return atomic_file(target)
    if not target.is_file():  # a device or a named pipe
        return target.open("wb")
    if not os.access(target, os.W_OK):
        raise DataError(f"{path}: cannot write: it is read-only")
    return atomic_file(target) if _is_replaceable(target) else _in_its_place(target)


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    if is_closed(sys.stdout):
        raise DataError("standard output is closed; name a file with -o FILE")
    sys.stdout.flush()
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # one that stands in for it
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with _descriptor(descriptor) as file:
        yield file


@contextmanager
def _descriptor(number: int) -> Iterator[IO[bytes]]:
    """What is open already, neither opened anew, which would begin it anew, nor closed."""
    if sys.stdout is not None:
        sys.stdout.flush()
    with open(os.dup(number), "wb") as file:  # noqa: PTH123  # a descriptor has no path
        yield file


@contextmanager
def _packed(plain: IO[bytes], ending: str) -> Iterator[IO[bytes]]:
    packer: AbstractContextManager[Any]
    match ending:
        case ".gz":  # the same bytes at every time and under every name
            packer = gzip.GzipFile(fileobj=plain, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0, filename="")
        case ".bz2":
            import bz2

            packer = bz2.BZ2File(plain, "wb")
        case ".xz":
            import lzma

            packer = lzma.LZMAFile(plain, "wb")  # noqa: SIM115  # it is one
        case ".zst":
            import zstandard

            packer = zstandard.ZstdCompressor().stream_writer(plain, closefd=False)
        case _:
            yield plain
            return
    with packer as out:
        yield cast(IO[bytes], out)


def _is_replaceable(target: Path) -> bool:
    """Whether another file can get the name of this one without anything being lost by that."""
    its, directory = target.stat(), target.parent.stat()
    is_held = directory.st_mode & stat.S_ISVTX and os.geteuid() not in (0, its.st_uid, directory.st_uid)
    may_write = os.access(target.parent, os.W_OK | os.X_OK)
    return its.st_nlink == 1 and may_write and not is_held and not os.path.ismount(target)


@contextmanager
def _in_its_place(target: Path) -> Iterator[IO[bytes]]:
    """A file whose content becomes that of the target when all of it is written."""
    import tempfile  # seldom needed

    beside = target.parent if os.access(target.parent, os.W_OK | os.X_OK) else None
    with tempfile.TemporaryFile(dir=beside) as whole:
        yield whole
        whole.seek(0)
        with target.open("wb") as file:
            shutil.copyfileobj(whole, file)
            file.flush()
            os.fsync(file.fileno())


STANDARD_OUTPUT = Path("-")


def check_outputs(
    outputs: Mapping[str, Path | None], *inputs: Path | str | None, pictures: Collection[str] = ()
) -> None:
    """Find out whether an output would replace an input, another output or part of a model, whatever their names are.

    Args:
        outputs: By the options that name them; None is none, ``-`` is standard output.
        inputs: None is none, ``-`` is standard input.
        pictures: Endings of other files than text and pages that are written too.

    Raises:
        ConfigError: If so.
    """
    read = {_place(path, 0) for path in inputs if path is not None} - {None}
    written: dict[object, str] = {}
    for option, path in outputs.items():
        if path is None or (place := _place(path, 1)) is None:
            continue
        shown = "standard output" if path == STANDARD_OUTPUT else f"{option} {path}"
        if path != STANDARD_OUTPUT and (owner := owner_of(path)) is not None:
            raise ConfigError(f"{shown}: belongs to {owner}; choose another file")
        if path.suffix.lower() not in pictures and (promised := promised_by(path.name)) is not None:
            raise ConfigError(f"{shown}: named like {promised}, but text or HTML is written there; choose another name")
        if place in read:
            raise ConfigError(f"{shown}: is an input too; choose another file")
        if place in written:
            raise ConfigError(f"{written[place]} and {shown} are the same file: give each a different file")
        written[place] = shown


def _place(path: Path | str, stream: int) -> object:
    """What tells a file or pipe from others, under all of its names; None of terminals and devices.

    Args:
        path: ``-`` is the stream.
        stream: 0 for standard input, 1 for standard output.
    """
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
    """The descriptor of standard input or output; None for a replacement without one."""
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


def check_directory(flag: str, path: Path) -> None:
    """Refuse a file that could not be written because of where it should lie, before any work.

    Args:
        flag: The option that names it.
        path: The file.
    """
    if is_stream(path):
        return
    directory = path.resolve().parent
    if not directory.is_dir():
        raise ConfigError(f"{flag} {path}: no directory {path.parent}; create it, or choose another file")
    if not os.access(directory, os.W_OK):
        raise ConfigError(f"{flag} {path}: no file can be written in {path.parent}; choose another")
