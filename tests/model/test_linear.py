import pytest
import torch
import torch.nn.functional as F

from mtkit.model.linear import Linear, linear, rounded_up


def test_rows_are_rounded_up_by_at_most_a_sixteenth() -> None:
    for n in range(1, 20_000):
        assert n <= rounded_up(n) <= max(n + 15, n * 17 / 16)


def test_few_sizes_are_left() -> None:
    assert len({rounded_up(n) for n in range(2_048, 8_193)}) <= 2 * 16 + 1
    assert [rounded_up(n) for n in (1, 16, 17, 512, 513, 1_000, 4_097)] == [16, 16, 32, 512, 544, 1_024, 4_352]


@pytest.mark.parametrize("shape", [(3, 7, 8), (16, 8), (1, 1, 8)])
def test_the_result_and_the_gradients_are_those_of_torch(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer, x = Linear(8, 5), torch.randn(shape, requires_grad=True)
    found: list[torch.Tensor] = []
    expected: list[torch.Tensor] = []
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for results, compute in ((found, layer), (expected, lambda x: F.linear(x, layer.weight, layer.bias))):
            out = compute(x)
            assert out.dtype == torch.bfloat16
            results += [out, *torch.autograd.grad(out.float().square().sum(), [x, layer.weight, layer.bias])]
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.02, atol=0.02)


def test_rows_are_added_in_bf16_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    n_rows: list[int] = []
    plain = F.linear

    def noting(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        n_rows.append(x.numel() // x.size(-1))
        return plain(x, weight, bias)

    monkeypatch.setattr(F, "linear", noting)
    x, weight = torch.randn(3, 7, 8), torch.randn(5, 8)
    linear(x, weight)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        linear(x, weight)
        with torch.no_grad():
            linear(x, weight)
    assert n_rows == [21, 32, 21]
