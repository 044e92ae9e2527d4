"""The Transformer's decoder one token at a time, as a search reads it: no gradients, all keys and values kept.

Shapes: B batch, S source length, K beam, M = B * K rows, the K rows of a sentence side by side; D d_model, H heads,
E = D / H; N slots of a sentence, one for each token that any of its rows has read.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from mtkit.model.transformer import DecoderLayer, Residual

_CAPACITY = 32  # tokens of each row that there is room for at first; it doubles when they are full


@dataclass
class TransformerState:
    """What a search has computed: keys and values of the source, and of all that the rows of a sentence have read.

    The keys and values of a token stay in the slot where they were written, whichever rows go on from it, and a row
    reads all slots of its sentence, with a mask that leaves it those of its own past. So nothing is copied when rows
    change places, and the rows of a sentence share their products, as its queries.
    """

    layers: "list[DecoderWeights]"
    """What each layer computes with."""

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


class DecoderWeights:
    """What a decoder layer computes with at each step, put together once for a search."""

    def __init__(self, layer: "DecoderLayer") -> None:
        prefix, source = layer.self_attention, layer.cross_attention
        self.n_heads = prefix.n_heads
        self.per_head = prefix.q_proj.out_features // prefix.n_heads
        # The softmax wants q k / sqrt(E); the products with the source get it by way of the queries' weights.
        scale = self.per_head**-0.5
        self.qkv = _joined(prefix.q_proj, prefix.kv_proj)
        self.prefix_out = _weights(prefix.out_proj)
        self.source_q = source.q_proj.weight * scale, source.q_proj.bias * scale
        self.source_out = _weights(source.out_proj)
        self.inner = _weights(layer.feed_forward.inner)
        self.outer = _weights(layer.feed_forward.outer)
        self.activation = layer.feed_forward.activation
        norms = [cast("Residual", residual) for residual in layer.residuals]
        self.pre_norm = norms[0].pre_norm
        self.norms = [_norm_weights(residual.norm) for residual in norms]

    def step(self, x: Tensor, state: TransformerState, index: int) -> Tensor:
        """One token of every row through layer ``index``, (M, D); notes its keys and values. Overwrites ``x``."""
        for norm, sublayer in zip(
            self.norms, (self._attend_to_prefix, self._attend_to_source, self._feed), strict=True
        ):
            if self.pre_norm:
                x = x.add_(sublayer(F.layer_norm(x, *norm), state, index))
            else:
                x = F.layer_norm(x.add_(sublayer(x, state, index)), *norm)
        return x

    def _attend_to_prefix(self, y: Tensor, state: TransformerState, index: int) -> Tensor:
        """(M, D) -> (M, D)."""
        qkv = F.linear(y, *self.qkv).view(-1, state.beam_size, 3, self.n_heads, self.per_head).permute(2, 0, 3, 1, 4)
        slots = state.slots[index]  # (2, B, H, capacity, E)
        slots[..., state.n_slots - state.beam_size : state.n_slots, :] = qkv[1:]
        keys, values = slots[..., : state.n_slots, :].unbind()
        mask = None if state.past is None else state.past[:, None]
        out = F.scaled_dot_product_attention(qkv[0], keys, values, attn_mask=mask)  # (B, H, K, E)
        return F.linear(out.transpose(1, 2).reshape(y.shape), *self.prefix_out)

    def _attend_to_source(self, y: Tensor, state: TransformerState, index: int) -> Tensor:
        """(M, D) -> (M, D)."""
        q = F.linear(y, *self.source_q).view(-1, state.beam_size, self.n_heads, self.per_head).transpose(1, 2)
        keys, values = state.source[index].flatten(1, 2)  # (B * H, S, E)
        scores = q.reshape(-1, state.beam_size, self.per_head).bmm(keys.transpose(1, 2))  # (B * H, K, S)
        if state.source_mask is not None:
            scores.view(-1, self.n_heads, *scores.shape[1:]).add_(state.source_mask)
        out = scores.softmax(-1).bmm(values).view(-1, self.n_heads, state.beam_size, self.per_head)
        return F.linear(out.transpose(1, 2).reshape(y.shape), *self.source_out)

    def _feed(self, y: Tensor, state: TransformerState, index: int) -> Tensor:  # noqa: ARG002
        """(M, D) -> (M, D)."""
        return F.linear(self.activation(F.linear(y, *self.inner)), *self.outer)


def _weights(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    return linear.weight, linear.bias


def _joined(*linears: nn.Linear) -> tuple[Tensor, Tensor]:
    """Several linear maps of one input as one."""
    return torch.cat([linear.weight for linear in linears]), torch.cat([linear.bias for linear in linears])


def _norm_weights(norm: nn.LayerNorm) -> tuple[list[int], Tensor, Tensor, float]:
    return list(norm.normalized_shape), norm.weight, norm.bias, norm.eps


def start(
    layers: "list[DecoderLayer]", memory: Tensor, memory_padding_mask: Tensor | None, beam_size: int
) -> TransformerState:
    """The state before the first token, with ``beam_size`` rows for each sentence of memory (B, S, D)."""
    weights = [DecoderWeights(layer) for layer in layers]
    n_heads, per_head = weights[0].n_heads, weights[0].per_head
    joined = F.linear(memory, *_joined(*(layer.cross_attention.kv_proj for layer in layers)))
    source = joined.unflatten(-1, (len(layers), 2, n_heads, per_head)).permute(2, 3, 0, 4, 1, 5).contiguous()
    mask = None
    if memory_padding_mask is not None:
        mask = torch.where(memory_padding_mask, -torch.inf, 0.0)[:, None, None].to(source.dtype)
    slots = source.new_empty(*source.shape[:4], _CAPACITY * beam_size, per_head)
    return TransformerState(weights, source, mask, slots, beam_size)
