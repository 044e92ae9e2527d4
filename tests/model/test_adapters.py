"""Low-rank adapters: what they add, what is trained, and that a merged model computes the same."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from mtkit.errors import ConfigError
from mtkit.model.adapters import (
    LowRankShape,
    adapt,
    adaptable,
    adapter_tensors,
    add_adapters,
    has_adapters,
    merge_adapters,
)
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import model_tensors
from tests.model.combinations import COMBINATIONS
from tests.model.conftest import BuildModel

SRC = torch.tensor([[4, 5, 6, 7, 3], [8, 9, 3, 0, 0]])
TGT_IN = torch.tensor([[2, 4, 5, 6], [2, 7, 8, 9]])
SHAPE = LowRankShape(3, 6.0)
ALL = ["query", "key", "value", "output", "feed_forward"]


def hidden(model: EncoderDecoder) -> Tensor:
    return model(SRC, TGT_IN, SRC == 0)


def stepped(model: EncoderDecoder) -> Tensor:
    state = model.start(model.encode(SRC, SRC == 0))
    return torch.stack([model.step(tokens, state) for tokens in TGT_IN.unbind(1)], dim=1)


def lively(model: EncoderDecoder) -> None:
    """Give adapters, which add nothing at first, something to add."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".up"):
                parameter.normal_()


def test_new_adapters_change_nothing(build_model: BuildModel) -> None:
    model = build_model()
    before = hidden(model)
    adapt(model, SHAPE, ALL)
    assert has_adapters(model)
    torch.testing.assert_close(hidden(model), before)


@pytest.mark.parametrize(
    "name",
    ["transformer", "post-norm", "t5-1.1", "rms-sandwich-swiglu", "grouped-query-rotary", "linear", "shared-layers"],
)
def test_a_merged_model_computes_what_the_adapted_one_does(build_model: BuildModel, name: str) -> None:
    model = build_model(**COMBINATIONS[name])
    plain = hidden(model)
    shapes = {key: tuple(tensor.shape) for key, tensor in model_tensors(model).items()}
    adapt(model, SHAPE, ALL)
    lively(model)
    adapted, steps = hidden(model), stepped(model)
    assert (adapted - plain).abs().max() > 0.1
    torch.testing.assert_close(steps, adapted, rtol=1e-5, atol=1e-5)
    merge_adapters(model)
    assert not has_adapters(model)
    assert {key: tuple(tensor.shape) for key, tensor in model_tensors(model).items()} == shapes
    torch.testing.assert_close(hidden(model), adapted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(stepped(model), adapted, rtol=1e-5, atol=1e-5)


def test_the_product_counts_alpha_over_rank_times(build_model: BuildModel) -> None:
    model = build_model()
    layer: Any = model.get_submodule("encoder.layers.0.feed_forward")
    before, x = layer.outer.weight.detach().clone(), torch.randn(2, 16)
    expected = layer.outer(x)
    adapt(model, LowRankShape(2, 5.0), ["encoder.layers.0.feed_forward.outer"])
    lively(model)
    (adapter,) = layer.outer.adapters.values()
    torch.testing.assert_close(layer.outer(x), expected + 2.5 * x @ adapter.down.t() @ adapter.up.t())
    assert torch.equal(layer.outer.weight, before)


def test_keys_and_values_are_adapted_apart(build_model: BuildModel) -> None:
    for kind, rows in (("key", slice(0, 8)), ("value", slice(8, 16))):
        model = build_model()
        before = model.get_parameter("decoder.layers.1.cross_attention.kv_proj.weight").detach().clone()
        adapt(model, SHAPE, [kind])
        lively(model)
        merge_adapters(model)
        changed = (model.get_parameter("decoder.layers.1.cross_attention.kv_proj.weight") != before).any(1)
        assert changed[rows].all()
        assert changed.sum() == 8


def test_nothing_but_adapters_is_trained_and_kept(build_model: BuildModel) -> None:
    model = build_model()
    adapt(model, SHAPE, ["query", "value"])
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert len(trained) == 2 * 2 * (2 + 2 + 2)  # two matrices, of two kinds, in six attentions
    assert trained == model_tensors(model).keys()
    model.project(hidden(model)).square().sum().backward()
    gradients = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert gradients == trained


def test_adapters_are_taken_over_by_another_model(build_model: BuildModel) -> None:
    model, other = build_model(), build_model()
    adapt(model, SHAPE, ["value", "*.outer", "decoder.*.cross_attention.key"])
    lively(model)
    add_adapters(other, adapter_tensors(model))
    torch.testing.assert_close(hidden(other), hidden(model))


@pytest.mark.parametrize("names", [ALL, ["encoder.*.query"], ["decoder.*.self_attention.value"]])
def test_dropout_is_for_training_alone(build_model: BuildModel, names: list[str]) -> None:
    model = build_model(dropout=0.0)
    adapt(model, LowRankShape(3, 6.0, dropout=0.5), names)
    lively(model)
    expected = hidden(model)
    assert not torch.allclose(hidden(copy.deepcopy(model).train()), expected)
    torch.testing.assert_close(hidden(model), expected)


def test_a_search_reads_the_adapters(build_model: BuildModel) -> None:
    model = build_model()
    adapt(model, SHAPE, ALL)
    lively(model)
    merged = copy.deepcopy(model)
    merge_adapters(merged)
    merged.fix()
    model.fix()
    torch.testing.assert_close(stepped(model), stepped(merged), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(hidden(model), stepped(merged), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["querry"], "querry: the model has nothing of this name; near it: query"),
        (["decoder.layers.7.cross_attention.value"], "near it: decoder.layers."),
        (
            ["query", "xyz"],
            "xyz: the model has nothing of this name; there are query, key, value, output, feed_forward",
        ),
    ],
)
def test_modules_that_are_not_there_are_told(build_model: BuildModel, names: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=r"training\.lora\.modules: ") as error:
        adapt(build_model(), SHAPE, names)
    assert told in str(error.value)


def test_a_model_without_such_layers_says_so(build_model: BuildModel) -> None:
    model = build_model(**COMBINATIONS["rnn"])
    assert adaptable(model) == {}
    with pytest.raises(ConfigError, match="none of its layers can have adapters"):
        adapt(model, SHAPE, ["query"])
