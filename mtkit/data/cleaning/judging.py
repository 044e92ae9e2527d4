"""First pass over a corpus: read it, clean it by its text, and keep what is left in a file for the passes to come."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtkit.data.cleaning.duplicates import EqualKeys, Hashes, later_ones
from mtkit.data.cleaning.pipeline import Pipeline
from mtkit.data.cleaning.reasons import N_SAMPLES, Sample, Verdicts
from mtkit.data.cleaning.spool import Block, Packed, SpoolWriter, read_rows, read_side
from mtkit.data.sources.pairs import Pairs, Source
from mtkit.errors import DataError
from mtkit.log import progress_bar
from mtkit.machine.workers import Workers

_N_CANDIDATES = 10 * N_SAMPLES
"""Samples held until it is known which of them are duplicates."""


@dataclass
class SourceJudgement:
    """What the first pass found in one source."""

    labels: dict[int, str]
    """What its verdicts are called."""

    n_pairs: int = 0
    n_changed: Counter[str] = field(default_factory=Counter)
    """Pairs that each normaliser changed."""

    samples: dict[int, list[Sample]] = field(default_factory=dict)
    """The first pairs that were dropped, by verdict."""


@dataclass(frozen=True)
class Judgement:
    """What the first pass found in all training sources."""

    verdicts: Verdicts
    """Verdicts of all pairs in the order of the sources, uint8 (n,), mapped from disk."""

    n_characters: NDArray[np.int64]
    """Characters of source and target, over all pairs as they were read."""

    spool: Path
    """The pairs that no step dropped by themselves, as the steps changed them."""

    blocks: list[Block]
    sources: list[SourceJudgement]

    def verdicts_of(self, block: Block) -> Verdicts:
        """A copy of the verdicts of a block's chunk, uint8 (``block.n``,)."""
        return np.array(self.verdicts[block.first : block.first + block.n])


@dataclass(frozen=True)
class _Chunk:
    """What comes back from a worker: a chunk judged, its text packed."""

    verdicts: Verdicts
    packed: Packed
    keys: dict[int, tuple[Hashes, NDArray[np.int64]]]
    n_changed: Counter[str]
    samples: dict[int, list[Sample]]
    n_characters: tuple[int, int]


@dataclass(frozen=True)
class _Judge:
    """The work on one chunk of a source."""

    pipeline: Pipeline
    name: str

    def __call__(self, pairs: Pairs) -> _Chunk:
        try:
            judged = self.pipeline(pairs)
        except DataError as error:
            raise DataError(f"{self.name}: {error}") from None
        return _Chunk(
            judged.verdicts,
            Packed.of(judged.pairs, judged.rows),
            judged.keys,
            judged.n_changed,
            judged.samples,
            (sum(map(len, pairs.src)), sum(map(len, pairs.tgt))),
        )


def judge(sources: Sequence[Source], pipelines: Sequence[Pipeline], workers: Workers, scratch: Path) -> Judgement:
    """Read and judge the training sources.

    Args:
        sources: Read in order, once.
        pipelines: The steps of each.
        workers: Take the steps.
        scratch: Directory for the spool and other temporary files.

    Raises:
        DataError: If an input cannot be read, is malformed, or is empty.
    """
    n_characters = np.zeros(2, dtype=np.int64)
    found = [SourceJudgement(pipeline.labels) for pipeline in pipelines]
    path = scratch / "verdicts"
    with ExitStack() as stack:
        searches = _Searches(pipelines, scratch, stack)
        with (
            path.open("xb", buffering=1 << 16) as verdicts,
            SpoolWriter(scratch / "spool") as spool,
            progress_bar(total=None, description="reading", unit="pair") as bar,
        ):
            first = 0
            for number, (source, pipeline, of_source) in enumerate(zip(sources, pipelines, found, strict=True)):
                work = _Judge(pipeline, source.name)
                chunks = source.chunks()
                for chunk in map(work, chunks) if pipeline.is_light else workers.map(work, chunks):
                    verdicts.write(chunk.verdicts.tobytes())
                    spool.write(chunk.packed, corpus=number, first=first, n=len(chunk.verdicts))
                    searches.add(number, chunk.keys, first)
                    _note(of_source, chunk)
                    n_characters += chunk.n_characters
                    first += len(chunk.verdicts)
                    bar.update(len(chunk.verdicts))
                if of_source.n_pairs == 0:
                    raise empty_input(source)
        judged = np.memmap(path, dtype=np.uint8, mode="r+", shape=(first,))
        searches.mark(judged)
    _assign_samples(found, judged)
    judgement = Judgement(judged, n_characters, spool.path, spool.blocks, found)
    _add_samples_of_duplicates(judgement, pipelines)
    return judgement


def empty_input(source: Source) -> DataError:
    """What is wrong with a source that has no pairs."""
    return DataError(f"{' and '.join(source.sha256())}: empty, not one pair to read")


class _Searches:
    """The keys of every step that searches for duplicates, in the order in which the steps are taken."""

    def __init__(self, pipelines: Sequence[Pipeline], scratch: Path, stack: ExitStack) -> None:
        found = [(number, search) for number, pipeline in enumerate(pipelines) for search in pipeline.searches]
        # A source's own steps come before those that all sources have.
        places: list[tuple[int | None, int]] = [(number, search.verdict) for number, search in found if search.own]
        places += [(None, search.verdict) for number, search in found if number == 0 and not search.own]
        self._keys = {place: stack.enter_context(EqualKeys(scratch / f"keys-{i}")) for i, place in enumerate(places)}

    def add(self, number: int, keys: dict[int, tuple[Hashes, NDArray[np.int64]]], first: int) -> None:
        """Take the keys of a chunk that begins at ``first``."""
        for verdict, (hashes, rows) in keys.items():
            place = (number, verdict) if (number, verdict) in self._keys else (None, verdict)
            self._keys[place].add(hashes, rows + first)

    def mark(self, verdicts: Verdicts) -> None:
        """Set the verdict of every pair that repeats an earlier one, step by step."""
        earlier: list[int] = []
        for (_, verdict), keys in self._keys.items():
            for rows, new, _ in keys.groups():
                # What an earlier search has dropped is no longer there; what an earlier filter has never came here.
                counts = ~np.isin(verdicts[rows], earlier)
                verdicts[later_ones(rows, new, counts)] = verdict
            earlier.append(verdict)


def _note(of_source: SourceJudgement, chunk: _Chunk) -> None:
    """Add a chunk to what is known of its source."""
    for verdict, samples in chunk.samples.items():
        add_samples(of_source.samples, verdict, samples, of_source.n_pairs, at_most=_N_CANDIDATES)
    of_source.n_changed.update(chunk.n_changed)
    of_source.n_pairs += len(chunk.verdicts)


def _assign_samples(sources: Sequence[SourceJudgement], verdicts: Verdicts) -> None:
    """Show under each verdict the pairs that have it in the end: some that a filter dropped were duplicates before."""
    start = 0
    for of_source in sources:
        candidates = sorted(sample for samples in of_source.samples.values() for sample in samples)
        of_source.samples = {}
        for sample in candidates:
            add_samples(of_source.samples, int(verdicts[start + sample.row]), [sample], 0)
        start += of_source.n_pairs


def add_samples(
    shown: dict[int, list[Sample]], verdict: int, samples: Sequence[Sample], first: int, *, at_most: int = N_SAMPLES
) -> None:
    """Show the first samples of a verdict, as far as there is room; their chunk begins at ``first`` in the source."""
    so_far = shown.setdefault(verdict, [])
    so_far += [sample._replace(row=sample.row + first) for sample in samples[: at_most - len(so_far)]]


def _add_samples_of_duplicates(judgement: Judgement, pipelines: Sequence[Pipeline]) -> None:
    """Show the first duplicates of each source, as far as no later step has dropped them too."""
    wanted = [{search.verdict for search in pipeline.searches} for pipeline in pipelines]
    firsts = np.cumsum([0, *(source.n_pairs for source in judgement.sources)])
    for block in judgement.blocks:
        shown, missing = judgement.sources[block.corpus].samples, wanted[block.corpus]
        if not missing:
            continue
        rows = read_rows(judgement.spool, block)
        verdicts = judgement.verdicts_of(block)[rows]
        for verdict in [verdict for verdict in missing if (verdicts == verdict).any()]:
            at = np.flatnonzero(verdicts == verdict)[:N_SAMPLES].tolist()
            src, tgt = (read_side(judgement.spool, block, side) for side in (0, 1))
            samples = [Sample.of(int(rows[i]), src[i], tgt[i]) for i in at]
            add_samples(shown, verdict, samples, block.first - int(firsts[block.corpus]))
            if len(shown[verdict]) == N_SAMPLES:
                missing.remove(verdict)
