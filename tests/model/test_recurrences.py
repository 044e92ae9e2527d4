"""Running average, simple recurrent unit and lightweight convolution against one token at a time, by the formulas."""

import pytest
import torch

from mtkit.model.recurrences import AverageAttention, LightweightConvolution, SimpleRecurrentUnit
from mtkit.settings.model import ModelConfig

CONFIG = ModelConfig.model_validate(
    {"d_model": 8, "n_heads": 2, "d_ff": 16, "kernel_size": 3, "decoder_attention": "dynamic"}
)
X = torch.randn(2, 7, 8, generator=torch.Generator().manual_seed(0))


def test_average_attention_is_a_gated_mean_of_the_past() -> None:
    torch.manual_seed(0)
    average = AverageAttention(CONFIG)
    found = average(X)
    for t in range(7):
        mean = average.outer(average.inner(X[:, : t + 1].mean(1)).relu())
        gates = average.gates(torch.cat([X[:, t], mean], dim=-1)).sigmoid()
        torch.testing.assert_close(found[:, t], gates[:, :8] * X[:, t] + gates[:, 8:] * mean)


def test_average_attention_weighs_the_past_evenly() -> None:
    average = AverageAttention(CONFIG)
    average.recorded = []
    average(X)
    assert average.recorded[0].shape == (2, 1, 7, 7)
    assert average.recorded[0][1, 0, 2].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0])


def test_simple_recurrent_unit_is_its_recurrence() -> None:
    torch.manual_seed(0)
    unit = SimpleRecurrentUnit(CONFIG)
    found, cell = unit(X), torch.zeros(2, 8)
    for t in range(7):
        forget = (X[:, t] @ unit.gate.weight.T + unit.gate.bias).sigmoid()
        cell = forget * cell + (1 - forget) * (X[:, t] @ unit.candidate.weight.T)
        torch.testing.assert_close(found[:, t], cell.relu())


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("dynamic", [True, False])
def test_convolution_is_a_weighted_sum_over_a_window_for_each_head(dynamic: bool, causal: bool) -> None:
    torch.manual_seed(0)
    convolution = LightweightConvolution(CONFIG, dynamic=dynamic, causal=causal)
    found = convolution(X)
    gated = torch.nn.functional.glu(convolution.in_proj(X), dim=-1)
    for t in range(7):
        out = torch.zeros(2, 8)
        for row in range(2):
            kernels = convolution.kernel_proj(gated[row, t]).view(2, 3) if dynamic else convolution.kernels
            for offset in range(3):
                source = t + offset - (2 if causal else 1)
                if 0 <= source < 7:
                    weights = kernels.softmax(-1)[:, offset].repeat_interleave(4)
                    out[row] += weights * gated[row, source]
        torch.testing.assert_close(found[:, t], convolution.out_proj(out))
