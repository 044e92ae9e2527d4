"""What a model gives to sequences that somebody else has written.

Shapes: B sentences, S source length, T target length, D d_model, V vocabulary, N alternatives.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

_ROWS = 512  # target tokens whose V logits are held at once


class Model(Protocol):
    """What forced decoding needs of a model."""

    pad_id: int

    def encode(self, src: Tensor, src_padding_mask: Tensor | None = None) -> Any:
        """Source ids (B, S) to memory."""

    def decode(self, tgt_in: Tensor, memory: Any) -> Tensor:
        """Target ids (B, T) to what predicts the next, (B, T, D)."""

    def project(self, hidden: Tensor) -> Tensor:
        """(..., D) to logits (..., V)."""


@torch.inference_mode()
def token_log_probs(model: Model, src: Tensor, tgt_in: Tensor, tgt_out: Tensor) -> Tensor:
    """Log-probability of each target token given the source and the tokens before it.

    It is what a search adds up: the softmax is over the whole vocabulary.

    Args:
        model: In evaluation mode.
        src: int64 (B, S), right-padded, each row ending with the end of sentence.
        tgt_in: int64 (B, T), right-padded, each row beginning with the begin of sentence.
        tgt_out: int64 (B, T): ``tgt_in`` one position later.

    Returns:
        float32 (B, T), nats; 0 at padding.
    """
    hidden = _hidden(model, src, tgt_in)
    real = tgt_out != model.pad_id
    found = torch.cat(
        [
            model.project(rows).float().log_softmax(-1).gather(1, ids[:, None])[:, 0]
            for rows, ids in zip(hidden[real].split(_ROWS), tgt_out[real].split(_ROWS), strict=True)
        ]
    )
    return torch.zeros(tgt_out.shape, device=found.device).masked_scatter_(real, found)


@dataclass(frozen=True)
class Predictions:
    """What a model expected at each of T positions."""

    log_probs: Tensor
    """Log-probability of each token, nats, (T,)."""

    ranks: Tensor
    """Rank of each token among all, 1 for the most probable one, int64 (T,)."""

    entropies: Tensor
    """Entropy of the distribution, nats, (T,): 0 where the model is certain, log V where it knows nothing."""

    top_log_probs: Tensor
    """Log-probabilities of the most probable tokens, best first, nats, (T, N)."""

    top_ids: Tensor
    """Ids of the most probable tokens, int64 (T, N)."""


@torch.inference_mode()
def predictions(model: Model, src: Tensor, tgt_in: Tensor, tgt_out: Tensor, n: int, *, first: int = 0) -> Predictions:
    """What a model thinks of each token of one sentence, and the ``n`` that it finds most probable in its place.

    Args:
        model: In evaluation mode.
        src: int64 (1, S), as for ``token_log_probs``, but without padding.
        tgt_in: int64 (1, T), without padding.
        tgt_out: int64 (1, T), without padding.
        n: Alternatives at each position, or as many as the vocabulary has.
        first: The position that they begin at: those before it were not predicted.
    """
    pieces = []
    hidden = _hidden(model, src, tgt_in)[0, first:]
    for rows, ids in zip(hidden.split(_ROWS), tgt_out[0, first:].split(_ROWS), strict=True):
        log_probs = model.project(rows).float().log_softmax(-1)  # (T, V)
        own = log_probs.gather(1, ids[:, None])
        ranks = (log_probs > own).sum(1) + 1
        entropies = -torch.special.xlogy(log_probs.exp(), log_probs.exp()).sum(1)
        pieces.append((own[:, 0], ranks, entropies, *log_probs.topk(min(n, log_probs.size(1)))))
    return Predictions(*(torch.cat(parts) for parts in zip(*pieces, strict=True)))


def _hidden(model: Model, src: Tensor, tgt_in: Tensor) -> Tensor:
    """What predicts each target token, (B, T, D)."""
    padding = src == model.pad_id
    return model.decode(tgt_in, model.encode(src, padding if bool(padding.any()) else None))
