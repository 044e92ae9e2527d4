"""Token ids to batches: pairs of like length together, in an order that a seed and an epoch determine.

Shapes: B batch, S source length, T target length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtkit.data.buckets import Rows, cut_by_length
from mtkit.data.store import Ids, Store
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


def collate(
    src_ids: Sequence[Ids | Sequence[int]],
    tgt_ids: Sequence[Ids | Sequence[int]],
    *,
    pad_id: int = Tokenizer.pad_id,
    bos_id: int = Tokenizer.bos_id,
    eos_id: int = Tokenizer.eos_id,
    length_multiple: int = 1,
) -> Batch:
    """Make a batch of id sequences without begin and end of sentence.

    Args:
        src_ids: Source ids of each pair.
        tgt_ids: Target ids of each pair.
        pad_id: Fills what is shorter than the longest.
        bos_id: First of ``tgt_in``.
        eos_id: Last of ``src`` and ``tgt_out``.
        length_multiple: S and T are multiples of this.
    """
    src, src_lengths = _padded(src_ids, pad_id, eos_id, length_multiple)
    tgt_out, tgt_lengths = _padded(tgt_ids, pad_id, eos_id, length_multiple)
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
        length_multiple: int = 1,
        window: int = 1_000_000,
    ) -> None:
        """Plan over all pairs of a store.

        Args:
            store: The training pairs.
            batch_tokens: Target tokens of an update, end of sentence counted, padding not. A single
                longer pair makes an update of its own.
            accumulate: Micro-batches per update; each holds up to ``batch_tokens / accumulate`` target tokens,
                and no more than twice that on either side with padding.
            seed: Of the order.
            length_multiple: S and T of every batch are multiples of this.
            window: Pairs planned at once; bounds the memory.
        """
        self._store = store
        self._budget = max(batch_tokens // accumulate, 1)
        self._accumulate = accumulate
        self._seed = seed % (1 << 64)  # NumPy takes no negative seeds
        self._multiple = length_multiple
        n_blocks = -(-len(store) // _BLOCK)
        self._n_windows = -(-n_blocks * _BLOCK // max(window, _BLOCK))
        self._n_blocks = n_blocks
        self.epoch = 0
        self._window = 0
        self._update = 0

    def state_dict(self) -> dict[str, int]:
        """Where the plan stands after the update that it yielded last."""
        return {"epoch": self.epoch, "window": self._window, "update": self._update}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on with the update after the one that the state was taken at."""
        self.epoch, self._window, self._update = state["epoch"], state["window"], state["update"]

    def __iter__(self) -> Iterator[list[Batch]]:
        while True:
            updates = self._plan(self.epoch, self._window)
            first = self._update
            self._update = 0
            for number, rows in enumerate(updates[first:], start=first + 1):
                # The state is advanced before the caller sees the update, so that it may be saved right after.
                self._update = number
                if number == len(updates):
                    self._next_window()
                yield [_batch(self._store, r, self._multiple) for r in rows]
            if first >= len(updates):
                self._next_window()

    def _next_window(self) -> None:
        self._update = 0
        self._window += 1
        if self._window == self._n_windows:
            self._window = 0
            self.epoch += 1

    def _plan(self, epoch: int, window: int) -> list[list[Rows]]:
        """The updates of one window: for each, the rows of its micro-batches."""
        rng = np.random.default_rng([self._seed, epoch])
        blocks = np.array_split(rng.permutation(self._n_blocks), self._n_windows)[window]
        rng = np.random.default_rng([self._seed, epoch, window])
        n = len(self._store)
        spans = [(int(b) * _BLOCK, min((int(b) + 1) * _BLOCK, n)) for b in np.sort(blocks)]
        rows = np.concatenate([np.arange(start, stop) for start, stop in spans])
        lengths = [self._store.lengths(start, stop) for start, stop in spans]
        src = np.concatenate([pair[0] for pair in lengths]) + 1
        tgt = np.concatenate([pair[1] for pair in lengths]) + 1
        batches = cut_by_length(src, tgt, budget=self._budget, rng=rng)
        micro_batches = [rows[batches[i]] for i in rng.permutation(len(batches))]
        return [micro_batches[i : i + self._accumulate] for i in range(0, len(micro_batches), self._accumulate)]


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


def _batch(store: Store, rows: Rows, length_multiple: int) -> Batch:
    src_ids = [store.src_ids(row) for row in rows.tolist()]
    return collate(src_ids, [store.tgt_ids(row) for row in rows.tolist()], length_multiple=length_multiple)


def _padded(sequences: Any, pad_id: int, eos_id: int, multiple: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (B, L) that end with eos, and their lengths (B,) with it."""
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    width = -(-(int(lengths.max(initial=0)) + 1) // multiple) * multiple
    rows = np.full((len(sequences), width), pad_id, dtype=np.int64)
    rows[np.arange(width) < lengths[:, None]] = np.concatenate([np.asarray(s, dtype=np.int64) for s in sequences])
    rows[np.arange(len(sequences)), lengths] = eos_id
    return rows, lengths + 1
