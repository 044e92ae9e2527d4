from typing import Any

import pytest
from pydantic import ValidationError

from mtkit.model_config import OPTIONS, ModelConfig, doubts, without_idle


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"encoder_attention": "scaled_dott"}, "encoder_attention scaled_dott: unknown; did you mean scaled_dot?"),
        ({"decoder_attention": "low_rank"}, "decoder_attention low_rank: unknown"),
        ({"cross_attention": ["dot"] * 5 + ["dott"]}, "cross_attention dott: unknown; did you mean dot?"),
        ({"encoder_attention": ["dot"] * 5}, "encoder_attention names 5 layers, the model has 6"),
        ({"positions": "rotary", "d_model": 24, "n_heads": 8}, "rotary needs an even number per head, not 3"),
        ({"n_kv_heads": 3}, r"n_kv_heads \(3\) must divide n_heads \(8\)"),
        ({"n_unique_layers": 7}, "exceeds the layers of both sides"),
        ({"positions": "alibi", "decoder_attention": "average"}, "alibi cannot be told to decoder_attention average"),
        ({"positions": "shaw", "encoder_attention": "local"}, "shaw cannot be told to encoder_attention local"),
        ({"architecture": "conv", "positions": "rotary"}, "rotary need attention; convolutions take none or learned"),
        ({"architecture": "rnn", "cross_attention": ["dot"] * 6}, "a recurrent decoder has one attention"),
        ({"architecture": "rnn", "bridge": "copy", "n_decoder_layers": 2}, "as many layers as the decoder"),
        ({"decoder_architecture": "rnn", "bridge": "copy"}, "bridge copy needs a recurrent encoder"),
        ({"architecture": "rnn", "cross_attention": "linear"}, "cross_attention linear needs a Transformer decoder"),
        ({"architecture": "rnn", "coverage": True, "cross_attention": "location"}, "which looks at no key"),
        ({"architecture": "rnn", "d_ff": 512}, "d_ff does nothing here: it belongs to a Transformer"),
        ({"architecture": "rnn", "norm": "post"}, "norm does nothing here: it belongs to a Transformer"),
        ({"rnn_cell": "gru"}, "rnn_cell does nothing here: it belongs to a recurrent encoder or decoder"),
        ({"window": 5}, "window does nothing here: it belongs to attention local"),
        ({"kernel_size": 5}, "kernel_size does nothing here: it belongs to convolutions"),
        ({"architecture": "rnn", "rnn_attention": "bahdanau", "input_feeding": True}, "with rnn_attention luong"),
        ({"architecture": "rnn", "positions": "sinusoidal"}, "positions does nothing here"),
        ({"architecture": "conv", "bridge": "none"}, "bridge does nothing here: it belongs to a recurrent decoder"),
    ],
)
def test_what_cannot_be_is_one_clear_line(model: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        ModelConfig.model_validate(model)
    assert len(caught.value.errors()) == 1


def test_an_option_that_belongs_is_no_mistake() -> None:
    for model in (
        {"decoder_architecture": "rnn", "rnn_cell": "gru", "d_ff": 512},
        {"encoder_attention": ["local"] * 6, "window": 5},
        {"decoder_attention": "dynamic", "kernel_size": 5},
        {"architecture": "rnn", "decoder_architecture": "transformer", "positions": "rotary"},
    ):
        ModelConfig.model_validate(model)


def test_every_option_of_the_table_exists() -> None:
    assert OPTIONS.keys() <= ModelConfig.model_fields.keys()


def test_a_preset_gives_no_values_that_a_recipe_leaves_idle() -> None:
    preset = {"d_model": 128, "d_ff": 256, "n_heads": 4}
    assert without_idle(preset, {"architecture": "rnn"}) == {"d_model": 128, "n_heads": 4}
    assert without_idle(preset, {"decoder_architecture": "rnn"}) == preset


@pytest.mark.parametrize(
    ("model", "warmup", "doubt"),
    [
        ({"norm": "post"}, 100, "post-norm diverges without a long warm-up: training.warmup_updates is 100"),
        ({"norm": "post", "n_encoder_layers": 12}, 4_000, "8 or more post-norm layers often do not train"),
        ({"positions": "none"}, 4_000, "positions none: the encoder cannot tell the order of words"),
    ],
)
def test_what_is_known_not_to_train_is_doubted(model: dict[str, Any], warmup: int, doubt: str) -> None:
    found = doubts(ModelConfig.model_validate(model), warmup_updates=warmup, learning_rate=1e-3)
    assert [doubt in line for line in found] == [True]


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"norm": "post"},
        {"norm": "post", "n_encoder_layers": 12, "initialisation": "depth_scaled"},
        {"architecture": "rnn", "cross_attention": "location"},
        {"architecture": "rnn", "decoder_architecture": "transformer", "positions": "none"},
        {"positions": "none", "encoder_attention": "dynamic", "decoder_attention": "ssru"},
    ],
)
def test_what_trains_is_not_doubted(model: dict[str, Any]) -> None:
    assert doubts(ModelConfig.model_validate(model), warmup_updates=4_000, learning_rate=1e-3) == []
