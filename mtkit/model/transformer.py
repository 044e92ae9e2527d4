"""The Transformer: encoder and decoder layers around whatever is chosen for attention (Vaswani et al. 2017, section 3).

Shapes: B batch, S source length, T target length, L either, D d_model, F d_ff; in search K beam and M = B * K rows, the
K rows of a sentence side by side.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, assert_never

import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.model.dropout import Dropout, chance
from mtkit.model.kinds import build_cross_attention, build_self_attention
from mtkit.model.linear import Linear, linear
from mtkit.model.memory import Memory
from mtkit.model.positions import Bucketed
from mtkit.model.search_state import SearchState, prepared
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import GATED

RMS_EPSILON = 1e-6
"""Added to the mean of squares in RMSNorm, as in T5."""

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "swiglu": F.silu,
    "geglu": partial(F.gelu, approximate="tanh"),
}


class FeedForward(nn.Module):
    """Two linear maps with a non-linearity between them, at each position alone (section 3.3).

    ``swiglu`` and ``geglu`` multiply a second inner map by the swish or the GELU of the first (Shazeer 2020, equations
    5 and 6).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.inner = Linear(config.d_model, config.d_ff, bias=config.bias)
        self.outer = Linear(config.d_ff, config.d_model, bias=config.bias)
        self.linear = Linear(config.d_model, config.d_ff, bias=config.bias) if config.activation in GATED else None
        self.activation = _ACTIVATIONS[config.activation]
        self.dropout = Dropout(config.activation_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        inner = self.activation(self.inner(x))
        return self.outer(self.dropout(inner if self.linear is None else inner * self.linear(x)))

    def prepared(self) -> Callable[[Tensor], Tensor]:
        """The block for the steps of a search, without dropout."""
        if self.linear is not None:
            return self
        inner, outer, activation = prepared(self.inner), prepared(self.outer), self.activation
        if activation is F.relu:
            weight, bias, packed = self.inner.whole_weight, self.inner.bias, self.inner.packed
            rectified = partial(linear, weight=weight, bias=bias, packed=packed, relu=True)
            return lambda x: outer(rectified(x))
        return lambda x: outer(activation(inner(x)))


def build_norm(config: ModelConfig) -> nn.Module:
    """Layer normalisation (Ba et al. 2016), or without mean and bias (RMSNorm, Zhang and Sennrich 2019)."""
    match config.norm_type:
        case "layer":
            return nn.LayerNorm(config.d_model)
        case "rms":
            return RMSNorm(config.d_model, eps=RMS_EPSILON)
        case _:
            assert_never(config.norm_type)


class RMSNorm(nn.RMSNorm):
    """torch's, computed in the precision of its weights, as autocast does for layer normalisation."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return super().forward(x.to(self.weight.dtype))


class Residual(nn.Module):
    """A sublayer with normalisation, dropout and a residual connection (Xiong et al. 2020).

    pre: x + dropout(sublayer(norm(x))); post: norm(x + dropout(sublayer(x))); sandwich: as pre, with a second
    normalisation of what the sublayer gives (Ding et al. 2021).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = build_norm(config)
        self.outer_norm: nn.Module | None = None
        match config.norm:
            case "pre":
                self.pre_norm = True
            case "post":
                self.pre_norm = False
            case "sandwich":
                self.pre_norm, self.outer_norm = True, build_norm(config)
            case _:
                assert_never(config.norm)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a sublayer, (..., D) -> (..., D), around a residual connection."""
        if not self.pre_norm:
            return self.norm(x + self.dropout(sublayer(x)))
        out = sublayer(self.norm(x))
        return x + self.dropout(out if self.outer_norm is None else self.outer_norm(out))

    def prepared(self, sublayer: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """The residual sublayer for the steps of a search, without dropout: a function that overwrites its input."""
        norm = prepared(self.norm)
        if not self.pre_norm:
            return lambda x: norm(x.add_(sublayer(x)))
        if self.outer_norm is None:
            return lambda x: x.add_(sublayer(norm(x)))
        outer_norm = prepared(self.outer_norm)
        return lambda x: x.add_(outer_norm(sublayer(norm(x))))


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward block."""

    def __init__(self, config: ModelConfig, attention: str) -> None:
        super().__init__()
        self.self_attention = build_self_attention(config, attention, causal=False)
        self.feed_forward = FeedForward(config)
        self.residuals = nn.ModuleList(Residual(config) for _ in range(2))

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """(B, S, D) -> (B, S, D)."""
        x = self.residuals[0](x, lambda y: self.self_attention(y, padding_mask))
        return self.residuals[1](x, self.feed_forward)


class DecoderLayer(nn.Module):
    """Masked self-attention or its replacement, attention to the source, then a feed-forward block."""

    def __init__(self, config: ModelConfig, attention: str, cross_attention: str) -> None:
        super().__init__()
        self.self_attention: Any = build_self_attention(config, attention, causal=True)
        self.cross_attention: Any = build_cross_attention(config, cross_attention)
        self.feed_forward = FeedForward(config)
        self.residuals = nn.ModuleList(Residual(config) for _ in range(3))

    def forward(self, x: Tensor, memory: Tensor, memory_padding_mask: Tensor | None) -> Tensor:
        """(B, T, D) and a memory (B, S, D) -> (B, T, D)."""
        x = self.residuals[0](x, self.self_attention)
        x = self.residuals[1](x, lambda y: self.cross_attention(y, memory, memory_padding_mask))
        return self.residuals[2](x, self.feed_forward)

    def start(self, memory: Memory, state: SearchState) -> None:
        """Give the state what is remembered before the first token, and what to do at each step."""
        prefix = self.self_attention.start(state)
        source = self.cross_attention.start(memory.hidden, memory.padding_mask)
        state.caches += [prefix, source]
        sublayers: list[Callable[[Tensor], Tensor]] = [
            partial(self.self_attention.step, cache=prefix, state=state),
            partial(self.cross_attention.step, cache=source, state=state),
            self.feed_forward.prepared(),
        ]
        for residual, sublayer in zip(self.residuals, sublayers, strict=True):
            assert isinstance(residual, Residual)
            state.steps.append(residual.prepared(sublayer))


def share_positions(side: nn.Module, config: ModelConfig, layers: list[Any], *, causal: bool) -> None:
    """Give a side one table of relative positions, as its ``positions``, which its ``layers`` read; where the model has
    such tables, and one for each layer is not asked for.
    """
    if not config.shared_positions:
        return
    side.positions = Bucketed(config.n_heads, causal=causal)
    for layer in layers:
        if isinstance(getattr(layer.self_attention, "relative", None), Bucketed):
            layer.self_attention.relative = side.positions


class TransformerEncoder(nn.Module):
    """A stack of encoder layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        names = config.attention_of("encoder")
        layers = [EncoderLayer(config, name) for name in names[: config.n_unique_layers]]
        share_positions(self, config, layers, causal=False)
        self.layers = nn.ModuleList(layers)
        self.n_layers, self.layer_drop = config.n_encoder_layers, config.layer_drop
        self.norm = nn.Identity() if config.norm == "post" else build_norm(config)

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Memory:
        """Embedded source (B, S, D) and its padding (B, S), True = padding."""
        for layer in stack(self):
            x = layer(x, padding_mask)
        return Memory(self.norm(x), padding_mask)


class TransformerDecoder(nn.Module):
    """A stack of decoder layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        kinds = list(zip(config.attention_of("decoder"), config.attention_of("cross"), strict=True))
        layers = [DecoderLayer(config, *kind) for kind in kinds[: config.n_unique_layers]]
        share_positions(self, config, layers, causal=True)
        self.layers = nn.ModuleList(layers)
        self.n_layers, self.layer_drop = config.n_decoder_layers, config.layer_drop
        self.norm = nn.Identity() if config.norm == "post" else build_norm(config)

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Embedded target (B, T, D), all positions at once -> hidden (B, T, D)."""
        for layer in stack(self):
            x = layer(x, memory.hidden, memory.padding_mask)
        return self.norm(x)

    def start(self, memory: Memory, state: SearchState) -> None:
        """Give the state what is remembered before the first token, and what to do at each step."""
        for layer in stack(self):
            layer.start(memory, state)

    def step(self, x: Tensor, state: SearchState) -> Tensor:
        """One embedded token of every row, (M, D) -> hidden (M, D)."""
        for sublayer in state.steps:
            x = sublayer(x)
        return self.norm(x)


def stack(side: TransformerEncoder | TransformerDecoder) -> Iterator[Any]:
    """The layers bottom to top: shared ones in turn, and in training some left out (LayerDrop, Fan et al. 2020)."""
    for index in range(side.n_layers):
        if not (side.training and side.layer_drop and chance(side.layer_drop)):
            yield side.layers[index % len(side.layers)]
