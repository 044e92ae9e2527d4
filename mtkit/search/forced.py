"""What a model gives to sequences that somebody else has written.

Shapes: B sentences, S source length, T target length, D d_model, V vocabulary.
"""

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
    padding = src == model.pad_id
    hidden = model.decode(tgt_in, model.encode(src, padding if bool(padding.any()) else None))
    real = tgt_out != model.pad_id
    found = torch.cat(
        [
            model.project(rows).float().log_softmax(-1).gather(1, ids[:, None])[:, 0]
            for rows, ids in zip(hidden[real].split(_ROWS), tgt_out[real].split(_ROWS), strict=True)
        ]
    )
    return torch.zeros(tgt_out.shape, device=found.device).masked_scatter_(real, found)
