"""Files of mtkit's own: they appear whole or not at all; JSON in them, and what they are known by.

What is being written has a hidden name beside its own, and is locked by the process that writes it. Without a lock it
is what a killed process left, and goes when the same is written again.
"""

import fcntl
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from mtkit.errors import DataError

_LEFT = re.compile(r"\.(?P<name>.+)\.(partial|old|[0-9a-f]{16})")


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name, whole and on disk, only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 16}"):
        remove_if_left(left)
    work = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:  # from before it is made: a signal may come at any moment
        with _locked_file(work) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            work.replace(path)
    except BaseException:
        work.unlink(missing_ok=True)
        raise


@contextmanager
def _locked_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file that ``remove_if_left`` spares."""
    while True:
        with path.open("xb") as file:
            with suppress(OSError):  # a file system without locks: then nothing can be known to be left over either
                fcntl.flock(file, fcntl.LOCK_EX)
            if path.exists():  # and was not taken for left over in the moment before it was locked
                yield file
                return


def leftovers(directory: Path) -> Iterator[tuple[str, Path]]:
    """What lies half written or half deleted in a directory, each with the name of what it was to be or had been."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if (found := _LEFT.fullmatch(path.name)) is not None:
            yield found["name"], path


def remove_if_left(path: Path) -> None:
    """Delete a file or directory unless a living process has locked it; what cannot be deleted stays."""
    if path.is_symlink():
        path.unlink(missing_ok=True)
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        finally:
            os.close(descriptor)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """A directory that appears under its name, whole and on disk, only when the block ends without an error.

    An existing directory of that name is replaced. A leftover of an interrupted attempt is removed.

    Raises:
        DataError: If another process is writing it.
    """
    path = named(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.partial")
    with _locked_directory(work, path):
        try:
            yield work
            for file in work.rglob("*"):
                if file.is_file():
                    file.chmod(0o666 & ~_umask())  # some libraries write files that only their owner may read
                    _fsync(file)
            _replace_directory(path, work)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise


@contextmanager
def _locked_directory(work: Path, path: Path) -> Iterator[None]:
    """A new, empty directory that ``remove_if_left`` spares, and that no other process takes for its own."""
    remove_if_left(work)
    try:
        work.mkdir()
    except FileExistsError:
        raise DataError(f"{path}: another process is writing it; wait for that, or choose another name") from None
    descriptor = os.open(work, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _replace_directory(path: Path, work: Path) -> None:
    """Give a directory beside ``path`` its name, in place of what has it now."""
    old = path.with_name(f".{path.name}.old")
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
    work.rename(path)
    _fsync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def delete_directory(path: Path) -> None:
    """Delete a directory, if there is one; a kill on the way leaves nothing of it under its name."""
    path = named(path)
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def named(path: Path) -> Path:
    """The same path with a name that others can be put beside: ``.`` and what ends in ``..`` have none."""
    return path.resolve() if path.name in ("", "..") else path


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
