from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.model.linear import BLOCK, STEP, Linear, blocks, linear, pack, padded

pytestmark = pytest.mark.processor


@pytest.mark.parametrize("n_rows", [1, STEP, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 70])
def test_blocks_hold_every_row_once(n_rows: int) -> None:
    assert [row for rows in blocks(n_rows) for row in range(rows.start, rows.stop)] == list(range(n_rows))


def test_few_sizes_are_left() -> None:
    sizes = {len(padded(torch.empty(rows.stop - rows.start, 2))) for n in range(1, 9_000, 7) for rows in blocks(n)}
    assert sizes == set(range(STEP, BLOCK + 1, STEP))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("shape", [(1, 16), (3, 256), (64, 256), (5, 70, 128)])  # below and above where oneDNN pays
def test_it_is_a_product_with_a_matrix(shape: tuple[int, ...], has_bias: bool, relu: bool, packed: bool) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(shape), torch.randn(512, shape[-1])
    bias = torch.randn(512) if has_bias else None
    expected = F.linear(x.double(), weight.double(), None if bias is None else bias.double())
    expected = expected.clamp(min=0) if relu else expected
    torch.testing.assert_close(linear(x, weight, bias, relu=relu), expected.float(), rtol=1e-5, atol=1e-4)
    with torch.inference_mode():
        found = linear(x, weight, bias, relu=relu, packed=pack(weight) if packed else None)
        torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-4)


SHAPES = [(3, 7, 256), (16, 256), (1, 1, 256), (0, 256), (2, BLOCK, 256), (3, 400, 256)]


def results(compute: Callable[[Tensor], Tensor], layer: Linear, shape: tuple[int, ...], *, bf16: bool) -> list[Tensor]:
    """What comes out, and the gradients of input, weight and bias."""
    torch.manual_seed(1)
    x, gradient = torch.randn(shape, requires_grad=True), torch.randn(*shape[:-1], 128)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        out = compute(x)
    assert out.dtype == (torch.bfloat16 if bf16 else torch.float32)
    return [out, *torch.autograd.grad(out.float(), [x, layer.weight, layer.bias], gradient)]


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_torch(shape: tuple[int, ...]) -> None:
    layer = Linear(256, 128)
    by_torch = results(lambda x: F.linear(x, layer.weight, layer.bias), layer, shape, bf16=False)
    for mine, theirs in zip(results(layer, layer, shape, bf16=False), by_torch, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if 0 not in shape])
def test_in_bf16_they_are_as_near_as_those_of_torch(shape: tuple[int, ...]) -> None:
    layer = Linear(256, 128)

    def by_torch(x: Tensor) -> Tensor:
        return F.linear(x, layer.weight, layer.bias)

    exact = results(by_torch, layer, shape, bf16=False)
    found, theirs = (results(compute, layer, shape, bf16=True) for compute in (layer, by_torch))
    for mine, other, true in zip(found, theirs, exact, strict=True):
        assert (mine - true).norm() <= 1.5 * (other - true).norm()  # two products are rounded before they are added


def test_autocast_decides_the_precision() -> None:
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(torch.randn(64, 256), torch.randn(512, 256)).dtype == torch.bfloat16
