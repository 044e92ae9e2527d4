"""What all sources of pairs have in common."""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Protocol

from mtkit.errors import DataError
from mtkit.files.numbers import number_in
from mtkit.files.reading import sha256_file

CHUNK_PAIRS = 8192
"""Pairs that a source hands over at once."""

_BREAK = re.compile(r"(?<![ \t\r])[ \t\r]*+\n[ \t\r\n]*")


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
        """All pairs, at most ``CHUNK_PAIRS`` at a time.

        Raises:
            DataError: If an input cannot be read, naming the file and the place in it.
        """

    def one_side(self, side: int) -> Iterator[list[str]]:
        """The segments of one side alone, in chunks of the same size: 0 source, 1 target."""


@dataclass
class FileSource(ABC):
    """A source that is one file, read whole even where one side is wanted."""

    name: str
    path: Path

    def sha256(self) -> dict[str, str]:
        """Digest of the file."""
        return {str(self.path): sha256_file(self.path)}

    @abstractmethod
    def chunks(self) -> Iterator[Pairs]:
        """All pairs, at most ``CHUNK_PAIRS`` at a time."""

    def one_side(self, side: int) -> Iterator[list[str]]:
        """One side of all pairs: 0 source, 1 target."""
        return (chunk.of_side(side) for chunk in self.chunks())


@dataclass
class FirstPairs:
    """The first pairs of a source."""

    source: Source
    limit: int

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.source.name

    @name.setter
    def name(self, name: str) -> None:
        self.source.name = name

    def sha256(self) -> dict[str, str]:
        """Digests of the inputs, whole."""
        return self.source.sha256()

    def chunks(self) -> Iterator[Pairs]:
        """The chunks of the source, until there are enough."""
        n_left = self.limit
        for src, tgt, scores in self.source.chunks():
            yield Pairs(src[:n_left], tgt[:n_left], None if scores is None else scores[:n_left])
            n_left -= len(src)
            if n_left <= 0:
                return

    def one_side(self, side: int) -> Iterator[list[str]]:
        """The segments of one side, until there are enough."""
        n_left = self.limit
        for segments in self.source.one_side(side):
            yield segments[:n_left]
            n_left -= len(segments)
            if n_left <= 0:
                return


@dataclass
class JoinedSources:
    """Sources one after the other."""

    name: str
    sources: Sequence[Source]

    def sha256(self) -> dict[str, str]:
        """Digests of all inputs, numbered where there are several sources: one file may stand in two of them."""
        if len(self.sources) == 1:
            return self.sources[0].sha256()
        inputs = chain.from_iterable(source.sha256().items() for source in self.sources)
        return {f"{number}: {path}": digest for number, (path, digest) in enumerate(inputs, start=1)}

    def chunks(self) -> Iterator[Pairs]:
        """The chunks of each."""
        return chain.from_iterable(source.chunks() for source in self.sources)

    def one_side(self, side: int) -> Iterator[list[str]]:
        """One side of each."""
        return chain.from_iterable(source.one_side(side) for source in self.sources)


def in_chunks(found: Iterable[tuple[str, str]]) -> Iterator[Pairs]:
    """Pairs that come one by one, ``CHUNK_PAIRS`` at a time."""
    rest = iter(found)
    while chunk := list(islice(rest, CHUNK_PAIRS)):
        yield Pairs([src for src, _ in chunk], [tgt for _, tgt in chunk])


def one_line(text: str) -> str:
    """A segment on one line: each line break becomes a space, with the blanks that lay it out around it."""
    return _BREAK.sub(" ", text).strip(" \t") if "\n" in text else text


def joined(columns: Sequence[list[str]], separator: str) -> list[str]:
    """The texts of several columns as one, line by line, with a separator and blanks between them; one as it is."""
    if len(columns) == 1:
        return columns[0]
    between = f" {separator} "
    return [between.join(texts).strip() for texts in zip(*columns, strict=True)]


def as_score(value: object, where: str) -> float:
    """A score that a file gives.

    Raises:
        DataError: If it is not a finite number, naming its place.
    """
    try:
        if isinstance(value, str):
            value = number_in(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise DataError(f"{where}: the score {value!r:.40} is not a number")
