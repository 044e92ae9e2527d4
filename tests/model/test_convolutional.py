"""ConvS2S against the equations of Gehring et al. (2017), position by position."""

import pytest
import torch
from torch import Tensor

from mtkit.model.convolutional import ConvolutionalDecoder, ConvolutionalEncoder
from mtkit.model.memory import Memory
from mtkit.settings.model import ModelConfig

SIZES: dict[str, object] = {
    "architecture": "conv",
    "d_model": 6,
    "n_heads": 1,
    "dropout": 0.0,
    "cross_attention": "dot",
}
X = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
SOURCE, VALUES = (torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))


def config(**overrides: object) -> ModelConfig:
    torch.manual_seed(0)
    return ModelConfig.model_validate(SIZES | {"n_encoder_layers": 2, "n_decoder_layers": 1} | overrides)


def convolved(layer: torch.nn.Module, windows: list[Tensor]) -> Tensor:
    """A gated linear unit of each window (W, D): the first half of the channels times the sigmoid of the second."""
    weight, bias = layer.get_parameter("convolution.weight"), layer.get_parameter("convolution.bias")
    channels = torch.stack([torch.einsum("odw,wd->o", weight, window) + bias for window in windows])
    return channels[:, :6] * channels[:, 6:].sigmoid()


def windows(x: Tensor, left: int, width: int) -> list[Tensor]:
    padded = torch.cat([x.new_zeros(left, 6), x, x.new_zeros(width, 6)])
    return [padded[i : i + width] for i in range(len(x))]


@pytest.mark.parametrize("width", [2, 3, 5])
def test_the_encoder_is_a_stack_of_gated_convolutions(width: int) -> None:
    encoder = ConvolutionalEncoder(config(kernel_size=width))
    memory = encoder(X, None)
    assert memory.values is not None
    for row in range(2):
        x = X[row]
        for layer in encoder.layers:
            x = (x + convolved(layer, windows(x, (width - 1) // 2, width))) * 0.5**0.5
        torch.testing.assert_close(memory.hidden[row], x)
        torch.testing.assert_close(memory.values[row], (x + X[row]) * 0.5**0.5)


@pytest.mark.parametrize("padded", [False, True])
def test_a_decoder_layer_attends_between_its_convolution_and_the_residual_sum(padded: bool) -> None:
    decoder = ConvolutionalDecoder(config(kernel_size=3))
    (layer,) = decoder.layers
    mask = torch.tensor([[False] * 4, [False] * 2 + [True] * 2]) if padded else None
    found = decoder(X, Memory(SOURCE, mask, values=VALUES))
    for row, n in enumerate((4, 2 if padded else 4)):
        gated = convolved(layer, windows(X[row], 2, 3))
        query = (torch.nn.functional.linear(gated, *_linear(layer, "query")) + X[row]) * 0.5**0.5
        weights = (query @ SOURCE[row, :n].t()).softmax(-1)
        context = weights @ VALUES[row, :n] * n**0.5  # of n values: m sqrt(1/m), section 3.5
        y = (gated + torch.nn.functional.linear(context, *_linear(layer, "context"))) * 0.5**0.5
        torch.testing.assert_close(found[row], (X[row] + y) * 0.5**0.5)


def _linear(layer: torch.nn.Module, name: str) -> tuple[Tensor, Tensor]:
    return layer.get_parameter(f"{name}.weight"), layer.get_parameter(f"{name}.bias")


def test_the_encoder_learns_in_inverse_proportion_to_the_layers_that_attend_to_it() -> None:
    gradients, hidden = [], []
    for n_layers in (1, 4):
        encoder = ConvolutionalEncoder(config(n_decoder_layers=n_layers))
        hidden.append(encoder(X, None).hidden)
        hidden[-1].sum().backward()
        gradient = encoder.get_parameter("layers.0.convolution.weight").grad
        assert gradient is not None
        gradients.append(gradient)
    torch.testing.assert_close(hidden[0], hidden[1])
    torch.testing.assert_close(gradients[0], 4 * gradients[1])
