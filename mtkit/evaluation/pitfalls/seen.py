"""Which sources a model was trained on, as a small filter that its bundle keeps: does a test set overlap with them?

A Bloom filter (Bloom, 1970) of the sources' 64-bit hashes: two bytes a source, never a no where yes is true, and a
yes for about one in 2,000 that were not there. Of very large corpora it keeps every second, fourth, ... source by its
hash, so that it stays below 32 MB; a test set is then judged by the same share of its lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from mtkit.errors import CheckpointError, DataError
from mtkit.files.tensor_file import read_tensor_file
from mtkit.wording import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "training_sources.safetensors"

_BITS_PER_SOURCE = 16
_N_HASHES = 11  # 16 ln 2: the fewest false answers
_MAX_SOURCES = 1 << 24  # 32 MB
_FEWEST_BYTES = 64
_MAX_BYTES = _MAX_SOURCES * _BITS_PER_SOURCE // 4  # twice what the largest filter has
_FALSE_RATE = 1 / 2_000
_CHUNK = 10_000
_NAME = "bits"


@dataclass(frozen=True)
class Overlap:
    """How much of a test set was trained on."""

    n_seen: int
    """Lines found among the training sources."""

    n_checked: int
    """Distinct lines that could be looked up: all, or the share that the filter keeps."""

    @property
    def is_real(self) -> bool:
        """Whether it is more than what false answers explain."""
        return self.n_seen > 2 + 3 * self.n_checked * _FALSE_RATE

    def __str__(self) -> str:
        """``31 of 2,000 distinct lines (1.6 %)``."""
        share = 100 * self.n_seen / max(self.n_checked, 1)
        return f"{self.n_seen:,} of {counted(self.n_checked, 'distinct line')} ({share:.1f} %)"


class SeenSources:
    """The sources of a training corpus."""

    def __init__(self, bits: "NDArray[np.uint8]", *, one_in: int) -> None:
        """A filter.

        Args:
            bits: uint8 (n,), eight bits each, the lowest first.
            one_in: A power of two; only hashes that it divides are kept.
        """
        self._bits = bits
        self._one_in = one_in

    @classmethod
    def build(cls, sources: Iterable[str], n_sources: int) -> "SeenSources":
        """Make a filter.

        Args:
            sources: Read once, some thousand at a time.
            n_sources: About how many there are; more make false answers more likely.
        """
        import numpy as np

        one_in = 1
        while n_sources > one_in * _MAX_SOURCES:
            one_in *= 2
        n_bytes = max(_FEWEST_BYTES, n_sources // one_in * _BITS_PER_SOURCE // 8)
        flags = np.zeros(8 * n_bytes, dtype=bool)  # a byte each while they are set: 268 MB at most
        for hashes in _chunks(sources):
            for places in _places(hashes[hashes % one_in == 0], len(flags)):
                flags[places] = True
        return cls(np.packbits(flags, bitorder="little"), one_in=one_in)

    @classmethod
    def read(cls, path: Path) -> "SeenSources":
        """Read a filter back.

        Raises:
            DataError: If the file is damaged.
        """
        import numpy as np

        try:
            file = read_tensor_file(path)
            info, one_in = file.tensors[_NAME], int(file.metadata["one_in"])
            if not info.n_numbers or info.dtype != "U8" or one_in < 1 or info.n_numbers > _MAX_BYTES:
                raise ValueError("it is not a filter")
            with path.open("rb") as content:
                content.seek(info.start)
                bits = np.frombuffer(content.read(info.n_numbers), dtype=np.uint8)
        except CheckpointError as error:
            raise DataError(str(error)) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: damaged: {error}") from None
        return cls(bits, one_in=one_in)

    def write(self, path: Path) -> None:
        """Write the filter as a safetensors file."""
        from safetensors.numpy import save_file

        save_file({_NAME: self._bits}, path, metadata={"one_in": str(self._one_in)})

    @property
    def n_bytes(self) -> int:
        """Size of the filter."""
        return len(self._bits)

    def overlap(self, lines: Iterable[str]) -> Overlap:
        """Look up the lines of a test set, each distinct one once, empty ones not at all."""
        import numpy as np

        n_seen = n_checked = 0
        for hashes in _chunks(dict.fromkeys(filter(None, map(_plain, lines)))):
            kept = hashes[hashes % self._one_in == 0]
            found = np.ones(len(kept), dtype=bool)
            for places in _places(kept, 8 * len(self._bits)):
                found &= self._bits[places >> 3] >> (places & 7).astype(np.uint8) & 1 == 1
            n_seen += int(found.sum())
            n_checked += len(kept)
        return Overlap(n_seen, n_checked)


def _places(hashes: "NDArray[np.uint64]", n_bits: int) -> "Iterator[NDArray[np.uint64]]":
    """The bit of every source, for each hash function of the filter (Kirsch and Mitzenmacher, 2006)."""
    import numpy as np

    first, second = hashes >> np.uint64(32), (hashes & np.uint64(0xFFFFFFFF)) * np.uint64(2) + np.uint64(1)
    for n in range(_N_HASHES):
        yield (first + np.uint64(n) * second) % np.uint64(n_bits)


def _chunks(sources: Iterable[str]) -> "Iterator[NDArray[np.uint64]]":
    """Hashes of some thousand sources at a time."""
    from itertools import islice

    import numpy as np

    iterator = iter(sources)
    while hashes := [xxhash.xxh3_64_intdigest(_plain(line).encode()) for line in islice(iterator, _CHUNK)]:
        yield np.array(hashes, dtype=np.uint64)


def _plain(line: str) -> str:
    """What counts of a line: neither case nor white space."""
    return " ".join(line.lower().split())
