from typing import Any

import pytest
from pydantic import ValidationError

from mtkit.settings.model import ModelConfig
from mtkit.settings.model_rules import OPTIONS, doubts, without_idle
from mtkit.settings.section import Mistakes


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"encoder_attention": "scaled_dott"}, "encoder_attention: scaled_dott is unknown; did you mean scaled_dot?"),
        (
            {"decoder_attention": "low_rank"},
            "decoder_attention: low_rank sees the future; known here are scaled_dot",
        ),
        ({"encoder_attention": "ssru"}, "encoder_attention: ssru reads the past alone, and stands in a decoder"),
        ({"cross_attention": "local"}, "cross_attention: local looks at one sequence"),
        ({"cross_attention": ["dot"] * 5 + ["dott"]}, "cross_attention: dott is unknown; did you mean dot?"),
        ({"encoder_attention": ["dot"] * 5}, "encoder_attention: names 5 layers, the model has 6"),
        ({"encoder_attention": ["dot"]}, "encoder_attention: names 1 layer, the model has 6"),
        ({"encoder_attention": 5}, "give a name, or a list with one name for each layer"),
        ({"encoder_attention": []}, "give a name, or a list with one name for each layer"),
        ({"cross_attention": [["dot"]]}, "give a name, or a list with one name for each layer"),
        ({"positions": "rotary", "d_model": 24, "n_heads": 8}, "rotary needs an even number per head, not 3"),
        ({"d_head": 5, "positions": "rotary"}, r"rotary needs an even number per head, not 5 \(d_head\)"),
        ({"n_heads": 7}, r"n_heads: must divide d_model \(512\)"),
        (
            {"n_heads": 7, "d_head": 64, "decoder_attention": "linear"},
            "attention linear takes d_model / n_heads, and not d_head",
        ),
        ({"n_heads": 7, "d_head": 64, "decoder_architecture": "conv", "cross_attention": "dot"}, "and not d_head"),
        ({"architecture": "rnn", "d_head": 64}, "d_head: does nothing here: it belongs to attention of a Transformer"),
        ({"architecture": "rnn", "bias": False}, "bias: does nothing here: it belongs to a Transformer"),
        ({"positions": "learned", "sinusoids": "halves"}, "sinusoids: does nothing here: it belongs to sinusoidal pos"),
        ({"sinusoids": "fairseq", "d_model": 2, "n_heads": 1}, "fairseq needs a d_model of 4 or more, not 2"),
        ({"shared_positions": True}, "shared_positions: does nothing here: it belongs to positions t5"),
        ({"n_kv_heads": 3}, r"n_kv_heads: must divide n_heads \(8\)"),
        ({"n_unique_layers": 7}, "exceeds the layers of both sides"),
        ({"positions": "alibi", "decoder_attention": "average"}, "which decoder_attention average does not compute"),
        ({"positions": "shaw", "encoder_attention": "local"}, "shaw does not go with encoder_attention local"),
        (
            {"positions": "shaw", "encoder_attention": ["dot"] + ["scaled_dot"] * 5},
            "does not go with encoder_attention dot",
        ),
        (
            {"positions": "rotary", "decoder_attention": "location"},
            "rotary does not go with decoder_attention location",
        ),
        ({"encoder_attention": "Dot"}, "encoder_attention: Dot is unknown; did you mean dot?"),
        (
            {"positions": "rotary", "encoder_attention": "dynamic", "decoder_attention": "ssru"},
            "does nothing here: no layer compares pairs of tokens",
        ),
        ({"architecture": "conv", "positions": "rotary"}, "does nothing here: no layer compares pairs of tokens"),
        ({"architecture": "rnn", "cross_attention": ["dot"] * 6}, "a recurrent decoder has one attention"),
        (
            {"architecture": "rnn", "bridge": "copy", "n_decoder_layers": 2},
            "as many layers as the decoder: here 6 rnn and 2",
        ),
        ({"decoder_architecture": "rnn", "bridge": "copy"}, "bridge: copy needs a recurrent encoder"),
        ({"architecture": "rnn", "cross_attention": "linear"}, "cross_attention: linear needs a Transformer decoder"),
        ({"architecture": "rnn", "coverage": True, "cross_attention": "location"}, "which looks at no key"),
        ({"architecture": "rnn", "d_ff": 512}, "d_ff: does nothing here: it belongs to a Transformer"),
        ({"architecture": "rnn", "norm": "post"}, "norm: does nothing here: it belongs to a Transformer"),
        ({"architecture": "rnn", "initialisation": "depth_scaled"}, "initialisation: does nothing here"),
        ({"architecture": "rnn", "n_kv_heads": 1}, "n_kv_heads: does nothing here: it belongs to attention of a Tran"),
        (
            {"decoder_architecture": "rnn", "encoder_attention": "linear", "attention_dropout": 0.1},
            "attention_dropout: does nothing here",
        ),
        ({"decoder_architecture": "rnn", "n_decoder_layers": 1, "rnn_residual": True}, "of several layers"),
        ({"rnn_cell": "gru"}, "rnn_cell: does nothing here: it belongs to a recurrent encoder or decoder"),
        ({"window": 5}, "window: does nothing here: it belongs to attention local"),
        ({"kernel_size": 5}, "kernel_size: does nothing here: it belongs to convolutions"),
        ({"architecture": "rnn", "rnn_attention": "bahdanau", "input_feeding": True}, "with rnn_attention luong"),
        ({"architecture": "rnn", "positions": "sinusoidal"}, "positions: does nothing here"),
        ({"architecture": "conv", "bridge": "none"}, "bridge: does nothing here: it belongs to a recurrent decoder"),
    ],
)
def test_what_cannot_be_is_one_clear_line(model: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        ModelConfig.model_validate(model)
    (error,) = caught.value.errors()
    mistakes = error["ctx"]["error"]
    assert not isinstance(mistakes, Mistakes) or len(mistakes.found) == 1


def test_a_misspelt_attention_makes_no_option_idle() -> None:
    with pytest.raises(ValidationError) as caught:
        ModelConfig.model_validate({"encoder_attention": "locl", "window": 5, "n_heads": 7})
    (error,) = caught.value.errors()
    assert [setting for setting, _ in error["ctx"]["error"].found] == ["encoder_attention", "n_heads"]


def test_an_option_that_belongs_is_no_mistake() -> None:
    for model in (
        {"decoder_architecture": "rnn", "rnn_cell": "gru", "d_ff": 512},
        {"encoder_attention": ["local"] * 6, "window": 5},
        {"decoder_attention": "dynamic", "kernel_size": 5},
        {"architecture": "rnn", "decoder_architecture": "transformer", "positions": "rotary"},
        {"decoder_architecture": "conv", "positions": "rotary"},
        {"decoder_attention": "ssru", "positions": "shaw"},
        {"encoder_attention": ["linear"] * 5 + ["scaled_dot"], "positions": "rotary"},
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
        (
            {"norm": "post", "n_encoder_layers": 12, "initialisation": "xavier"},
            4_000,
            "8 or more post-norm layers often",
        ),
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
        {"norm": "post", "n_encoder_layers": 12},
        {"architecture": "rnn", "cross_attention": "location"},
        {"architecture": "rnn", "decoder_architecture": "transformer", "positions": "none"},
        {"positions": "none", "encoder_attention": ["dynamic"] + ["scaled_dot"] * 5, "decoder_attention": "ssru"},
    ],
)
def test_what_trains_is_not_doubted(model: dict[str, Any]) -> None:
    assert doubts(ModelConfig.model_validate(model), warmup_updates=4_000, learning_rate=1e-3) == []
