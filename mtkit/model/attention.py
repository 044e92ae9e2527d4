"""Multi-head attention by any score function, over a whole sequence at once or one step of a search at a time.

Shapes: B batch, Q queries, L keys, H heads, G heads of keys and values, D d_model, E numbers per head; in search K
beam, M = B * K rows, N slots.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.model.linear import Linear, linear
from mtkit.model.positions import Relative, build_relative
from mtkit.model.product_attention import product_attention, suits
from mtkit.model.scores import Location, ScaledDot, build_score
from mtkit.model.search_state import SearchState, SentenceCache, SlotCache, prepared
from mtkit.settings.model import ModelConfig


class MultiHeadAttention(nn.Module):
    """Attention over ``n_heads`` subspaces (Vaswani et al. 2017, section 3.2.2), its scores computed as asked for.

    With fewer heads of keys and values, G < H, each serves H / G heads of queries (Ainslie et al. 2023).
    """

    def __init__(self, config: ModelConfig, score: str, *, causal: bool = False, positions: str = "none") -> None:
        super().__init__()
        d_model, self.n_heads = config.d_model, config.n_heads
        self.per_head = config.per_head
        self.n_kv_heads = config.n_kv_heads or self.n_heads
        self.causal = causal
        self.dropout = config.attention_dropout
        n_inner, n_kv, bias = config.n_inner, self.n_kv_heads * self.per_head, config.bias
        self.q_proj = Linear(d_model, n_inner, bias=bias)
        self.kv_proj = Linear(d_model, 2 * n_kv, bias=bias)  # keys and values share their input
        self.out_proj = Linear(n_inner, d_model, bias=bias)
        sizes = {"n_heads": self.n_heads, "per_head": self.per_head}
        self.score = build_score(score, **sizes, max_length=config.max_length)
        self.relative = build_relative(positions, **sizes, causal=causal)
        self._knows_positions = type(self.relative) is not Relative or isinstance(self.score, Location)
        self.fused = isinstance(self.score, ScaledDot) and positions != "shaw"
        self.recorded: list[Tensor] | None = None
        """Where the attention weights (B, H, Q, L) go, while somebody asks for them."""

    def attend(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None,
        *,
        causal: bool = False,
        positions: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """The weighted sum of values for each query, (B, Q, D), projected.

        Args:
            queries: (B, H, Q, E).
            keys: (B, G, L, E).
            values: (B, G, L, E).
            mask: What torch's attention takes, broadcast to (B, H, Q, L): bool, True = may attend, or numbers to add.
            causal: Hide keys later than the query. Needs Q == L.
            positions: Positions of the queries, int64 (Q,), and of the keys, int64 (L,), where they matter; by default
                0, 1, ...
        """
        grouped = self.n_kv_heads < self.n_heads
        if self._knows_positions and positions is None:
            device = queries.device
            positions = torch.arange(queries.size(2), device=device), torch.arange(keys.size(2), device=device)
        bias = None if positions is None else self.relative.bias(queries, *positions)
        dropout = self.dropout if self.training else 0.0
        if self.fused and self.recorded is None:
            if bias is not None:
                mask, causal = _masked(bias, mask, causal=causal), False
            if dropout == 0 and suits(queries, keys):
                out = product_attention(queries, *self._for_each_head(keys, values), mask, causal=causal)
            else:
                out = F.scaled_dot_product_attention(
                    queries, keys, values, attn_mask=mask, is_causal=causal, dropout_p=dropout, enable_gqa=grouped
                )
        else:
            keys, values = self._for_each_head(keys, values)
            if isinstance(self.score, Location) and positions is not None:
                scores = self.score(queries, keys, positions[1])
            else:
                scores = self.score(queries, keys)
            weights = _masked(scores if bias is None else scores + bias, mask, causal=causal).softmax(-1)
            if self.recorded is not None:
                self.recorded.append(weights)
            weights = F.dropout(weights, dropout)
            out = weights @ values
            distant = None if positions is None else self.relative.values(weights, *positions)
            out = out if distant is None else out + distant
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def _for_each_head(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of every head of queries, each (B, H, L, E), from those of G."""
        repeats = self.n_heads // self.n_kv_heads
        if repeats == 1:
            return keys, values
        return keys.repeat_interleave(repeats, dim=1), values.repeat_interleave(repeats, dim=1)

    def plain(self) -> bool:
        """Whether this is what torch's attention does: nothing recorded, no positions, as many heads everywhere."""
        usual = self.fused and self.recorded is None and self.n_kv_heads == self.n_heads
        return usual and not self._knows_positions

    def split(self, x: Tensor) -> Tensor:
        """(B, L, n * E) -> (B, n, L, E)."""
        return x.unflatten(-1, (-1, self.per_head)).transpose(1, 2)


class SelfAttention(MultiHeadAttention):
    """Queries, keys and values from one sequence."""

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Let every position attend to all, or where ``causal`` to itself and those before it.

        Args:
            x: (B, L, D).
            padding_mask: Bool (B, L), True = padding. A row must not be all True: its softmax would have no support.
                Causal attention needs none: padding on the right lies in the future of every real token.

        Returns:
            (B, L, D).
        """
        n_kv = self.n_kv_heads * self.per_head
        if self.q_proj.adapted or self.kv_proj.adapted:
            joined = torch.cat([self.q_proj(x), self.kv_proj(x)], dim=-1)
        else:
            joined = linear(x, *self.joined_projection())
        queries, keys, values = map(self.split, joined.split([joined.size(-1) - 2 * n_kv, n_kv, n_kv], dim=-1))
        if self._knows_positions:
            places = torch.arange(x.size(1), device=x.device)
            queries, keys = self.relative.rotate(queries, places), self.relative.rotate(keys, places)
        return self.attend_within(queries, keys, values, padding_mask)

    def joined_projection(self, scale: float = 1.0) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of queries, times ``scale``, keys and values as one: a larger product is faster than two
        smaller ones.
        """
        queries, rest = scaled(self.q_proj, scale), self.kv_proj
        weight = torch.cat([queries[0], rest.whole_weight])
        return weight, None if queries[1] is None else torch.cat([queries[1], rest.bias])

    def attend_within(self, queries: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor | None) -> Tensor:
        """``attend`` with the mask of a whole sequence."""
        mask = None if padding_mask is None or self.causal else may_attend(padding_mask)
        return self.attend(queries, keys, values, mask, causal=self.causal)

    def start(self, state: SearchState) -> "SelfAttentionCache":
        """What is remembered before the first token."""
        return SelfAttentionCache(self, state)

    def step(self, x: Tensor, cache: "SelfAttentionCache", state: SearchState) -> Tensor:
        """One token of every row, (M, D) -> (M, D); remembers its keys and values."""
        k, e = state.beam_size, self.per_head
        joined = cache.joined(x)
        if cache.plain:
            parts = joined.view(-1, k, 3, self.n_heads, e).permute(2, 0, 3, 1, 4)  # (3, B, H, K, E)
            keys, values = cache.write(parts[1:])
            out = attend_plainly(parts[0], keys, values, self.step_mask(state))
            return cache.out(out.transpose(1, 2).reshape(len(x), -1))
        joined = joined.view(-1, k, self.n_heads + 2 * self.n_kv_heads, e)
        queries, new = joined.transpose(1, 2).split([self.n_heads, 2 * self.n_kv_heads], dim=1)  # (B, H, K, E)
        new = new.unflatten(1, (2, self.n_kv_heads)).transpose(0, 1)  # (2, B, G, K, E)
        positions = None
        if self._knows_positions:
            positions = state.slot_positions()
            queries = self.relative.rotate(queries, positions[0])
            new = torch.stack([self.relative.rotate(new[0], positions[0]), new[1]])
        keys, values = cache.write(new)
        return self.attend(queries, keys, values, self.step_mask(state), positions=positions).view(x.shape)

    def step_mask(self, state: SearchState) -> Tensor | None:
        """What hides from a row all slots but those of its own past: (B, 1, K, N), to be added to scores."""
        return None if state.past is None else state.past[:, None]


class SelfAttentionCache(SlotCache):
    """Keys and values of the past, the weights of the three projections as one matrix, and whether all is as usual."""

    def __init__(self, attention: SelfAttention, state: SearchState) -> None:
        super().__init__(state, attention.n_kv_heads, attention.per_head)
        self.out = prepared(attention.out_proj)
        self.plain = attention.plain()
        weight, bias = attention.joined_projection(attention.per_head**-0.5 if self.plain else 1.0)
        self.joined = partial(linear, weight=weight, bias=bias)


class CrossAttention(MultiHeadAttention):
    """Queries from the target, keys and values from the source."""

    def forward(self, x: Tensor, memory: Tensor, memory_padding_mask: Tensor | None = None) -> Tensor:
        """Let every target position (B, T, D) attend to the memory (B, S, D); its padding (B, S), True = padding."""
        keys, values, mask = self.keys_values(memory, memory_padding_mask)
        return self.attend(self.split(self.q_proj(x)), keys, values, mask)

    def keys_values(self, memory: Tensor, padding_mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keys and values of every head, each (B, G, S, E), and a mask as ``attend`` takes it."""
        keys, values = map(self.split, self.kv_proj(memory).chunk(2, dim=-1))
        return keys, values, None if padding_mask is None else may_attend(padding_mask)

    def start(self, memory: Tensor, padding_mask: Tensor | None) -> "CrossAttentionCache":
        """What is remembered of the source."""
        keys, values, mask = self.keys_values(memory, padding_mask)
        if mask is not None:
            mask = torch.zeros(mask.shape, device=mask.device, dtype=keys.dtype).masked_fill_(~mask, -torch.inf)
        return CrossAttentionCache(self, [keys.contiguous(), values.contiguous(), mask])

    def step(self, x: Tensor, cache: "CrossAttentionCache", state: SearchState) -> Tensor:
        """One token of every row, (M, D) -> (M, D)."""
        queries = self.split(cache.queries(x).unflatten(0, (-1, state.beam_size)))  # (B, H, K, E)
        keys, values, mask = cache.tensors
        assert keys is not None
        assert values is not None
        if not cache.plain:
            return self.attend(queries, keys, values, mask).view(x.shape)
        out = attend_plainly(queries, keys, values, mask)
        return cache.out(out.transpose(1, 2).reshape(len(x), -1))


class CrossAttentionCache(SentenceCache):
    """Keys, values and mask of the source, and whether all is as usual."""

    def __init__(self, attention: CrossAttention, tensors: list[Tensor | None]) -> None:
        super().__init__(tensors)
        self.queries, self.out = prepared(attention.q_proj), prepared(attention.out_proj)
        self.plain = attention.plain()
        if self.plain:
            weight, bias = scaled(attention.q_proj, attention.per_head**-0.5)
            self.queries = partial(linear, weight=weight, bias=bias)


def scaled(projection: Linear, scale: float) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of a linear map, both times ``scale``."""
    if scale == 1:
        return projection.whole_weight, projection.bias
    return projection.whole_weight * scale, None if projection.bias is None else projection.bias * scale


def attend_plainly(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Scaled dot-product attention, its divisor sqrt(E) already in the queries: (B, H, Q, E).

    Args:
        queries: (B, H, Q, E), few of each sentence: then plain products take less time on a CPU than torch's attention.
        keys: (B, H, L, E).
        values: (B, H, L, E).
        mask: Added to the scores, (B, 1 or H, 1 or Q, L).
    """
    if queries.is_cuda:
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=1.0)
    scores = queries.flatten(0, 1).bmm(keys.flatten(0, 1).mT)  # (B * H, Q, L)
    if mask is not None:
        scores.view(*queries.shape[:-1], -1).add_(mask)
    return scores.softmax(-1).bmm(values.flatten(0, 1)).view(queries.shape)


def may_attend(padding_mask: Tensor) -> Tensor:
    """Bool (B, L), True = padding, to (B, 1, 1, L), True = may attend: torch's attention takes the inverse of ours."""
    return ~padding_mask[:, None, None, :]


def _masked(scores: Tensor, mask: Tensor | None, *, causal: bool) -> Tensor:
    """Scores (..., Q, L) with minus infinity where a query may not attend."""
    if causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(future, -torch.inf)
    if mask is None:
        return scores
    return torch.where(mask, scores, -torch.inf) if mask.dtype == torch.bool else scores + mask
