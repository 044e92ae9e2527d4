"""The training pairs that are examined: as they stand in the files, or as the recipe's cleaning leaves them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mtkit.data.cleaning.judging import Judgement
from mtkit.data.cleaning.report import all_dropped, reports_by_text
from mtkit.data.cleaning.spool import Block, read_rows, read_side
from mtkit.data.corpus.prepare import clean, nothing_left
from mtkit.data.sources.pairs import Pairs, Source
from mtkit.data.sources.sources import Place
from mtkit.doctor.chunks import FEATURES, features
from mtkit.doctor.reading import PatientReader
from mtkit.machine.workers import Workers
from mtkit.settings.data import DataConfig

Sources = Mapping[Place, Sequence[Source]]


class TrainingPairs(Protocol):
    """The pairs of one source, in order; read more than once."""

    name: str

    def chunks(self) -> Iterator[Pairs]:
        """All of them, a bounded number at a time."""

    def row(self, pair: int) -> int:
        """Where one of them, counted from 0, stands in the files, counted from 0 too."""


class PairsAsRead:
    """The pairs of a source as its files hold them."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source
        self.n_lines = (0, 0)
        """Lines of source and target, once all was read."""

    def chunks(self) -> Iterator[Pairs]:
        """All pairs, as far as the shorter side goes."""
        reader = PatientReader(self._source)
        yield from reader.chunks()
        self.n_lines = (reader.n_lines[0], reader.n_lines[1])

    def row(self, pair: int) -> int:
        """The pair itself."""
        return pair


class CleanedPairs:
    """The pairs of a source that cleaning leaves, as it leaves them."""

    def __init__(self, read: "_ReadOnce", judgement: Judgement, blocks: Sequence[Block], rows: Path) -> None:
        self.name = read.name
        self.n_lines = read.reader.n_lines
        self.n_kept = rows.stat().st_size // np.dtype(np.int64).itemsize
        self.features: NDArray[np.void] = _mapped(read.path, FEATURES)
        """Features of all pairs of the files, dropped ones included."""

        self._judgement = judgement
        self._blocks = blocks
        self._rows: NDArray[np.int64] = _mapped(rows, np.dtype(np.int64))

    def chunks(self) -> Iterator[Pairs]:
        """The pairs that are left."""
        for block in self._blocks:
            kept = _kept(self._judgement, block)
            src, tgt = (read_side(self._judgement.spool, block, side) for side in (0, 1))
            yield Pairs([src[i] for i in kept], [tgt[i] for i in kept])

    def row(self, pair: int) -> int:
        """Where a pair stands in the files."""
        return int(self._rows[pair])

    def rows(self, first: int, n: int) -> NDArray[np.int64]:
        """Where ``n`` pairs from ``first`` on stand in the files, (n,)."""
        return np.array(self._rows[first : first + n])


@dataclass(frozen=True)
class Cleaning:
    """What cleaning did before anything was examined."""

    n_steps: int
    """Steps of the recipe, the filters of its sources among them."""

    n_read: int
    n_kept: int
    dropped: dict[str, int]
    """Pairs by the name of the step that dropped them."""


def has_steps(data: DataConfig) -> bool:
    """Whether a recipe cleans its training pairs by more than what every recipe does."""
    return _n_steps(data) > 0


def cleaned(data: DataConfig, sources: Sources, workers: Workers, scratch: Path) -> tuple[list[CleanedPairs], Cleaning]:
    """Clean the training pairs of a recipe by their text, as preparing the corpus does.

    Args:
        data: Languages, filters and cleaning.
        sources: Those of the recipe.
        workers: Take the steps.
        scratch: An empty directory for temporary files, some of which the pairs are read from.

    Raises:
        ConfigError: If a cleaning step cannot work with the languages or sets.
        DataError: If an input cannot be read or is empty, or nothing is left.
    """
    training = [_ReadOnce(source, scratch / f"features-{number}") for number, source in enumerate(sources["train"])]
    patient: Sources = {
        "train": training,
        "valid": [_Patient(source) for source in sources["valid"]],
        "test": [_Patient(source) for source in sources["test"]],
    }
    judgement = clean(data, patient, workers, scratch)
    reports = reports_by_text(training, judgement)
    n_kept = sum(report["n_kept"] for report in reports)
    if not n_kept:
        raise nothing_left(reports)
    pairs, start = [], 0
    for number, (read, judged) in enumerate(zip(training, judgement.sources, strict=True)):
        blocks = [block for block in judgement.blocks if block.corpus == number]
        rows = scratch / f"rows-{number}"
        with rows.open("xb") as file:
            for block in blocks:
                in_block = read_rows(judgement.spool, block)[_kept(judgement, block)]
                file.write((in_block.astype(np.int64) + (block.first - start)).tobytes())
        start += judged.n_pairs
        pairs.append(CleanedPairs(read, judgement, blocks, rows))
    return pairs, Cleaning(_n_steps(data), start, n_kept, all_dropped(reports))


class _Patient:
    """A source that is read as far as its shorter side goes."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source
        self.reader = PatientReader(source)

    def sha256(self) -> dict[str, str]:
        return self._source.sha256()

    def chunks(self) -> Iterator[Pairs]:
        self.reader = PatientReader(self._source)
        return self.reader.chunks()

    def one_side(self, side: int) -> Iterator[list[str]]:
        return self._source.one_side(side)


class _ReadOnce(_Patient):
    """The same, and the features of its pairs go to a file on the way."""

    def __init__(self, source: Source, path: Path) -> None:
        super().__init__(source)
        self.path = path

    def chunks(self) -> Iterator[Pairs]:
        with self.path.open("xb") as file:
            for chunk in super().chunks():
                file.write(features(chunk.src, chunk.tgt).tobytes())
                yield chunk


def _kept(judgement: Judgement, block: Block) -> NDArray[np.int64]:
    """Which of the pairs of a block are left, counted among those that are in it."""
    rows = read_rows(judgement.spool, block)
    return np.flatnonzero(judgement.verdicts_of(block)[rows] == 0)


def _n_steps(data: DataConfig) -> int:
    return len(data.cleaning.steps) + sum(len(source.filters) for source in data.train)


def _mapped(path: Path, dtype: "np.dtype[Any]") -> "NDArray[Any]":
    """What a file holds, mapped from disk."""
    return np.memmap(path, dtype=dtype, mode="r") if path.stat().st_size else np.empty(0, dtype=dtype)
