"""Cleaned text on its way from the first pass to the second: one file, block by block."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mtkit.data.sources.pairs import Pairs


@dataclass(frozen=True)
class Block:
    """Where the pairs of one chunk lie in the file."""

    corpus: int
    """Number of their source."""

    first: int
    """Place of the chunk's first pair among all pairs that were read."""

    n: int
    """Pairs of the chunk, those that are not here too."""

    offset: int
    """Offset in bytes; the places of the pairs (int32) come first, then the text of each side."""

    n_here: int
    n_src: int
    """Bytes of the source text."""

    n_tgt: int


@dataclass(frozen=True)
class Packed:
    """Pairs as bytes: the segments of a side with line feeds between them, and their places in the chunk."""

    rows: NDArray[np.int32]
    src: bytes
    tgt: bytes

    @classmethod
    def of(cls, pairs: Pairs, rows: NDArray[np.int64]) -> "Packed":
        """Pack pairs."""
        return cls(rows.astype(np.int32), "\n".join(pairs.src).encode(), "\n".join(pairs.tgt).encode())


class SpoolWriter:
    """Appends blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks: list[Block] = []
        self._file = path.open("xb")

    def write(self, packed: Packed, *, corpus: int, first: int, n: int) -> None:
        """Append what is left of the chunk of ``n`` pairs that begins at ``first``."""
        n_here = len(packed.rows)
        block = Block(corpus, first, n, self._file.tell(), n_here, len(packed.src), len(packed.tgt))
        for part in (packed.rows.tobytes(), packed.src, packed.tgt):
            self._file.write(part)
        self.blocks.append(block)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_rows(path: Path, block: Block) -> NDArray[np.int32]:
    """Places in the chunk of the pairs that are here, (n_here,)."""
    with path.open("rb") as file:
        file.seek(block.offset)
        return np.frombuffer(file.read(4 * block.n_here), dtype=np.int32)


def read_side(path: Path, block: Block, side: int) -> list[str]:
    """Segments of one side: 0 source, 1 target."""
    if not block.n_here:
        return []
    with path.open("rb") as file:
        file.seek(block.offset + 4 * block.n_here + side * block.n_src)
        return file.read(block.n_tgt if side else block.n_src).decode().split("\n")
