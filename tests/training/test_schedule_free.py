"""Schedule-Free AdamW against the algorithm as the paper writes it down, and in whole runs."""

from pathlib import Path

import pytest
import torch

from mtkit.errors import ConfigError, Interrupted
from mtkit.settings.training import TrainingConfig
from mtkit.training.optimizer import as_judged, step
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from mtkit.training.schedule import learning_rate, learning_rate_at
from mtkit.training.schedule_free import ScheduleFree
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after

BETAS, EPS, WARMUP, PEAK = (0.9, 0.98), 1e-9, 10, 0.02


def rates() -> list[float]:
    return [PEAK * min(1.0, t / WARMUP) for t in range(1, 51)]


def slope(y: torch.Tensor, t: int) -> torch.Tensor:
    """The gradient of some function that changes all the time."""
    return torch.sin(3 * y + t) + 0.1 * y


def by_hand(start: torch.Tensor, decay: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Algorithm 1, one number after the other, its x of the update before last written out."""
    x, z, v, total = start.double().clone(), start.double().clone(), torch.zeros(start.shape).double(), 0.0
    y = x
    for t, rate in enumerate(rates(), start=1):
        y = (1 - BETAS[0]) * z + BETAS[0] * x
        g = slope(y, t)
        v = BETAS[1] * v + (1 - BETAS[1]) * g * g
        v_hat = v / (1 - BETAS[1] ** t)
        z = z - rate * (g / (v_hat.sqrt() + EPS) + decay * y)
        weight = max(rates()[:t]) ** 2
        total += weight
        x = (1 - weight / total) * x + weight / total * z
    return x, (1 - BETAS[0]) * z + BETAS[0] * x, z


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_fifty_updates_are_those_of_the_paper(decay: float) -> None:
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(4, 3, dtype=torch.float64))
    x, y, z = by_hand(weight.detach(), decay)
    optimizer = ScheduleFree([{"params": [weight], "weight_decay": decay}], lr=PEAK, betas=BETAS, eps=EPS)
    for t, rate in enumerate(rates(), start=1):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = slope(weight.detach(), t)
        optimizer.step()
    torch.testing.assert_close(weight.detach(), y, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(optimizer.state[weight]["z"], z, rtol=1e-6, atol=1e-6)
    before = weight.detach().clone()
    with as_judged(optimizer):
        torch.testing.assert_close(weight.detach(), x, rtol=1e-6, atol=1e-6)
    assert torch.equal(weight.detach(), before)


def test_an_update_that_is_not_finite_is_left_out_and_a_large_one_clipped() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = ScheduleFree([weight], lr=PEAK, betas=BETAS, eps=EPS)
    weight.grad = torch.tensor([[1.0, torch.nan], [0.0, 0.0]])
    assert not step(optimizer, 1.0).isfinite()
    assert torch.equal(weight.detach(), torch.ones(2, 2))
    assert weight not in optimizer.state
    weight.grad = torch.full((2, 2), 50.0)
    assert float(step(optimizer, 1.0)) == pytest.approx(100)
    of_a_half = (1 - BETAS[1]) * torch.full((2, 2), 0.25)
    torch.testing.assert_close(optimizer.state[weight]["exp_avg_sq"], of_a_half)


def test_before_the_first_update_the_average_is_the_model() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    with as_judged(ScheduleFree([weight], lr=PEAK, betas=BETAS, eps=EPS)):
        assert torch.equal(weight.detach(), torch.ones(2))


@pytest.mark.processor
def test_a_killed_run_goes_on_bit_for_bit(toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"training__optimizer": "schedule_free", "training__max_updates": 7, "training__warmup_updates": 3}
    settings = toy_task.recipe(**values, training__validate_every=2)
    train(settings, tmp_path / "whole")
    for stop in (1, 4):
        with monkeypatch.context() as patch:
            interrupted_after(stop, patch)
            with pytest.raises(Interrupted):
                train(settings, tmp_path / "killed")
    train(settings, tmp_path / "killed")
    assert_same_run(tmp_path / "whole", tmp_path / "killed", 7)
    saved = load_checkpoint(tmp_path / "whole" / "last")
    name = next(iter(saved.model))
    assert not torch.equal(saved.model[name], saved.optimizer[f"{name}/z"])  # the model is x


def test_it_needs_no_schedule() -> None:
    config = TrainingConfig.model_validate({"optimizer": "schedule_free", "warmup_updates": 4, "learning_rate": 0.8})
    assert config.schedule == "constant"
    assert [learning_rate(update, config) for update in (1, 4, 99_999)] == [0.2, 0.8, 0.8]
    by_time = TrainingConfig.model_validate(config.model_dump() | {"max_minutes": 1})
    assert [learning_rate_at(share, 9, by_time) for share in (0.2, 0.9, 1.0)] == [0.8, 0.8, 0.8]


def test_minutes_leave_it_without_one(toy_task: ToyTask) -> None:
    settings = toy_task.recipe(training__optimizer="schedule_free", training__max_minutes=1)
    assert settings.config().training.schedule == "constant"


def test_another_schedule_is_refused(toy_task: ToyTask) -> None:
    values = {"training__optimizer": "schedule_free", "training__warmup_updates": 3}
    settings = toy_task.recipe(**values, training__schedule="cosine")
    with pytest.raises(ConfigError, match="schedule: cosine does not go with optimizer: schedule_free; write constant"):
        settings.config()
