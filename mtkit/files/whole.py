"""Files of mtkit's own: they appear whole or not at all; JSON in them, and what they are known by.

What is being written has a hidden name beside its own and is locked by its writer, so that what a killed process has
left can be told from it: nobody locks that. It goes when the same is written again.
"""

import errno
import glob
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from mtkit.errors import DataError
from mtkit.files.reading import _NO_FILE

NONBLOCK = getattr(os, "O_NONBLOCK", 0)
"""The flag that lets nobody wait for a pipe; Windows has none."""

_MAX_NAME = 40
"""Letters of its name that a file in the making has in its own, which would else be too long for a directory."""
_BEGUN = re.compile(r"\.(?P<name>.+)\.((?P<directory>partial|old)|[0-9a-f]{16})")


def followed(path: Path) -> Path:
    """Where a path leads to, whatever links are on the way, whether or not anything is there.

    Raises:
        OSError: If links lead around in a circle.
    """
    end = Path(os.path.realpath(path))
    if end.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return end


def _place_of(path: Path) -> Path:
    """Where a path leads to, if what is there may be replaced: a device or a pipe is everybody's, and never is.

    Raises:
        DataError: If it is one.
    """
    place = followed(path)
    if place.exists() and not place.is_file() and not place.is_dir():
        raise DataError(f"{path}: {_NO_FILE}")
    return place


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name, whole and on disk, only when the block ends without an error.

    An existing file is replaced, where a link leads to as well; what takes its place has its permissions and its owner.

    Raises:
        DataError: If a pipe, a socket or a device is there.
    """
    path = _place_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name[:_MAX_NAME])}.{'[0-9a-f]' * 16}"):
        remove_if_left(left)
    work = path.with_name(f".{path.name[:_MAX_NAME]}.{secrets.token_hex(8)}")
    try:  # from before it is made: a signal may come at any moment
        with _locked(work, os.O_CREAT | os.O_EXCL | os.O_WRONLY) as descriptor:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                if path.exists():
                    _make_like(work, path)
                yield file
                file.flush()
                os.fsync(descriptor)
            work.replace(path)
    except BaseException:
        work.unlink(missing_ok=True)
        raise


def _make_like(work: Path, path: Path) -> None:
    """Give what is new the permissions of what it replaces, and its owner where that is allowed."""
    status = path.stat()
    with suppress(PermissionError, AttributeError):  # the latter on Windows
        os.chown(work, status.st_uid, status.st_gid)
    with suppress(OSError):  # a file system that has no permissions
        shutil.copystat(path, work)
        os.utime(work)  # those it is newer than


def leftovers(directory: Path) -> Iterator[tuple[str, Path]]:
    """What lies half written or half deleted in a directory, each with the name of what it was to be or had been."""
    for path in directory.iterdir() if directory.is_dir() else ():
        found = _BEGUN.fullmatch(path.name)
        if found is not None and (path.is_dir() or not found["directory"]):  # .profile.old is somebody's file
            yield found["name"], path


def lock_open_file(descriptor: int, *, wait: bool = True) -> bool:
    """Whether an open file or directory is now locked for this process alone, until it is closed or the process ends.

    Args:
        descriptor: Of the open file.
        wait: Wait while another process has it locked, rather than return False.

    Raises:
        OSError: If the file system has no locks.
    """
    from filelock import lock_descriptor  # a quick answer does not wait for it

    return lock_descriptor(descriptor, blocking=wait)


def remove_if_left(path: Path) -> None:
    """Delete a file or directory unless a living process has locked it; what cannot be deleted stays."""
    if path.is_symlink():
        path.unlink(missing_ok=True)
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | NONBLOCK)  # a pipe would be waited for
        try:
            if not lock_open_file(descriptor, wait=False):
                return
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        finally:
            os.close(descriptor)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """A directory that appears under its name, whole and on disk, only when the block ends without an error.

    An existing directory of that name is replaced, where a link leads to as well. A leftover of an interrupted attempt
    is removed.

    Raises:
        DataError: If another process is writing it, or a pipe, a socket or a device is there.
    """
    path = _place_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.partial")
    remove_if_left(work)

    def make() -> None:
        try:
            work.mkdir()
        except FileExistsError:
            raise DataError(f"{path}: another process is writing it; wait for that, or choose another name") from None

    with _locked(work, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0), make=make):
        try:
            yield work
            for file in work.rglob("*"):
                if file.is_file():
                    file.chmod(0o666 & ~_umask())  # some libraries write files that only their owner may read
                    _fsync(file)
            replace_directory(path, work)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise


def replace_directory(path: Path, work: Path) -> None:
    """Give a whole directory the name ``path``, in place of what has it now, where a link leads to as well."""
    path = _place_of(path)
    if followed(work).parent != path.parent:  # perhaps on another disk
        beside = path.with_name(f".{path.name}.partial")
        shutil.rmtree(beside, ignore_errors=True)
        work = Path(shutil.move(work, beside))
    if path.exists():
        if path.is_dir():
            _make_like(work, path)
        old = _put_aside(path)
        work.rename(path)
        _remove(old)
    else:
        work.rename(path)
    _fsync(path.parent)


def named(path: Path) -> Path:
    """The path with a name, so that others can be put beside it: ``.`` and what ends in ``..`` have none."""
    return path.resolve() if path.name in ("", "..") else path


def _remove(path: Path) -> None:
    """Delete what has a name, be it a directory or, where somebody put one in its place, a file."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def delete_directory(path: Path) -> None:
    """Delete a directory if there is one, where a link leads to as well; a kill leaves nothing of it under its name."""
    path = _place_of(path)
    if path.exists():
        _put_aside(path)
    _remove(path.with_name(f".{path.name}.old"))


def _put_aside(path: Path) -> Path:
    """Rename a directory, and delete what an interrupted attempt has left under that name."""
    old = path.with_name(f".{path.name}.old")
    _remove(old)
    path.rename(old)
    return old


def remove_leftovers(directory: Path) -> None:
    """Delete what killed processes have left half written, or half deleted, in a directory of mtkit's own.

    What a living process is at work on stays, and so does what cannot be deleted.
    """
    with suppress(OSError):
        for _, path in list(leftovers(directory)):
            remove_if_left(path)


@contextmanager
def _locked(path: Path, flags: int, make: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Open what is made now so that others see that somebody is at work on it; yields its descriptor."""
    while True:
        make()
        descriptor = os.open(path, flags, 0o666)
        try:
            with suppress(OSError):  # a file system without locks
                lock_open_file(descriptor)
            if os.path.lexists(path):  # nobody took it for a leftover before it was locked
                yield descriptor
                return
        finally:
            os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all."""
    with atomic_file(path) as file:
        file.write(json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """A value as indented JSON."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
