"""What is in packed files, read as a stream: in a bounded memory, whatever a file of a few kilobytes unpacks to."""

import gzip
import io
from pathlib import Path
from typing import Any, BinaryIO, cast

MAX_WINDOW_BYTES = 128 * 2**20
"""How far back a packed file may refer: what the zstd tool unpacks unasked, and twice what xz -9 needs."""

_XZ_OVERHEAD_BYTES = 16 * 2**20
_INPUT_BYTES = 1 << 16

_ZSTD_INPUT_BYTES = 1 << 8
"""What is unpacked at once. The library gives all that this unpacks to, up to 128 kB for every four bytes."""


class TooWideError(Exception):
    """A packed file refers back further than ``MAX_WINDOW_BYTES``."""


def unpacked(path: Path) -> io.RawIOBase | None:
    """A reader of what is in a packed file, by its ending; None where the file is plain.

    Reading raises EOFError where the file breaks off, ``TooWideError``, and the libraries' errors where it is damaged.

    Raises:
        OSError: If it cannot be opened.
    """
    match path.suffix.lower():
        case ".gz":
            return cast(io.RawIOBase, gzip.open(path, "rb"))
        case ".zst":
            return _ZstdReader(path.open("rb"))
        case ".xz":
            return _XzReader(path.open("rb"))
        case ".bz2":
            import bz2

            return cast(io.RawIOBase, bz2.open(path, "rb"))
    return None


class _PartsReader(io.RawIOBase):
    """Unpacks a file that is made of parts, one after the other."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._part: Any = None
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._output:
            if self._part is None and not self._begin():
                return 0
            self._output = memoryview(self._unpack(len(buffer)))
            if self._part.eof:
                self._input = self._part.unused_data + self._input
                self._part = None
        n = min(len(buffer), len(self._output))
        buffer[:n], self._output = self._output[:n], self._output[n:]
        return n

    def close(self) -> None:
        self._packed.close()
        super().close()

    def _begin(self) -> bool:
        """Begin the next part; False where there is none."""
        raise NotImplementedError

    def _unpack(self, n: int) -> bytes:
        """Some of what is in the part, perhaps nothing yet; ``n`` bytes would do."""
        raise NotImplementedError

    def _take(self, n: int) -> bytes:
        """The next ``n`` bytes of the file, or fewer.

        Raises:
            EOFError: If there are none.
        """
        self._input = self._input or self._packed.read(_INPUT_BYTES)
        if not self._input:
            raise EOFError("the archive breaks off")
        taken, self._input = self._input[:n], self._input[n:]
        return taken


class _ZstdReader(_PartsReader):
    """Unpacks Zstandard frames. The library's own reader takes a file that breaks off for one that ends."""

    def _begin(self) -> bool:
        import zstandard

        self._input = self._input or self._packed.read(_INPUT_BYTES)
        if self._input:
            self._part = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj()
        return bool(self._input)

    def _unpack(self, n: int) -> bytes:  # noqa: ARG002  # the library gives what it gives
        try:
            return self._part.decompress(self._take(_ZSTD_INPUT_BYTES))
        except Exception as error:  # ZstdError, in whose text alone it says why
            if "too much memory" in str(error):
                raise TooWideError("zstd --long=31 unpacks it, and zstd without --long packs it anew") from None
            raise


class _XzReader(_PartsReader):
    """Unpacks xz streams. The library's own reader takes as much memory as a file asks for, up to gigabytes."""

    def _begin(self) -> bool:
        import lzma  # seldom needed, and absent from some builds of Python

        self._input = (self._input or self._packed.read(_INPUT_BYTES)).lstrip(b"\0")  # streams may be padded
        while not self._input and (block := self._packed.read(_INPUT_BYTES)):
            self._input = block.lstrip(b"\0")
        if self._input:
            self._part = lzma.LZMADecompressor(memlimit=MAX_WINDOW_BYTES + _XZ_OVERHEAD_BYTES)
        return bool(self._input)

    def _unpack(self, n: int) -> bytes:
        try:
            return self._part.decompress(self._take(_INPUT_BYTES) if self._part.needs_input else b"", n)
        except Exception as error:  # LZMAError, in whose text alone it says why
            if "Memory usage limit" in str(error):
                raise TooWideError("xz -d unpacks it, and xz -9 or less packs it anew") from None
            raise
