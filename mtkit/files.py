"""Files of mtkit's own: they appear whole or not at all; JSON in them, and what they are known by.

What is being written has a hidden name and is locked by its writer, so that what a killed process has left can be told
from it: nobody locks that.
"""

import fcntl
import hashlib
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

_FILE, _DIRECTORY = re.compile(r"\..+\.[0-9a-f]{16}"), re.compile(r"\..+\.(partial|old)")  # names of what is begun


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name, whole and on disk, only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:  # from before it is made: a signal may come at any moment
        with _locked(work, os.O_CREAT | os.O_EXCL | os.O_WRONLY) as descriptor:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            work.replace(path)
    except BaseException:
        work.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """A directory that appears under its name, whole and on disk, only when the block ends without an error.

    An existing directory of that name is replaced. A leftover of an interrupted attempt is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.partial")
    shutil.rmtree(work, ignore_errors=True)
    try:
        with _locked(work, os.O_RDONLY | os.O_DIRECTORY, make=work.mkdir):
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
    """Give a directory beside ``path`` its name, in place of what has it now."""
    if path.exists():
        old = path.with_name(f".{path.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
        work.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    else:
        work.rename(path)
    _fsync(path.parent)


def remove_leftovers(directory: Path) -> None:
    """Delete what killed processes have left half written, or half deleted, in a directory of mtkit's own.

    What a living process is at work on stays, and so does what cannot be deleted.
    """
    with suppress(OSError):
        for entry in list(directory.iterdir()):
            name = _DIRECTORY if entry.is_dir() else _FILE
            if name.fullmatch(entry.name) and not entry.is_symlink():
                _remove_unlocked(entry)


def _remove_unlocked(path: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        finally:
            os.close(descriptor)


@contextmanager
def _locked(path: Path, flags: int, make: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Open what is made now so that others see that somebody is at work on it; yields its descriptor."""
    while True:
        make()
        descriptor = os.open(path, flags, 0o666)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.lexists(path):  # nobody took it for a leftover before it was locked
                yield descriptor
                return
        finally:
            os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all."""
    with atomic_file(path) as file:
        file.write((json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: If the file is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON: {error}") from error


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


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes as they lie on disk.

    Raises:
        DataError: If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
