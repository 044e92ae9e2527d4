"""Score functions of attention: how well each key answers each query.

Each is a module that maps queries (B, H, Q, E) and keys (B, H, L, E) to scores (B, H, Q, L), before any mask and before
the softmax. Shapes: B batch, H heads, Q queries, L keys, E numbers per head.
"""

import math

import torch
from torch import Tensor, nn


class ScaledDot(nn.Module):
    """q k / sqrt(E) (Vaswani et al. 2017, equation 1)."""

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, H, Q, L)."""
        return queries * queries.size(-1) ** -0.5 @ keys.mT


class Dot(nn.Module):
    """q k (Luong et al. 2015, section 3.1, "dot")."""

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, H, Q, L)."""
        return queries @ keys.mT


class General(nn.Module):
    """q W k, multiplicative (Luong et al. 2015, section 3.1, "general")."""

    def __init__(self, n_heads: int, per_head: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_heads, per_head, per_head))
        nn.init.uniform_(self.weight, -math.sqrt(3 / per_head), math.sqrt(3 / per_head))  # Xavier, of each head

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, H, Q, L)."""
        return queries @ self.weight @ keys.mT


class Additive(nn.Module):
    """v tanh(q + k), where q and k are projected already (Bahdanau et al. 2015, appendix A.1.2)."""

    def __init__(self, n_heads: int, per_head: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_heads, per_head, 1))
        nn.init.uniform_(self.weight, -math.sqrt(3 / per_head), math.sqrt(3 / per_head))

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores (B, H, Q, L); holds (B, H, Q, L, E)."""
        combined = (queries[:, :, :, None] + keys[:, :, None]).tanh()
        return (combined @ self.weight[:, None]).squeeze(-1)


class Location(nn.Module):
    """W q: a score for each position, whatever stands there (Luong et al. 2015, equation 8)."""

    def __init__(self, n_heads: int, per_head: int, max_length: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_heads, per_head, max_length))
        nn.init.uniform_(self.weight, -math.sqrt(3 / per_head), math.sqrt(3 / per_head))

    def forward(self, queries: Tensor, keys: Tensor, positions: Tensor | None = None) -> Tensor:
        """Scores (B, H, Q, L); ``positions``, int64 (L,), are those of the keys, by default 0, 1, ..."""
        weight = self.weight[:, :, : keys.size(2)] if positions is None else self.weight[:, :, positions]
        return queries @ weight


def build_score(name: str, *, n_heads: int, per_head: int, max_length: int) -> nn.Module:
    """The score function of this name.

    Raises:
        ValueError: If there is none.
    """
    match name:
        case "scaled_dot":
            return ScaledDot()
        case "dot":
            return Dot()
        case "general":
            return General(n_heads, per_head)
        case "additive":
            return Additive(n_heads, per_head)
        case "location":
            return Location(n_heads, per_head, max_length)
    raise ValueError(f"no score function of attention is called {name}")
