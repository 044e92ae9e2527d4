"""Files for results, opened in one way wherever a person names one."""

import gzip
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from mtkit.errors import DataError, ReaderGone
from mtkit.files import atomic_file
from mtkit.io import packing_of
from mtkit.streams import is_closed

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
        raise DataError(f"{shown}: cannot write: {error.strerror or error}") from error


def write_output(path: Path, parts: Iterable[bytes]) -> None:
    """Write all of a file that is no command's main result, as ``open_output`` opens it.

    Raises:
        DataError: If it cannot be written.
    """
    try:
        with open_output(path) as out:
            for part in parts:
                out.write(part)
    except ReaderGone:
        raise DataError(f"{path}: cannot write: nobody reads it any more") from None


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
    target = Path(os.path.realpath(path))
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
