from collections import deque
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mtkit.data.batches.batches import BatchPlan
from mtkit.data.batches.synthetic import random_store
from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.optimizer import as_judged, build_optimizer
from mtkit.training.saving.checkpoint import CheckpointStore
from mtkit.training.saving.keeper import Keeper
from mtkit.training.state import TrainState
from mtkit.training.team import SOLO, Team
from tests.training.teams import Second


def keeper(run_dir: Path, team: Team, update: int, *, stepped: bool = True, **settings: Any) -> Keeper:
    torch.manual_seed(update)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1)
    model = EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)
    training = TrainingConfig.model_validate(settings)
    optimizer = build_optimizer(model, training)
    if stepped:
        sum(parameter.sum() for parameter in model.parameters()).backward()  # type: ignore[union-attr]
        optimizer.step()
    store = random_store(50, src_vocab_size=24, tgt_vocab_size=24, max_length=10)
    plan = BatchPlan(store, special=OWN, batch_tokens=100)
    return Keeper(CheckpointStore(run_dir), model, optimizer, plan, TrainState(update=update), training, team)


def test_of_several_processes_the_first_alone_writes(tmp_path: Path) -> None:
    second = keeper(tmp_path, Second(deque()), 3)
    second.state.off_schedule = [2, 3]
    second.save()
    assert list(tmp_path.iterdir()) == []
    assert second.state.off_schedule == [3]  # as in the first
    keeper(tmp_path, SOLO, 3).save()
    assert CheckpointStore(tmp_path).updates() == [3]


def test_every_process_goes_on_from_what_the_first_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = keeper(tmp_path, SOLO, 3)
    first.save()
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    second = keeper(tmp_path, Second(deque()), 1)
    monkeypatch.delattr(CheckpointStore, "link")
    second.restore()
    assert second.state == first.state
    for mine, theirs in zip(second.model.parameters(), first.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_going_back_takes_the_newest_whole_checkpoint_that_is_old_enough(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = {}
    for update in (100, 200, 300, 400):
        each = keeper(tmp_path, SOLO, update)
        each.state.fallbacks = [100, 200, 300]
        each.state.tgt_tokens = update
        expected[update] = {name: parameter.clone() for name, parameter in each.model.named_parameters()}
        list(islice(each.plan, update // 100))
        each.save()

    def newest() -> Keeper:
        other = keeper(tmp_path, SOLO, 7)
        other.restore()
        return other

    (tmp_path / "checkpoints/update-00000200/model.safetensors").write_bytes(b"")
    present = newest()
    at = present.plan.state_dict()
    position = present.go_back(250, lambda: pytest.fail("the beginning is not needed"))
    assert "update-00000200/model.safetensors: damaged" in caplog.text
    assert present.plan.state_dict() == at, "the pairs since then are left out"
    assert (present.state.update, present.state.tgt_tokens) == (100, 100)
    for name, parameter in present.model.named_parameters():
        assert torch.equal(parameter, expected[100][name])
    assert CheckpointStore(tmp_path).updates() == [100]
    assert (tmp_path / "last").resolve().name == "update-00000100"
    resumed = newest()
    assert resumed.plan.state_dict() == position
    for mine, theirs in zip(resumed.optimizer.state.values(), present.optimizer.state.values(), strict=True):
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_before_the_first_checkpoint_one_goes_back_to_the_beginning(tmp_path: Path) -> None:
    present = keeper(tmp_path, SOLO, 50)
    initial = keeper(tmp_path, SOLO, 1).model
    present.state.fallbacks = [40]
    assert present.go_back(30, lambda: initial) is None
    assert (present.state.update, present.state.fallbacks, len(present.optimizer.state)) == (0, [], 0)
    for mine, theirs in zip(present.model.parameters(), initial.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize(
    "averaged", [{"ema": {"decay": 0.9, "start": 1}}, {"optimizer": "schedule_free", "schedule": "constant"}]
)
@pytest.mark.parametrize("latest", [250, 30])
def test_averages_go_back_with_the_weights(tmp_path: Path, averaged: dict[str, Any], latest: int) -> None:
    def trained_on(one: Keeper) -> list[Tensor]:
        """Another update, and all that a checkpoint would have then."""
        for parameter in one.model.parameters():
            parameter.grad = torch.ones_like(parameter)
        one.optimizer.step()
        one.state.update += 1
        if one.ema is not None:
            one.ema.update(one.state)
        with as_judged(one.optimizer):
            weights = [parameter.detach().clone() for parameter in one.model.parameters()]
        return weights + ([] if one.ema is None else [*one.ema.tensors().values()])

    early = keeper(tmp_path, SOLO, 100, **averaged)
    early.state.fallbacks = [100]
    trained_on(early)
    early.state.update = 100
    early.save()
    late = keeper(tmp_path, SOLO, 400, **averaged)
    late.state.fallbacks = [100]
    trained_on(late)
    initial = keeper(tmp_path, SOLO, 1, stepped=False, **averaged)
    late.go_back(latest, lambda: keeper(tmp_path, SOLO, 1, stepped=False, **averaged).model)
    assert late.state.update == (100 if latest == 250 else 0)
    there = initial
    if latest == 250:
        there = keeper(tmp_path, SOLO, 7, **averaged)
        there.restore()
    else:
        there.state.update = 0
    for mine, theirs in zip(trained_on(late), trained_on(there), strict=True):
        assert torch.equal(mine, theirs)
