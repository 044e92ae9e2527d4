"""Convolutional encoder and decoder (ConvS2S, Gehring et al. 2017), without weight normalisation.

Shapes: B batch, S source length, T target length, L either, D d_model, W kernel size; in search K beam, M = B * K rows.
"""

from collections.abc import Iterator
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.model.dropout import Dropout
from mtkit.model.memory import Memory
from mtkit.model.search_state import RowCache, SearchState, SentenceCache
from mtkit.model.state_attention import StateAttention
from mtkit.settings.model import ModelConfig

_ROOT_HALF = 0.5**0.5  # a sum of two of variance 1 times this has variance 1


class ConvolutionalEncoderLayer(nn.Module):
    """A convolution, a gated linear unit, a residual connection (section 3.2)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(config.d_model, 2 * config.d_model, config.kernel_size)
        self.kernel_size = config.kernel_size
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """(B, S, D) -> (B, S, D)."""
        y = self.dropout(x)
        if padding_mask is not None:
            y = y.masked_fill(padding_mask[:, :, None], 0)
        left = (self.kernel_size - 1) // 2
        y = F.pad(y.mT, (left, self.kernel_size - 1 - left))
        return (x + F.glu(self.convolution(y).mT, dim=-1)) * _ROOT_HALF


class ConvolutionalDecoderLayer(nn.Module):
    """A convolution over the past, a gated linear unit, attention to the source (section 3.3), a residual sum."""

    def __init__(self, config: ModelConfig, cross_attention: str) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(config.d_model, 2 * config.d_model, config.kernel_size)
        self.kernel_size = config.kernel_size
        self.query = nn.Linear(config.d_model, config.d_model)
        self.cross_attention = StateAttention(config, cross_attention)
        self.context = nn.Linear(config.d_model, config.d_model)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, embedded: Tensor, memory: Memory) -> Tensor:
        """(B, T, D), the embedded target (B, T, D) -> (B, T, D)."""
        y = self.convolution(F.pad(self.dropout(x).mT, (self.kernel_size - 1, 0))).mT
        return self._attended(x, y, embedded, self.cross_attention.start(memory))

    def step(self, x: Tensor, embedded: Tensor, caches: Iterator[Any], state: SearchState) -> Tensor:
        """One token of every row, (M, D) -> (M, D)."""
        window = next(caches).window(x, self.kernel_size)  # (M, D, W)
        y = F.linear(window.flatten(1), self.convolution.weight.flatten(1), self.convolution.bias)
        rows = (-1, state.beam_size, x.size(-1))
        return self._attended(x.view(rows), y.unflatten(0, rows[:2]), embedded.view(rows), next(caches).tensors).view(
            x.shape
        )

    def _attended(self, x: Tensor, y: Tensor, embedded: Tensor, source: list[Tensor | None]) -> Tensor:
        """Input, convolution of it (..., 2D), embedded target -> output of the layer."""
        y = F.glu(y, dim=-1)
        context, _ = self.cross_attention((self.query(y) + embedded) * _ROOT_HALF, source)
        context = context * _root_of_length(source)
        y = (y + self.context(context)) * _ROOT_HALF
        return (x + y) * _ROOT_HALF


def _root_of_length(source: list[Tensor | None]) -> Tensor | float:
    """The root of the number of real source tokens, (B, 1, 1): a mean of so many values has lost that much of their
    spread (section 3.5).
    """
    keys, _, mask = source
    assert keys is not None
    return keys.size(2) ** 0.5 if mask is None else mask.sum(-1).sqrt().to(keys.dtype)


class ConvolutionalEncoder(nn.Module):
    """A stack of convolutions; attention scores its output and sums up that output plus the embeddings."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvolutionalEncoderLayer(config) for _ in range(config.n_encoder_layers))
        # As many gradients as the decoder has layers meet at the encoder's output (section 3.5).
        self.gradient_share = 1 / (2 * config.n_decoder_layers)

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Memory:
        """Embedded source (B, S, D) and its padding (B, S), True = padding."""
        embedded = x
        for layer in self.layers:
            x = layer(x, padding_mask)
        x = x * self.gradient_share + x.detach() * (1 - self.gradient_share)
        return Memory(x, padding_mask, values=(x + embedded) * _ROOT_HALF)


class ConvolutionalDecoder(nn.Module):
    """A stack of convolutions over the past, each with attention to the source."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvolutionalDecoderLayer(config, name) for name in config.attention_of("cross"))

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Embedded target (B, T, D) -> hidden (B, T, D)."""
        embedded = x
        for layer in self.layers:
            x = layer(x, embedded, memory)
        return x

    def start(self, memory: Memory, state: SearchState) -> None:
        """Give the state what is remembered before the first token."""
        for layer in self.layers:
            source = layer.cross_attention.start(memory)  # type: ignore[operator,union-attr]
            state.caches += [RowCache(), SentenceCache.copied(source)]

    def step(self, x: Tensor, state: SearchState) -> Tensor:
        """One embedded token of every row, (M, D) -> hidden (M, D)."""
        embedded, caches = x, iter(state.caches)
        for layer in self.layers:
            x = layer.step(x, embedded, caches, state)  # type: ignore[operator]
        return x
