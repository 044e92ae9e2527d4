"""What a run does and notes in each update."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.data.tokens.special import OWN
from mtkit.errors import TrainingError
from mtkit.model.cost import FORWARD_AND_BACKWARD, forward_flop
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run

pytestmark = pytest.mark.processor


def test_metrics_hold_each_update_once(straight: Path) -> None:
    records = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    assert [r["update"] for r in records if "loss_per_token" in r] == [3, 6, 9, 12]
    assert [r["update"] for r in records if "valid_bleu" in r] == [6, 12]
    assert all(r["padding_share"] < 0.2 for r in records if "padding_share" in r)


def test_mfu_is_the_arithmetic_of_the_real_tokens_over_the_peak_in_the_log(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        train(toy_task.recipe(training__max_updates=3), tmp_path / "run")
    found = re.search(r"lines below is the share of ([\d.]+) ([GT])FLOP/s, measured", caplog.text)
    assert found is not None
    peak = float(found[1]) * {"G": 1e9, "T": 1e12}[found[2]]
    record = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[0])
    src, tgt = record["src_tokens_per_second"], record["tgt_tokens_per_second"]
    model = toy_task.recipe().config().model
    forward = forward_flop(model, n_sentences=tgt / 5, n_src_tokens=src, n_tgt_tokens=tgt, vocab_size=24)
    flop = FORWARD_AND_BACKWARD * sum(forward.values())
    assert record["mfu"] == pytest.approx(flop / peak, rel=0.05)  # the peak is rounded, 5 tokens are the mean length


def test_accumulated_micro_batches_train_as_one_large_batch(toy_task: ToyTask) -> None:
    """Oracle: the gradient of all pairs of the update at once, without dropout."""
    from mtkit.data.batches.batch import Batch, collate
    from mtkit.model.encoder_decoder import EncoderDecoder
    from mtkit.training.objectives.cross_entropy import CrossEntropy

    config = toy_task.recipe(model__dropout=0.0).config().model
    torch.manual_seed(0)
    model = EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)
    objective = CrossEntropy(pad_id=0, smoothing=0.1)
    pairs = [([5, 6, 7], [8]), ([9], [10, 11, 12, 13, 14]), ([15, 16], [17, 18])]

    def gradient(batches: list[Batch]) -> list[torch.Tensor]:
        model.zero_grad()
        n_tokens = sum(batch.n_tgt_tokens for batch in batches)
        for batch in batches:
            (objective(model, batch).total / n_tokens).backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    whole = gradient([collate([s for s, _ in pairs], [t for _, t in pairs], OWN)])
    parts = gradient([collate([s], [t], OWN) for s, t in pairs])
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other)


def test_an_update_that_is_not_finite_is_skipped_and_counted(toy_task: ToyTask, tmp_path: Path) -> None:
    from mtkit.training import loop, optimizer
    from mtkit.training.team import Team

    measured: list[tuple[int, torch.Tensor]] = []
    original = optimizer.step

    def poison(adam: torch.optim.AdamW, max_grad_norm: float, team: Team) -> torch.Tensor:
        weight = adam.param_groups[0]["params"][0]
        update = len(measured) + 1
        if update == 4:
            weight.grad[0, 0] = float("nan")
        before = weight.detach().clone()
        grad_norm = original(adam, max_grad_norm, team)
        measured.append((update, (weight.detach() - before).abs().max()))
        return grad_norm

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "step", poison)
        train(toy_task.recipe(), tmp_path / "run")
    changes = dict(measured)
    assert changes[4] == 0
    assert all(change > 0 for update, change in changes.items() if update != 4)
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert (state["bad_updates"], state["bad_in_a_row"]) == (1, 0)
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(math.isfinite(value) for record in records for value in record.values())


def test_too_many_bad_updates_in_a_row_end_the_run_with_the_last_good_checkpoint(
    toy_task: ToyTask, tmp_path: Path
) -> None:
    settings = toy_task.recipe(
        training__learning_rate=10,
        training__weight_decay=10,  # what is far too much turns the weights over and makes them larger at each update
        training__max_bad_updates=2,
        training__warmup_updates=0,
        training__max_updates=200,
    )
    with pytest.raises(TrainingError, match=r"not finite in 2 updates in a row .* lower training.learning_rate"):
        train(settings, tmp_path / "run")


def test_tensorboard_gets_the_same_numbers(toy_task: ToyTask, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(toy_task.recipe(training__tensorboard=True), tmp_path / "run")
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss_per_token")] == [3, 6, 9, 12]
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    perplexities = [r["valid_perplexity"] for r in records if "valid_perplexity" in r]
    assert [event.value for event in events.Scalars("valid/perplexity")] == pytest.approx(perplexities, rel=1e-6)


def test_a_batch_that_exhausts_the_memory_does_not_end_the_run(
    toy_task: ToyTask, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mtkit.training.objectives.cross_entropy import CrossEntropy

    original, n_failed = CrossEntropy.__call__, 0

    def fail_now_and_then(self: CrossEntropy, model: Any, batch: Any) -> Any:
        nonlocal n_failed
        if model.training and len(batch.src) > 15:
            n_failed += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return original(self, model, batch)

    monkeypatch.setattr(CrossEntropy, "__call__", fail_now_and_then)
    train(toy_task.recipe(training__accumulate=2), tmp_path / "run")
    assert n_failed > 2
    assert caplog.text.count("does not fit the memory") == 1
    ours, theirs = (load_checkpoint(path / "last").state for path in (tmp_path / "run", straight))
    assert ours["data"] == theirs["data"]
    assert ours["train"]["tgt_tokens"] == theirs["train"]["tgt_tokens"]


def test_auto_fits_the_micro_batches_to_the_memory_once(
    toy_task: ToyTask, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mtkit.training.planning import memory

    monkeypatch.setattr(memory.MemoryProbe, "__call__", lambda self, n_tokens: n_tokens <= 100)  # noqa: ARG005
    settings = toy_task.recipe(training__accumulate="auto")
    with caplog.at_level("INFO", logger="mtkit"):
        train(toy_task.recipe(training__accumulate="auto", training__max_updates=6), tmp_path / "run")
    assert "memory: an update of 200 target tokens in 2 micro-batches" in caplog.text
    monkeypatch.setattr(memory.MemoryProbe, "__call__", lambda self, n_tokens: True)  # noqa: ARG005
    train(settings, tmp_path / "run")
    assert_same_run(straight, tmp_path / "run", 12)
    train(settings, tmp_path / "run", overwrite=True)
    assert json.loads((tmp_path / "run" / "fitted.json").read_text())["accumulate"] == 1


def test_the_share_of_time_spent_waiting_for_data_is_recorded(straight: Path) -> None:
    records = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    shares = [r["data_wait_share"] for r in records if "loss_per_token" in r]
    assert len(shares) == 4
    assert all(0 <= share < 1 for share in shares)
