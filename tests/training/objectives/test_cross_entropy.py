import math

import pytest
import torch
import torch.nn.functional as F

from mtkit.training.objectives import cross_entropy as objective
from mtkit.training.objectives.cross_entropy import projected_cross_entropy

pytestmark = pytest.mark.processor

N, D, V = 11, 6, 13


@pytest.fixture
def tensors() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    targets = torch.randint(1, V, (N,))
    targets[3] = targets[8] = 0  # padding
    return torch.randn(N, D, requires_grad=True), torch.randn(V, D, requires_grad=True), targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
def test_loss_and_gradients_match_torch(
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    smoothing: float,
    chunk_rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(objective._CHUNK_LOGITS, "cpu", chunk_rows * V)
    hidden, weight, targets = tensors
    total, nll = projected_cross_entropy(hidden, weight, targets, pad_id=0, smoothing=smoothing)
    found = torch.autograd.grad(total * 0.3, [hidden, weight])
    logits = hidden @ weight.t()
    expected = F.cross_entropy(logits, targets, ignore_index=0, label_smoothing=smoothing, reduction="sum")
    torch.testing.assert_close(total, expected)
    torch.testing.assert_close(nll, F.cross_entropy(logits, targets, ignore_index=0, reduction="sum"))
    for mine, theirs in zip(found, torch.autograd.grad(expected * 0.3, [hidden, weight]), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk_rows", [4, 100])
def test_a_bias_of_the_output_counts_in_loss_and_gradients(
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    smoothing: float,
    chunk_rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(objective._CHUNK_LOGITS, "cpu", chunk_rows * V)
    hidden, weight, targets = tensors
    bias = (2 * torch.randn(V)).requires_grad_()
    inputs = [hidden, weight, bias]
    total, nll = projected_cross_entropy(hidden, weight, targets, bias=bias, pad_id=0, smoothing=smoothing)
    found = torch.autograd.grad(total * 0.3, inputs)
    logits = hidden @ weight.t() + bias
    expected = F.cross_entropy(logits, targets, ignore_index=0, label_smoothing=smoothing, reduction="sum")
    torch.testing.assert_close(total, expected)
    torch.testing.assert_close(nll, F.cross_entropy(logits, targets, ignore_index=0, reduction="sum"))
    for mine, theirs in zip(found, torch.autograd.grad(expected * 0.3, inputs), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("trained", range(3))
def test_what_is_frozen_has_no_gradient_and_changes_none(
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor], trained: int
) -> None:
    hidden, weight, targets = tensors
    inputs = [hidden, weight, torch.randn(V, requires_grad=True)]
    whole, _ = projected_cross_entropy(hidden, weight, targets, bias=inputs[2], pad_id=0, smoothing=0.1)
    expected = torch.autograd.grad(whole, inputs)[trained]
    alone = [each if index == trained else each.detach() for index, each in enumerate(inputs)]
    total, _ = projected_cross_entropy(alone[0], alone[1], targets, bias=alone[2], pad_id=0, smoothing=0.1)
    assert torch.equal(torch.autograd.grad(total, alone[trained])[0], expected)


def test_smoothed_loss_of_a_uniform_prediction_is_log_v() -> None:
    total, nll = projected_cross_entropy(
        torch.zeros(2, D), torch.randn(V, D), torch.tensor([4, 5]), pad_id=0, smoothing=0.1
    )
    assert total.item() == pytest.approx(2 * math.log(V), rel=1e-6)
    assert nll.item() == pytest.approx(2 * math.log(V), rel=1e-6)


def test_huge_logits_stay_finite() -> None:
    hidden = torch.full((1, D), 1e4, requires_grad=True)
    total, _ = projected_cross_entropy(hidden, torch.eye(V, D), torch.tensor([1]), pad_id=0, smoothing=0.1)
    total.backward()
    assert torch.isfinite(total)
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()


def test_bfloat16_hidden_states_train_a_float32_weight() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(N, D).bfloat16().requires_grad_()
    weight = torch.randn(V, D, requires_grad=True)
    targets = torch.randint(1, V, (N,))
    total, _ = projected_cross_entropy(hidden, weight, targets, pad_id=0, smoothing=0.1)
    grad_hidden, grad_weight = torch.autograd.grad(total, [hidden, weight])
    exact, _ = projected_cross_entropy(hidden.float(), weight, targets, pad_id=0, smoothing=0.1)
    assert (grad_hidden.dtype, grad_weight.dtype) == (torch.bfloat16, torch.float32)
    assert total.item() == pytest.approx(exact.item(), rel=2e-2)


def test_autocast_computes_the_products_in_bfloat16_and_the_loss_in_float32(
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    hidden, weight, targets = tensors
    exact, _ = projected_cross_entropy(hidden, weight, targets, pad_id=0, smoothing=0.1)
    expected = torch.autograd.grad(exact, [hidden, weight])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _ = projected_cross_entropy(hidden, weight, targets, pad_id=0, smoothing=0.1)
    found = torch.autograd.grad(total, [hidden, weight])
    assert total.dtype == torch.float32
    assert total.item() != exact.item()  # the products did run in bfloat16
    assert [grad.dtype for grad in found] == [torch.float32, torch.float32]
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.1, atol=0.03)
