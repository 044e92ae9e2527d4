"""Files of mtkit's own, read: regular ones only, of a bounded size, as strict JSON, and what they are known by."""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from mtkit.errors import DataError, reason

_MAX_JSON_BYTES = 2_000_000_000
"""What is longer was not written by mtkit: a baseline of ten million lines stays below it."""


_MAX_DIGITS = 40
"""Most digits of a whole number: some hundred overflow a float, and some thousand are not even parsed."""


_POINTER = b"version https://git-lfs"
_MAX_POINTER_BYTES = 1024
"""Git LFS makes none that is longer."""

_NO_FILE = "a pipe, a socket or a device, not a file"


def read_json(path: Path) -> Any:
    """Read a JSON file, as strictly as ``parse_json``.

    Raises:
        DataError: If the file is missing, not a regular one, or not JSON.
    """
    content = read_regular(path, max_bytes=_MAX_JSON_BYTES)
    try:
        return parse_json(content)
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON: {error}") from error


def parse_json(content: str | bytes) -> Any:
    """The value of a JSON text; NaN and Infinity, which Python writes, are taken too.

    Raises:
        ValueError: If it is not JSON in UTF-8, gives a key twice, nests hundreds of values in each other, or holds
            a whole number of more than 40 digits or half a surrogate pair.
    """
    try:
        text = content if isinstance(content, str) else content.decode()
        value = _DECODER.decode(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start + 1}") from None
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair (\\ud800 to \\udfff), which is not a character") from None
    except RecursionError:
        raise ValueError("values are nested too deeply") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r:.60} is given twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"the number {digits:.12}... is too large")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_without_twins, parse_int=_integer)


def version_in(tree: Any) -> int:
    """The version of the format of what mtkit wrote: ``format_version`` of its manifest.

    Raises:
        ValueError: If it has none, or one that is not a number from 1 on.
    """
    if not isinstance(tree, dict) or "format_version" not in tree:
        raise ValueError("no format_version")
    version = tree["format_version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"format_version is {version!r:.40}, not a number from 1 on")
    return version


def check_regular(path: Path) -> os.stat_result:
    """Make sure that a file can be read to its end: neither a directory nor a pipe or device, which may have none.

    Returns:
        What the system knows of it.

    Raises:
        DataError: If it is something else, absent or cannot be looked at; or stands for a file that Git LFS has.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from error
    except ValueError as error:  # a name with a NUL
        raise DataError(f"{path}: {error}") from error
    if stat.S_ISDIR(found.st_mode):
        is_directory = IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise DataError(f"{path}: {reason(is_directory)}") from is_directory
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: {_NO_FILE}")
    if len(_POINTER) <= found.st_size <= _MAX_POINTER_BYTES and _is_pointer(path):
        raise DataError(f"{path}: a pointer of Git LFS, not the file: run git lfs pull")
    return found


def _is_pointer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:  # said where it is read
        return False


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """All of a regular file.

    Raises:
        DataError: If it is not regular, larger than that, or cannot be read.
    """
    n_bytes = check_regular(path).st_size
    if n_bytes > max_bytes:
        raise DataError(f"{path}: {n_bytes:,} bytes, but it should have {max_bytes:,} at most")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from error


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes as they lie on disk.

    Raises:
        DataError: If the file cannot be read.
    """
    try:
        if path.is_char_device():  # /dev/zero has no end
            raise DataError(f"{path}: a device, not a file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from error
