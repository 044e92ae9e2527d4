"""Attention whose cost grows with the length, not with its square: local, low-rank and linear.

(A step of a search with local attention still looks at all slots, and hides those that are far.)

Shapes: B batch, L length, Q queries, S source length, H heads, D d_model, E = D / H, W window, R rank, C chunk; in
search K beam, M = B * K rows.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.model.attention import CrossAttention, SelfAttention, may_attend
from mtkit.model.linear import Linear
from mtkit.model.search_state import RowCache, SearchState, SentenceCache
from mtkit.settings.model import ModelConfig

CHUNK = 64
"""Tokens that causal linear attention compares directly, before it sums them up."""

_TINY = 1e-30  # keeps the divisor of linear attention from zero


class LocalAttention(SelfAttention):
    """Scaled dot-product attention to the W tokens on each side, or where causal before (Beltagy et al. 2020).

    Another thing than the local attention of Luong et al. (2015), which looks at a window of the source.
    """

    def __init__(self, config: ModelConfig, *, causal: bool, positions: str) -> None:
        super().__init__(config, "scaled_dot", causal=causal, positions=positions)
        self.window = config.window

    def attend_within(self, queries: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor | None) -> Tensor:
        """A block of W queries at a time, with the keys of that block and its neighbours."""
        length = queries.size(2)
        if length <= 2 * self.window or self.recorded is not None:
            places = torch.arange(length, device=queries.device)
            mask = self._near(places, places, padding_mask)
            return self.attend(queries, keys, values, mask, positions=(places, places))
        w, after = self.window, 0 if self.causal else self.window
        blocks = -(-length // w)
        pad = blocks * w - length
        q_positions = torch.arange(w, device=queries.device) + w
        k_positions = torch.arange(w + w + after, device=queries.device)
        here = torch.zeros(queries.size(0), length, dtype=torch.bool, device=queries.device)
        outside = F.pad(here if padding_mask is None else padding_mask, (w, pad + after), value=True)
        outside = outside.unfold(1, len(k_positions), w).flatten(0, 1)  # (B * blocks, 3W)
        mask = self._near(q_positions, k_positions, outside)  # (B * blocks, 1, W, 3W)
        queries = F.pad(queries, (0, 0, 0, pad)).unflatten(2, (blocks, w)).transpose(1, 2).flatten(0, 1)
        keys, values = (
            F.pad(x, (0, 0, w, pad + after)).unfold(2, len(k_positions), w).permute(0, 2, 1, 4, 3).flatten(0, 1)
            for x in (keys, values)
        )
        out = self.attend(queries, keys, values, mask, positions=(q_positions, k_positions))  # (B * blocks, W, D)
        return out.unflatten(0, (-1, blocks)).flatten(1, 2)[:, :length]

    def step_mask(self, state: SearchState) -> Tensor | None:
        """The past of each row, as far as the window goes."""
        q_positions, k_positions = state.slot_positions()
        near = torch.where(q_positions[:1, None] - k_positions <= self.window, 0.0, -torch.inf)  # (1, N)
        near = near.to(state.dtype)
        past = super().step_mask(state)
        return near if past is None else past + near

    def _near(self, q_positions: Tensor, k_positions: Tensor, padding_mask: Tensor | None) -> Tensor:
        """Bool (Q, L), or with padding (B, 1, Q, L): True = may attend. A position always sees itself, so that no
        softmax is without support.
        """
        distance = q_positions[:, None] - k_positions
        near = (distance <= self.window) & (distance >= (0 if self.causal else -self.window))
        if padding_mask is None:
            return near
        return near & (may_attend(padding_mask) | (distance == 0))


class LowRank(nn.Module):
    """Learned sums over positions, to R keys and values instead of L (Linformer, Wang et al. 2020, section 4)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.keys = Linear(config.max_length, config.low_rank_size, bias=False)
        self.values = Linear(config.max_length, config.low_rank_size, bias=False)

    def forward(self, keys: Tensor, values: Tensor, padding_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Two of (B, G, L, E), padding (B, L) with True = padding, to two of (B, G, R, E).

        Raises:
            ValueError: If L exceeds the model's longest sequence.
        """
        length, longest = keys.size(2), self.keys.in_features
        if length > longest:
            raise ValueError(f"{length} tokens are too many for attention low_rank, whose projection has {longest}")
        if padding_mask is not None:
            real = may_attend(padding_mask).mT.to(keys.dtype)
            keys, values = keys * real, values * real
        return self.keys.weight[:, :length] @ keys, self.values.weight[:, :length] @ values


class LowRankSelfAttention(SelfAttention):
    """Scaled dot-product attention to R mixtures of the positions; it sees the future."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, "scaled_dot")
        self.low_rank = LowRank(config)

    def attend_within(self, queries: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor | None) -> Tensor:
        """No mask is needed: padding is in no mixture."""
        keys, values = self.low_rank(keys, values, padding_mask)
        return self.attend(queries, keys, values, None)


class LowRankCrossAttention(CrossAttention):
    """Scaled dot-product attention to R mixtures of the source's positions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, "scaled_dot")
        self.low_rank = LowRank(config)

    def keys_values(self, memory: Tensor, padding_mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """See ``CrossAttention``, with R for S."""
        keys, values, _ = super().keys_values(memory, None)
        return *self.low_rank(keys, values, padding_mask), None


def _phi(x: Tensor) -> Tensor:
    """elu(x) + 1 in float32, which sums of many terms need; without the 1 - 1 that makes zeros of small values."""
    x = x.float()
    return torch.where(x > 0, x + 1, x.clamp(max=0).exp())


class LinearAttention(nn.Module):
    """softmax(q k) replaced by phi(q) phi(k) with phi(x) = elu(x) + 1 (Katharopoulos et al. 2020, equations 5 to 7).

    A sum over keys of phi(k) v, (E, E) a head, then answers any query.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.per_head = config.d_model // config.n_heads
        self.q_proj = Linear(config.d_model, config.d_model, bias=config.bias)
        self.kv_proj = Linear(config.d_model, 2 * config.d_model, bias=config.bias)
        self.out_proj = Linear(config.d_model, config.d_model, bias=config.bias)
        self.recorded: list[Tensor] | None = None

    def queries(self, x: Tensor) -> Tensor:
        """Phi of the queries of (B, Q, D): (B, H, Q, E)."""
        return _phi(self._split(self.q_proj(x)))

    def keys_values(self, x: Tensor, padding_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Phi of the keys, zero at padding, and the values followed by a one: (B, H, L, E) and (B, H, L, E + 1).

        The sum over the ones is the divisor that a softmax has too.
        """
        keys, values = map(self._split, self.kv_proj(x).chunk(2, dim=-1))
        keys = _phi(keys)
        if padding_mask is not None:
            keys = keys * may_attend(padding_mask).mT.to(keys.dtype)
        return keys, torch.cat([values.float(), torch.ones_like(keys[..., :1])], dim=-1)

    def answer(self, sums: Tensor) -> Tensor:
        """Weighted sums of values and ones, (B, H, Q, E + 1), to (B, Q, D)."""
        out = sums[..., :-1] / sums[..., -1:].clamp(min=_TINY)
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def record(self, queries: Tensor, keys: Tensor, *, causal: bool = False) -> None:
        """Keep the weights (B, H, Q, L), where somebody asks for them."""
        if self.recorded is not None:
            weights = queries @ keys.mT
            weights = weights.tril() if causal else weights
            self.recorded.append(weights / weights.sum(-1, keepdim=True))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, self.per_head)).transpose(1, 2)


class LinearSelfAttention(LinearAttention):
    """Linear attention within a sequence; in a decoder it is a recurrent network with a state of E x (E + 1) a head."""

    def __init__(self, config: ModelConfig, *, causal: bool) -> None:
        super().__init__(config)
        self.causal = causal

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """See ``SelfAttention``."""
        queries = self.queries(x)
        keys, values = self.keys_values(x, padding_mask)
        self.record(queries, keys, causal=self.causal)
        if not self.causal:
            return self.answer(queries @ (keys.mT @ values))
        before, sums = keys.new_zeros(*keys.shape[:2], self.per_head, self.per_head + 1), []
        for q, k, v in zip(*(part.split(CHUNK, dim=2) for part in (queries, keys, values)), strict=True):
            sums.append((q @ k.mT).tril() @ v + q @ before)
            before = before + (k.mT @ v).float()
        return self.answer(torch.cat(sums, dim=2))

    def start(self, state: SearchState) -> RowCache:  # noqa: ARG002
        """What is remembered before the first token."""
        return RowCache()

    def step(self, x: Tensor, cache: RowCache, state: SearchState) -> Tensor:  # noqa: ARG002
        """One token of every row, (M, D) -> (M, D)."""
        keys, values = self.keys_values(x[:, None], None)
        new = (keys.mT @ values).float()  # under autocast too the sum of many must not be rounded each time
        cache.tensors = [cache.last(new) + new]
        return self.answer(self.queries(x[:, None]) @ cache.tensors[0])[:, 0]


class LinearCrossAttention(LinearAttention):
    """Linear attention to the source, which is summed up once."""

    def forward(self, x: Tensor, memory: Tensor, memory_padding_mask: Tensor | None = None) -> Tensor:
        """See ``CrossAttention``."""
        queries = self.queries(x)
        keys, values = self.keys_values(memory, memory_padding_mask)
        self.record(queries, keys)
        return self.answer(queries @ (keys.mT @ values))

    def start(self, memory: Tensor, padding_mask: Tensor | None) -> SentenceCache:
        """What is remembered of the source."""
        keys, values = self.keys_values(memory, padding_mask)
        return SentenceCache([keys.mT @ values])

    def step(self, x: Tensor, cache: SentenceCache, state: SearchState) -> Tensor:
        """One token of every row, (M, D) -> (M, D)."""
        (sums,) = cache.tensors
        assert sums is not None
        return self.answer(self.queries(x.unflatten(0, (-1, state.beam_size))) @ sums).view(x.shape)
