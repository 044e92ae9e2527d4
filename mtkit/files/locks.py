"""Keep two processes from writing the same directory at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mtkit.files.whole import NONBLOCK, leftovers, lock_open_file, remove_if_left
from mtkit.log import logger


@contextmanager
def sole_writer(directory: Path) -> Iterator[None]:
    """Wait until no other process writes this directory, and keep others waiting until the block ends.

    What a killed process left of it half written is removed.
    """
    path = _lock_of(directory)
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with open_lock(path) as lock:
            if not lock_open_file(lock.fileno(), wait=False):
                logger.info("%s: another process is writing it, waiting", directory)
                lock_open_file(lock.fileno())
            if not _is_at(lock.fileno(), path):
                continue  # the process that held it has deleted the file since
            try:
                for left in _leftovers(directory):
                    remove_if_left(left)
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def remove_leftovers_of(directory: Path) -> None:
    """Remove what a killed process left of a directory, half written or deleted; what a living one writes stays."""
    lock = _lock_of(directory)
    if not (_leftovers(directory) or lock.exists()):
        return
    with suppress(OSError), open_lock(lock) as file:
        is_ours = lock_open_file(file.fileno(), wait=False)  # else somebody is at work
        if is_ours and _is_at(file.fileno(), lock):  # and not one that another process has made since
            for left in _leftovers(directory):
                remove_if_left(left)
            lock.unlink(missing_ok=True)


def open_lock(path: Path) -> IO[bytes]:
    """A file to lock; a pipe that somebody put in its place is not waited for."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | NONBLOCK, 0o666), "r+b", buffering=0)


def _place(directory: Path) -> Path:
    """The directory under one name, whatever links lead there."""
    return Path(os.path.realpath(directory))


def _lock_of(directory: Path) -> Path:
    place = _place(directory)
    return place.with_name(f".{place.name}.lock")


def _leftovers(directory: Path) -> list[Path]:
    place = _place(directory)
    return [path for name, path in leftovers(place.parent) if name == place.name]


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still is the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
