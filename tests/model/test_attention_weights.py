import pytest
import torch

from mtkit.model.attention_weights import attention_weights
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.transformer import DecoderLayer
from tests.model.combinations import COMBINATIONS
from tests.model.conftest import BuildModel
from tests.model.test_architectures import SRC, SRC_PADDING, TGT_IN

WITHOUT = ("ssru", "lightweight", "dynamic")


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_layer_that_attends_gives_its_weights(name: str, build_model: BuildModel) -> None:
    model = build_model(**COMBINATIONS[name])
    config = model.config
    before = model(SRC, TGT_IN, SRC_PADDING)
    found = attention_weights(model, SRC, TGT_IN, SRC_PADDING)
    expected = []
    for part in ("encoder", "decoder", "cross"):
        names = config.attention_of(part)
        expected += [(part, layer) for layer, kind in enumerate(names) if kind not in WITHOUT]
    assert [(one.part, one.layer) for one in found] == expected
    for one in found:
        queries, keys = {"encoder": (5, 5), "decoder": (4, 4), "cross": (4, 5)}[one.part]
        kind = config.attention_of(one.part)[one.layer]  # type: ignore[arg-type]
        n_heads = 1 if kind == "average" else config.n_heads
        assert one.weights.shape == (3, n_heads, queries, keys)
        if kind == "low_rank":
            assert not (one.weights * SRC_PADDING[:, None, None]).any()
            continue
        torch.testing.assert_close(one.weights.sum(-1), torch.ones(3, n_heads, queries))
        assert (one.weights >= 0).all()
        if one.part == "decoder":
            assert not one.weights.triu(1).any()
        else:
            real = ~SRC_PADDING if one.part == "encoder" else torch.ones(3, 4, dtype=torch.bool)
            hidden = one.weights * SRC_PADDING[:, None, None]
            assert not (hidden * real[:, None, :, None]).any()
    torch.testing.assert_close(model(SRC, TGT_IN, SRC_PADDING), before)


def test_nothing_is_kept_once_they_are_given(build_model: BuildModel) -> None:
    model = build_model()
    attention_weights(model, SRC, TGT_IN, SRC_PADDING)
    assert all(module.recorded is None for module in model.modules() if hasattr(module, "recorded"))


def test_weights_are_those_of_the_layer_that_they_name(build_model: BuildModel) -> None:
    """A last layer whose queries are zero attends evenly; no other does."""
    model: EncoderDecoder = build_model(n_decoder_layers=3)
    last = model.decoder.layers[2]
    assert isinstance(last, DecoderLayer)
    projection = last.cross_attention.q_proj
    torch.nn.init.zeros_(projection.weight)
    torch.nn.init.zeros_(projection.bias)
    even = [
        one.layer
        for one in attention_weights(model, SRC[:1], TGT_IN[:1])
        if one.part == "cross" and torch.allclose(one.weights, torch.full((1, 2, 4, 5), 0.2))
    ]
    assert even == [2]
