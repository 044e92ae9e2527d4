"""Whole runs on the toy task, in one process: what stops, goes on, and is refused."""

import json
import math
import os
import re
import shutil
import signal
import threading
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mtkit.errors import CheckpointError, ConfigError, Interrupted, TrainingError
from mtkit.model.cost import training_flop
from mtkit.settings.resolve import Settings
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import CheckpointStore, load_checkpoint
from mtkit.training.saving.run_directory import sole_user
from tests.conftest import ToyTask

pytestmark = pytest.mark.processor

STATE_THAT_TELLS_TIME = {"seconds"}


def assert_same_run(one: Path, other: Path, update: int) -> None:
    """The same weights, optimiser, data position and score, bit for bit."""
    name = f"checkpoints/update-{update:08d}"
    a, b = load_checkpoint(one / name), load_checkpoint(other / name)
    for mine, theirs in ((a.model, b.model), (a.optimizer, b.optimizer)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert a.state["data"] == b.state["data"]
    for key in a.state["train"].keys() - STATE_THAT_TELLS_TIME:
        assert a.state["train"][key] == b.state["train"][key], key


@pytest.fixture(scope="module")
def straight(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 updates without interruption, each of two micro-batches; an epoch has 10 or so."""
    run_dir = tmp_path_factory.mktemp("straight") / "run"
    train(toy_task.recipe(training__accumulate=2), run_dir)
    return run_dir


@pytest.mark.parametrize("stops", [(3,), (1, 5, 6, 7, 11)])
def test_an_interrupted_run_ends_bit_identical(
    toy_task: ToyTask, straight: Path, tmp_path: Path, stops: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.report import Reporter

    advance, done = Reporter.advance, 0

    def advance_and_interrupt(reporter: Reporter) -> None:
        nonlocal done
        advance(reporter)
        done += 1
        if done in stops:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Reporter, "advance", advance_and_interrupt)
    settings = toy_task.recipe(training__accumulate=2)
    for _ in stops:
        with pytest.raises(Interrupted, match="everything is saved; the same command goes on"):
            train(settings, tmp_path / "run")
    train(settings, tmp_path / "run")
    assert_same_run(straight, tmp_path / "run", 12)
    ours, theirs = (load_file(path / "model" / "model.safetensors") for path in (straight, tmp_path / "run"))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_run_that_lost_its_newest_checkpoints_ends_bit_identical(
    toy_task: ToyTask, straight: Path, tmp_path: Path
) -> None:
    settings = toy_task.recipe(training__accumulate=2)
    train(settings, tmp_path / "run")
    for update in (9, 12):
        (tmp_path / "run" / f"checkpoints/update-{update:08d}" / "state.json").write_text("{")
    train(settings, tmp_path / "run")
    assert_same_run(straight, tmp_path / "run", 12)


def interrupted_after(update: int, patch: pytest.MonkeyPatch) -> None:
    """Let a signal come after so many updates of this process."""
    from mtkit.training.report import Reporter

    advance, done = Reporter.advance, 0

    def advance_and_interrupt(reporter: Reporter) -> None:
        nonlocal done
        advance(reporter)
        done += 1
        if done == update:
            os.kill(os.getpid(), signal.SIGTERM)

    patch.setattr(Reporter, "advance", advance_and_interrupt)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_run_goes_on_with_the_threads_that_it_began_with(
    toy_task: ToyTask, tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    values = {"training__batch_tokens": 1_000, "training__max_updates": 6}
    begun, otherwise = (toy_task.recipe(**values, training__threads=n) for n in (2, threads))
    train(begun, tmp_path / "straight")
    interrupted_after(2, monkeypatch)
    with pytest.raises(Interrupted):
        train(begun, tmp_path / "run")
    monkeypatch.undo()
    with caplog.at_level("INFO", logger="mtkit"):
        train(otherwise, tmp_path / "run")
    assert f"computing with 2 threads, as the run began, and not {threads}" in caplog.text
    assert_same_run(tmp_path / "straight", tmp_path / "run", 6)
    ours, theirs = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("straight", "run"))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


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
    found = re.search(r"MFU below is the share of ([\d.]+) ([GT])FLOP/s, measured", caplog.text)
    assert found is not None
    peak = float(found[1]) * {"G": 1e9, "T": 1e12}[found[2]]
    record = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[0])
    src, tgt = record["src_tokens_per_second"], record["tgt_tokens_per_second"]
    model = toy_task.recipe().config().model
    flop = training_flop(model, n_sentences=tgt / 5, n_src_tokens=src, n_tgt_tokens=tgt, vocab_size=24)
    assert record["mfu"] == pytest.approx(flop / peak, rel=0.05)  # the peak is rounded, 5 tokens are the mean length


def test_accumulated_micro_batches_train_as_one_large_batch(toy_task: ToyTask) -> None:
    """Oracle: the gradient of all pairs of the update at once, without dropout."""
    from mtkit.data.batches.batches import Batch, collate
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

    whole = gradient([collate([s for s, _ in pairs], [t for _, t in pairs])])
    parts = gradient([collate([s], [t]) for s, t in pairs])
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


def test_early_stopping_ends_the_run(toy_task: ToyTask, tmp_path: Path) -> None:
    settings = toy_task.recipe(
        training__learning_rate=1e-9,
        training__validate_every=1,
        training__max_updates=40,
        training__early_stopping={"metric": "bleu", "patience": 3},
    )
    run = train(settings, tmp_path / "run")
    assert run.reason == "no better loss in 3 validations"  # as BLEU and chrF say nothing
    assert load_checkpoint(tmp_path / "run" / "last").state["train"]["update"] == 4


def test_what_is_best_without_translations_is_judged_by_the_loss(toy_task: ToyTask, tmp_path: Path) -> None:
    run = train(toy_task.recipe(training__validate_text=False, training__max_updates=3), tmp_path / "run")
    best = load_checkpoint(run.directory / "best").state["train"]["update"]
    lines = [json.loads(line) for line in (run.directory / "metrics.jsonl").read_text().splitlines()]
    loss = {line["update"]: line["valid_loss_per_token"] for line in lines if "valid_loss_per_token" in line}
    assert best == min(loss, key=loss.__getitem__)


def one_word_task(directory: Path) -> Settings:
    """Digits to letters, without spaces: the validation BLEU is 0, however well that is learnt."""
    draw = Random(1)
    words = sorted({"".join(draw.choices("0123456789", k=draw.randint(2, 4))) for _ in range(900)})
    draw.shuffle(words)
    letters = str.maketrans("0123456789", "abcdefghij")
    values: dict[str, object] = {}
    for split, lines in (("train", words[:600]), ("valid", words[600:620]), ("test", words[620:640])):
        files = {"src": str(directory / f"{split}.num"), "tgt": str(directory / f"{split}.abc")}
        Path(files["src"]).write_text("".join(f"{line}\n" for line in lines))
        Path(files["tgt"]).write_text("".join(f"{line.translate(letters)}\n" for line in lines))
        values[f"data__{split}"] = [files]
    return ToyTask(directory).recipe(
        **values,
        tokenizer__type="char",
        tokenizer__vocab_size=None,
        model__dropout=0.0,
        training__batch_tokens=600,
        training__max_updates=60,
        training__warmup_updates=10,
        training__validate_every=20,
    )


def test_where_bleu_stays_at_0_the_first_checkpoint_is_not_the_best(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        run = train(one_word_task(tmp_path), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    measured = {line["update"]: line for line in lines if "valid_bleu" in line}
    assert {line["valid_bleu"] for line in measured.values()} == {0.0}
    best = max(measured, key=lambda update: measured[update]["valid_chrf"])
    assert best > 20
    manifest = json.loads((tmp_path / "run" / "model" / "mtkit.json").read_text())
    assert manifest["updates"] == [best]
    assert "best so far (chrF)" in caplog.text
    assert "learnt next to nothing" not in caplog.text
    chrf = next(score.value for score in run.scores["test"].scores if score.metric == "chrf")
    assert chrf > 30
    quality = json.loads((tmp_path / "run" / "model" / "ctranslate2" / "int8" / "conversion.json").read_text())[
        "quality"
    ]
    assert quality["metric"] == "chrf"
    assert quality["loss"] == quality["float32_chrf"]["value"] - quality["chrf"]["value"]


def test_a_finished_run_says_so_and_changes_nothing(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(toy_task.recipe(), tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.safetensors")}
    with caplog.at_level("INFO", logger="mtkit"):
        run = train(toy_task.recipe(), tmp_path / "run")
    assert "finished at update 12, nothing to do" in caplog.text
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.safetensors")}
    assert run.scores["test"].scores


def test_a_longer_limit_goes_on(toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(), tmp_path / "run")
    run = train(toy_task.recipe(training__max_updates=15), tmp_path / "run")
    assert run.reason == "max_updates 15 reached"
    assert load_checkpoint(tmp_path / "run" / "last").state["train"]["update"] == 15


def test_another_recipe_is_refused_with_every_difference(toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(), tmp_path / "run")
    with pytest.raises(ConfigError) as error:
        train(toy_task.recipe(model__d_ff=32, training__seed=5), tmp_path / "run")
    assert "the recipe changed since the run began" in str(error.value)
    assert "model.d_ff: 64 then, 32 now" in str(error.value)
    assert "training.seed: 1 then, 5 now" in str(error.value)
    assert error.value.exit_code == 2


def test_another_tokenizer_is_refused(toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(), tmp_path / "run")
    from mtkit.data.tokens.tokenizer import train_tokenizer

    lines = (toy_task.directory / "train.abc").read_text().splitlines()
    config = toy_task.recipe(tokenizer__type="char").config().tokenizer
    train_tokenizer(iter(lines), iter(lines), config, 16, exact=False).save(tmp_path / "run")
    with pytest.raises(CheckpointError, match="tokenizer of the prepared corpus is not the one"):
        train(toy_task.recipe(), tmp_path / "run")


def test_a_directory_of_something_else_is_left_alone(toy_task: ToyTask, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not lose me")
    with pytest.raises(CheckpointError, match="not empty, and not a run of mtkit"):
        train(toy_task.recipe(), tmp_path)
    with pytest.raises(CheckpointError, match="not empty, and not a run of mtkit"):
        train(toy_task.recipe(), tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "do not lose me"


def test_overwrite_starts_afresh(toy_task: ToyTask, straight: Path, tmp_path: Path) -> None:
    train(toy_task.recipe(model__d_ff=32), tmp_path / "run")
    train(toy_task.recipe(training__accumulate=2), tmp_path / "run", overwrite=True)
    assert_same_run(straight, tmp_path / "run", 12)


def test_two_runs_in_one_directory_are_refused(toy_task: ToyTask, tmp_path: Path) -> None:
    with sole_user(tmp_path / "run"), pytest.raises(CheckpointError, match="another mtkit train is at work"):
        train(toy_task.recipe(), tmp_path / "run")
    train(toy_task.recipe(), tmp_path / "run")


def test_signal_handlers_are_put_back(toy_task: ToyTask, tmp_path: Path) -> None:
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    train(toy_task.recipe(training__max_updates=1), tmp_path / "run")
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.slow
def test_the_toy_task_is_learnt_to_the_last_line(toy_task: ToyTask, tmp_path: Path) -> None:
    settings = toy_task.recipe(
        model__dropout=0.0,
        training__max_updates=800,
        training__schedule="linear",
        training__validate_every=200,
        training__save_every=200,
        training__early_stopping={"metric": "loss"},
    )
    run = train(settings, tmp_path / "run")
    assert [score.value for score in run.scores["test"].scores if score.metric == "bleu"] == [pytest.approx(100.0)]


def test_the_links_are_put_right_after_a_kill_between_checkpoint_and_link(toy_task: ToyTask, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    train(toy_task.recipe(), run_dir)
    best = (run_dir / "best").resolve()
    (run_dir / "best").unlink()
    (run_dir / "best").symlink_to("checkpoints/update-00000001")  # pruned long ago
    train(toy_task.recipe(), run_dir)
    assert (run_dir / "best").resolve() == best


def test_the_last_update_is_validated_too(toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(training__max_updates=8), tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert (state["update"], state["validated_update"]) == (8, 8)
    assert state["scores"].keys() == {"6", "8"}


def test_a_signal_while_the_test_set_is_scored_loses_nothing(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training import final_scores
    from mtkit.translation.test_sets import evaluate_texts as original

    def interrupted(*arguments: object, **options: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(final_scores, "evaluate_texts", interrupted)
    with pytest.raises(Interrupted, match="stopped before the model was scored"):
        train(toy_task.recipe(), tmp_path / "run")
    model = tmp_path / "run" / "model" / "model.safetensors"
    before = model.stat()
    monkeypatch.undo()
    assert train(toy_task.recipe(), tmp_path / "run").scores["test"].scores
    assert model.stat() == before


def test_tensorboard_gets_the_same_numbers(toy_task: ToyTask, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(toy_task.recipe(training__tensorboard=True), tmp_path / "run")
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss_per_token")] == [3, 6, 9, 12]
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    perplexities = [r["valid_perplexity"] for r in records if "valid_perplexity" in r]
    assert [event.value for event in events.Scalars("valid/perplexity")] == pytest.approx(perplexities, rel=1e-6)


def test_a_validation_line_beyond_the_models_limit_is_cut_and_not_fatal(toy_task: ToyTask, tmp_path: Path) -> None:
    for side, digit in (("num", "1 "), ("abc", "b ")):
        short = (toy_task.directory / f"valid.{side}").read_text()
        (tmp_path / f"valid.{side}").write_text(short + digit * 200 + "\n")
    files = {"src": str(tmp_path / "valid.num"), "tgt": str(tmp_path / "valid.abc")}
    settings = toy_task.recipe(data__valid=[files], data__prepared=str(tmp_path / "prepared"))
    train(settings, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / "last").state["train"]["validated_update"] == 12


def test_a_signal_in_the_last_validation_is_heeded_and_the_validation_done_once(
    toy_task: ToyTask, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.validation import Validator

    measure_loss, n_measured = Validator._measure_loss, 0

    def interrupted(*arguments: object) -> dict[str, float]:
        nonlocal n_measured
        n_measured += 1
        if n_measured == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return measure_loss(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Validator, "_measure_loss", interrupted)
    settings = toy_task.recipe(training__accumulate=2)
    with pytest.raises(Interrupted):
        train(settings, tmp_path / "run")
    for _ in range(2):
        train(settings, tmp_path / "run")
    assert n_measured == 3
    assert_same_run(straight, tmp_path / "run", 12)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["update"] for line in lines if "valid_" in line] == [6, 12]


def test_a_checkpoint_that_only_a_signal_asked_for_is_not_averaged(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.report import Reporter

    settings = toy_task.recipe(training__average={"n": 2, "by": "last"}, training__keep_last=2)
    train(settings, tmp_path / "straight")
    advance, done = Reporter.advance, 0

    def advance_and_interrupt(reporter: Reporter) -> None:
        nonlocal done
        advance(reporter)
        done += 1
        if done in (10, 11):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Reporter, "advance", advance_and_interrupt)
    for _ in range(2):
        with pytest.raises(Interrupted):
            train(settings, tmp_path / "run")
    train(settings, tmp_path / "run")
    bundles = [json.loads((tmp_path / name / "model" / "mtkit.json").read_text()) for name in ("straight", "run")]
    assert [bundle["updates"] for bundle in bundles] == [[9, 12], [9, 12]]
    names = [sorted(path.name for path in (tmp_path / name / "checkpoints").iterdir()) for name in ("straight", "run")]
    assert names[0] == names[1]


@pytest.mark.parametrize("name", ["model.safetensors", "mtkit.json", "tokenizer.model"])
def test_a_damaged_model_of_a_finished_run_is_made_again(
    toy_task: ToyTask, straight: Path, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    run_dir = Path(shutil.copytree(straight, tmp_path / "run", symlinks=True))
    damaged = run_dir / "model" / name
    before = damaged.read_bytes()
    damaged.write_bytes(before[: len(before) // 2])
    with caplog.at_level("WARNING", logger="mtkit"):
        run = train(toy_task.recipe(training__accumulate=2), run_dir)
    assert "making the model again from the checkpoints" in caplog.text
    assert damaged.read_bytes() == before
    assert run.scores["test"].scores


def test_the_command_that_goes_on_is_named_as_it_is(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_after(2, monkeypatch)
    with pytest.raises(Interrupted, match="the same command without --overwrite goes on"):
        train(toy_task.recipe(), tmp_path / "run", overwrite=True)


def test_a_damaged_best_checkpoint_does_not_keep_the_run_from_ending(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = toy_task.recipe(training__average={"n": 3, "by": "last"})
    train(settings, tmp_path / "run")
    (tmp_path / "run" / "model" / "mtkit.json").unlink()
    damaged = tmp_path / "run" / "checkpoints" / "update-00000009" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with caplog.at_level("WARNING", logger="mtkit"):
        train(settings, tmp_path / "run")
    assert f"{damaged}: damaged" in caplog.text
    assert json.loads((tmp_path / "run" / "model" / "mtkit.json").read_text())["updates"] == [6, 12]


def test_other_test_files_are_scored_again(toy_task: ToyTask, tmp_path: Path) -> None:
    from mtkit.data.corpus.prepare import prepare

    files = {side: str(tmp_path / f"test.{side}") for side in ("num", "abc")}
    for side, path in files.items():
        Path(path).write_bytes((toy_task.directory / f"test.{side}").read_bytes())
    settings = toy_task.recipe(
        data__test=[{"src": files["num"], "tgt": files["abc"]}], data__prepared=str(tmp_path / "prepared")
    )
    train(settings, tmp_path / "run")
    before = (tmp_path / "run" / "model" / "mtkit.json").read_bytes()
    Path(files["abc"]).write_text("x y z\n" * 20)
    config = settings.config()
    prepare(config.data, config.tokenizer, config.prepared_directory, overwrite=True)
    train(settings, tmp_path / "run")
    assert (tmp_path / "run" / "model" / "mtkit.json").read_bytes() != before


def test_any_seed_is_a_seed(toy_task: ToyTask, tmp_path: Path) -> None:
    for seed in (-1, 2**32, 2**63):
        train(toy_task.recipe(training__seed=seed, training__max_updates=1), tmp_path / str(seed))


def test_another_corpus_is_refused(toy_task: ToyTask, tmp_path: Path) -> None:
    from mtkit.data.corpus.prepare import prepare

    files = {side: tmp_path / f"train.{side}" for side in ("num", "abc")}
    for side, path in files.items():
        path.write_bytes((toy_task.directory / f"train.{side}").read_bytes())
    settings = toy_task.recipe(
        data__train=[{"src": str(files["num"]), "tgt": str(files["abc"])}], data__prepared=str(tmp_path / "prepared")
    )
    train(settings, tmp_path / "run")
    for path in files.values():
        path.write_text("".join(path.read_text().splitlines(keepends=True)[::-1]))  # the same vocabulary, another order
    config = settings.config()
    prepare(config.data, config.tokenizer, config.prepared_directory, overwrite=True)
    with pytest.raises(CheckpointError, match="training or validation files are not those that the run began with"):
        train(settings, tmp_path / "run")


def by_time(toy_task: ToyTask, minutes: float) -> Settings:
    return toy_task.recipe(training__max_minutes=minutes, training__max_updates=None, training__schedule=None)


@pytest.mark.slow
def test_a_run_by_time_ends_with_a_learning_rate_of_zero_and_says_why(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        run = train(by_time(toy_task, 0.3), tmp_path / "run")
    assert run.reason == "0.3 minutes are over"
    assert run.scores["test"].scores
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert (state["share"], state["validated_update"]) == (1.0, state["update"])
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    rates = [record["learning_rate"] for record in records if "learning_rate" in record]
    assert max(rates) == pytest.approx(5e-3, rel=0.1)
    assert rates[-1] < 5e-4
    assert len([record for record in records if "valid_bleu" in record]) > 1
    for said in ("0.3 minutes in all", "s left", ": 0.3 minutes are over", "s of 0.3 minutes"):
        assert said in caplog.text
    assert train(by_time(toy_task, 0.3), tmp_path / "run").reason == run.reason


@pytest.mark.slow
def test_an_interrupted_run_by_time_goes_on_where_it_was(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.report import Reporter

    def interrupt_late(_: Reporter) -> None:
        if monotonic() > began + 8:
            os.kill(os.getpid(), signal.SIGTERM)

    began = monotonic()
    monkeypatch.setattr(Reporter, "advance", interrupt_late)
    with pytest.raises(Interrupted):
        train(by_time(toy_task, 0.3), tmp_path / "run")
    monkeypatch.undo()
    half = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert 0.2 < half["share"] < 1
    assert 8 < half["seconds"] < 18
    run = train(by_time(toy_task, 0.3), tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert run.reason == "0.3 minutes are over"
    assert state["update"] > half["update"]
    assert state["seconds"] > half["seconds"]
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    rates = {record["update"]: record["learning_rate"] for record in records if "learning_rate" in record}
    last = rates[max(update for update in rates if update <= half["update"])]
    assert max(rate for update, rate in rates.items() if update > half["update"]) <= last


@pytest.mark.parametrize("average", [{"n": 0}, {"n": 1, "by": "best"}])
def test_a_decayed_model_that_was_not_validated_is_taken_before_an_older_best(
    toy_task: ToyTask, tmp_path: Path, average: dict[str, object]
) -> None:
    by_both = {"training__max_minutes": 10, "training__max_updates": 12, "training__schedule": "linear"}
    settings = toy_task.recipe(training__average=average, **by_both)
    run_dir = tmp_path / "run"
    train(settings, run_dir)
    older = min(CheckpointStore(run_dir).updates())
    assert older < 12

    checkpoint = load_checkpoint(run_dir / "last")
    checkpoint.state["train"] |= {
        "best_update": older,
        "scores": {str(older): 1.0},
        "validated_update": older,
        "costs": {"validation": 500.0},
    }
    CheckpointStore(run_dir).save(12, checkpoint)
    (run_dir / "model" / "mtkit.json").unlink()
    train(settings, run_dir)
    assert json.loads((run_dir / "model" / "mtkit.json").read_text())["updates"] == [12]


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


def test_an_error_in_the_background_ends_the_run_as_itself(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.data.corpus.store import Store

    def gone(self: Store, rows: object) -> None:  # noqa: ARG001
        raise ZeroDivisionError("in the background")

    monkeypatch.setattr(Store, "gather", gone)
    n_threads = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="in the background"):
        train(toy_task.recipe(), tmp_path / "run")
    assert threading.active_count() == n_threads


def test_the_share_of_time_spent_waiting_for_data_is_recorded(straight: Path) -> None:
    records = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    shares = [r["data_wait_share"] for r in records if "loss_per_token" in r]
    assert len(shares) == 4
    assert all(0 <= share < 1 for share in shares)


def test_a_model_that_has_learnt_nothing_is_called_that(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        train(toy_task.recipe(training__max_updates=2), tmp_path / "run")
    assert "what int8 loses is not measured" in caplog.text
    assert "the model has learnt next to nothing yet" in caplog.text
