"""What an objective makes of a batch."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class Loss:
    """Sums over the real tokens of a batch, in nats."""

    total: Tensor
    """What is differentiated. Scalar."""

    nll: Tensor
    """Negative log-likelihood of the reference, without smoothing; perplexity comes from it. Scalar, detached."""

    n_tokens: int
    """Real target tokens, end of sentence included."""

    parts: dict[str, Tensor] = field(default_factory=dict)
    """What ``total`` is made of, by name and before weights, where that is more than one thing; logged per token. The
    same names for every batch. Scalars, detached."""
