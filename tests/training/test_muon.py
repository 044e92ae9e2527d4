"""Muon against the iteration as the paper writes it down, beside torch's AdamW, and in whole runs."""

from pathlib import Path

import pytest
import torch

from mtkit.errors import ConfigError, Interrupted
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.muon import Muon, hidden_matrices, orthogonal
from mtkit.training.optimizer import build_optimizer, step
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after

RATE, DECAY, BETAS, EPS = 0.01, 0.1, (0.9, 0.98), 1e-9


def by_svd(matrix: torch.Tensor) -> torch.Tensor:
    """The polynomial of the iteration on each singular value: the singular vectors stay."""
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / s.square().sum().sqrt()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ torch.diag(s) @ v


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
def test_steps_are_orthogonal_up_to_their_singular_values(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(orthogonal(matrix), by_svd(matrix))
    if shape != (6, 6):  # none of whose singular values is near zero
        found = torch.linalg.svdvals(orthogonal(matrix))
        assert 0.6 < float(found.min()) <= float(found.max()) < 1.25
    assert torch.equal(orthogonal(torch.zeros(shape)), torch.zeros(shape))


def test_a_weight_of_two_matrices_is_updated_matrix_by_matrix_and_the_rest_as_by_adamw() -> None:
    torch.manual_seed(0)
    start, others = torch.randn(8, 3, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    stacked, vector, twin = (torch.nn.Parameter(each.clone()) for each in (start, others, others))
    optimizer = Muon(
        [{"params": [vector]}, {"params": [stacked], "weight_decay": DECAY, "n_stacked": 2}],
        lr=RATE,
        betas=BETAS,
        eps=EPS,
    )
    adamw = torch.optim.AdamW([twin], lr=RATE, betas=BETAS, eps=EPS, weight_decay=0.0, fused=True)
    expected, momentum = start.clone(), torch.zeros_like(start)
    for t in range(1, 5):
        gradient = torch.randn(8, 3, dtype=torch.float64)
        stacked.grad, vector.grad, twin.grad = gradient.clone(), vector.detach() * t, vector.detach() * t
        for each in (optimizer, adamw):
            for group in each.param_groups:
                group["lr"] = RATE / t
            each.step()
        momentum = 0.95 * momentum + 0.05 * gradient
        ahead = 0.05 * gradient + 0.95 * momentum
        expected = expected * (1 - RATE / t * DECAY)
        for rows in (slice(0, 4), slice(4, 8)):
            expected[rows] -= RATE / t * 0.2 * 4**0.5 * by_svd(ahead[rows])
    torch.testing.assert_close(stacked.detach(), expected)
    torch.testing.assert_close(vector.detach(), twin.detach())


def test_it_is_for_the_linear_maps_of_layers() -> None:
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1)
    model = EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)
    hidden = hidden_matrices(model)
    names = {name for name, weight in model.named_parameters() if weight in hidden}
    assert all(name.startswith(("encoder.layers.", "decoder.layers.")) for name in names)
    assert set(hidden.values()) == {1, 2}
    optimizer = build_optimizer(model, TrainingConfig.model_validate({"optimizer": "muon"}))
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    assert {weight for group in optimizer.param_groups if group["n_stacked"] for weight in group["params"]} == {*hidden}


def test_an_update_that_is_not_finite_is_left_out_and_a_large_one_clipped() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = Muon([{"params": [weight], "n_stacked": 1}], lr=RATE, betas=BETAS, eps=EPS)
    weight.grad = torch.tensor([[1.0, torch.nan], [0.0, 0.0]])
    assert not step(optimizer, 1.0).isfinite()
    assert torch.equal(weight.detach(), torch.ones(2, 2))
    assert weight not in optimizer.state
    weight.grad = torch.full((2, 2), 50.0)
    assert float(step(optimizer, 1.0)) == pytest.approx(100)
    torch.testing.assert_close(optimizer.state[weight]["momentum"], torch.full((2, 2), 0.05 * 0.5))


@pytest.mark.processor
def test_a_killed_run_goes_on_bit_for_bit(toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = toy_task.recipe(training__optimizer="muon", training__max_updates=6, training__validate_every=6)
    train(settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        with pytest.raises(Interrupted):
            train(settings, tmp_path / "killed")
    train(settings, tmp_path / "killed")
    assert_same_run(tmp_path / "whole", tmp_path / "killed", 6)
    keys = {name.rpartition("/")[2] for name in load_checkpoint(tmp_path / "whole" / "last").optimizer}
    assert keys == {"momentum", "exp_avg", "exp_avg_sq", "step"}


def test_it_does_nothing_for_adapters(toy_task: ToyTask) -> None:
    settings = toy_task.recipe(training__optimizer="muon", training__from="base", training__lora={"rank": 2})
    with pytest.raises(ConfigError, match="optimizer: muon does nothing with lora"):
        settings.config()
