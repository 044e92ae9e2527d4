"""Multi-head attention, in parallel over a sequence and step by step over a cache.

Shapes: B batch, Q query length, L key length, H heads, D d_model, E = D / H per head; M = B * K rows of a search.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention over ``n_heads`` subspaces (Vaswani et al. 2017, section 3.2.2).

    ``forward`` is what training uses. Search calls its parts: ``keys_values`` once for what is remembered, ``attend``
    at every step.
    """

    def __init__(self, d_model: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        self.q_proj = nn.Linear(d_model, d_model)
        self.kv_proj = nn.Linear(d_model, 2 * d_model)  # keys and values share their input
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(
        self, query: Tensor, memory: Tensor, *, key_padding_mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """Let every query position attend to the memory.

        Args:
            query: (B, Q, D).
            memory: (B, L, D), read as keys and values. Self-attention passes ``query`` again.
            key_padding_mask: Bool (B, L), True where the key is padding. A row must not be all True: its softmax
                would have no support and yield NaN.
            causal: Hide keys later than the query. Needs Q == L.

        Returns:
            (B, Q, D), in the dtype of ``query``.

        Raises:
            ValueError: If both masks are asked for: padding on the right already lies in the causal future of every
                real token.
        """
        if causal and key_padding_mask is not None:
            raise ValueError("pass causal or key_padding_mask, not both")
        keys, values = self.keys_values(memory)
        return self.attend(query, keys, values, key_padding_mask=key_padding_mask, causal=causal)

    def keys_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Project (B, L, D) to the keys and values of every head, each (B, H, L, E)."""
        keys, values = self.kv_proj(memory).chunk(2, dim=-1)
        return self._split(keys), self._split(values)

    def attend(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        key_padding_mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """Attend from (B, Q, D) to keys and values (B, H, L, E); masks as in ``forward``. Returns (B, Q, D)."""
        # SDPA wants True = may attend, the inverse of key_padding_mask. This is the only place that flips it.
        mask = None if key_padding_mask is None else ~key_padding_mask[:, None, None, :]  # (B, 1, 1, L)
        dropout = self.dropout if self.training else 0.0
        out = F.scaled_dot_product_attention(
            self._split(self.q_proj(query)), keys, values, attn_mask=mask, is_causal=causal, dropout_p=dropout
        )  # (B, H, Q, E)
        return self.out_proj(out.transpose(1, 2).flatten(2))  # (B, Q, D)

    def _split(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, H, L, E)."""
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
