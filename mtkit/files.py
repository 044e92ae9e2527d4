"""Files of mtkit's own: they appear whole or not at all; JSON in them, and what they are known by."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from mtkit.errors import DataError

_MAX_NAME = 40
"""Letters of its name that a file in the making has in its own, which would else be too long for a directory."""


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name, whole and on disk, only when the block ends without an error.

    An existing file is replaced, where a link leads to as well; what takes its place has its permissions and its owner.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name[:_MAX_NAME]}.{secrets.token_hex(8)}")
    try:  # from before it is made: a signal may come at any moment
        with work.open("xb") as file:
            if path.exists():
                _make_like(work, path)
            yield file
            file.flush()
            os.fsync(file.fileno())
        work.replace(path)
    except BaseException:
        work.unlink(missing_ok=True)
        raise


def _make_like(work: Path, path: Path) -> None:
    """Give what is new the permissions of what it replaces, and its owner where that is allowed."""
    status = path.stat()
    with suppress(PermissionError):
        os.chown(work, status.st_uid, status.st_gid)
    with suppress(OSError):  # a file system that has no permissions
        shutil.copystat(path, work)
        os.utime(work)  # those it is newer than


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """A directory that appears under its name, whole and on disk, only when the block ends without an error.

    An existing directory of that name is replaced, where a link leads to as well. A leftover of an interrupted attempt
    is removed.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.partial")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
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
    path = Path(os.path.realpath(path))
    if Path(os.path.realpath(work)).parent != path.parent:  # perhaps on another disk
        beside = path.with_name(f".{path.name}.partial")
        shutil.rmtree(beside, ignore_errors=True)
        work = Path(shutil.move(work, beside))
    if path.exists():
        _make_like(work, path)
        old = _put_aside(path)
        work.rename(path)
        shutil.rmtree(old)
    else:
        work.rename(path)
    _fsync(path.parent)


def delete_directory(path: Path) -> None:
    """Delete a directory if there is one, where a link leads to as well; a kill leaves nothing of it under its name."""
    path = Path(os.path.realpath(path))
    if path.exists():
        _put_aside(path)
    shutil.rmtree(path.with_name(f".{path.name}.old"), ignore_errors=True)


def _put_aside(path: Path) -> Path:
    """Rename a directory, and delete what an interrupted attempt has left under that name."""
    old = path.with_name(f".{path.name}.old")
    if old.is_symlink():
        old.unlink()
    shutil.rmtree(old, ignore_errors=True)
    path.rename(old)
    return old


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all."""
    with atomic_file(path) as file:
        file.write(json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """A value as indented JSON."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


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
