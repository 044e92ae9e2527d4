"""The Transformer's decoder one token at a time, as a search reads it: no gradients, all keys and values kept.

Shapes: B batch, S source length, K beam, M = B * K rows, the K rows of a sentence side by side; D d_model, H heads,
E = D / H; N slots of a sentence, one for each token that any of its rows has read.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.model.attention import MultiHeadAttention

if TYPE_CHECKING:
    from mtkit.model.transformer import DecoderLayer

_CAPACITY = 32  # tokens of each row that there is room for at first; it doubles when they are full


@dataclass
class TransformerState:
    """What a search has computed: keys and values of the source, and of all that the rows of a sentence have read.

    The keys and values of a token stay in the slot where they were written, whichever rows go on from it, and a row
    reads all slots of its sentence, with a mask that leaves it those of its own past. So nothing is copied when rows
    change places, and the rows of a sentence share their products, as its queries.
    """

    source: Tensor
    """Keys and values of the source, (layers, 2, B, H, S, E)."""

    source_mask: Tensor | None
    """(B, 1, 1, S): minus infinity where the source is padding, else 0."""

    slots: Tensor
    """Keys and values of the target, (layers, 2, B, H, capacity, E); the first ``n_slots`` are filled."""

    beam_size: int
    """K."""

    past: Tensor | None = None
    """(B, K, N): 0 where the slot is of the row's own past, else minus infinity; None while all of them are."""

    n_slots: int = 0
    """N."""

    length: int = 0
    """Tokens that each row has read."""

    def reserve(self) -> None:
        """Make room for another token of every row."""
        n_slots = self.n_slots + self.beam_size
        if n_slots > self.slots.size(4):
            grown = self.slots.new_empty(*self.slots.shape[:4], 2 * n_slots, self.slots.size(5))
            grown[..., : self.n_slots, :] = self.slots[..., : self.n_slots, :]
            self.slots = grown
        if self.past is None and self.beam_size > 1:
            self.past = self.slots.new_zeros(self.slots.size(2), self.beam_size, self.n_slots)
        if self.past is not None:
            own = self.past.new_full((self.beam_size, self.beam_size), -torch.inf).fill_diagonal_(0)
            self.past = torch.cat([self.past, own.expand(len(self.past), -1, -1)], dim=2)
        self.n_slots = n_slots
        self.length += 1

    def select(self, parents: Tensor) -> None:
        """Keep, drop and reorder rows.

        Args:
            parents: int64 (B', K'): for each new row the old row, 0 <= row < M, that it continues. The K' rows of a
                line continue rows of one sentence; sentences that occur in no line leave the state.
        """
        if parents.size(0) < self.source.size(2):
            self._keep(parents[:, 0] // self.beam_size)
        if parents.size(1) > 1 and self.past is None:
            self.past = self.slots.new_zeros(parents.size(0), 1, self.n_slots)
        if self.past is not None:
            places = (parents % self.beam_size)[:, :, None].expand(-1, -1, self.n_slots)
            self.past = self.past.gather(1, places)
        self.beam_size = parents.size(1)

    def _keep(self, sentences: Tensor) -> None:
        """Put these sentences, int64 (B',), into the first B' places; those that are in theirs are not touched."""
        n = len(sentences)
        (places,) = (sentences != torch.arange(n, device=sentences.device)).nonzero(as_tuple=True)
        moving = sentences[places]
        filled = self.slots[..., : self.n_slots, :]
        filled.index_copy_(2, places, filled.index_select(2, moving))
        self.source.index_copy_(2, places, self.source.index_select(2, moving))
        self.slots, self.source = self.slots[:, :, :n], self.source[:, :, :n]
        if self.source_mask is not None:
            self.source_mask = self.source_mask.index_select(0, sentences)
        if self.past is not None:
            self.past = self.past.index_select(0, sentences)


def start(
    layers: "list[DecoderLayer]", memory: Tensor, memory_padding_mask: Tensor | None, beam_size: int
) -> TransformerState:
    """The state before the first token, with ``beam_size`` rows for each sentence of memory (B, S, D)."""
    batch, n_heads = len(memory), layers[0].cross_attention.n_heads
    projected = [
        layer.cross_attention.kv_proj(memory).view(batch, -1, 2, n_heads, memory.size(-1) // n_heads)
        for layer in layers
    ]
    source = torch.stack(projected).permute(0, 3, 1, 4, 2, 5).contiguous()  # (layers, 2, B, H, S, E)
    mask = None
    if memory_padding_mask is not None:
        mask = torch.where(memory_padding_mask, -torch.inf, 0.0)[:, None, None].to(source.dtype)
    slots = source.new_empty(*source.shape[:4], _CAPACITY * beam_size, source.size(5))
    return TransformerState(source, mask, slots, beam_size)


def layer_step(layer: "DecoderLayer", x: Tensor, state: TransformerState, index: int) -> Tensor:
    """One token of every row through one layer, (M, D) -> (M, D); its keys and values go into the state."""

    def attend_to_prefix(y: Tensor) -> Tensor:
        attention = layer.self_attention
        batch, n_heads = state.slots.size(2), attention.n_heads
        q = attention.q_proj(y).view(batch, -1, n_heads, y.size(1) // n_heads).transpose(1, 2)  # (B, H, K, E)
        kv = attention.kv_proj(y).view(batch, -1, 2, n_heads, y.size(1) // n_heads)
        slots = state.slots[index]
        slots[..., state.n_slots - state.beam_size : state.n_slots, :] = kv.permute(2, 0, 3, 1, 4)
        keys, values = slots[..., : state.n_slots, :].unbind(0)
        mask = None if state.past is None else state.past[:, None]
        out = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
        return attention.out_proj(out.transpose(1, 2).reshape(y.shape))

    def attend_to_source(y: Tensor) -> Tensor:
        attention = layer.cross_attention
        batch, n_heads = state.slots.size(2), attention.n_heads
        q = attention.q_proj(y).view(batch, -1, n_heads, y.size(1) // n_heads).transpose(1, 2)  # (B, H, K, E)
        keys, values = state.source[index].unbind(0)
        out = attend(q, keys, values, state.source_mask)
        return attention.out_proj(out.transpose(1, 2).reshape(y.shape))

    x = layer.residuals[0](x, attend_to_prefix)
    x = layer.residuals[1](x, attend_to_source)
    return layer.residuals[2](x, layer.feed_forward)


def attend(q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
