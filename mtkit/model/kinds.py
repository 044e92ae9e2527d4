"""The kinds of attention, and of what may stand in its place: how each is built, and what it computes.

Where each may stand, and what goes with it, is in ``mtkit.settings.attention`` under the same names.

FLOP are counted as in ``mtkit.model.cost``. Symbols: L length, D d_model, H heads, E numbers per head, W window.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from mtkit.model.attention import CrossAttention, SelfAttention
from mtkit.model.efficient_attention import (
    CHUNK,
    LinearCrossAttention,
    LinearSelfAttention,
    LocalAttention,
    LowRankCrossAttention,
    LowRankSelfAttention,
)
from mtkit.model.positions import N_DISTANCES
from mtkit.model.recurrences import AverageAttention, LightweightConvolution, SimpleRecurrentUnit
from mtkit.settings.model import ModelConfig


@dataclass(frozen=True)
class Within:
    """A sublayer that looks at its own sequence."""

    build: Callable[[ModelConfig, bool, str], nn.Module]
    """Makes one from the model, whether it is causal, and the positions of its side."""

    token: Callable[[ModelConfig, float, bool], float]
    """FLOP for one of L tokens, causal or not."""

    step: Callable[[ModelConfig, float], float] | None = None
    """FLOP for the last of L tokens in a search; None for what stands in no decoder."""


@dataclass(frozen=True)
class Across:
    """A sublayer of a decoder that looks at the source."""

    build: Callable[[ModelConfig], nn.Module]

    token: Callable[[ModelConfig, float], float]
    """FLOP for a target token, of a source of L tokens."""

    key: Callable[[ModelConfig], float]
    """FLOP for a source token."""


@dataclass(frozen=True)
class Kind:
    """One kind of attention; a place where it cannot stand is None."""

    within: Within | None = None
    across: Across | None = None

    states: Callable[[ModelConfig], tuple[float, float]] | None = None
    """FLOP of a score for a query and for a key of a recurrent or convolutional decoder, besides the products of all
    pairs; None for what is not a score function.
    """


def build_self_attention(config: ModelConfig, name: str, *, causal: bool) -> nn.Module:
    """What an encoder, or where ``causal`` a decoder, uses to look at the rest of its own sequence.

    Raises:
        KeyError: If nothing has this name.
    """
    return within(name).build(config, causal, config.positions_of("decoder" if causal else "encoder"))


def build_cross_attention(config: ModelConfig, name: str) -> nn.Module:
    """How a decoder layer looks at the source.

    Raises:
        KeyError: If nothing has this name.
    """
    return across(name).build(config)


def within(name: str) -> Within:
    """The kind of this name, as it stands in an encoder or a decoder."""
    found = KINDS[name].within
    assert found is not None, f"{name} does not stand within a sequence"
    return found


def across(name: str) -> Across:
    """The kind of this name, as it stands between a decoder and the source."""
    found = KINDS[name].across
    assert found is not None, f"{name} does not look at another sequence"
    return found


def _by_score(name: str, *, has_matrix: bool = False, projects_states: bool = False) -> Kind:
    """Attention by a score function.

    Args:
        name: Of the score function.
        has_matrix: Whether there is a matrix of each head between a query and all keys.
        projects_states: Whether states, which have no projections otherwise, are projected for it.
    """

    def matrix(config: ModelConfig) -> float:
        return 2 * config.n_inner * config.per_head if has_matrix else 0

    def token(config: ModelConfig, length: float, causal: bool = False) -> float:  # noqa: ARG001
        return matrix(config) + _pairs(config, length)

    def cross_token(config: ModelConfig, src_length: float) -> float:
        return (4 * config.d_model + src_length * 4) * config.n_inner + matrix(config)

    def states(config: ModelConfig) -> tuple[float, float]:
        projection = 2 * config.d_model**2 if projects_states else 0
        return projection + matrix(config), projection

    def build(config: ModelConfig, causal: bool, positions: str) -> nn.Module:
        return SelfAttention(config, name, causal=causal, positions=positions)

    across = Across(lambda config: CrossAttention(config, name), cross_token, _key)
    return Kind(Within(build, token, step=token), across, states)


def _pairs(config: ModelConfig, length: float) -> float:
    """One token's projections, its scores for ``length`` keys, and its share of their values."""
    d, inner = config.d_model, config.n_inner
    shaw = 2 * 2 * N_DISTANCES * inner if config.positions == "shaw" else 0
    return 4 * d * inner + 2 * d * keys_values(config) + shaw + length * 4 * inner


def keys_values(config: ModelConfig) -> float:
    """The width of keys and values together."""
    return 2 * config.per_head * (config.n_kv_heads or config.n_heads)


def _key(config: ModelConfig) -> float:
    return 2 * config.d_model * keys_values(config)


def _local_token(config: ModelConfig, length: float, causal: bool) -> float:
    """Blocks of W queries see their own W keys and those of the neighbours."""
    blocks = config.window * (2 if causal else 3)
    return _pairs(config, length if length <= 2 * config.window else blocks)


def _low_rank_token(config: ModelConfig, length: float, causal: bool) -> float:  # noqa: ARG001
    d, inner, width = config.d_model, config.n_inner, keys_values(config)
    return 4 * d * inner + 2 * d * width + config.low_rank_size * (2 * width + 4 * inner)


def _linear_token(config: ModelConfig, length: float, causal: bool) -> float:
    chunk = min(length, CHUNK) * 2 * (2 * config.d_model + config.n_heads) if causal else 0
    return _linear_step(config, length) + chunk


def _linear_step(config: ModelConfig, length: float) -> float:  # noqa: ARG001
    return 8 * config.d_model**2 + 2 * _sums(config)


def _sums(config: ModelConfig) -> float:
    """A token added to the sums of linear attention, E x (E + 1) a head, or a query answered from them."""
    return 2 * config.d_model * (config.d_model / config.n_heads + 1)


def _same_at_every_step(build: Callable[[ModelConfig, bool], nn.Module], cost: Callable[[ModelConfig], float]) -> Kind:
    """What costs the same for each token, however long the sequence is."""
    return Kind(
        Within(
            lambda config, causal, _: build(config, causal),
            lambda config, *_: cost(config),
            lambda config, _: cost(config),
        )
    )


KINDS: dict[str, Kind] = {
    "scaled_dot": _by_score("scaled_dot"),
    "dot": _by_score("dot"),
    "general": _by_score("general", has_matrix=True),
    "additive": _by_score("additive", projects_states=True),
    "location": _by_score("location"),
    "local": Kind(
        Within(
            lambda config, causal, positions: LocalAttention(config, causal=causal, positions=positions),
            _local_token,
            step=_pairs,  # which looks at all slots, and hides those that are far
        )
    ),
    "low_rank": Kind(
        Within(lambda config, *_: LowRankSelfAttention(config), _low_rank_token),
        Across(
            LowRankCrossAttention,
            lambda config, _: (4 * config.d_model + config.low_rank_size * 4) * config.n_inner,
            lambda config: _key(config) + 2 * config.low_rank_size * keys_values(config),
        ),
    ),
    "linear": Kind(
        Within(lambda config, causal, _: LinearSelfAttention(config, causal=causal), _linear_token, step=_linear_step),
        Across(
            LinearCrossAttention,
            lambda config, _: 4 * config.d_model**2 + _sums(config),
            lambda config: 4 * config.d_model**2 + _sums(config),
        ),
    ),
    "average": _same_at_every_step(
        lambda config, _: AverageAttention(config),
        lambda config: 4 * config.d_model * config.d_ff + 8 * config.d_model**2,
    ),
    "ssru": _same_at_every_step(
        lambda config, _: SimpleRecurrentUnit(config),
        lambda config: 4 * config.d_model**2,
    ),
    "lightweight": _same_at_every_step(
        lambda config, causal: LightweightConvolution(config, dynamic=False, causal=causal),
        lambda config: 6 * config.d_model**2 + 2 * config.d_model * config.kernel_size,
    ),
    "dynamic": _same_at_every_step(
        lambda config, causal: LightweightConvolution(config, dynamic=True, causal=causal),
        lambda config: 6 * config.d_model**2 + 2 * config.d_model * config.kernel_size * (1 + config.n_heads),
    ),
}
