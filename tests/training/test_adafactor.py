"""Adafactor against the algorithm as the paper writes it down, and in whole runs."""

from pathlib import Path

import pytest
import torch

from mtkit.errors import ConfigError, Interrupted
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.adafactor import Adafactor
from mtkit.training.optimizer import build_optimizer, step
from mtkit.training.planning.needs import memory_needed, trained_skeleton
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after

RATE, DECAY = 0.01, 0.1


def by_hand(weight: torch.Tensor, gradients: list[torch.Tensor], decay: float) -> torch.Tensor:
    """Section 9, algorithm 4, for a matrix, with the rate in the place of the relative step."""
    weight = weight.clone().double()
    row, column = torch.zeros(weight.size(0)).double(), torch.zeros(weight.size(1)).double()
    for t, gradient in enumerate(gradients, start=1):
        beta = 1 - t**-0.8
        squares = gradient.double() ** 2 + 1e-30
        row = beta * row + (1 - beta) * squares.sum(1)
        column = beta * column + (1 - beta) * squares.sum(0)
        second = torch.outer(row, column) / row.sum()
        update = gradient.double() / second.sqrt()
        update = update / max(1.0, float(update.square().mean().sqrt()))
        weight = weight - RATE * decay * weight - RATE * update
    return weight


@pytest.mark.parametrize("decay", [0.0, DECAY])
def test_a_matrix_is_updated_as_the_paper_says(decay: float) -> None:
    torch.manual_seed(0)
    gradients = [torch.randn(5, 3) * 10.0**-k for k in range(4)]
    weight = torch.nn.Parameter(torch.randn(5, 3))
    expected = by_hand(weight.detach(), gradients, decay)
    optimizer = Adafactor([{"params": [weight], "weight_decay": decay}], lr=RATE)
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
    torch.testing.assert_close(weight.detach().double(), expected, rtol=1e-5, atol=1e-6)
    shapes = {key: tuple(tensor.shape) for key, tensor in optimizer.state[weight].items()}
    assert shapes == {"step": (), "row": (5,), "column": (3,)}


def test_a_vector_keeps_all_squares() -> None:
    weight = torch.nn.Parameter(torch.zeros(3))
    optimizer = Adafactor([weight], lr=RATE)
    weight.grad = torch.tensor([4.0, -0.5, 2.0])
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([-RATE, RATE, -RATE]))
    assert optimizer.state[weight]["square"].shape == (3,)


def test_an_update_that_is_not_finite_is_left_out_and_a_large_one_clipped() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = Adafactor([weight], lr=RATE)
    weight.grad = torch.tensor([[1.0, torch.nan], [0.0, 0.0]])
    assert not step(optimizer, 1.0).isfinite()
    assert torch.equal(weight.detach(), torch.ones(2, 2))
    assert weight not in optimizer.state
    weight.grad = torch.full((2, 2), 50.0)
    assert float(step(optimizer, 1.0)) == pytest.approx(100)
    torch.testing.assert_close(optimizer.state[weight]["row"], torch.full((2,), 0.25))  # of gradients of a half


def test_it_learns_and_takes_less_memory() -> None:
    config = ModelConfig(d_model=32, n_heads=2, d_ff=64, n_encoder_layers=1, n_decoder_layers=1)
    needs = {}
    for name in ("adamw", "adafactor"):
        training = TrainingConfig.model_validate({"optimizer": name})
        model = trained_skeleton(config, training, src_vocab_size=50, tgt_vocab_size=50)
        needs[name] = memory_needed(model, training)
        weight = torch.nn.Linear(8, 8)
        optimizer = build_optimizer(weight, training)  # type: ignore[arg-type]
        x = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))
        losses = []
        for _ in range(300):
            loss = (weight(x) - x.flip(1)).square().mean()
            losses.append(float(loss.detach()))
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] = 1e-2
            step(optimizer, 1.0)
            optimizer.zero_grad()
        assert losses[-1] < losses[0] / 20, name
    n = needs["adamw"]["weights"]
    assert needs["adamw"] == {"weights": n, "gradients": n, "optimiser": 2 * n}
    assert needs["adafactor"]["optimiser"] < n / 5


def test_a_killed_run_goes_on_bit_for_bit(toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = toy_task.recipe(training__optimizer="adafactor", training__max_updates=6, training__validate_every=6)
    train(settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        with pytest.raises(Interrupted):
            train(settings, tmp_path / "killed")
    train(settings, tmp_path / "killed")
    assert_same_run(tmp_path / "whole", tmp_path / "killed", 6)
    assert any(name.endswith("/row") for name in load_checkpoint(tmp_path / "whole" / "last").optimizer)


def test_settings_of_adam_do_nothing_for_it(toy_task: ToyTask) -> None:
    with pytest.raises(ConfigError, match="adam_betas: does nothing with optimizer: adafactor"):
        toy_task.recipe(training__optimizer="adafactor", training__adam_betas=[0.9, 0.99]).config()
