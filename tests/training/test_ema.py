"""The moving average of the weights: by itself, and in whole runs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mtkit.bench.description import describe_model, table
from mtkit.errors import CheckpointError, ConfigError, Interrupted
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.ema import FILE, Ema, averaged_weights
from mtkit.training.finish import average_into_bundle
from mtkit.training.planning.needs import memory_needed
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint, read_state
from mtkit.training.state import TrainState
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after


def model() -> EncoderDecoder:
    torch.manual_seed(0)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1)
    return EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)


def training(**ema: Any) -> TrainingConfig:
    return TrainingConfig.model_validate({"ema": ema, "warmup_updates": 3})


def test_the_average_is_that_of_the_weights_since_it_began() -> None:
    trained, state = model(), TrainState()
    trained.decoder.requires_grad_(False)  # what is frozen has none
    ema = Ema(trained, training(decay=0.4))
    expected: dict[str, torch.Tensor] = {}
    for update in range(1, 12):
        state.update = update
        with torch.no_grad():
            for weight in trained.parameters():
                if weight.requires_grad:
                    weight.add_(torch.randn(weight.shape) / update)
        ema.update(state)
        assert ema.has_begun == (update >= 3)
        if update < 3:
            continue
        n = update - 3
        kept = 0.0 if n == 0 else min(0.4, (1 + n) / (10 + n))
        for name, weight in trained.named_parameters():
            if weight.requires_grad:
                before = expected.get(name, weight.detach())
                expected[name] = kept * before + (1 - kept) * weight.detach()
    found = ema.tensors()
    assert found.keys() == expected.keys()
    assert not any(name.startswith("decoder.") for name in found)
    for name, average in found.items():
        torch.testing.assert_close(average, expected[name], rtol=1e-5, atol=1e-6)
    assert state.ema_updates == 9


def test_it_begins_where_it_is_told_to_or_at_the_end_of_the_warm_up() -> None:
    def begins(config: TrainingConfig, share: float = 0.0) -> int:
        ema, state = Ema(model(), config), TrainState(share=share)
        while not ema.has_begun:
            state.update += 1
            ema.update(state)
        return state.update

    assert begins(training(decay=0.9)) == 3
    assert begins(training(decay=0.9, start=5)) == 5
    by_time = TrainingConfig.model_validate({"ema": {"decay": 0.9}, "max_minutes": 1, "schedule": "linear"})
    assert begins(by_time, share=0.1) == 1  # where the warm-up ends by the clock


def test_in_the_model_for_a_while_and_back_again() -> None:
    trained, state = model(), TrainState(update=3)
    ema = Ema(trained, training(decay=0.9))
    ema.update(state)
    with torch.no_grad():
        for weight in trained.parameters():
            weight.add_(1.0)
    weights = {name: weight.detach().clone() for name, weight in trained.named_parameters()}
    averages = {name: average.clone() for name, average in ema.tensors().items()}

    def look() -> None:
        with ema.in_model():
            assert all(torch.equal(weight, averages[name]) for name, weight in trained.named_parameters())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look()
    assert all(torch.equal(weight, weights[name]) for name, weight in trained.named_parameters())
    assert all(torch.equal(average, averages[name]) for name, average in ema.tensors().items())


VALUES = {"training__ema": {"decay": 0.9, "start": 2}, "training__max_updates": 7, "training__validate_every": 2}


@pytest.fixture(scope="module")
def whole(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 7 updates that keeps an average."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    train(toy_task.recipe(**VALUES), run_dir)
    return run_dir


@pytest.mark.processor
@pytest.mark.parametrize("stops", [(1,), (2, 3)])
def test_a_killed_run_goes_on_bit_for_bit(
    toy_task: ToyTask, whole: Path, tmp_path: Path, stops: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for stop in stops:
        with monkeypatch.context() as patch:
            interrupted_after(stop, patch)
            with pytest.raises(Interrupted):
                train(toy_task.recipe(**VALUES), tmp_path / "killed")
    train(toy_task.recipe(**VALUES), tmp_path / "killed")
    assert_same_run(whole, tmp_path / "killed", 7)
    one, other = (load_checkpoint(run_dir / "last").extra[FILE] for run_dir in (whole, tmp_path / "killed"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_it_leaves_the_weights_as_they_would_be_without_it(toy_task: ToyTask, whole: Path, tmp_path: Path) -> None:
    train(toy_task.recipe(**{key: value for key, value in VALUES.items() if "ema" not in key}), tmp_path / "run")
    one, other = (load_checkpoint(run_dir / "last").model for run_dir in (whole, tmp_path / "run"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def measures(run_dir: Path) -> list[dict[str, float]]:
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [record for line in lines if "valid_loss_per_token" in (record := json.loads(line))]


def test_validations_measure_both_and_count_the_better_one(whole: Path) -> None:
    found = measures(whole)
    assert [record["update"] for record in found] == [2, 4, 6, 7]
    by_ema = []
    for record in found:
        losses = record["valid_plain_loss_per_token"], record["valid_ema_loss_per_token"]
        assert record["valid_loss_per_token"] == min(losses)
        by_ema += [record["update"]] if losses[1] < losses[0] else []
    assert read_state(whole / "last")["train"]["better_by_ema"] == by_ema
    assert found[0]["valid_plain_loss_per_token"] == found[0]["valid_ema_loss_per_token"]  # it has just begun


def test_the_model_has_the_average_where_that_was_better(toy_task: ToyTask, tmp_path: Path) -> None:
    """A rate so high that the weights jump about: their average is better."""
    values = VALUES | {"training__learning_rate": 0.1, "training__warmup_updates": 2, "training__max_updates": 20}
    values |= {"training__validate_every": 10, "training__save_every": 10}
    run_dir = tmp_path / "run"
    train(toy_task.recipe(**values), run_dir)
    train_state = read_state(run_dir / "last")["train"]
    best = train_state["best_update"]
    assert best in train_state["better_by_ema"]
    bundle, manifest = (
        load_file(run_dir / "model/model.safetensors"),
        json.loads((run_dir / "model/mtkit.json").read_text()),
    )
    assert (manifest["weights"], manifest["updates"]) == ("ema", [best])
    averages = averaged_weights(run_dir / f"checkpoints/update-{best:08d}")
    assert all(torch.equal(bundle[name], averages[name]) for name in averages)
    before = (run_dir / "model/mtkit.json").stat().st_mtime_ns
    train(toy_task.recipe(**values), run_dir)  # there is nothing to do
    assert (run_dir / "model/mtkit.json").stat().st_mtime_ns == before


def test_a_checkpoint_without_one_says_so(whole: Path) -> None:
    path = whole / "checkpoints" / "update-00000007"
    assert (path / FILE).exists()
    with pytest.raises(CheckpointError, match=r"has no average of the weights: training.ema had none"):
        averaged_weights(path.parent)


def test_it_takes_the_memory_of_the_trained_weights() -> None:
    needed = memory_needed(model(), training(decay=0.9))
    assert needed["average"] == needed["weights"] > 0
    assert "average" not in memory_needed(model(), training())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"training__ema": {"start": 5}}, "ema.start: does nothing here: give ema.decay, such as 0.999"),
        ({"training__ema": {"decay": 1.0}}, "ema.decay: "),
        ({"training__ema": {"decay": 0.0}}, "ema.decay: "),
        ({"training__ema": {"decay": 0.9, "start": 12}}, r"ema.start: \(12\) must be below max_updates \(12\)"),
        (
            {"training__ema": {"decay": 0.9}, "training__optimizer": "schedule_free"},
            "ema.decay: does nothing beside optimizer: schedule_free, whose model is an average already",
        ),
    ],
)
def test_what_does_nothing_is_refused(toy_task: ToyTask, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        toy_task.recipe(**values).config()


def test_beside_averaged_checkpoints_the_lower_loss_decides(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_dir = tmp_path / "run"
    with caplog.at_level("INFO", logger="mtkit"):
        train(toy_task.recipe(**VALUES, training__average={"n": 2, "by": "last"}), run_dir)
    told = [
        record.getMessage() for record in caplog.records if "would have a validation loss of" in record.getMessage()
    ]
    losses = [float(line.rpartition(" ")[2]) for line in told]
    assert len(losses) == 2
    best = min(measures(run_dir), key=lambda record: record["valid_loss_per_token"])["valid_loss_per_token"]
    assert losses[0] == pytest.approx(best, abs=1e-4)
    manifest = json.loads((run_dir / "model/mtkit.json").read_text())
    updates = [6, 7] if losses[1] < losses[0] else [read_state(run_dir / "last")["train"]["best_update"]]
    assert manifest["updates"] == updates


def test_average_makes_a_model_of_it(whole: Path, tmp_path: Path) -> None:
    assert average_into_bundle(whole, tmp_path / "smoothed", n=1, by="last", ema=True) == [7]
    bundle, averages = load_file(tmp_path / "smoothed/model.safetensors"), averaged_weights(whole / "last")
    assert all(torch.equal(bundle[name], averages[name]) for name in averages)
    assert any("moving average" in line for line in table("it", describe_model(tmp_path / "smoothed")))


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [{"training__ema": {"decay": 0.9, "start": 2}}, {"training__optimizer": "schedule_free"}],
    ids=["ema", "free"],
)
def test_with_two_workers_in_bf16_a_killed_run_goes_on_bit_for_bit(
    toy_task: ToyTask, tmp_path: Path, way: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = {"training__threads": 2, "training__precision": "bf16", "training__batch_tokens": 1_000}
    settings = toy_task.recipe(**way, **shape, training__max_updates=6, training__validate_every=2)
    train(settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        with pytest.raises(Interrupted):
            train(settings, tmp_path / "killed")
    train(settings, tmp_path / "killed")
    assert_same_run(tmp_path / "whole", tmp_path / "killed", 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [{"training__ema": {"decay": 0.9, "start": 2}}, {"training__optimizer": "schedule_free"}],
    ids=["ema", "free"],
)
def test_adapters_are_averaged_too(toy_task: ToyTask, whole: Path, tmp_path: Path, way: dict[str, Any]) -> None:
    settings = toy_task.recipe(
        training__from=str(whole),
        training__lora={"rank": 2},
        training__learning_rate=0.01,
        training__max_updates=6,
        training__validate_every=3,
        training__warmup_updates=1,
        **way,
    )
    run = train(settings, tmp_path / "run")
    assert run.scores["test"].scores
    saved = load_checkpoint(tmp_path / "run" / "last")
    assert all(".adapters." in name for name in saved.model)
    if "training__ema" in way:
        assert saved.extra[FILE].keys() == saved.model.keys()
