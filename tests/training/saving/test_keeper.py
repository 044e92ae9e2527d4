from collections import deque
from pathlib import Path

import pytest
import torch

from mtkit.data.batches.batches import BatchPlan
from mtkit.data.batches.synthetic import random_store
from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.optimizer import build_optimizer
from mtkit.training.saving.checkpoint import CheckpointStore
from mtkit.training.saving.keeper import Keeper
from mtkit.training.state import TrainState
from mtkit.training.team import SOLO, Team
from tests.training.teams import Second


def keeper(run_dir: Path, team: Team, update: int) -> Keeper:
    torch.manual_seed(update)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1)
    model = EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)
    training = TrainingConfig()
    optimizer = build_optimizer(model, training)
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
