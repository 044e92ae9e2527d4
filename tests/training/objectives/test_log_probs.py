import pytest
import torch

from mtkit.training.objectives import cross_entropy
from mtkit.training.objectives.log_probs import projected_log_probs

pytestmark = pytest.mark.processor

N, D, V = 11, 6, 13


@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
@pytest.mark.parametrize("bias", [False, True])
def test_log_probs_and_their_gradients_are_those_of_whole_logits(
    chunk_rows: int, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cross_entropy._CHUNK_LOGITS, "cpu", chunk_rows * V)
    torch.manual_seed(0)
    tensors = [torch.randn(N, D), torch.randn(V, D), *[torch.randn(V)] * bias]
    inputs = [tensor.double().requires_grad_() for tensor in tensors]
    hidden, weight = inputs[:2]
    targets = torch.randint(1, V, (N,))
    targets[3] = targets[8] = 0  # padding
    found = projected_log_probs(hidden, weight, targets, bias=inputs[2] if bias else None, pad_id=0)
    logits = hidden @ weight.t() + (inputs[2] if bias else 0)
    expected = logits.log_softmax(-1).gather(1, targets[:, None])[:, 0] * targets.ne(0)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(N).double()  # each token counts otherwise
    of_found, of_expected = (torch.autograd.grad((weights * each).sum(), inputs) for each in (found, expected))
    for mine, theirs in zip(of_found, of_expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_what_is_frozen_has_no_gradient() -> None:
    torch.manual_seed(0)
    hidden, weight = torch.randn(N, D, requires_grad=True), torch.randn(V, D)
    total = projected_log_probs(hidden, weight, torch.randint(1, V, (N,)), pad_id=0).sum()
    assert torch.autograd.grad(total, hidden)[0].shape == (N, D)
    assert not projected_log_probs(hidden.detach(), weight, torch.ones(N, dtype=torch.long), pad_id=0).requires_grad
