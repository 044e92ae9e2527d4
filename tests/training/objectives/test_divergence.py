import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.training.objectives import cross_entropy
from mtkit.training.objectives.cross_entropy import projected_cross_entropy
from mtkit.training.objectives.divergence import Projection, Shares, projected_divergence, projected_pair

pytestmark = pytest.mark.processor

N, D, V = 11, 6, 13
SHARES = {
    "r_drop": Shares(1, 1, 2.5, 2.5),
    "simcut": Shares(1, 0, 3, 0),
    "all": Shares(0.7, 0.3, 1.5, 0.4),
    "backward": Shares(1, 0, 0, 2),
    "fixed": Shares(1, 0.5, 2, 0.3, clean_is_fixed=True),
}


def made(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return (2 * torch.randn(*shape, dtype=dtype)).requires_grad_()


@pytest.fixture
def targets() -> Tensor:
    torch.manual_seed(0)
    found = torch.randint(1, V, (N,))
    found[3] = found[8] = 0  # padding
    return found


@pytest.fixture(autouse=True, params=[1, 4, 100])
def chunk_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cross_entropy._CHUNK_LOGITS, "cpu", request.param * 2 * V)


def slow_divergence(p_logits: Tensor, q_logits: Tensor, real: Tensor) -> Tensor:
    """Word by word, as the definition says."""
    p, q = p_logits.softmax(-1), q_logits.softmax(-1)
    return sum((p[n] * (p[n] / q[n]).log()).sum() for n in range(N) if real[n])  # type: ignore[return-value]


def assert_same(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_a_divergence_and_its_gradients_are_those_of_the_definition(targets: Tensor, temperature: float) -> None:
    """Of a teacher that has a width and a weight of its own."""
    inputs = [made(N, D), made(V, D), made(V), made(N, 4), made(V, 4), made(V)]
    p, q = Projection(*inputs[:3]), Projection(*inputs[3:])
    real = targets.ne(0)
    found = projected_divergence(p, q, real, temperature=temperature)
    logits = [(hidden @ weight.t() + bias) / temperature for hidden, weight, bias in (inputs[:3], inputs[3:])]
    expected = slow_divergence(logits[0], logits[1], real)
    torch.testing.assert_close(found, expected)
    assert_same(torch.autograd.grad(found * 0.3, inputs), torch.autograd.grad(expected * 0.3, inputs))


def test_what_asks_for_no_gradient_gets_none_and_changes_none(targets: Tensor) -> None:
    inputs = [made(N, D), made(V, D), made(V), made(N, D), made(V, D), made(V)]
    whole = projected_divergence(Projection(*inputs[:3]), Projection(*inputs[3:]), targets.ne(0))
    expected = torch.autograd.grad(whole, inputs)
    for trained in range(6):
        alone = [each if index == trained else each.detach() for index, each in enumerate(inputs)]
        found = projected_divergence(Projection(*alone[:3]), Projection(*alone[3:]), targets.ne(0))
        assert torch.equal(torch.autograd.grad(found, alone[trained])[0], expected[trained])


def test_equal_predictions_do_not_diverge(targets: Tensor) -> None:
    hidden, weight = made(N, D), made(V, D)
    found = projected_divergence(Projection(hidden, weight), Projection(hidden.detach(), weight), targets.ne(0))
    assert found.item() == 0
    assert all(gradient.abs().max() < 1e-12 for gradient in torch.autograd.grad(found, [hidden, weight]))


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
@pytest.mark.parametrize(("smoothing", "with_bias"), [(0.0, False), (0.1, True)])
def test_the_losses_of_two_passes_are_those_of_the_definitions(
    targets: Tensor, shares: Shares, smoothing: float, with_bias: bool
) -> None:
    clean, other, weight = made(N, D), made(N, D), made(V, D)
    bias = made(V) if with_bias else None
    inputs = [clean, other, weight, *([] if bias is None else [bias])]
    found = projected_pair(clean, other, weight, targets, bias=bias, pad_id=0, smoothing=smoothing, shares=shares)
    logits = [each @ weight.t() + (0 if bias is None else bias) for each in (clean, other)]
    entropies = [
        F.cross_entropy(each, targets, ignore_index=0, label_smoothing=smoothing, reduction="sum") for each in logits
    ]
    first = logits[0].detach() if shares.clean_is_fixed else logits[0]
    forward = slow_divergence(first, logits[1], targets.ne(0))
    backward = slow_divergence(logits[1], first, targets.ne(0))
    total = shares.clean * entropies[0] + shares.other * entropies[1]
    total = total + shares.forward * forward + shares.backward * backward
    nll = F.cross_entropy(logits[0], targets, ignore_index=0, reduction="sum")
    assert_same(
        (found.total, found.nll, *found.cross_entropy, found.forward, found.backward),
        (total, nll, *entropies, forward, backward),
    )
    assert_same(torch.autograd.grad(found.total * 0.3, inputs), torch.autograd.grad(total * 0.3, inputs))


def test_padding_changes_nothing(targets: Tensor) -> None:
    clean, other, weight = made(N, D), made(N, D), made(V, D)
    real, shares = targets.ne(0), SHARES["all"]

    def gradients(rows: Tensor) -> tuple[Tensor, ...]:
        loss = projected_pair(clean[rows], other[rows], weight, targets[rows], pad_id=0, smoothing=0.1, shares=shares)
        return loss.total, *torch.autograd.grad(loss.total, [clean, other, weight])

    assert_same(gradients(torch.ones_like(real)), gradients(real))


def test_the_parts_of_a_pair_carry_no_gradient(targets: Tensor) -> None:
    loss = projected_pair(made(N, D), made(N, D), made(V, D), targets, pad_id=0, smoothing=0.1, shares=SHARES["all"])
    rest = (loss.nll, *loss.cross_entropy, loss.forward, loss.backward)
    assert loss.total.requires_grad
    assert not any(each.requires_grad for each in rest)


def test_in_single_precision_the_first_pass_has_the_cross_entropy_of_its_own_kernel(targets: Tensor) -> None:
    clean, other, weight = (made(*shape, dtype=torch.float32) for shape in ((N, D), (N, D), (V, D)))
    pair = projected_pair(clean, other, weight, targets, pad_id=0, smoothing=0.1, shares=Shares(1, 0, 0, 0))
    total, nll = projected_cross_entropy(clean, weight, targets, pad_id=0, smoothing=0.1)
    assert_same((pair.total, pair.nll), (total, nll))
    expected = torch.autograd.grad(total, [clean, weight])
    assert_same(torch.autograd.grad(pair.total, [clean, weight]), expected)


def test_huge_logits_stay_finite(targets: Tensor) -> None:
    clean = torch.full((N, D), 1e4, requires_grad=True)
    other = torch.full((N, D), -1e4, requires_grad=True)
    loss = projected_pair(clean, other, torch.eye(V, D), targets, pad_id=0, smoothing=0.1, shares=SHARES["all"])
    assert all(each.isfinite().all() for each in (loss.total, *torch.autograd.grad(loss.total, [clean, other])))


def test_autocast_computes_the_products_in_bfloat16_and_the_losses_in_float32(targets: Tensor) -> None:
    clean, other, weight = (made(*shape, dtype=torch.float32) for shape in ((N, D), (N, D), (V, D)))
    inputs, numbers = [clean, other, weight], []
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            loss = projected_pair(clean, other, weight, targets, pad_id=0, smoothing=0.1, shares=SHARES["simcut"])
        numbers.append((loss.total, *torch.autograd.grad(loss.total, inputs)))
    for exact, rounded in itertools.zip_longest(*numbers):
        assert rounded.dtype == torch.float32
        assert not torch.equal(exact, rounded)
        assert (exact - rounded).norm() < 0.03 * exact.norm()  # bf16 keeps 8 bits: relative errors of 0.4 % each
