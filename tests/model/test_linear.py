from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.model.linear import BLOCK, STEP, Linear, blocks, linear, padded

pytestmark = pytest.mark.processor


@pytest.mark.parametrize("n_rows", [1, STEP, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 70])
def test_blocks_hold_every_row_once(n_rows: int) -> None:
    assert [row for rows in blocks(n_rows) for row in range(rows.start, rows.stop)] == list(range(n_rows))


def test_few_sizes_are_left() -> None:
    sizes = {len(padded(torch.empty(rows.stop - rows.start, 2))) for n in range(1, 9_000, 7) for rows in blocks(n)}
    assert sizes == set(range(STEP, BLOCK + 1, STEP))


@pytest.mark.parametrize("shape", [(3, 7, 8), (16, 8), (1, 1, 8), (2, BLOCK, 8), (3, 400, 8)])
def test_the_result_and_the_gradients_are_those_of_torch(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer, x, gradient = Linear(8, 5), torch.randn(shape, requires_grad=True), torch.randn(*shape[:-1], 5)

    def by_torch(x: Tensor) -> Tensor:
        return F.linear(x, layer.weight, layer.bias)

    def results(compute: Callable[[Tensor], Tensor], *, bf16: bool) -> list[Tensor]:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            out = compute(x)
        assert out.dtype == (torch.bfloat16 if bf16 else torch.float32)
        return [out, *torch.autograd.grad(out.float(), [x, layer.weight, layer.bias], gradient)]

    exact = results(by_torch, bf16=False)
    for mine, theirs, true in zip(results(layer, bf16=True), results(by_torch, bf16=True), exact, strict=True):
        scale = true.abs().max()
        assert (mine - true).abs().max() <= max((theirs - true).abs().max() * 1.5, 2**-7 * scale)


def test_nothing_is_cut_but_in_bf16_training(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[int] = []
    monkeypatch.setattr("mtkit.model.linear.product", lambda x, weight, bias: cut.append(len(x)) or (x @ weight))  # type: ignore[func-returns-value]  # noqa: ARG005
    x, weight = torch.randn(3, 7, 8), torch.randn(5, 8)
    linear(x, weight)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.no_grad():
            linear(x, weight)
        assert cut == []
        linear(x, weight)
    assert cut == [21]
