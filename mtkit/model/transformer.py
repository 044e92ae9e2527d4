"""The Transformer: encoder, decoder, and the decoder's memory of what it has read (Vaswani et al. 2017, section 3).

Shapes: B batch, S source length, T target length, L either, D d_model, F d_ff, H heads, E = D / H;
in search K beam and M = B * K rows, the K rows of a sentence side by side.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.config import ModelConfig
from mtkit.model.attention import MultiHeadAttention
from mtkit.model.dropout import Dropout

_CAPACITY = 32  # target positions that the cache holds at first; it doubles when they are full


class FeedForward(nn.Module):
    """Two linear maps with a non-linearity between them, at each position alone (section 3.3)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(config.d_model, config.d_ff)
        self.outer = nn.Linear(config.d_ff, config.d_model)
        self.activation: Callable[[Tensor], Tensor] = F.relu if config.activation == "relu" else F.gelu
        self.dropout = Dropout(config.activation_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)."""
        return self.outer(self.dropout(self.activation(self.inner(x))))


class Residual(nn.Module):
    """x + dropout(sublayer(norm(x))), or norm(x + dropout(sublayer(x))) (pre- and post-norm, Xiong et al. 2020)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = Dropout(config.dropout)
        self.pre_norm = config.norm == "pre"

    def forward(self, x: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a sublayer, (B, L, D) -> (B, L, D), around a residual connection."""
        if self.pre_norm:
            return x + self.dropout(sublayer(self.norm(x)))
        return self.norm(x + self.dropout(sublayer(x)))


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward block."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads, config.attention_dropout)
        self.feed_forward = FeedForward(config)
        self.residuals = nn.ModuleList(Residual(config) for _ in range(2))

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """(B, S, D) -> (B, S, D)."""
        x = self.residuals[0](x, lambda y: self.self_attention(y, y, key_padding_mask=padding_mask))
        return self.residuals[1](x, self.feed_forward)


class DecoderLayer(nn.Module):
    """Masked self-attention, attention to the source, then a feed-forward block."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads, config.attention_dropout)
        self.cross_attention = MultiHeadAttention(config.d_model, config.n_heads, config.attention_dropout)
        self.feed_forward = FeedForward(config)
        self.residuals = nn.ModuleList(Residual(config) for _ in range(3))

    def forward(self, x: Tensor, memory: Tensor, memory_padding_mask: Tensor | None) -> Tensor:
        """(B, T, D) and a memory (B, S, D) -> (B, T, D)."""
        x = self.residuals[0](x, lambda y: self.self_attention(y, y, causal=True))
        x = self.residuals[1](x, lambda y: self.cross_attention(y, memory, key_padding_mask=memory_padding_mask))
        return self.residuals[2](x, self.feed_forward)

    def step(self, x: Tensor, state: "TransformerState", layer: int) -> Tensor:
        """One position of every row, (M, 1, D) -> (M, 1, D); notes its keys and values in the state."""

        def attend_to_prefix(y: Tensor) -> Tensor:
            keys, values = state.append(layer, *self.self_attention.keys_values(y))
            return self.self_attention.attend(y, keys, values)

        def attend_to_source(y: Tensor) -> Tensor:
            # The rows of one sentence read the same memory: they become its query positions, and nothing is copied.
            by_sentence = y.view(state.n_sentences, -1, y.size(-1))  # (B, K, D)
            keys, values = state.memory[layer]
            out = self.cross_attention.attend(by_sentence, keys, values, key_padding_mask=state.memory_padding_mask)
            return out.view_as(y)

        x = self.residuals[0](x, attend_to_prefix)
        x = self.residuals[1](x, attend_to_source)
        return self.residuals[2](x, self.feed_forward)


@dataclass
class TransformerState:
    """What a search has computed: keys and values of the prefix of each row, and of the source of each sentence."""

    memory: list[tuple[Tensor, Tensor]]
    """Per layer the keys and values of the source, each (B, H, S, E)."""

    memory_padding_mask: Tensor | None
    """Bool (B, S), True where the source is padding."""

    prefix: Tensor
    """(capacity, M, 2 * layers, H, E): keys and values in turn, layer by layer. Positions come first, so that those
    filled are one block, and all of a row at a position lies together: reordering copies long runs."""

    spare: Tensor
    """What ``prefix`` was before the last reordering: room for the next one, so that none has to be found at each
    step."""

    length: int = 0
    """Positions of ``prefix`` that are filled."""

    @property
    def n_sentences(self) -> int:
        """B."""
        return self.memory[0][0].size(0)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Note one position's keys and values, each (M, H, 1, E); returns those of the whole prefix, (M, H, L, E)."""
        if self.length == self.prefix.size(0):
            grown = self.prefix.new_empty(2 * self.length, *self.prefix.shape[1:])
            grown[: self.length] = self.prefix
            self.prefix = grown
        self.prefix[self.length, :, 2 * layer] = keys[:, :, 0]
        self.prefix[self.length, :, 2 * layer + 1] = values[:, :, 0]
        filled = self.prefix[: self.length + 1].permute(2, 1, 3, 0, 4)  # (2 * layers, M, H, L, E)
        return filled[2 * layer], filled[2 * layer + 1]

    def select(self, parents: Tensor) -> None:
        """Keep, drop and reorder rows.

        Args:
            parents: int64 (B', K'): for each new row the old row, 0 <= row < M, that it continues. The K' rows of a
                line continue rows of one sentence; sentences that occur in no line leave the state.
        """
        capacity, n_rows = self.prefix.shape[:2]
        shape = (capacity, parents.numel(), *self.prefix.shape[2:])
        room = math.prod(shape)
        free = self.spare if self.spare.numel() >= room else self.prefix.new_empty(room)
        target = free.flatten()[:room].view(shape)
        torch.index_select(self.prefix[: self.length], 1, parents.flatten(), out=target[: self.length])
        self.prefix, self.spare = target, self.prefix
        if parents.size(0) < self.n_sentences:
            sentences = parents[:, 0] // (n_rows // self.n_sentences)  # (B',)
            self.memory = [(k.index_select(0, sentences), v.index_select(0, sentences)) for k, v in self.memory]
            if self.memory_padding_mask is not None:
                self.memory_padding_mask = self.memory_padding_mask.index_select(0, sentences)


class TransformerEncoder(nn.Module):
    """A stack of encoder layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_encoder_layers))
        self.norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """Embedded source (B, S, D) and its padding (B, S), True = padding -> memory (B, S, D)."""
        for layer in self.layers:
            x = layer(x, padding_mask)
        return self.norm(x)


class TransformerDecoder(nn.Module):
    """A stack of decoder layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.n_decoder_layers))
        self.norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()

    def forward(self, x: Tensor, memory: Tensor, memory_padding_mask: Tensor | None) -> Tensor:
        """Embedded target (B, T, D), all positions at once -> hidden (B, T, D)."""
        for layer in self.layers:
            x = layer(x, memory, memory_padding_mask)
        return self.norm(x)

    def start(self, memory: Tensor, memory_padding_mask: Tensor | None, beam_size: int) -> TransformerState:
        """The state before the first token, with ``beam_size`` rows for each sentence of memory (B, S, D)."""
        source = [layer.cross_attention.keys_values(memory) for layer in self._layers()]
        batch, n_heads, _, per_head = source[0][0].shape
        prefix = source[0][0].new_empty(_CAPACITY, batch * beam_size, 2 * len(self.layers), n_heads, per_head)
        return TransformerState(source, memory_padding_mask, prefix, spare=prefix.new_empty(0))

    def step(self, x: Tensor, state: TransformerState) -> Tensor:
        """One embedded token of every row, (M, D) -> hidden (M, D); advances the state."""
        x = x.unsqueeze(1)  # (M, 1, D)
        for index, layer in enumerate(self._layers()):
            x = layer.step(x, state, index)
        state.length += 1
        return self.norm(x).squeeze(1)

    def _layers(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))
