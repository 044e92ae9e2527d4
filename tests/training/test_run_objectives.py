"""Objectives in runs: killed and resumed, by several threads, in bf16, with parts of the model frozen."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.machine.compute import Compute
from mtkit.machine.device import Precision
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.accumulation import GradientAccumulator
from mtkit.training.objectives.objective import objective_of
from mtkit.training.planning.memory import MemoryProbe
from mtkit.training.planning.needs import activation_bytes, trained_skeleton
from mtkit.training.run import train
from mtkit.training.working_copy import WorkingCopy
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run

pytestmark = pytest.mark.processor

KINDS: dict[str, dict[str, Any]] = {
    "r_drop": {"consistency": {"method": "r_drop"}},
    "simcut": {"consistency": {"method": "simcut", "cutoff": 0.2}},
    "fgm": {"adversarial": {"method": "fgm"}},
    "vat": {"adversarial": {"method": "vat"}},
}
BATCHES = [
    collate([[5, 6, 7], [8], [9, 10], [11], [12, 13]], [[14], [15, 16, 17], [18], [19, 20], [21]], OWN),
    collate([[5, 9], [6]], [[7, 8], [9, 10, 11]], OWN),
]


def settings_of(kind: str) -> dict[str, Any]:
    return {f"training__{section}": values for section, values in KINDS[kind].items()}


def new_model(dropout: float, d_model: int = 16) -> EncoderDecoder:
    torch.manual_seed(0)
    config = ModelConfig(
        d_model=d_model, n_heads=2, d_ff=2 * d_model, n_encoder_layers=1, n_decoder_layers=1, dropout=dropout
    )
    return EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)


def gradients(kind: str, batches: list[Batch], *, dropout: float, n_workers: int = 1) -> dict[str, Tensor]:
    model = new_model(dropout).double()
    objective = objective_of(TrainingConfig.model_validate(KINDS[kind]), pad_id=0)
    working = WorkingCopy(model, compute=Compute(torch.device("cpu"), "fp32", 3))
    GradientAccumulator(working, objective, n_workers=n_workers)(batches, lambda part: seed_dropout(1, 4, part))
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_lost_its_newest_checkpoints_ends_bit_identical(
    kind: str, toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = toy_task.recipe(**settings_of(kind), training__max_updates=9)
    with caplog.at_level("INFO", logger="mtkit"):
        train(settings, tmp_path / "straight")
    name = "kl" if kind in ("r_drop", "simcut") else "adv"
    assert re.search(rf"loss \d+\.\d+ \(xent \d+\.\d+ {name} \d+\.\d+\)  ppl", caplog.text)
    records = [json.loads(line) for line in (tmp_path / "straight" / "metrics.jsonl").read_text().splitlines()]
    part = "consistency" if name == "kl" else "adversarial"
    reported = [record for record in records if "loss_per_token" in record]
    assert all(record[f"{part}_per_token"] > 0 and record["cross_entropy_per_token"] > 0 for record in reported)
    train(settings, tmp_path / "run")
    for update in (6, 9):
        (tmp_path / "run" / f"checkpoints/update-{update:08d}" / "state.json").write_text("{")
    train(settings, tmp_path / "run")
    assert_same_run(tmp_path / "straight", tmp_path / "run", 9)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("kind", KINDS)
def test_workers_repeat_an_update_to_the_last_bit(kind: str) -> None:
    first = gradients(kind, BATCHES, dropout=0.5, n_workers=3)
    for _ in range(3):
        again = gradients(kind, BATCHES, dropout=0.5, n_workers=3)
        assert all(torch.equal(again[name], first[name]) for name in first)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("kind", ["r_drop", "fgm"])  # in the others each part draws what differs between the passes
def test_workers_and_micro_batches_have_the_gradient_of_the_whole(kind: str) -> None:
    one = gradients(kind, BATCHES, dropout=0.0)
    for batches, n_workers in ((BATCHES, 2), ([part for batch in BATCHES for part in batch.parts(2, 0)], 1)):
        other = gradients(kind, batches, dropout=0.0, n_workers=n_workers)
        for name, gradient in one.items():
            torch.testing.assert_close(other[name], gradient)


@pytest.mark.parametrize("kind", KINDS)
def test_the_bf16_twin_has_about_the_gradient_of_fp32(kind: str) -> None:
    """On embeddings in float32, which are what is cut or moved."""
    found = {}
    for precision in ("fp32", "bf16"):
        model = new_model(dropout=0.2, d_model=32)
        compute = Compute(torch.device("cpu"), precision, 1)
        objective = objective_of(TrainingConfig.model_validate(KINDS[kind]), pad_id=0)
        accumulate = GradientAccumulator(WorkingCopy(model, compute=compute), objective)
        accumulate(BATCHES, lambda part: seed_dropout(1, 4, part))
        found[precision] = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    # Roundings of 0.4 % each, through two layers; the direction of a move is rounded too.
    assert (found["bf16"] - found["fp32"]).norm() < 0.1 * found["fp32"].norm()


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_are_trained_on_a_model_that_stays_as_it_is(kind: str, toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(training__max_updates=3), tmp_path / "base")
    settings = toy_task.recipe(
        **settings_of(kind),
        training__from=str(tmp_path / "base"),
        training__lora={"rank": 2},
        training__max_updates=4,
        data__prepared=str(tmp_path / "prepared"),
    )
    assert train(settings, tmp_path / "run").reason == "max_updates 4 reached"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", KINDS)
def test_two_passes_are_held_at_once_and_what_finds_the_move_is_not(kind: str, precision: Precision) -> None:
    """What the choice of micro-batches reckons with, and what is told of a recipe."""
    batch = collate([[5] * 20] * 8, [[6] * 20] * 8, OWN)
    training = TrainingConfig.model_validate({**KINDS[kind], "batch_tokens": 1_000})
    plain = training.model_copy(update={"consistency": TrainingConfig().consistency})
    plain = plain.model_copy(update={"adversarial": TrainingConfig().adversarial})
    model, compute = new_model(dropout=0.1, d_model=64), Compute(torch.device("cpu"), precision, 1)
    kept, told = [], []
    for each in (training, plain):
        probe = MemoryProbe(model, objective_of(each, 0), lambda _: [batch], compute=compute, training=each)
        kept.append(probe._kept_per_position(batch))
        skeleton = trained_skeleton(model.config, each, src_vocab_size=24, tgt_vocab_size=24)
        told.append(activation_bytes(skeleton, each, (20.0, 20.0), accumulate=1))
    assert 1.8 < kept[0] / kept[1] < 2.3
    assert told[0] == pytest.approx(2 * told[1], rel=1e-6)  # type: ignore[operator]


COMPILED = """
import torch
from mtkit.machine.compiling import compile_layers
from mtkit.model.dropout import seed_dropout
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.objective import objective_of
from tests.training.test_run_objectives import BATCHES, KINDS, new_model

model, found = new_model(dropout=0.2), {}
for compiled in (False, True):
    assert not compiled or compile_layers(model.layers(), torch.device("cpu"), backward_again=True)
    for kind in ("fgm", "vat", "simcut"):
        seed_dropout(1, 1)
        loss = objective_of(TrainingConfig.model_validate(KINDS[kind]), 0)(model, BATCHES[0])
        gradients = torch.autograd.grad(loss.total, list(model.parameters()), allow_unused=True)
        whole = torch.cat([each.flatten() for each in gradients if each is not None])
        difference = (whole - found.setdefault(kind, whole)).norm()
        assert difference < 1e-3 * whole.norm(), kind  # a kernel of its own rounds in its own way
"""


@pytest.mark.slow
def test_compiled_layers_have_the_same_gradients() -> None:
    run = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
