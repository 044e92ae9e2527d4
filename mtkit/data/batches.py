"""Token ids to batches: pairs of like length together, in an order that a seed and an epoch determine.

Shapes: B batch, S source length, T target length.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtkit.data.buckets import Lengths, Rows, cut_by_length
from mtkit.data.prefetch import ahead
from mtkit.data.store import IdLists, Ids, Store
from mtkit.data.tokenizer import Tokenizer

# Rows that stay neighbours on disk when a corpus larger than the window is shuffled.
_BLOCK = 1024


@dataclass
class Batch:
    """Pairs of like length, right-padded."""

    src: Tensor
    """int64 (B, S), ends with eos."""

    tgt_in: Tensor
    """int64 (B, T), starts with bos."""

    tgt_out: Tensor
    """int64 (B, T), ends with eos: ``tgt_in`` one position later."""

    src_lengths: Tensor
    """int64 (B,), eos counted."""

    n_src_tokens: int
    """Real tokens in ``src``."""

    n_tgt_tokens: int
    """Real tokens in ``tgt_out``."""

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "Batch":
        """The same on another device."""
        return replace(
            self,
            src=self.src.to(device, non_blocking=non_blocking),
            tgt_in=self.tgt_in.to(device, non_blocking=non_blocking),
            tgt_out=self.tgt_out.to(device, non_blocking=non_blocking),
            src_lengths=self.src_lengths.to(device, non_blocking=non_blocking),
        )

    def pinned(self) -> "Batch":
        """The same in memory that a GPU can copy from while the program goes on."""
        return replace(
            self,
            src=self.src.pin_memory(),
            tgt_in=self.tgt_in.pin_memory(),
            tgt_out=self.tgt_out.pin_memory(),
            src_lengths=self.src_lengths.pin_memory(),
        )

    def parts(self, n: int, pad_id: int = Tokenizer.pad_id) -> "list[Batch]":
        """The pairs in ``n`` equal parts, or as many as there are pairs, each no wider than it need be."""
        n = min(n, len(self.src))
        tgt_lengths = self.tgt_out.ne(pad_id).sum(1)
        ends = [len(self.src) * i // n for i in range(n + 1)]

        def part(rows: slice) -> Batch:
            src_lengths, lengths = self.src_lengths[rows], tgt_lengths[rows]
            n_src, n_tgt = int(src_lengths.max()), int(lengths.max())
            return Batch(
                src=self.src[rows, :n_src],
                tgt_in=self.tgt_in[rows, :n_tgt],
                tgt_out=self.tgt_out[rows, :n_tgt],
                src_lengths=src_lengths,
                n_src_tokens=int(src_lengths.sum()),
                n_tgt_tokens=int(lengths.sum()),
            )

        return [part(slice(start, end)) for start, end in itertools.pairwise(ends)]


def collate(
    src_ids: Sequence[Ids | Sequence[int]],
    tgt_ids: Sequence[Ids | Sequence[int]],
    *,
    pad_id: int = Tokenizer.pad_id,
    bos_id: int = Tokenizer.bos_id,
    eos_id: int = Tokenizer.eos_id,
) -> Batch:
    """Make a batch of id sequences without begin and end of sentence.

    Args:
        src_ids: Source ids of each pair.
        tgt_ids: Target ids of each pair.
        pad_id: Fills what is shorter than the longest.
        bos_id: First of ``tgt_in``.
        eos_id: Last of ``src`` and ``tgt_out``.
    """
    return _collate(_laid_out(src_ids), _laid_out(tgt_ids), pad_id, bos_id, eos_id)


def _laid_out(sequences: Sequence[Ids | Sequence[int]]) -> IdLists:
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    return np.concatenate([np.asarray(ids, dtype=np.int64) for ids in sequences]), lengths


def _collate(src_ids: IdLists, tgt_ids: IdLists, pad_id: int, bos_id: int, eos_id: int) -> Batch:
    src, src_lengths = _padded(*src_ids, pad_id, eos_id)
    tgt_out, tgt_lengths = _padded(*tgt_ids, pad_id, eos_id)
    tgt_in = np.empty_like(tgt_out)
    tgt_in[:, 0] = bos_id
    tgt_in[:, 1:] = tgt_out[:, :-1]
    tgt_in[np.arange(tgt_in.shape[1]) >= tgt_lengths[:, None]] = pad_id
    return Batch(
        src=torch.from_numpy(src),
        tgt_in=torch.from_numpy(tgt_in),
        tgt_out=torch.from_numpy(tgt_out),
        src_lengths=torch.from_numpy(src_lengths),
        n_src_tokens=int(src_lengths.sum()),
        n_tgt_tokens=int(tgt_lengths.sum()),
    )


@dataclass(frozen=True)
class _Position:
    """Where a plan stands: complete epochs, complete windows of this one, complete updates of this window."""

    epoch: int
    window: int
    update: int


class BatchPlan:
    """Endless updates over a corpus: every pair once per epoch, in an order of (seed, epoch) alone.

    Pairs are shuffled in blocks, read in windows and cut into micro-batches of like length within the
    window; a corpus that fits one window is shuffled pair by pair.
    """

    def __init__(
        self,
        store: Store,
        *,
        batch_tokens: int,
        accumulate: int = 1,
        seed: int = 1,
        window: int = 1_000_000,
    ) -> None:
        """Plan over all pairs of a store.

        Args:
            store: The training pairs.
            batch_tokens: Target tokens of an update on average, end of sentence counted, padding not.
            accumulate: Micro-batches per update; each holds about ``batch_tokens / accumulate`` target tokens, up to
                half as much again, and no more than twice that on either side with padding. A single longer pair
                makes a micro-batch of its own.
            seed: Of the order.
            window: Pairs planned at once; bounds the memory.
        """
        self._store = store
        self.micro_batch_tokens = max(batch_tokens // accumulate, 1)
        self._accumulate = accumulate
        self._seed = seed % (1 << 64)  # NumPy takes no negative seeds
        n_blocks = -(-len(store) // _BLOCK)
        self._n_windows = -(-n_blocks * _BLOCK // max(window, _BLOCK))
        self._n_blocks = n_blocks
        self._position = _Position(0, 0, 0)

    @property
    def epoch(self) -> int:
        """Passes over the corpus that are complete."""
        return self._position.epoch

    def state_dict(self) -> dict[str, int]:
        """Where the plan stands after the update that it yielded last."""
        return asdict(self._position)

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on with the update after the one that the state was taken at."""
        self._position = _Position(**state)

    def __iter__(self) -> Iterator[list[Batch]]:
        return self._advancing(self._upcoming(pin=False))

    @contextmanager
    def prefetched(self, n_updates: int = 4, *, pin: bool = False) -> Iterator[Iterator[list[Batch]]]:
        """The same updates, planned and collated in the background, up to ``n_updates`` before they are asked for.

        Args:
            n_updates: Held ready.
            pin: Put them in pinned memory, for a GPU.
        """
        with ahead(self._upcoming(pin=pin), n_updates) as upcoming:
            yield self._advancing(upcoming)

    def widest(self) -> list[Batch]:
        """The micro-batches of the first window that need most memory: most positions, and the longest pair."""
        rows, src, tgt, batches = self._cut(0, 0)
        widths = [(int(src[batch].max()), int(tgt[batch].max())) for batch in batches]
        most = max(range(len(batches)), key=lambda i: len(batches[i]) * sum(widths[i]))
        longest = max(range(len(batches)), key=lambda i: max(widths[i]))
        return [_batch(self._store, rows[batches[i]]) for i in dict.fromkeys((most, longest))]

    def _advancing(self, upcoming: Iterator["tuple[list[Batch], _Position]"]) -> Iterator[list[Batch]]:
        # The position is set before the caller sees the update, so that it may be saved right after.
        for micro_batches, self._position in upcoming:
            yield micro_batches

    def _upcoming(self, *, pin: bool) -> Iterator["tuple[list[Batch], _Position]"]:
        """From the present position on: each update, and the position after it. Changes nothing in the plan."""
        at = self._position
        while True:
            updates = self._plan(at.epoch, at.window)
            after = _Position(at.epoch, at.window + 1, 0)
            if after.window == self._n_windows:
                after = _Position(at.epoch + 1, 0, 0)
            for number, rows in enumerate(updates[at.update :], start=at.update + 1):
                micro_batches = [_batch(self._store, r) for r in rows]
                if pin:
                    micro_batches = [batch.pinned() for batch in micro_batches]
                yield micro_batches, after if number == len(updates) else replace(at, update=number)
            at = after

    def _plan(self, epoch: int, window: int) -> list[list[Rows]]:
        """The updates of one window: for each, the rows of its micro-batches."""
        rows, _, _, batches = self._cut(epoch, window)
        micro_batches = [rows[batch] for batch in batches]
        return [micro_batches[i : i + self._accumulate] for i in range(0, len(micro_batches), self._accumulate)]

    def _cut(self, epoch: int, window: int) -> tuple[Rows, Lengths, Lengths, list[Rows]]:
        """The rows of one window, their lengths with the end of sentence, and the micro-batches, as places in these."""
        rng = np.random.default_rng([self._seed, epoch])
        blocks = np.array_split(rng.permutation(self._n_blocks), self._n_windows)[window]
        rng = np.random.default_rng([self._seed, epoch, window])
        n = len(self._store)
        spans = [(int(b) * _BLOCK, min((int(b) + 1) * _BLOCK, n)) for b in np.sort(blocks)]
        rows = np.concatenate([np.arange(start, stop) for start, stop in spans])
        lengths = [self._store.lengths(start, stop) for start, stop in spans]
        src = np.concatenate([pair[0] for pair in lengths]) + 1
        tgt = np.concatenate([pair[1] for pair in lengths]) + 1
        batches = cut_by_length(src, tgt, budget=self.micro_batch_tokens, rng=rng)
        return rows, src, tgt, [batches[i] for i in rng.permutation(len(batches))]


def fixed_batches(store: Store, batch_tokens: int, *, max_length: int) -> Iterator[Batch]:
    """Every pair once, like lengths together, always in the same batches: for validation.

    A side of ``max_length`` tokens or more, the end of sentence counted, is cut to that: validation sets are not
    cleaned, and a model reads no further.
    """
    src, tgt = (np.minimum(lengths + 1, max_length) for lengths in (store.src_lengths, store.tgt_lengths))
    for rows in cut_by_length(src, tgt, budget=batch_tokens, rng=np.random.default_rng(0)):
        ordered = np.sort(rows).tolist()
        src_ids = [store.src_ids(row)[: max_length - 1] for row in ordered]
        yield collate(src_ids, [store.tgt_ids(row)[: max_length - 1] for row in ordered])


def padding_share(batches: Sequence[Batch]) -> float:
    """Share of padding among the positions of ``src`` and ``tgt_in``, between 0 and 1."""
    positions = sum(batch.src.numel() + batch.tgt_in.numel() for batch in batches)
    return 1 - sum(batch.n_src_tokens + batch.n_tgt_tokens for batch in batches) / positions


def _batch(store: Store, rows: Rows) -> Batch:
    return _collate(*store.gather(rows), Tokenizer.pad_id, Tokenizer.bos_id, Tokenizer.eos_id)


def _padded(
    ids: Ids, lengths: NDArray[np.int64], pad_id: int, eos_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (B, L) that end with eos, and their lengths (B,) with it, of ids laid end to end."""
    width = int(lengths.max(initial=0)) + 1
    rows = np.full((len(lengths), width), pad_id, dtype=np.int64)
    rows[np.arange(width) < lengths[:, None]] = ids
    rows[np.arange(len(lengths)), lengths] = eos_id
    return rows, lengths + 1
