"""The Kullback-Leibler divergence between what two passes predict, without the logits of a whole batch.

KL(p || q) = sum over the vocabulary of p (log p - log q), in nats. As in ``cross_entropy`` the gradients are computed
in the forward pass, while each chunk of logits is at hand. In logits z with p = softmax(z_p) and q = softmax(z_q):

    d KL(p || q) / d z_p = p (log p - log q - KL(p || q))        d KL(p || q) / d z_q = q - p

Shapes: N positions, of these C in a chunk, D d_model, V vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mtkit.model.linear import multiply_for
from mtkit.training.objectives.cross_entropy import chunk_rows


@dataclass(frozen=True)
class Projection:
    """Distributions over a vocabulary: softmax(hidden @ weight.T + bias)."""

    hidden: Tensor
    """(N, D); the products run in the precision of autocast, or else in its own."""

    weight: Tensor
    """(V, D)."""

    bias: Tensor | None = None
    """(V,)."""


@dataclass(frozen=True)
class Shares:
    """What the loss of two passes of one batch is made of: the factor of each term. Smoothing is in the cross-entropy
    alone.
    """

    clean: float
    """Of the cross-entropy of the first pass."""

    other: float
    """Of the cross-entropy of the second pass."""

    forward: float
    """Of KL(first || second)."""

    backward: float
    """Of KL(second || first)."""

    clean_is_fixed: bool = False
    """Whether the first pass is a constant to both divergences."""


@dataclass(frozen=True)
class PairLoss:
    """Sums over the real positions of two passes, in nats, float32 scalars."""

    total: Tensor
    """By the shares; the gradient flows through it alone."""

    nll: Tensor
    """Negative log-likelihood in the first pass, without smoothing."""

    cross_entropy: tuple[Tensor, Tensor]
    """Of each pass, smoothed."""

    forward: Tensor
    """KL(first || second)."""

    backward: Tensor
    """KL(second || first)."""


def projected_divergence(p: Projection, q: Projection, real: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Project twice and take KL(p || q), a chunk of positions at a time.

    Args:
        p: What is to be imitated. The gradient flows into it too where it asks for one.
        q: What is compared with it, at the same positions, over the same vocabulary.
        real: Bool (N,), False where a position does not count.
        temperature: What the logits of both are divided by.

    Returns:
        Scalar, float32, summed over the positions that count, in nats.
    """
    hidden = [_in_autocast(each.hidden) for each in (p, q)]
    inputs = [hidden[0], p.weight, p.bias, hidden[1], q.weight, q.bias]
    return _ProjectedDivergence.apply(*inputs, real, temperature, _needed(inputs))  # type: ignore[no-untyped-call]


def projected_pair(
    clean: Tensor,
    other: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    bias: Tensor | None = None,
    pad_id: int,
    smoothing: float,
    shares: Shares,
) -> PairLoss:
    """Cross-entropy of two passes and divergence between them, from the same logits.

    Args:
        clean: Hidden states (N, D) of the first pass.
        other: Those of the second, at the same positions.
        weight: (V, D).
        targets: int64 (N,); positions equal to ``pad_id`` carry no loss.
        bias: (V,), added to the logits.
        pad_id: Id of the padding token.
        smoothing: As in ``projected_cross_entropy``.
        shares: What the total is made of.
    """
    inputs = [_in_autocast(clean), _in_autocast(other), weight, bias]
    total, sums = _ProjectedPair.apply(  # type: ignore[no-untyped-call]
        *inputs, targets, pad_id, smoothing, shares, _needed(inputs)
    )
    nll, first, second, forward, backward = sums.unbind()
    return PairLoss(total, nll, (first, second), forward, backward)


def _in_autocast(hidden: Tensor) -> Tensor:
    device = hidden.device.type
    return hidden.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else hidden


def _needed(inputs: list[Tensor | None]) -> list[bool]:
    """Which of the inputs want a gradient."""
    return [torch.is_grad_enabled() and tensor is not None and tensor.requires_grad for tensor in inputs]


class _Side:
    """One projection: its log-probabilities, a chunk of positions at a time, and its gradients, added up by chunks."""

    def __init__(self, projection: Projection, needed: list[bool], beside: "_Side | None" = None) -> None:
        """Make room for the gradients that are needed.

        Args:
            projection: Hidden states, weight and bias.
            needed: Which of the three want a gradient.
            beside: Has the same weight and bias, and adds up their gradients too.
        """
        self.hidden, weight, bias = projection.hidden, projection.weight, projection.bias
        self.weight: Tensor = weight.to(self.hidden.dtype) if beside is None else beside.weight
        self.bias = None if bias is None else bias.to(self.hidden.dtype)
        self.grad_hidden = torch.empty_like(self.hidden) if needed[0] else None
        if beside is None:
            self.grad_weight = torch.zeros_like(weight) if needed[1] else None
            self.grad_bias = torch.zeros_like(bias) if needed[2] and bias is not None else None
        else:
            self.grad_weight, self.grad_bias = beside.grad_weight, beside.grad_bias
        self.is_needed = any(needed)
        self._multiply = multiply_for(self.hidden, self.weight)

    def log_probs(self, rows: slice, temperature: float = 1.0) -> Tensor:
        """(C, V), in float32 at least."""
        logits = self._multiply(self.hidden[rows], self.weight, self.bias)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return (logits if temperature == 1 else logits / temperature).log_softmax(-1)

    def add(self, rows: slice, gradient: Tensor) -> None:
        """Take in the gradient in the logits of a chunk, (C, V)."""
        if self.grad_bias is not None:
            self.grad_bias += gradient.sum(0)
        gradient = gradient.to(self.hidden.dtype)
        if self.grad_hidden is not None:
            self.grad_hidden[rows] = self._multiply(gradient, self.weight.t(), None)
        if self.grad_weight is not None:
            self.grad_weight += self._multiply(gradient.t(), self.hidden[rows].t(), None)


def _chunks(hidden: Tensor, vocab_size: int) -> Iterator[slice]:
    """The positions in chunks of which two sets of logits are held at once."""
    size = chunk_rows(hidden.device.type, 2 * vocab_size)
    return (slice(start, start + size) for start in range(0, hidden.size(0), size))


class _ProjectedDivergence(torch.autograd.Function):
    """See the equations at the top."""

    @staticmethod
    def forward(
        ctx: Any,
        p_hidden: Tensor,
        p_weight: Tensor,
        p_bias: Tensor | None,
        q_hidden: Tensor,
        q_weight: Tensor,
        q_bias: Tensor | None,
        real: Tensor,
        temperature: float,
        needed: list[bool],
    ) -> Tensor:
        """See ``projected_divergence``."""
        p_side = _Side(Projection(p_hidden, p_weight, p_bias), needed[:3])
        q_side = _Side(Projection(q_hidden, q_weight, q_bias), needed[3:])
        total = torch.zeros((), dtype=torch.promote_types(p_hidden.dtype, torch.float32), device=p_hidden.device)
        for rows in _chunks(p_hidden, p_weight.size(0)):
            log_p, log_q = p_side.log_probs(rows, temperature), q_side.log_probs(rows, temperature)
            p, counts = log_p.exp(), real[rows, None].to(log_p.dtype)
            ratio = log_p - log_q
            divergence = (p * ratio).sum(-1, keepdim=True)  # (C, 1)
            total += (divergence * counts).sum()
            counts = counts / temperature  # z / temperature is what the equations call z
            if p_side.is_needed:
                p_side.add(rows, p * (ratio - divergence) * counts)
            if q_side.is_needed:
                q_side.add(rows, (log_q.exp() - p) * counts)
        sides = (p_side, q_side)
        ctx.gradients = [each for side in sides for each in (side.grad_hidden, side.grad_weight, side.grad_bias)]
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Scale what the forward pass computed, and let go of it."""
        return *_scaled(ctx, grad_outputs[0]), *[None] * 3


class _ProjectedPair(torch.autograd.Function):
    """The cross-entropy has p - (1 - s) * onehot(target) - s / V as its gradient in the logits."""

    @staticmethod
    def forward(
        ctx: Any,
        clean: Tensor,
        other: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        pad_id: int,
        smoothing: float,
        shares: Shares,
        needed: list[bool],
    ) -> tuple[Tensor, Tensor]:
        """See ``projected_pair``; the second result has the other numbers of a ``PairLoss`` in their order."""
        first = _Side(Projection(clean, weight, bias), [needed[0], *needed[2:]])
        second = _Side(Projection(other, weight, bias), needed[1:], beside=first)
        sums = torch.zeros(5, dtype=torch.promote_types(clean.dtype, torch.float32), device=clean.device)
        for rows in _chunks(clean, weight.size(0)):
            log_p, log_q, target = first.log_probs(rows), second.log_probs(rows), targets[rows, None]
            p, q, counts = log_p.exp(), log_q.exp(), target.ne(pad_id).to(log_p.dtype)  # (C, V) twice, (C, 1)
            ratio = log_p - log_q
            forward = (p * ratio).sum(-1, keepdim=True)  # (C, 1)
            backward = -(q * ratio).sum(-1, keepdim=True)
            nll = -log_p.gather(1, target)
            losses = [nll, *(_cross_entropy(each, target, smoothing) for each in (log_p, log_q)), forward, backward]
            sums += (torch.cat(losses, dim=1) * counts).sum(0)
            if first.is_needed:
                gradient = shares.clean * _less_reference(p, target, smoothing)
                if shares.forward and not shares.clean_is_fixed:
                    gradient += shares.forward * p * (ratio - forward)
                if shares.backward and not shares.clean_is_fixed:
                    gradient += shares.backward * (p - q)
                first.add(rows, gradient * counts)
            if second.is_needed:
                gradient = shares.forward * (q - p)
                if shares.other:
                    gradient += shares.other * _less_reference(q, target, smoothing)
                if shares.backward:
                    gradient -= shares.backward * q * (ratio + backward)
                second.add(rows, gradient * counts)
        ctx.gradients = [first.grad_hidden, second.grad_hidden, first.grad_weight, first.grad_bias]
        ctx.mark_non_differentiable(sums)
        factors = (shares.clean, shares.other, shares.forward, shares.backward)
        return (sums[1:] * sums.new_tensor(factors)).sum(), sums

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Scale what the forward pass computed, and let go of it."""
        return *_scaled(ctx, grad_outputs[0]), *[None] * 5


def _cross_entropy(log_p: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """(C, V) and int64 (C, 1) -> (C, 1)."""
    return -(1 - smoothing) * log_p.gather(1, target) - smoothing * log_p.mean(-1, keepdim=True)


def _less_reference(p: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Probabilities (C, V) less the smoothed reference."""
    rest = p - smoothing / p.size(1)
    return rest.scatter_add_(1, target, rest.new_full(target.shape, smoothing - 1))


def _scaled(ctx: Any, factor: Tensor) -> list[Tensor | None]:
    """The gradients of the context, given away: autograd copies what somebody else still holds."""
    gradients, ctx.gradients = ctx.gradients, None
    return [None if gradient is None else gradient.mul_(factor) for gradient in gradients]
