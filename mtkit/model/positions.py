"""Where a token stands: tables added to embeddings, and what attention does with the distance of two tokens.

Shapes: B batch, H heads, Q queries, L keys, D d_model, E numbers per head. Positions count from 0.
"""

import math
from typing import Literal, assert_never

import torch
from torch import Tensor, nn

_ROTARY_BASE = 10_000.0
_SHAW_CLIP = 16
N_DISTANCES = 2 * _SHAW_CLIP + 1
"""Distances that relative positions after Shaw et al. distinguish."""

_T5_BUCKETS = 32
T5_MAX_DISTANCE = 128
"""Distance from where all tokens share the last bucket of T5's positions."""

_FAIRSEQ_START = 2  # one after the id of padding there

Sinusoids = Literal["interleaved", "halves", "fairseq"]


def sinusoidal_positions(max_length: int, d_model: int, layout: Sinusoids = "interleaved") -> Tensor:
    """(max_length, D) with PE(p, 2i) = sin(p / 10000^(2i/D)) and PE(p, 2i+1) = cos of the same (Vaswani et al. 2017,
    section 3.5).

    Args:
        max_length: Positions, from 0 on.
        d_model: D, even.
        layout: interleaved as above; halves with all sines before all cosines; fairseq as halves, but with the
            exponent i / (D/2 - 1) and the first position 2, as fairseq counts from after the id of padding.
    """
    if layout == "fairseq":
        # In float32, as fairseq computes them: they are what its models have learnt with, digit for digit.
        step = math.log(10_000) / (d_model // 2 - 1)
        frequency = torch.exp(torch.arange(d_model // 2, dtype=torch.float32) * -step)
        angle = torch.arange(_FAIRSEQ_START, max_length + _FAIRSEQ_START, dtype=torch.float32)[:, None] * frequency
    else:
        position = torch.arange(max_length, dtype=torch.float64)[:, None]
        frequency = 10_000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
        angle = position * frequency  # (max_length, D / 2)
    match layout:
        case "interleaved":
            return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()
        case "halves" | "fairseq":
            return torch.cat([angle.sin(), angle.cos()], dim=1).float()
        case _:
            assert_never(layout)


class Relative(nn.Module):
    """What attention knows of positions; this one knows nothing. Positions are int64."""

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:  # noqa: ARG002
        """Queries or keys (B, H, L, E), turned as their positions (L,) say."""
        return x

    def bias(self, queries: Tensor, q_positions: Tensor, k_positions: Tensor) -> Tensor | None:  # noqa: ARG002
        """What is added to the scores of queries (B, H, Q, E), at positions (Q,), for keys at (L,); broadcasts to
        (B, H, Q, L).
        """
        return None

    def values(self, weights: Tensor, q_positions: Tensor, k_positions: Tensor) -> Tensor | None:  # noqa: ARG002
        """What is added to the weighted sum of values, (B, H, Q, E), for weights (B, H, Q, L)."""
        return None


class Rotary(Relative):
    """Turns pairs of numbers by an angle that grows with the position, so that a product of query and key depends on
    their distance (Su et al. 2021, equation 34).
    """

    def __init__(self, per_head: int) -> None:
        super().__init__()
        frequency = _ROTARY_BASE ** (-torch.arange(0, per_head, 2, dtype=torch.float64) / per_head)
        self.register_buffer("frequency", frequency.float(), persistent=False)

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        """See ``Relative``; number 2i is paired with number 2i + 1."""
        angle = positions[:, None].float() * self.get_buffer("frequency")  # (L, E / 2)
        sin, cos = angle.sin().to(x.dtype), angle.cos().to(x.dtype)
        even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


class Alibi(Relative):
    """Lowers scores in proportion to the distance, by a slope of each head's own (Press et al. 2022, section 3)."""

    def __init__(self, n_heads: int) -> None:
        super().__init__()
        self.register_buffer("slopes", torch.tensor(alibi_slopes(n_heads)), persistent=False)

    def bias(self, queries: Tensor, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """See ``Relative``; (H, Q, L)."""
        distance = (q_positions[:, None] - k_positions).abs().to(queries.dtype)
        return -self.get_buffer("slopes").to(queries.dtype)[:, None, None] * distance


def alibi_slopes(n_heads: int) -> list[float]:
    """2^(-8/H), 2^(-16/H), ...; where H is not a power of two, those of the power below, then every other one of
    the power above.
    """
    power = 2 ** math.floor(math.log2(n_heads))
    slopes = [2 ** (-8 * (head + 1) / power) for head in range(power)]
    above = [2 ** (-8 * (head + 1) / (2 * power)) for head in range(0, 2 * power, 2)]
    return slopes + above[: n_heads - power]


class Bucketed(Relative):
    """A learned bias of each head for each bucket of distances: near ones have buckets of their own, far ones share
    them in logarithmic steps (T5, Raffel et al. 2020, section 2.1). T5 shares one among the layers of a side.
    """

    def __init__(self, n_heads: int, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.weight = nn.Parameter(torch.zeros(_T5_BUCKETS, n_heads))

    def bias(self, queries: Tensor, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """See ``Relative``; (H, Q, L)."""
        buckets = t5_buckets(k_positions - q_positions[:, None], causal=self.causal)
        return self.weight[buckets].permute(2, 0, 1).to(queries.dtype)


def t5_buckets(distance: Tensor, *, causal: bool) -> Tensor:
    """The bucket, 0 to 31, of each distance (key minus query); a causal model has none for later keys."""
    n, offset = _T5_BUCKETS, torch.zeros_like(distance)
    if causal:
        distance = (-distance).clamp(min=0)
    else:
        n //= 2
        offset = (distance > 0).long() * n
        distance = distance.abs()
    exact = n // 2
    growth = (distance.clamp(min=1).float() / exact).log() / math.log(T5_MAX_DISTANCE / exact)
    far = (exact + growth * (n - exact)).long().clamp(max=n - 1)
    return offset + torch.where(distance < exact, distance, far)


class Shaw(Relative):
    """Learned vectors of each distance, clipped at 16, added to keys and to values (Shaw et al. 2018, equations 3, 4).

    The distance is key minus query; all heads share the vectors.
    """

    def __init__(self, per_head: int) -> None:
        super().__init__()
        self.key_vectors = nn.Parameter(torch.empty(N_DISTANCES, per_head))
        self.value_vectors = nn.Parameter(torch.empty(N_DISTANCES, per_head))
        for vectors in (self.key_vectors, self.value_vectors):
            nn.init.xavier_uniform_(vectors)

    def bias(self, queries: Tensor, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """See ``Relative``; (B, H, Q, L), scaled as ``ScaledDot`` scales."""
        by_distance = queries * queries.size(-1) ** -0.5 @ self.key_vectors.t()  # (B, H, Q, 33)
        return by_distance.gather(-1, self._index(q_positions, k_positions).expand(*queries.shape[:3], -1))

    def values(self, weights: Tensor, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """See ``Relative``."""
        by_distance = weights.new_zeros(*weights.shape[:3], N_DISTANCES)
        by_distance = by_distance.scatter_add(-1, self._index(q_positions, k_positions).expand_as(weights), weights)
        return by_distance @ self.value_vectors

    def _index(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        return (k_positions - q_positions[:, None]).clamp(-_SHAW_CLIP, _SHAW_CLIP) + _SHAW_CLIP


def build_relative(name: str, *, n_heads: int, per_head: int, causal: bool) -> Relative:
    """What attention does with positions of this name; nothing for those that are added to embeddings.

    Raises:
        ValueError: If there are none of this name.
    """
    match name:
        case "none" | "sinusoidal" | "learned":
            return Relative()
        case "rotary":
            return Rotary(per_head)
        case "alibi":
            return Alibi(n_heads)
        case "t5":
            return Bucketed(n_heads, causal=causal)
        case "shaw":
            return Shaw(per_head)
    raise ValueError(f"no positions are called {name}")
