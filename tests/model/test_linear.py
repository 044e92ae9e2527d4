import pytest
import torch
import torch.nn.functional as F

from mtkit.model.linear import Linear, linear, pack


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
    with torch.inference_mode():
        found = linear(x, weight, bias, relu=relu, packed=pack(weight) if packed else None)
        torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-4)


def test_gradients_pass_through_it() -> None:
    module, x = Linear(256, 512), torch.randn(64, 256, requires_grad=True)
    module(x).sum().backward()
    torch.testing.assert_close(x.grad, module.weight.detach().sum(0).expand(64, -1))
    assert module.weight.grad is not None


def test_autocast_decides_the_precision() -> None:
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(torch.randn(64, 256), torch.randn(512, 256)).dtype == torch.bfloat16
