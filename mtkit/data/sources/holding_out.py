"""Pairs held out of the training sources of a recipe, for validation and test, without a copy of the corpus."""

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import xxhash

from mtkit.data.sources import pairs
from mtkit.data.sources.pairs import Pairs, Source
from mtkit.errors import DataError
from mtkit.log import logger

Place = Literal["train", "valid", "test"]


class _Drawn(NamedTuple):
    """A pair that is held out."""

    rank: int
    """What drew it: a hash of its text, the lowest are taken."""

    row: int
    src: str
    tgt: str


def held_out_of(sources: Sequence[Source], amount: float, places: Sequence[Place]) -> dict[Place, list[Source]]:
    """Sources without what is held out of them, and a set of that for each of ``places``; nothing is read yet.

    Args:
        sources: Sources of training pairs.
        amount: Pairs of each set; below one the share of all training pairs.
        places: valid, or valid and test.
    """
    draw = _Draw(sources, amount, places)
    sets: dict[Place, list[Source]] = {place: [_HeldOut(place, draw, number)] for number, place in enumerate(places)}
    return {"train": [_Rest(source, draw) for source in sources], **sets}


class _Draw:
    """The choice of what is held out: always the same of the same pairs, in whatever order they come."""

    def __init__(self, sources: Sequence[Source], amount: float, places: Sequence[str]) -> None:
        self._sources, self._amount, self._places = list(sources), amount, places

    @cached_property
    def sets(self) -> list[list[_Drawn]]:
        """The pairs of each set, in the order of the corpus.

        Raises:
            DataError: If the corpus cannot be read, or is too small.
        """
        n = sum(len(chunk.src) for source in self._sources for chunk in source.chunks()) if self._amount < 1 else None
        n_each = int(self._amount) if n is None else max(round(n * self._amount), 1)
        n_sets = len(self._places)
        lowest: list[tuple[int, int, str, str]] = []  # a heap, of which the first is the highest
        seen: set[int] = set()
        n_pairs = 0
        for src, tgt in self._pairs():
            n_pairs += 1
            rank = xxhash.xxh64_intdigest(f"{src}\0{tgt}".encode())
            if (len(lowest) == n_sets * n_each and -rank <= lowest[0][0]) or rank in seen or not (src and tgt):
                continue
            seen.add(rank)
            drawn = (-rank, n_pairs, src, tgt)
            if len(lowest) < n_sets * n_each:
                heapq.heappush(lowest, drawn)
            else:
                seen.discard(-heapq.heapreplace(lowest, drawn)[0])
        if 2 * n_sets * n_each > n_pairs or len(lowest) < n_sets * n_each:
            wanted = f"{n_each:,} pairs for {' and as many for '.join(self._places)}"
            raise DataError(f"data.hold_out: {wanted} are too many of {n_pairs:,} training pairs; hold out fewer")
        ordered = sorted(_Drawn(-rank, row, src, tgt) for rank, row, src, tgt in lowest)
        logger.info("held out %s pairs for %s", f"{n_each:,}", " and as many for ".join(self._places))
        return [sorted(ordered[start::n_sets], key=lambda pair: pair.row) for start in range(n_sets)]

    def is_held(self, src: str, tgt: str) -> bool:
        """Whether a side of a pair stands in a set."""
        held_src, held_tgt = self._sides
        return src in held_src or tgt in held_tgt

    @cached_property
    def _sides(self) -> tuple[set[str], set[str]]:
        drawn = [pair for of_set in self.sets for pair in of_set]
        return {pair.src for pair in drawn}, {pair.tgt for pair in drawn}

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for source in self._sources:
            for chunk in source.chunks():
                yield from zip(chunk.src, chunk.tgt, strict=True)


class _Rest:
    """A training source without the pairs of which a side is held out."""

    def __init__(self, source: Source, draw: _Draw) -> None:
        self.name = source.name
        self._source, self._draw = source, draw

    def sha256(self) -> dict[str, str]:
        """Digests of the inputs, whole."""
        return self._source.sha256()

    def chunks(self) -> Iterator[Pairs]:
        """The pairs that are left."""
        for src, tgt, scores in self._source.chunks():
            kept = [row for row, pair in enumerate(zip(src, tgt, strict=True)) if not self._draw.is_held(*pair)]
            left = None if scores is None else [scores[row] for row in kept]
            yield Pairs([src[row] for row in kept], [tgt[row] for row in kept], left)

    def one_side(self, side: int) -> Iterator[list[str]]:
        """One side of the pairs that are left."""
        return (chunk.of_side(side) for chunk in self.chunks())


class _HeldOut:
    """A set of pairs that are held out."""

    def __init__(self, name: str, draw: _Draw, number: int) -> None:
        self.name = name
        self._draw, self._number = draw, number

    def sha256(self) -> dict[str, str]:
        """Digest of the segments."""
        content = hashlib.sha256()
        for pair in self._pairs:
            content.update(f"{pair.src}\n{pair.tgt}\n".encode())
        return {f"{self.name}, held out of train": content.hexdigest()}

    def chunks(self) -> Iterator[Pairs]:
        """The pairs."""
        for start in range(0, len(self._pairs), pairs.CHUNK_PAIRS):
            some = self._pairs[start : start + pairs.CHUNK_PAIRS]
            yield Pairs([pair.src for pair in some], [pair.tgt for pair in some])

    def one_side(self, side: int) -> Iterator[list[str]]:
        """One side of the pairs."""
        return (chunk.of_side(side) for chunk in self.chunks())

    @property
    def _pairs(self) -> list[_Drawn]:
        return self._draw.sets[self._number]
