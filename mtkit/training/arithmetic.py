"""Floating-point operations (FLOP) of a batch: of its real tokens, padding not counted."""

from mtkit.data.batches.batch import Batch
from mtkit.model.cost import forward_flop
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.training.objectives.passes import Passes


def batch_flop_by_part(model: EncoderDecoder, batch: Batch) -> dict[str, float]:
    """FLOP of the forward pass, by part of the model."""
    return forward_flop(
        model.config,
        n_sentences=batch.src.size(0),
        n_src_tokens=batch.n_src_tokens,
        n_tgt_tokens=batch.n_tgt_tokens,
        vocab_size=model.output_weight.size(0),
    )


def batch_flop(model: EncoderDecoder, batch: Batch, passes: Passes) -> float:
    """FLOP of all forward and backward passes that an objective takes."""
    return passes.flop(batch_flop_by_part(model, batch))
