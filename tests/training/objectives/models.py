"""What the tests of objectives share: small models, and a batch with padding on both sides."""

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.training.objectives.loss import Loss

VOCAB = 24
SRC = [[5, 6, 7, 8], [9], [10, 11, 12]]
TGT = [[13, 14], [15, 16, 17], [18]]

ARCHITECTURES: dict[str, dict[str, object]] = {
    "transformer": {"tie_embeddings": "all"},
    "factorised": {"d_embedding": 4, "output_bias": True},
    "rnn": {"architecture": "rnn", "tie_embeddings": "none"},
    "conv": {"architecture": "conv"},
}


def new_model(**settings: object) -> EncoderDecoder:
    """Of 64-bit numbers, without dropout unless the settings say so."""
    torch.manual_seed(0)
    sizes = {"d_model": 16, "n_heads": 2, "n_encoder_layers": 2, "n_decoder_layers": 2, "dropout": 0.0}
    config = ModelConfig.model_validate(sizes | settings)
    return EncoderDecoder(config, src_vocab_size=VOCAB, tgt_vocab_size=VOCAB, pad_id=0).double()


def batch(src: list[list[int]] = SRC, tgt: list[list[int]] = TGT) -> Batch:
    """Pairs of unequal length."""
    return collate(src, tgt, OWN)


def with_gradient(model: EncoderDecoder, loss: Loss) -> list[Tensor]:
    """The loss, and its gradient in each parameter; zeros where there is none."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(loss.total, parameters, allow_unused=True)
    both = zip(parameters, gradients, strict=True)
    return [loss.total.detach(), *(torch.zeros_like(p) if gradient is None else gradient for p, gradient in both)]


def assert_close(found: list[Tensor], expected: list[Tensor]) -> None:
    """The same numbers, up to rounding in 32 bits where one is of them, as the plain loss is."""
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, check_dtype=False)
