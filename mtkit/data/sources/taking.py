"""What is taken of the pairs of a source: one side alone, or both of them exchanged."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mtkit.data.sources.pairs import Pairs, Source


@dataclass
class Taken:
    """The sides of another source in a new order, one of them perhaps twice."""

    source: Source

    sides: tuple[int, int]
    """What source and target are in the other one: 0 its source, 1 its target."""

    @property
    def name(self) -> str:
        """The name of the other source."""
        return self.source.name

    @name.setter
    def name(self, name: str) -> None:
        self.source.name = name

    def sha256(self) -> dict[str, str]:
        """Digests of the inputs, whole."""
        return self.source.sha256()

    def chunks(self) -> Iterator[Pairs]:
        """The pairs. One side alone is read alone, without the scores of the pairs."""
        src, tgt = self.sides
        if src == tgt:
            return (Pairs(segments, segments) for segments in self.source.one_side(src))
        return (Pairs(chunk.of_side(src), chunk.of_side(tgt), chunk.scores) for chunk in self.source.chunks())

    def one_side(self, side: int) -> Iterator[list[str]]:
        """One side of all pairs: 0 source, 1 target."""
        return self.source.one_side(self.sides[side])


def taken(source: Source, what: Literal["both", "swapped", "src", "tgt"]) -> Source:
    """A source of what a recipe takes of another one; nothing is read yet."""
    if what == "both":
        return source
    return Taken(source, {"swapped": (1, 0), "src": (0, 0), "tgt": (1, 1)}[what])
