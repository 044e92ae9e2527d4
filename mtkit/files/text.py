r"""Files: text read line by line, JSON, hashes, and writes that are whole or absent.

A line ends at ``\n`` and nowhere else: U+2028, U+0085 or a lone ``\r`` inside a segment stay in it.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from mtkit.errors import DataError, reason
from mtkit.files.not_text import other_kind, other_text, what_is_wrong
from mtkit.files.packed import MAX_WINDOW_BYTES, TooWideError, unpacked

BOM = "\ufeff"
"""The byte order mark, which some programs write at the beginning of a file."""

_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 4096

PACKED = (".gz", ".zst", ".xz", ".bz2")
"""Endings of packed files that are read as if they were plain."""

MAX_LINE_BYTES = 100_000_000
"""A longer line is refused: a whole document as one JSON object stays far below it, what exceeds it is a file without
line feeds, and reading a line takes several times its length of memory."""


def packing_of(path: str | Path) -> str:
    """The ending that tells how a file is packed, one of ``PACKED``, whatever its case; empty of a plain one."""
    ending = Path(path).suffix.lower()
    return ending if ending in PACKED else ""


def open_binary(path: str | Path) -> BinaryIO:
    """Open a file for reading, unpacked by its ending (one of ``PACKED``); ``-`` is standard input.

    Raises:
        DataError: If the file cannot be opened.
    """
    if str(path) == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise DataError("standard input is closed; name a file with -i FILE")
        return sys.stdin.buffer
    path = Path(path)
    try:
        packed = unpacked(path)
        return path.open("rb") if packed is None else cast(BinaryIO, io.BufferedReader(packed, 1 << 16))
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from error


def read_lines(path: str | Path, *, keep_bom: bool = False) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 text file, without their line ends (``\n`` or ``\r\n``).

    Args:
        path: The file; ``-`` is standard input.
        keep_bom: Leave a byte order mark at the beginning of the first line, which else goes.

    Raises:
        DataError: If the file cannot be read, is damaged, or is not UTF-8 (naming line and byte).
    """
    for line in read_raw_lines(path, keep_bom=keep_bom):
        yield line.removesuffix("\r")


def read_raw_lines(path: str | Path, *, keep_bom: bool = False) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 text file as ``read_lines`` does, but keep a ``\r`` before the ``\n``."""
    with open_binary(path) as file, _reading(path) as position:
        _check_text(file, path)
        for raw in iter(partial(file.readline, MAX_LINE_BYTES + 1), b""):  # faster than a loop of calls
            position.line += 1
            if len(raw) > MAX_LINE_BYTES:
                raise _endless(path, position.line)
            yield decode_line(raw, position.line, path, keep_bom=keep_bom)


def read_line_chunks(path: str | Path, n_lines: int) -> Iterator[list[str]]:
    """Yield the lines of a UTF-8 text file as ``read_lines`` does, ``n_lines`` at a time: several times faster."""
    waiting: list[str] = []
    with open_binary(path) as file, _reading(path) as position:
        _check_text(file, path)
        for block in _whole_lines(file, path, position):
            lines = _decoded(block, path, position)
            position.line += len(lines)
            waiting += lines
            n_whole = len(waiting) - len(waiting) % n_lines
            for start in range(0, n_whole, n_lines):
                yield waiting[start : start + n_lines]
            del waiting[:n_whole]
    if waiting:
        yield waiting


def read_blocks(path: str | Path) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked, a bounded number at a time.

    Raises:
        DataError: If the file cannot be read or is damaged.
    """
    with open_binary(path) as file, _reading(path) as position:
        _refuse(path, other_kind(_coming(file), str(path), may_be_named=_may_be_named(path)))
        while block := file.read(_BLOCK_BYTES):
            yield block
            position.line += block.count(b"\n")


def check_text(path: str | Path) -> None:
    """Find out by its beginning whether a file is one that lines are read from.

    Raises:
        DataError: If it cannot be opened, or is a document, an archive or something else, naming that and the way out.
    """
    with open_binary(path) as file, _reading(path):
        _check_text(file, path)


def check_beginning(head: bytes, path: str | Path) -> None:
    """The same of the first bytes of a text, as many as have come: of what can be read but once."""
    head = head[:_HEAD_BYTES]
    _refuse(path, other_kind(head, str(path), may_be_named=_may_be_named(path)) or other_text(head, str(path)))


def _check_text(file: BinaryIO, path: str | Path) -> None:
    check_beginning(_coming(file), path)


def _coming(file: BinaryIO) -> bytes:
    """The first bytes of what will be read."""
    if isinstance(file, io.BufferedReader):
        return file.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if not file.seekable():
        return b""
    place = file.tell()  # of what stands in for standard input
    head = file.read(_HEAD_BYTES)
    file.seek(place)
    return head


def _may_be_named(path: str | Path) -> bool:
    return str(path) != "-" and not packing_of(path)


def _refuse(path: str | Path, wrong: str | None) -> None:
    """Say what is wrong with a file, if anything."""
    if wrong is not None:
        raise DataError(f"{_shown(path)}: {wrong}") from None


def _whole_lines(file: BinaryIO, path: str | Path, position: "_Position") -> Iterator[bytes]:
    """The bytes of a file, cut behind line feeds."""
    parts: list[bytes] = []
    n_bytes = 0
    while block := file.read(_BLOCK_BYTES):
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join((*parts, block[:end]))
            parts, n_bytes, block = [], 0, block[end:]
        parts.append(block)
        n_bytes += len(block)
        if n_bytes > MAX_LINE_BYTES:
            raise _endless(path, position.line + 1)
    if n_bytes:
        yield b"".join(parts)


def _decoded(block: bytes, path: str | Path, position: "_Position") -> list[str]:
    """The lines of a block that ends where a line ends."""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        for number, raw in enumerate(block.split(b"\n"), start=position.line + 1):
            decode_line(raw, number, path)
        raise
    if position.line == 0:
        text = text.removeprefix("\ufeff")
    lines = text.removesuffix("\n").split("\n")
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines


def _endless(path: str | Path, number: int) -> DataError:
    return DataError(
        f"{_shown(path)}:{number}: no line feed within {MAX_LINE_BYTES // 10**6} MB; is this a text file with one "
        "segment per line?"
    )


def read_aligned_chunks(src: str | Path, tgt: str | Path, n_lines: int) -> Iterator[tuple[list[str], list[str]]]:
    """Read two files side by side, ``n_lines`` of each at a time.

    Raises:
        DataError: If one cannot be read, or has more lines than the other (naming both counts).
    """
    sides = [read_line_chunks(path, n_lines) for path in (src, tgt)]
    n = 0
    while True:
        src_lines, tgt_lines = (next(side, []) for side in sides)
        if len(src_lines) != len(tgt_lines):
            n_src, n_tgt = (
                n + len(lines) + sum(map(len, side)) for lines, side in zip((src_lines, tgt_lines), sides, strict=True)
            )
            raise DataError(
                f"{_shown(src)} has {n_src:,} line{'s' * (n_src != 1)} but {_shown(tgt)} has {n_tgt:,}: line n of one "
                "must translate line n of the other"
            )
        if not src_lines:
            return
        n += len(src_lines)
        yield src_lines, tgt_lines


@dataclass
class _Position:
    """Lines read so far."""

    line: int = 0


@contextmanager
def _reading(path: str | Path) -> Iterator[_Position]:
    """Say in one line what goes wrong while a file is read."""
    position = _Position()
    try:
        yield position
    except EOFError:
        raise DataError(
            f"{_shown(path)}: incomplete, it breaks off after line {position.line}; fetch it again"
        ) from None
    except TooWideError as error:
        limit = f"{MAX_WINDOW_BYTES // 2**20} MB"
        raise DataError(f"{_shown(path)}: needs more than {limit} of memory to be unpacked: {error}") from None
    except OSError as error:
        raise DataError(f"{_shown(path)}: cannot read after line {position.line}: {error}") from error
    except Exception as error:  # zstandard.ZstdError, zlib.error, LZMAError: a damaged archive
        if type(error).__module__.partition(".")[0] not in ("zstandard", "zlib", "_lzma"):
            raise
        raise DataError(f"{_shown(path)}: damaged archive after line {position.line}: {error}") from error


def decode_line(raw: bytes, number: int, path: str | Path, *, keep_bom: bool = False) -> str:
    r"""The text of one line, counted from 1, without its ``\n`` (and the first without a BOM, unless it is to be kept).

    Raises:
        DataError: If the line is not UTF-8, naming it and the byte.
    """
    try:
        return (raw.removeprefix(BOM.encode()) if number == 1 and not keep_bom else raw).decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        head = _head(path) or raw
        _refuse(path, what_is_wrong(head, str(path), may_be_named=_may_be_named(path)))
        where = f"{_shown(path)}:{number}: byte {error.start + 1} of the line"
        bad = error.object[error.start]
        raise DataError(f"{where} is not UTF-8 (0x{bad:02x}); convert the file, for example with iconv") from None


def _head(path: str | Path) -> bytes:
    """The first bytes of a file, unpacked; of what can be read but once, none."""
    if not Path(path).is_file():
        return b""
    with open_binary(path) as file:
        return file.read(_HEAD_BYTES)


def _shown(path: str | Path) -> str:
    return "standard input" if str(path) == "-" else str(path)
