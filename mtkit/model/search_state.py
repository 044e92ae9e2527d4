"""What a decoder carries from one step of a search to the next: no gradients, rows that come, go and change places.

Shapes: B sentences, K beam, M = B * K rows, the K rows of a sentence side by side; H heads, E numbers per head; N slots
of a sentence, one for each token that any of its rows has read.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.model.linear import Linear, linear

_CAPACITY = 32  # tokens of each row that there is room for at first; it doubles when they are full


class Cache(Protocol):
    """What one part of a decoder remembers."""

    def select(self, parents: Tensor, moves: "Moves | None") -> None:
        """Keep, drop and reorder rows; ``parents`` as for ``SearchState``, ``moves`` None where no sentence leaves."""


@dataclass
class SearchState:
    """The caches of all parts, and which tokens the rows have read.

    Whatever a token left in a cache of slots stays in the slot where it was written, whichever rows go on from it: a
    row reads all slots of its sentence with a mask that leaves it those of its own past. So nothing is copied when rows
    change places, and the rows of a sentence share their products, as its queries.
    """

    caches: list[Cache]
    """One for each part that has something to remember, bottom to top."""

    n_sentences: int
    """B."""

    beam_size: int
    """K."""

    device: torch.device
    dtype: torch.dtype
    steps: list[Callable[[Tensor], Tensor]] = field(default_factory=list)
    """What to do with a token of every row, (M, D) -> (M, D), in turn, where a decoder has prepared that."""

    past: Tensor | None = None
    """(B, K, N): 0 where the slot is of the row's own past, else minus infinity; None while all of them are."""

    n_slots: int = 0
    """N."""

    length: int = 0
    """Tokens that each row has read."""

    _beam_sizes: list[int] = field(default_factory=list)  # K of each step so far
    _positions: tuple[Tensor, Tensor] | None = None  # of the step under way, once somebody has asked

    def advance(self) -> None:
        """Make room for another token of every row."""
        k = self.beam_size
        if self.past is None and k > 1:
            self.past = torch.zeros(self.n_sentences, k, self.n_slots, device=self.device, dtype=self.dtype)
        if self.past is not None:
            own = self.past.new_full((k, k), -torch.inf).fill_diagonal_(0)
            self.past = torch.cat([self.past, own.expand(len(self.past), -1, -1)], dim=2)
        self._beam_sizes.append(k)
        self._positions = None
        self.n_slots += k
        self.length += 1

    def slot_positions(self) -> tuple[Tensor, Tensor]:
        """Positions of the tokens that the K rows read now, int64 (K,), and of what all slots hold, int64 (N,)."""
        if self._positions is None:
            now = torch.full((self.beam_size,), self.length - 1, device=self.device)
            steps = torch.arange(self.length, device=self.device)
            counts = torch.tensor(self._beam_sizes, device=self.device)
            self._positions = now, steps.repeat_interleave(counts, output_size=self.n_slots)
        return self._positions

    def select(self, parents: Tensor) -> None:
        """Keep, drop and reorder rows.

        Args:
            parents: int64 (B', K'): for each new row the old row, 0 <= row < M, that it continues. The K' rows of a
                line continue rows of one sentence; sentences that occur in no line leave the state. Where none
                leaves, the lines are in the order of the sentences.
        """
        moves = None if len(parents) == self.n_sentences else Moves.to(parents[:, 0] // self.beam_size)
        for cache in self.caches:
            cache.select(parents, moves)
        if self.past is None and parents.size(1) > 1:
            self.past = torch.zeros(self.n_sentences, self.beam_size, self.n_slots, device=self.device).to(self.dtype)
        if self.past is not None:
            self.past = self.past.flatten(0, 1)[parents]
        self.n_sentences, self.beam_size = parents.shape


def prepared(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """What a linear map or normalisation computes, without what calling a module costs at each of many small steps."""
    if isinstance(module, Linear):
        return partial(linear, weight=module.whole_weight, bias=module.bias, packed=module.packed)
    if isinstance(module, nn.LayerNorm):
        shape = list(module.normalized_shape)
        return partial(F.layer_norm, normalized_shape=shape, weight=module.weight, bias=module.bias, eps=module.eps)
    return module


@dataclass
class RowCache:
    """Tensors of every row, (M, ...); what reads tokens one after the other remembers no more than that."""

    tensors: list[Tensor] = field(default_factory=list)

    def last(self, like: Tensor) -> Tensor:
        """The first tensor; before the first token zeros in the shape of ``like``."""
        return self.tensors[0] if self.tensors else torch.zeros_like(like)

    def window(self, x: Tensor, size: int) -> Tensor:
        """Take in a token of every row, (M, D); returns the last ``size``, zeros before the first: (M, D, size)."""
        before = self.tensors[0] if self.tensors else x.new_zeros(*x.shape, size)
        self.tensors = [torch.cat([before[..., 1:], x[..., None]], dim=-1)]
        return self.tensors[0]

    def select(self, parents: Tensor, moves: "Moves | None") -> None:  # noqa: ARG002
        """See ``Cache``."""
        rows = parents.flatten()
        self.tensors = [tensor.index_select(0, rows) for tensor in self.tensors]


@dataclass
class SentenceCache:
    """Tensors of every sentence, (B, ...), which its rows share and none of them changes."""

    tensors: list[Tensor | None]

    @classmethod
    def copied(cls, tensors: list[Tensor | None]) -> "SentenceCache":
        """A cache over copies of ``tensors``, since those that it keeps are reordered in place."""
        return cls([None if tensor is None else tensor.clone() for tensor in tensors])

    def select(self, parents: Tensor, moves: "Moves | None") -> None:  # noqa: ARG002
        """See ``Cache``."""
        if moves is not None:
            self.tensors = [None if tensor is None else moves.close_up(tensor) for tensor in self.tensors]


class SlotCache:
    """Keys and values of all that the rows of a sentence have read, each (B, H, N, E)."""

    def __init__(self, state: SearchState, n_heads: int, per_head: int) -> None:
        shape = (2, state.n_sentences, n_heads, _CAPACITY * state.beam_size, per_head)
        self._slots = torch.empty(shape, device=state.device, dtype=state.dtype)
        self._n_slots = 0

    def write(self, keys_values: Tensor) -> Tensor:
        """Keep those of the tokens read now, (2, B, H, K, E); returns all of them, (2, B, H, N, E)."""
        start, self._n_slots = self._n_slots, self._n_slots + keys_values.size(3)
        if self._n_slots > self._slots.size(3):
            grown = self._slots.new_empty(*self._slots.shape[:3], 2 * self._n_slots, self._slots.size(4))
            grown[..., :start, :] = self._slots[..., :start, :]
            self._slots = grown
        self._slots.narrow(3, start, keys_values.size(3)).copy_(keys_values)
        return self._slots.narrow(3, 0, self._n_slots)

    def select(self, parents: Tensor, moves: "Moves | None") -> None:  # noqa: ARG002
        """See ``Cache``."""
        if moves is not None:
            moves.close_up(self._slots[..., : self._n_slots, :], dim=1)
            self._slots = self._slots[:, : moves.n]


@dataclass(frozen=True)
class Moves:
    """How the sentences that stay take the places of those that leave."""

    n: int
    """How many stay: they take the first places."""

    places: Tensor
    """Places of the sentences that have to move, int64."""

    old: Tensor
    """Where those were, int64."""

    @classmethod
    def to(cls, sentences: Tensor) -> "Moves":
        """``sentences``, int64 (B',), are the old places of those that stay."""
        n = len(sentences)
        (places,) = (sentences != torch.arange(n, device=sentences.device)).nonzero(as_tuple=True)
        return cls(n, places, sentences[places])

    def close_up(self, x: Tensor, dim: int = 0) -> Tensor:
        """The first ``n`` sentences of ``x``, after the ones that move have been written into their places in it."""
        x.index_copy_(dim, self.places, x.index_select(dim, self.old))
        return x.narrow(dim, 0, self.n)
