import math

import pytest
import torch
from torch import nn

from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig

SIZES: dict[str, object] = {"d_model": 64, "n_heads": 4, "n_encoder_layers": 9, "n_decoder_layers": 1}


def built(**overrides: object) -> EncoderDecoder:
    torch.manual_seed(0)
    config = ModelConfig.model_validate(SIZES | overrides)
    return EncoderDecoder(config, src_vocab_size=500, tgt_vocab_size=500, pad_id=0)


def spread(model: EncoderDecoder, layer: int) -> float:
    return float(model.get_parameter(f"encoder.layers.{layer}.feed_forward.inner.weight").detach().std())


@pytest.mark.parametrize(
    ("overrides", "scaled"),
    [
        ({"initialisation": "depth_scaled"}, True),
        ({"norm": "post"}, True),  # nine layers: the depth asks for it
        ({"norm": "post", "initialisation": "xavier"}, False),
        ({"norm": "post", "n_encoder_layers": 3}, False),
        ({}, False),
    ],
)
def test_deeper_layers_start_smaller_where_that_is_wanted(overrides: dict[str, object], scaled: bool) -> None:
    model = built(**overrides)
    xavier = math.sqrt(2 / (64 + 2048))
    assert spread(model, 0) == pytest.approx(xavier, rel=0.05)
    assert spread(model, 2) == pytest.approx(xavier / (math.sqrt(3) if scaled else 1), rel=0.05)


def test_embeddings_have_unit_variance_once_they_are_scaled() -> None:
    model = built(d_embedding=32)
    rows = model.src_embedding.tokens.weight[1:] * model.src_embedding.scale
    assert float(rows.detach().std()) == pytest.approx(1, rel=0.05)
    assert not model.src_embedding.tokens.weight[0].any()


def test_the_forget_gate_of_an_lstm_starts_open() -> None:
    model = built(architecture="rnn", n_heads=1)
    for layer in (*model.encoder.layers, *model.decoder.layers):
        assert isinstance(layer, nn.LSTM)
        first, second = layer.get_parameter("bias_ih_l0"), layer.get_parameter("bias_hh_l0")
        gates = (first + second).view(4, -1)
        assert gates[1].eq(1).all()
        assert gates[[0, 2, 3]].eq(0).all()


def test_recurrent_matrices_are_orthogonal_gate_by_gate() -> None:
    layer = built(architecture="rnn", rnn_cell="gru", n_heads=1).decoder.layers[0]
    assert isinstance(layer, nn.GRU)
    for gate in layer.get_parameter("weight_hh_l0").view(3, 64, 64):
        torch.testing.assert_close(gate @ gate.T, torch.eye(64), rtol=0, atol=1e-5)


def test_gated_convolutions_keep_the_variance() -> None:
    model = built(architecture="conv", n_heads=1, dropout=0.0)
    x = torch.randn(4, 200, 64)
    y = model.encoder.layers[0](x, None)
    assert float(y[:, 2:-2].detach().var()) == pytest.approx(1, rel=0.25)
