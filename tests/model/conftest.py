from collections.abc import Callable

import pytest
import torch

from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_rules import without_idle

torch.set_num_threads(1)  # the models here are so small that a second thread only waits

BuildModel = Callable[..., EncoderDecoder]


@pytest.fixture
def build_model() -> BuildModel:
    """A small random Transformer in evaluation mode, sizes of its config as keyword arguments."""

    def build(*, src_vocab_size: int = 11, tgt_vocab_size: int = 11, **overrides: object) -> EncoderDecoder:
        torch.manual_seed(0)
        sizes = {"d_model": 8, "n_heads": 2, "d_ff": 16, "n_encoder_layers": 2, "n_decoder_layers": 2, "max_length": 80}
        config = ModelConfig.model_validate(without_idle(sizes, overrides) | overrides)
        model = EncoderDecoder(config, src_vocab_size=src_vocab_size, tgt_vocab_size=tgt_vocab_size, pad_id=0)
        with torch.no_grad():  # biases and norms start at 0 and 1, where a mix-up of two of them would not show
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.add_(torch.randn_like(parameter) / 4)
        return model.eval()

    return build
