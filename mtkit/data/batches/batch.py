"""A batch: token ids of some pairs, padded to rectangles.

Shapes: B batch, S source length, T target length.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtkit.data.corpus.store import IdLists, Ids
from mtkit.data.tokens.special import SpecialIds


@dataclass
class Batch:
    """Pairs of like length, right-padded."""

    src: Tensor
    """int64 (B, S), ends with eos."""

    tgt_in: Tensor
    """int64 (B, T), starts with what the decoder reads first."""

    tgt_out: Tensor
    """int64 (B, T), ends with eos: ``tgt_in`` one position later."""

    src_lengths: Tensor
    """int64 (B,), eos counted."""

    n_src_tokens: int
    """Real tokens in ``src``."""

    n_tgt_tokens: int
    """Real tokens in ``tgt_out``."""

    def src_padding_mask(self, pad_id: int) -> Tensor | None:
        """Bool (B, S), True = padding; None where no source is padded."""
        return self.src.eq(pad_id) if self.n_src_tokens < self.src.numel() else None

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "Batch":
        """The batch on another device."""
        return replace(
            self,
            src=self.src.to(device, non_blocking=non_blocking),
            tgt_in=self.tgt_in.to(device, non_blocking=non_blocking),
            tgt_out=self.tgt_out.to(device, non_blocking=non_blocking),
            src_lengths=self.src_lengths.to(device, non_blocking=non_blocking),
        )

    def pinned(self) -> "Batch":
        """The batch in memory that a GPU can copy from while the program goes on."""
        return replace(
            self,
            src=self.src.pin_memory(),
            tgt_in=self.tgt_in.pin_memory(),
            tgt_out=self.tgt_out.pin_memory(),
            src_lengths=self.src_lengths.pin_memory(),
        )

    def parts(self, n: int, pad_id: int) -> "list[Batch]":
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
    special: SpecialIds,
) -> Batch:
    """Make a batch of id sequences without begin and end of sentence.

    Args:
        src_ids: Source ids of each pair.
        tgt_ids: Target ids of each pair.
        special: What fills shorter sequences, what begins ``tgt_in``, and what ends ``src`` and ``tgt_out``.
    """
    return collated(_laid_out(src_ids), _laid_out(tgt_ids), special)


def _laid_out(sequences: Sequence[Ids | Sequence[int]]) -> IdLists:
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    return np.concatenate([np.asarray(ids, dtype=np.int64) for ids in sequences]), lengths


def collated(src_ids: IdLists, tgt_ids: IdLists, special: SpecialIds) -> Batch:
    """A batch of ids that are laid end to end, each side with the length of each list."""
    src, src_lengths = _padded(*src_ids, special)
    tgt_out, tgt_lengths = _padded(*tgt_ids, special)
    tgt_in = np.empty_like(tgt_out)
    tgt_in[:, 0] = special.start
    tgt_in[:, 1:] = tgt_out[:, :-1]
    tgt_in[np.arange(tgt_in.shape[1]) >= tgt_lengths[:, None]] = special.pad
    return Batch(
        src=torch.from_numpy(src),
        tgt_in=torch.from_numpy(tgt_in),
        tgt_out=torch.from_numpy(tgt_out),
        src_lengths=torch.from_numpy(src_lengths),
        n_src_tokens=int(src_lengths.sum()),
        n_tgt_tokens=int(tgt_lengths.sum()),
    )


def padding_share(batches: Sequence[Batch]) -> float:
    """Share of padding among the positions of ``src`` and ``tgt_in``, between 0 and 1."""
    positions = sum(batch.src.numel() + batch.tgt_in.numel() for batch in batches)
    return 1 - sum(batch.n_src_tokens + batch.n_tgt_tokens for batch in batches) / positions


def _padded(ids: Ids, lengths: NDArray[np.int64], special: SpecialIds) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (B, L) that end with eos, and their lengths (B,) with it, of ids laid end to end."""
    width = int(lengths.max(initial=0)) + 1
    rows = np.full((len(lengths), width), special.pad, dtype=np.int64)
    rows[np.arange(width) < lengths[:, None]] = ids
    rows[np.arange(len(lengths)), lengths] = special.eos
    return rows, lengths + 1
