"""What is measured between two reports of a run."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.training.objectives.loss import Loss
from mtkit.training.team import Team


@dataclass(frozen=True)
class Outcome:
    """How an update went."""

    finite: bool
    """Whether its gradient was; otherwise it was skipped."""

    nll_per_token: float
    """Negative log-likelihood of the references, in nats."""


class Window:
    """Sums since the last report. Tensors stay on the device until they are asked for."""

    def __init__(self, device: torch.device) -> None:
        self.seconds = 0.0
        self.seconds_waiting = 0.0  # of these, for data
        self._src_tokens = self._tgt_tokens = self._positions = 0
        self._flop = 0.0
        self._outcomes: list[Tensor] = []
        self._parts: list[str] = []  # of the loss, in the order of their sums
        # Gradient norm and number of the updates that were finite; loss, negative log-likelihood, tokens, parts.
        self._sums = torch.zeros(1, dtype=torch.float64, device=device)
        self._open = torch.zeros(1, dtype=torch.float64, device=device)  # from the third on, of the update under way

    def add(self, loss: Loss, batch: Batch, flop: float) -> None:
        """Take in one micro-batch."""
        self._flop += flop
        self._parts = list(loss.parts)
        tokens = loss.nll.new_full((), loss.n_tokens)
        self._open = self._open + torch.stack([loss.total.detach(), loss.nll, tokens, *loss.parts.values()])
        self._src_tokens += batch.n_src_tokens
        self._tgt_tokens += batch.n_tgt_tokens
        self._positions += batch.src.numel() + batch.tgt_in.numel()

    def close_update(self, grad_norm: Tensor) -> None:
        """Take in the update under way; one that was not finite does not spoil the sums."""
        sums = torch.cat([torch.stack([grad_norm, torch.ones_like(grad_norm)]), self._open])
        self._outcomes.append(sums)
        self._sums = self._sums + torch.where(grad_norm.isfinite(), sums, 0.0)
        self._open = torch.zeros_like(self._open)

    def take_outcomes(self, team: Team) -> list[Outcome]:
        """How each update since the last call went, over all processes; waits for the device."""
        if not self._outcomes:
            return []
        sums = torch.stack(self._outcomes)
        self._outcomes.clear()
        losses = sums[:, 3:5].contiguous()
        team.sum([losses])
        per_token = zip(sums[:, 0].tolist(), losses.tolist(), strict=True)
        return [Outcome(math.isfinite(norm), nll / max(1, n_tokens)) for norm, (nll, n_tokens) in per_token]

    def summary(self, peak_flop_per_second: float, team: Team) -> dict[str, float]:
        """The window of all processes in numbers.

        Nats per token, of the loss and of its parts; tokens per second, share of the machines' peak, share of padding.
        """
        team.sum([self._sums[2:]])
        src_tokens, tgt_tokens = team.sum(self._src_tokens), team.sum(self._tgt_tokens)
        grad_norm, updates, loss, nll, n_tokens, *parts = self._sums.tolist()
        tokens = max(1, n_tokens)
        return {
            "loss_per_token": loss / tokens,
            **{f"{name}_per_token": part / tokens for name, part in zip(self._parts, parts, strict=True)},
            "perplexity": math.exp(min(nll / tokens, 700)),
            "grad_norm": grad_norm / max(1, updates),
            "src_tokens_per_second": src_tokens / self.seconds,
            "tgt_tokens_per_second": tgt_tokens / self.seconds,
            "mfu": team.sum(self._flop) / self.seconds / team.sum(peak_flop_per_second),
            "data_wait_share": self.seconds_waiting / self.seconds,
            "padding_share": 1 - (src_tokens + tgt_tokens) / max(1, team.sum(self._positions)),
        }
