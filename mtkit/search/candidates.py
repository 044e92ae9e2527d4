"""The most probable next tokens of every row, in as few passes over the vocabulary as that takes.

Shapes: M rows, V vocabulary, N tokens wanted of each row, C columns of a stripe, G stripes.
"""

import math

import torch
from torch import Tensor

_LOG2_E = math.log2(math.e)
_STRIPE = 16
_MIN_STRIPES = 256  # with fewer, sorting the whole row is as fast
_MIN_ROWS = 8  # with fewer, too

NOTHING = -1
"""What ``top_tokens`` chooses where there is nothing to choose."""


def top_log_probs(logits: Tensor, n: int, *, never: Tensor) -> tuple[Tensor, Tensor]:
    """Rank the tokens of each row.

    Args:
        logits: (M, V); overwritten.
        n: How many tokens of each row.
        never: int64, ids that are not to be chosen. They keep their share of the probability: the others do not
            inherit it.

    Returns:
        Log-probabilities in float32 (minus infinity where a logit is NaN) and ids, both (M, min(n, V)), best first.
    """
    logits = logits.float()
    barred = logits.index_select(1, never)  # (M, len(never))
    values, ids = _top(logits.index_fill_(1, never, -torch.inf), min(n, logits.size(1)))
    logits.index_copy_(1, never, barred)
    highest = values[:, :1]  # (M, 1)
    if len(never):
        highest = torch.maximum(highest, barred.amax(1, keepdim=True))
    # exp(x) as 2 ** (x * log2(e)): on a CPU exp2 takes half the time of exp, and the product comes with the difference.
    powers = torch.add(highest * -_LOG2_E, logits, alpha=_LOG2_E, out=logits).exp2_()
    log_sum = powers.sum(1, keepdim=True).log_().add_(highest)
    return (values - log_sum).nan_to_num_(nan=-torch.inf, neginf=-torch.inf), ids


def top_tokens(logits: Tensor, *, never: Tensor) -> Tensor:
    """The most probable token of each row, without its probability.

    Args:
        logits: (M, V); overwritten.
        never: As for ``top_log_probs``.

    Returns:
        int64 (M,); ``NOTHING`` where a logit is NaN or none is finite.
    """
    values, ids = _top(logits.float().index_fill_(1, never, -torch.inf), 1)
    return ids.masked_fill_(~values.isfinite(), NOTHING)[:, 0]


def _top(logits: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """``logits.topk(n)``, on a CPU by way of the best of every stripe: the N best lie in the N best stripes."""
    n_stripes = logits.size(1) // _STRIPE
    if logits.is_cuda or len(logits) < _MIN_ROWS or n_stripes < max(_MIN_STRIPES, 4 * n):
        values, ids = logits.topk(n)
        return values, ids
    # A stripe takes every G-th column, so that its maximum is one of two whole vectors at a time.
    striped = logits[:, : _STRIPE * n_stripes].unflatten(1, (_STRIPE, n_stripes))  # (M, C, G)
    stripes = striped.amax(1).topk(n, sorted=False).indices  # (M, N)
    few = striped.gather(2, stripes[:, None].expand(-1, _STRIPE, -1)).flatten(1)  # (M, C * N)
    rest = logits[:, _STRIPE * n_stripes :]
    values, order = torch.cat([few, rest], dim=1).topk(n)
    column, stripe = order // n, stripes.gather(1, order % n)
    in_rest = order >= few.size(1)
    return values, torch.where(in_rest, order - few.size(1) + _STRIPE * n_stripes, column * n_stripes + stripe)
