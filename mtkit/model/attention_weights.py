"""Attention weights of any architecture, for those who ask: an ordinary run neither computes nor keeps them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mtkit.model.encoder_decoder import EncoderDecoder

AXES = ("sentence", "head", "query", "key")


@dataclass(frozen=True)
class AttentionWeights:
    """What one layer attended to."""

    part: str
    """encoder, decoder or cross: who looks at what."""

    layer: int
    """Counted from 0, bottom to top."""

    weights: Tensor
    """float32, axes as in ``AXES``. Rows sum to 1 over the keys, but for attention low_rank: there each is the share in
    the mixtures that were read, and may be negative."""


@torch.inference_mode()
def attention_weights(
    model: EncoderDecoder, src: Tensor, tgt_in: Tensor, src_padding_mask: Tensor | None = None
) -> list[AttentionWeights]:
    """The weights of every layer that attends, under teacher forcing; arguments as for ``EncoderDecoder.forward``.

    Layers without attention (recurrent ones, convolutions) are not among them. The model must be in evaluation mode.
    """
    with _recording(model) as recorders:
        model(src, tgt_in, src_padding_mask)
        found = []
        for name, module in recorders.items():
            part = "cross" if "cross_attention" in name else name.partition(".")[0]
            n_queries = src.size(1) if part == "encoder" else tgt_in.size(1)
            recorded = [_spread(module, weights, src.size(1), src_padding_mask) for weights in module.recorded]
            n_uses = sum(weights.size(2) for weights in recorded) // n_queries  # a layer that is shared is used again
            uses = torch.cat(recorded, dim=2).chunk(n_uses, dim=2)
            number = next((int(word) for word in name.split(".") if word.isdecimal()), 0)
            side = model.encoder if part == "encoder" else model.decoder
            n_own = len(list(side.layers))
            found += [AttentionWeights(part, number + n_own * use, w.float()) for use, w in enumerate(uses)]
    return sorted(found, key=lambda one: (("encoder", "decoder", "cross").index(one.part), one.layer))


@contextmanager
def _recording(model: nn.Module) -> Iterator[dict[str, Any]]:
    recorders: dict[str, Any] = {name: module for name, module in model.named_modules() if hasattr(module, "recorded")}
    for module in recorders.values():
        module.recorded = []
    try:
        yield recorders
    finally:
        for module in recorders.values():
            module.recorded = None


def _spread(module: Any, weights: Tensor, length: int, padding_mask: Tensor | None) -> Tensor:
    """Weights of mixtures (B, H, Q, R), where it is those, as weights of source positions (B, H, Q, S)."""
    if not hasattr(module, "low_rank"):
        return weights
    spread = weights @ module.low_rank.values.weight[:, :length]
    return spread if padding_mask is None else spread.masked_fill(padding_mask[:, None, None], 0)
