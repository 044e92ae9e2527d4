"""Last pass over a corpus: encode what is left, judge its lengths in tokens, and write it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, compress
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtkit.data.cleaning.judging import Judgement, add_samples
from mtkit.data.cleaning.reasons import LENGTH_RATIO, N_SAMPLES, N_VERDICTS, TOO_LONG, Sample, Verdicts, length_verdicts
from mtkit.data.cleaning.spool import Block, read_rows, read_side
from mtkit.data.corpus.store import StoreWriter, id_lists
from mtkit.data.sources.pairs import Source
from mtkit.data.tokens.special import Prefix
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.log import progress_bar
from mtkit.machine.workers import Workers
from mtkit.settings.cleaning import CleaningConfig


@dataclass(frozen=True)
class Input:
    """A source, and what the recipe says of it."""

    source: Source
    sha256: dict[str, str]
    tags: list[str]
    """Pieces that stand before each of its source texts."""

    forced: list[str]
    """Pieces that stand before each of its target texts."""

    prefix: Prefix
    """Ids of the tags and of ``forced``."""

    tgt_lang: str


@dataclass
class Written:
    """What was written of one source."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_VERDICTS, dtype=np.int64))
    """Pairs with each verdict."""

    n_src_tokens: int = 0
    n_tgt_tokens: int = 0
    samples: dict[int, list[Sample]] = field(default_factory=dict)
    """The first pairs that were dropped for their tokens, by verdict."""


def write_train(
    directory: Path,
    inputs: Sequence[Input],
    judgement: Judgement,
    tokenizer: Tokenizer,
    saved: Path,
    config: CleaningConfig,
    workers: Workers,
) -> list[Written]:
    """Encode the training pairs, judge their lengths, and write those that stay.

    Args:
        directory: Where the split goes.
        inputs: The sources, in the order of the pairs.
        judgement: The pairs.
        tokenizer: Encodes them.
        saved: The directory where it lies, for the workers.
        config: The limits.
        workers: Encode.
    """
    written = [Written() for _ in inputs]
    prefixes = [each.prefix for each in inputs]
    encode = _Encode(judgement.spool, saved, tokenizer.sha256(), config, prefixes)
    firsts = np.cumsum([0, *(source.n_pairs for source in judgement.sources)])
    with (
        _writer(directory, inputs, tokenizer) as writer,
        progress_bar(total=len(judgement.verdicts), description="encoding", unit="pair") as bar,
    ):
        tasks = ((block, judgement.verdicts_of(block)) for block in judgement.blocks)
        for block, chunk in zip(judgement.blocks, workers.map(encode, tasks), strict=True):
            of_source = written[block.corpus]
            chunk.kept.write(writer, block.corpus, of_source)
            of_source.counts += np.bincount(chunk.verdicts, minlength=N_VERDICTS)
            for verdict, samples in chunk.samples.items():
                add_samples(of_source.samples, verdict, samples, block.first - int(firsts[block.corpus]))
            bar.update(block.n)
    return written


def write_whole(directory: Path, inputs: Sequence[Input], tokenizer: Tokenizer) -> list[Written]:
    """Encode and write every pair, those with an empty side too."""
    written = []
    with _writer(directory, inputs, tokenizer) as writer:
        for number, each in enumerate(inputs):
            of_source = Written()
            for pairs in each.source.chunks():
                src_ids = id_lists(*_after(each.prefix.src, *_flat(tokenizer.encode_src(pairs.src))))
                tgt_ids = id_lists(*_after(each.prefix.tgt, *_flat(tokenizer.encode_tgt(pairs.tgt))))
                src, tgt = (pa.array(segments, pa.string()) for segments in (pairs.src, pairs.tgt))
                _Encoded(src_ids, tgt_ids, src, tgt).write(writer, number, of_source)
                of_source.counts[0] += len(pairs.src)
            written.append(of_source)
    return written


@dataclass(frozen=True)
class _Encoded:
    """Pairs with their ids, ready to be written."""

    src_ids: pa.Array
    tgt_ids: pa.Array
    src: pa.Array
    tgt: pa.Array

    def write(self, writer: StoreWriter, corpus: int, written: Written) -> None:
        """Write them and count their tokens."""
        writer.write(self.src_ids, self.tgt_ids, self.src, self.tgt, corpus)
        written.n_src_tokens += len(self.src_ids.values)
        written.n_tgt_tokens += len(self.tgt_ids.values)


@dataclass(frozen=True)
class _Chunk:
    """What comes back from a worker: the pairs that stay, and the verdicts of all pairs of their chunk."""

    kept: _Encoded
    verdicts: Verdicts
    samples: dict[int, list[Sample]]


@dataclass(frozen=True)
class _Encode:
    """The work on one block of the spool."""

    spool: Path
    tokenizer: Path
    """Directory where it was saved."""

    sha256: str
    config: CleaningConfig
    prefixes: Sequence[Prefix]
    """Ids before the texts of each source. The limits are for what follows them."""

    def __call__(self, task: tuple[Block, Verdicts]) -> _Chunk:
        block, verdicts = task
        rows = read_rows(self.spool, block)
        left = verdicts[rows] == 0
        rows = rows[left]
        src, tgt = (_where(left, read_side(self.spool, block, side)) for side in (0, 1))
        tokenizer = _load(self.tokenizer, self.sha256)
        # One thread each: there is a process for every core.
        src_ids, src_lengths = _flat(tokenizer.encode_src(src, num_threads=1))
        tgt_ids, tgt_lengths = _flat(tokenizer.encode_tgt(tgt, num_threads=1))
        of_lengths = length_verdicts(src_lengths, tgt_lengths, self.config)
        verdicts[rows] = of_lengths
        samples = {}
        for verdict in (TOO_LONG, LENGTH_RATIO):
            at = np.flatnonzero(of_lengths == verdict)[:N_SAMPLES].tolist()
            samples[verdict] = [Sample.of(int(rows[i]), src[i], tgt[i]) for i in at]
        keep = of_lengths == 0
        prefix = self.prefixes[block.corpus]
        kept = _Encoded(
            id_lists(*_after(prefix.src, *_lists_where(keep, src_ids, src_lengths))),
            id_lists(*_after(prefix.tgt, *_lists_where(keep, tgt_ids, tgt_lengths))),
            pa.array(_where(keep, src), pa.string()),
            pa.array(_where(keep, tgt), pa.string()),
        )
        return _Chunk(kept, verdicts, samples)


@lru_cache(maxsize=1)
def _load(directory: Path, sha256: str) -> Tokenizer:
    """The tokenizer in a directory, read once in each process."""
    tokenizer = Tokenizer.load(directory)
    assert tokenizer.sha256() == sha256
    return tokenizer


def _flat(ids: list[list[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Ids laid end to end, and the length of each list."""
    lengths = np.fromiter(map(len, ids), dtype=np.int32, count=len(ids))
    return np.fromiter(chain.from_iterable(ids), dtype=np.int32, count=int(lengths.sum())), lengths


def _where(keep: NDArray[np.bool_], segments: list[str]) -> list[str]:
    return segments if keep.all() else list(compress(segments, keep))


def _lists_where(
    keep: NDArray[np.bool_], ids: NDArray[np.int32], lengths: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return (ids, lengths) if keep.all() else (ids[np.repeat(keep, lengths)], lengths[keep])


def _after(
    prefix: Sequence[int], ids: NDArray[np.int32], lengths: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The lists with the same ids before each."""
    if not prefix:
        return ids, lengths
    starts = np.cumsum(lengths) - lengths
    ids = np.insert(ids, np.repeat(starts, len(prefix)), np.tile(np.array(prefix, dtype=np.int32), len(lengths)))
    return ids, lengths + np.int32(len(prefix))


def _writer(directory: Path, inputs: Sequence[Input], tokenizer: Tokenizer) -> StoreWriter:
    vocab_size = max(tokenizer.src_vocab_size, tokenizer.tgt_vocab_size)
    return StoreWriter(directory, corpus_names=[each.source.name for each in inputs], vocab_size=vocab_size)
