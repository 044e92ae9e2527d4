"""What all sources of pairs have in common."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

CHUNK_PAIRS = 8192
"""Pairs that a source hands over at once."""


class Pairs(NamedTuple):
    """Some pairs of one source, in its order. A segment is one line: it never holds a line feed."""

    src: list[str]
    tgt: list[str]

    scores: list[float] | None = None
    """What the source says of the quality of each pair, higher is better, where it has a column for that."""

    def of_side(self, side: int) -> list[str]:
        """The segments of one side: 0 source, 1 target."""
        return self.tgt if side else self.src


class Source(Protocol):
    """Pairs in a fixed order, and a name for them; read more than once."""

    name: str

    def sha256(self) -> dict[str, str]:
        """Hex digest of each input, by the name that the recipe gives it."""

    def chunks(self) -> Iterator[Pairs]:
        """All pairs, ``CHUNK_PAIRS`` at a time.

        Raises:
            DataError: If an input cannot be read, naming the file and the place in it.
        """

    def one_side(self, side: int) -> Iterator[list[str]]:
        """The segments of one side alone, in chunks of the same size: 0 source, 1 target."""
