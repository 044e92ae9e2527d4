"""Attention of recurrent and convolutional decoders, which scores the states themselves, as their papers do.

Shapes: B batch, Q queries, S source length, D d_model, H heads, E = D / H; in search K beam, M = B * K rows.
"""

import torch
from torch import Tensor, nn

from mtkit.model.attention import may_attend
from mtkit.model.memory import Memory
from mtkit.model.scores import build_score
from mtkit.settings.model import ModelConfig


class StateAttention(nn.Module):
    """Attention without projections of queries, keys and values, except for the two that additive scores are made of.

    With several heads each sees its share of the D numbers. With coverage every key is moved by a learned vector times
    the attention that it has had (Tu et al. 2016, section 3.1; See et al. 2017, equation 11).
    """

    def __init__(self, config: ModelConfig, score: str, *, coverage: bool = False) -> None:
        super().__init__()
        d_model, self.n_heads = config.d_model, config.n_heads
        per_head = d_model // self.n_heads
        additive = score == "additive"
        self.q_proj = nn.Linear(d_model, d_model) if additive else nn.Identity()
        self.k_proj = nn.Linear(d_model, d_model, bias=False) if additive else nn.Identity()
        self.score = build_score(score, n_heads=self.n_heads, per_head=per_head, max_length=config.max_length)
        self.coverage = nn.Parameter(torch.zeros(self.n_heads, 1, per_head)) if coverage else None
        self.recorded: list[Tensor] | None = None

    def start(self, memory: Memory) -> list[Tensor | None]:
        """What ``forward`` reads: keys (B, H, S, E), values (B, S, D), and where anything is padding a mask
        (B, 1, 1, S), True = may attend.
        """
        values = memory.hidden if memory.values is None else memory.values
        mask = None if memory.padding_mask is None else may_attend(memory.padding_mask)
        return [self._split(self.k_proj(memory.hidden)), values, mask]

    def forward(
        self, queries: Tensor, source: list[Tensor | None], coverage: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the queries (B, Q, D) read.

        Args:
            queries: States of the decoder.
            source: What ``start`` made.
            coverage: The sum of the weights so far, (B, H, Q, S), where it counts.

        Returns:
            Contexts (B, Q, D), and the weights (B, H, Q, S).
        """
        keys, values, mask = source
        assert keys is not None
        assert values is not None
        queries = self._split(self.q_proj(queries))  # (B, H, Q, E)
        if coverage is None or self.coverage is None:
            scores = self.score(queries, keys)
        else:
            # The keys of each query are its own: all queries as sentences with one query each.
            n_queries = queries.size(2)
            moved = keys[:, None] + coverage.transpose(1, 2)[..., None] * self.coverage  # (B, Q, H, S, E)
            alone = self.score(queries.transpose(1, 2).flatten(0, 1)[:, :, None], moved.flatten(0, 1))
            scores = alone.squeeze(2).unflatten(0, (-1, n_queries)).transpose(1, 2)
        weights = (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)
        if self.recorded is not None:
            self.recorded.append(weights)
        return (weights @ self._split(values)).transpose(1, 2).flatten(2), weights

    def _split(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, H, L, E)."""
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
