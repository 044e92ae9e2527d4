"""The Transformer: encoder, decoder, and the decoder's memory of what it has read (Vaswani et al. 2017, section 3).

Shapes: B batch, S source length, T target length, L either, D d_model, F d_ff, H heads, E = D / H;
in search K beam and M = B * K rows, the K rows of a sentence side by side.
"""

from collections.abc import Callable
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.config import ModelConfig
from mtkit.model import incremental
from mtkit.model.attention import MultiHeadAttention
from mtkit.model.dropout import Dropout
from mtkit.model.incremental import TransformerState


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
        return incremental.start(self._layers(), memory, memory_padding_mask, beam_size)

    def step(self, x: Tensor, state: TransformerState) -> Tensor:
        """One embedded token of every row, (M, D) -> hidden (M, D); advances the state."""
        state.reserve()
        for index, layer in enumerate(state.layers):
            x = layer.step(x, state, index)
        return self.norm(x)

    def _layers(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))
