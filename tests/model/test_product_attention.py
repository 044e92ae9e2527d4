import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.model.product_attention import product_attention, suits

pytestmark = pytest.mark.processor

B, H, Q, L, E = 2, 3, 5, 5, 4


def made(dtype: torch.dtype, *, n_queries: int = Q) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    shapes = [(B, n_queries, H, E), (B, L, H, E), (B, L, H, E)]
    queries, keys, values = (torch.randn(shape).to(dtype).transpose(1, 2).requires_grad_() for shape in shapes)
    return queries, keys, values


def padding(dtype: torch.dtype) -> Tensor:
    mask = torch.ones(B, 1, 1, L, dtype=torch.bool)
    mask[0, ..., -2:] = False
    return mask if dtype == torch.bool else torch.where(mask, 0.0, -torch.inf).to(dtype)


@pytest.mark.parametrize("kind", ["plain", "causal", "may attend", "added", "fewer queries"])
def test_it_is_what_torch_computes(kind: str) -> None:
    tensors = made(torch.float64, n_queries=2 if kind == "fewer queries" else Q)
    mask = {"may attend": padding(torch.bool), "added": padding(torch.float64)}.get(kind)
    causal = kind == "causal"
    found = product_attention(*tensors, mask, causal=causal)
    expected = F.scaled_dot_product_attention(*tensors, attn_mask=mask, is_causal=causal)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)  # its softmax is of float32
    gradient = torch.randn_like(expected)
    for mine, theirs in zip(
        torch.autograd.grad(found, tensors, gradient), torch.autograd.grad(expected, tensors, gradient), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_a_mask_that_is_learnt_has_its_gradient() -> None:
    queries, keys, values = made(torch.float64)
    mask = torch.randn(H, Q, L, dtype=torch.float64, requires_grad=True)
    gradients = [
        torch.autograd.grad(out.square().sum(), mask)[0]
        for out in (
            product_attention(queries, keys, values, mask, causal=False),
            F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask),
        )
    ]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("short", [0, 64])
def test_in_bf16_it_stays_near_the_exact_result(short: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtkit.model.product_attention._SHORT", short)
    exact, rounded = made(torch.float64), made(torch.bfloat16)
    expected = F.scaled_dot_product_attention(*exact, is_causal=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = product_attention(*rounded, None, causal=True)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), expected, rtol=0.03, atol=0.03)
    for mine, theirs in zip(
        torch.autograd.grad(found.float().square().sum(), rounded),
        torch.autograd.grad(expected.square().sum(), exact),
        strict=True,
    ):
        torch.testing.assert_close(mine.double(), theirs, rtol=0.1, atol=0.1)


def test_products_of_short_sentences_are_exact_under_autocast() -> None:
    queries, keys, values = made(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = product_attention(queries, keys, values, None, causal=False)
    torch.testing.assert_close(found, F.scaled_dot_product_attention(queries, keys, values))


def test_it_suits_bf16_and_lengths_whose_weights_fit() -> None:
    queries, keys, _ = made(torch.bfloat16)
    assert suits(queries, keys)
    assert not suits(queries.float(), keys.float())
    long = torch.empty(1, 8, 4_096, 2, dtype=torch.bfloat16)
    assert not suits(long, long)
    assert not suits(queries.to("meta"), keys.to("meta"))
