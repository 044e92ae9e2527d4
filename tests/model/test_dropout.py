from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from mtkit.model.dropout import Dropout, seed_dropout


def masks(seed: int, update: int) -> torch.Tensor:
    """What two layers in a row make of ones."""
    seed_dropout(seed, update)
    layer = Dropout(0.5)
    return torch.cat([layer(torch.ones(40)), layer(torch.ones(40))])


def test_dropout_is_a_function_of_seed_and_update() -> None:
    assert torch.equal(masks(1, 7), masks(1, 7))
    assert not torch.equal(masks(1, 7), masks(1, 8))
    assert not torch.equal(masks(1, 7), masks(2, 7))


def test_threads_draw_for_themselves() -> None:
    alone = masks(1, 7)
    seed_dropout(1, 7)
    with ThreadPoolExecutor(1) as other:
        assert torch.equal(other.submit(masks, 1, 7).result(), alone)
        other.submit(masks, 3, 9).result()
    layer = Dropout(0.5)
    assert torch.equal(torch.cat([layer(torch.ones(40)), layer(torch.ones(40))]), alone)


def test_the_parts_of_an_update_draw_different_masks() -> None:
    layer, drawn = Dropout(0.5), []
    for part in (0, 1, 2, 1):
        seed_dropout(1, 7, part)
        drawn.append(layer(torch.ones(40)))
    assert torch.equal(drawn[1], drawn[3])
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[1], drawn[2])


def test_a_part_leaves_the_generator_of_torch_alone() -> None:
    seed_dropout(1, 7)
    state = torch.get_rng_state()
    seed_dropout(1, 8, 1)
    assert torch.equal(torch.get_rng_state(), state)
    seed_dropout(1, 8)
    assert not torch.equal(torch.get_rng_state(), state)


def test_two_layers_draw_different_masks() -> None:
    first, second = masks(1, 1).chunk(2)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_dropout_keeps_the_expectation(p: float) -> None:
    seed_dropout(0, 0)
    n = 200_000
    out = Dropout(p)(torch.full((n // 100, 100), 2.0))
    dropped = float((out == 0).float().mean())
    deviation = (p * (1 - p) / n) ** 0.5
    assert dropped == pytest.approx(p, abs=5 * deviation)
    kept = out[out != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 2.0 / (1 - p)), rtol=1e-4, atol=0)


def test_every_position_is_dropped_alike() -> None:
    seed_dropout(0, 0)
    out = Dropout(0.5)(torch.ones(4_000, 7))  # 7: no multiple of the elements that one random word serves
    shares = (out == 0).float().mean(0)
    assert ((shares - 0.5).abs() < 5 * (0.25 / 4_000) ** 0.5).all()


def test_evaluation_and_zero_leave_the_input_as_it_is() -> None:
    x = torch.randn(3, 5)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_the_gradient_passes_where_the_value_did() -> None:
    seed_dropout(0, 0)
    x = torch.ones(50, requires_grad=True)
    out = Dropout(0.5)(x)
    out.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, out.detach())
