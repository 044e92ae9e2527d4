"""What a fast decoder puts in the place of self-attention: a running average, a simple recurrent unit, a convolution.

Each costs the same at every step of a search, however long the translation has become.
Shapes: B batch, L length, D d_model, H heads, E = D / H, W kernel size; in search M rows.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.model.linear import Linear
from mtkit.model.search_state import RowCache, SearchState
from mtkit.settings.model import ModelConfig


class AverageAttention(nn.Module):
    """The mean of all tokens so far, through a feed-forward block and a gate (AAN, Zhang et al. 2018, section 3)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.inner = Linear(config.d_model, config.d_ff, bias=config.bias)
        self.outer = Linear(config.d_ff, config.d_model, bias=config.bias)
        self.gates = Linear(2 * config.d_model, 2 * config.d_model, bias=config.bias)
        self.recorded: list[Tensor] | None = None

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:  # noqa: ARG002  # it is causal
        """(B, L, D) -> (B, L, D)."""
        counts = torch.arange(1, x.size(1) + 1, device=x.device, dtype=x.dtype)[:, None]
        if self.recorded is not None:
            weights = torch.ones(x.size(1), x.size(1), device=x.device).tril() / counts
            self.recorded.append(weights.expand(x.size(0), 1, -1, -1))
        return self._gated(x, x.cumsum(1) / counts)

    def start(self, state: SearchState) -> RowCache:  # noqa: ARG002
        """What is remembered before the first token."""
        return RowCache()

    def step(self, x: Tensor, cache: RowCache, state: SearchState) -> Tensor:
        """One token of every row, (M, D) -> (M, D)."""
        cache.tensors = [cache.last(x) + x]
        return self._gated(x, cache.tensors[0] / state.length)

    def _gated(self, x: Tensor, average: Tensor) -> Tensor:
        average = self.outer(F.relu(self.inner(average)))
        new, past = self.gates(torch.cat([x, average], dim=-1)).sigmoid().chunk(2, dim=-1)
        return new * x + past * average


class SimpleRecurrentUnit(nn.Module):
    """c_t = f_t c_(t-1) + (1 - f_t) W x_t, output relu(c_t) (SSRU, Kim et al. 2019, equations 1 to 3)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate = Linear(config.d_model, config.d_model, bias=config.bias)
        self.candidate = Linear(config.d_model, config.d_model, bias=False)

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:  # noqa: ARG002  # it is causal
        """(B, L, D) -> (B, L, D)."""
        forget = self.gate(x).sigmoid()
        cell = (1 - forget) * self.candidate(x)
        # Of all positions at once: after each round the cell holds what twice as many tokens left in it, and ``forget``
        # what is left of the state before them.
        reach, length = 1, x.size(1)
        while reach < length:
            cell = cell + forget * F.pad(cell, (0, 0, reach, 0))[:, :length]
            forget = forget * F.pad(forget, (0, 0, reach, 0))[:, :length]
            reach *= 2
        return F.relu(cell)

    def start(self, state: SearchState) -> RowCache:  # noqa: ARG002
        """What is remembered before the first token."""
        return RowCache()

    def step(self, x: Tensor, cache: RowCache, state: SearchState) -> Tensor:  # noqa: ARG002
        """One token of every row, (M, D) -> (M, D)."""
        forget = self.gate(x).sigmoid()
        cache.tensors = [forget * cache.last(x) + (1 - forget) * self.candidate(x)]
        return F.relu(cache.tensors[0])


class LightweightConvolution(nn.Module):
    """A gated linear unit, then a convolution whose kernel is a softmax over W positions, one for each head (Wu et al.
    2019, sections 3 and 4). A dynamic one computes its kernels from each token.
    """

    def __init__(self, config: ModelConfig, *, dynamic: bool, causal: bool) -> None:
        super().__init__()
        self.n_heads, self.kernel_size, self.causal = config.n_heads, config.kernel_size, causal
        self.in_proj = Linear(config.d_model, 2 * config.d_model, bias=config.bias)
        self.out_proj = Linear(config.d_model, config.d_model, bias=config.bias)
        if dynamic:
            self.kernel_proj = Linear(config.d_model, config.n_heads * config.kernel_size, bias=False)
        else:
            self.kernels = nn.Parameter(torch.empty(config.n_heads, config.kernel_size))
            nn.init.xavier_uniform_(self.kernels)
        self.dynamic = dynamic

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """(B, L, D) -> (B, L, D); padding (B, L), True = padding, does not reach real tokens."""
        gated = F.glu(self.in_proj(x), dim=-1)
        if padding_mask is not None and not self.causal:
            gated = gated.masked_fill(padding_mask[:, :, None], 0)
        left = self.kernel_size - 1 if self.causal else (self.kernel_size - 1) // 2
        windows = F.pad(gated, (0, 0, left, self.kernel_size - 1 - left)).unfold(1, self.kernel_size, 1)  # (B, L, D, W)
        return self._convolved(gated, windows)

    def start(self, state: SearchState) -> RowCache:  # noqa: ARG002
        """What is remembered before the first token."""
        return RowCache()

    def step(self, x: Tensor, cache: RowCache, state: SearchState) -> Tensor:  # noqa: ARG002
        """One token of every row, (M, D) -> (M, D)."""
        gated = F.glu(self.in_proj(x), dim=-1)
        return self._convolved(gated, cache.window(gated, self.kernel_size))

    def _convolved(self, gated: Tensor, windows: Tensor) -> Tensor:
        """Tokens (..., D) and their windows (..., D, W) -> (..., D)."""
        kernels = self.kernel_proj(gated).unflatten(-1, (self.n_heads, -1)) if self.dynamic else self.kernels
        windows = windows.unflatten(-2, (self.n_heads, -1))  # (..., H, E, W)
        out = (windows @ kernels.softmax(-1).to(windows.dtype)[..., None]).squeeze(-1)
        return self.out_proj(out.flatten(-2))
