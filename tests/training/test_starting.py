"""Runs that start from a model that exists."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mtkit.bundle.bundle import load_bundle
from mtkit.data.corpus.prepared import open_prepared
from mtkit.errors import CheckpointError, ConfigError, Interrupted, MtkitError
from mtkit.files.reading import sha256_file
from mtkit.settings.resolve import Settings
from mtkit.training.base_model import NOTE
from mtkit.training.finish import average_into_bundle
from mtkit.training.run import train
from mtkit.training.starting import start_of
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after

pytestmark = pytest.mark.processor

FREE = ("learning_rate", "batch_tokens", "max_updates", "warmup_updates", "schedule", "validate_every", "save_every")


def tuned(toy_task: ToyTask, base: Path, prepared: Path, **overrides: object) -> Settings:
    """Six updates from a model, on the toy corpus; what fine-tuning chooses is left open where it is not overridden."""
    values = {"training__from": str(base), "data__prepared": str(prepared), "training__max_updates": 6}
    values |= dict.fromkeys([f"training__{key}" for key in FREE if key != "max_updates"])
    values |= dict.fromkeys([f"model__{key}" for key in ("d_model", "n_heads", "d_ff", "max_length")])
    values |= dict.fromkeys(["tokenizer__type", "tokenizer__vocab_size", "model__n_encoder_layers"])
    values |= {"model__n_decoder_layers": None, "data__train": [few(toy_task)], **overrides}
    return toy_task.recipe(**values)


def few(toy_task: ToyTask) -> dict[str, str]:
    """Some of the training pairs of the task."""
    files = {}
    for side, name in (("src", "num"), ("tgt", "abc")):
        path = toy_task.directory / f"few.{name}"
        lines = (toy_task.directory / f"train.{name}").read_text().splitlines()[:200]
        path.write_text("".join(f"{line}\n" for line in lines))
        files[side] = str(path)
    return files


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path / "model.safetensors")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuned") / "prepared"


@pytest.mark.parametrize("kind", ["", "model", "last", "checkpoints/update-00000006"])
def test_a_run_starts_from_a_run_a_bundle_or_a_checkpoint(
    toy_task: ToyTask, straight: Path, prepared: Path, tmp_path: Path, kind: str
) -> None:
    settings = tuned(toy_task, straight / kind, prepared, training__learning_rate=1e-9, training__max_updates=1)
    train(settings, tmp_path / "run")
    before, after = load_bundle(straight / kind), load_bundle(tmp_path / "run")
    assert after.tokenizer.sha256() == before.tokenizer.sha256()
    assert after.model == before.model.model_copy(update={"preset": "auto"})
    assert after.decoding == before.decoding
    ours, theirs = weights(after.directory), weights(before.directory)
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[key], theirs[key], atol=1e-7) for key in ours)


def test_the_corpus_is_prepared_with_the_tokenizer_of_the_model(
    toy_task: ToyTask, straight: Path, prepared: Path, tmp_path: Path
) -> None:
    train(tuned(toy_task, straight, prepared), tmp_path / "run")
    manifest = open_prepared(prepared).manifest
    assert manifest.tokenizer_sha256 == load_bundle(straight).tokenizer.sha256()
    assert manifest.settings["tokenizer"]["sha256"] == manifest.tokenizer_sha256
    assert (prepared / "tokenizer.model").read_bytes() == (straight / "tokenizer.model").read_bytes()


def test_fine_tuning_has_settings_of_its_own_and_gives_their_reasons(
    toy_task: ToyTask, straight: Path, prepared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        train(tuned(toy_task, straight, prepared, training__max_updates=None), tmp_path / "run")
    training = json.loads((tmp_path / "run" / "model" / "mtkit.json").read_text())["config"]["training"]
    # a small model has the highest rate, 200 pairs the root of a fiftieth of it and updates of the least size
    assert (training["learning_rate"], training["batch_tokens"], training["schedule"]) == (1.4e-4, 1000, "linear")
    assert (training["max_updates"], training["warmup_updates"], training["validate_every"]) == (11, 5, 1)
    size = f"{load_bundle(straight).n_parameters() / 1e3:.1f} thousand parameters"
    assert f"starting from {straight}: {size}, weights" in caplog.text
    assert f"fine-tuning: peak learning rate 1.4e-04, for {size} and 200 pairs" in caplog.text
    assert "fine-tuning: 11 updates of 1,000 target tokens: 10 passes over them" in caplog.text
    assert "fine-tuning: 5 updates of warm-up" in caplog.text


def test_what_the_recipe_gives_stays(toy_task: ToyTask, straight: Path) -> None:
    own = {"training__learning_rate": 3e-3, "training__batch_tokens": 300, "model__dropout": 0.3}
    settings = tuned(toy_task, straight, Path("unused"), **own, decoding__beam_size=2)
    start = start_of(settings, None)
    assert start is not None
    config = start.under(settings).config()
    assert (config.training.learning_rate, config.training.batch_tokens) == (3e-3, 300)
    assert (config.model.dropout, config.decoding.beam_size, config.model.d_model) == (0.3, 2, 32)
    assert "peak learning rate" not in " ".join(start.suited(settings, None).reasons)


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("model__d_model", 64, "model.d_model: 64 here, 32 in"),
        ("model__n_encoder_layers", 3, "model.n_encoder_layers: 3 here, 2 in"),
        ("model__norm", "post", "model.norm: 'post' here, 'pre' in"),
        ("model__preset", "small", "--preset: 'small' here, 'tiny' in"),
        ("tokenizer__vocab_size", 99, "tokenizer.vocab_size: 99 here, 24 in"),
        ("tokenizer__type", "bpe", "tokenizer.type: 'bpe' here, 'word' in"),
        ("tokenizer__joint", False, "tokenizer.joint: False here, True in"),
    ],
)
def test_a_recipe_that_says_otherwise_is_told(
    toy_task: ToyTask, straight: Path, tmp_path: Path, setting: str, value: object, told: str
) -> None:
    with pytest.raises(ConfigError, match="comes from there; leave this out") as error:
        train(tuned(toy_task, straight, tmp_path / "prepared", **{setting: value}), tmp_path / "run")
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "prepared").exists()


@pytest.mark.parametrize("gone", [False, True])
def test_an_interrupted_run_ends_bit_identical_even_if_its_model_is_gone(
    toy_task: ToyTask,
    straight: Path,
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    gone: bool,
) -> None:
    base = tmp_path / "base"
    shutil.copytree(straight, base, symlinks=True)
    settings = tuned(toy_task, base, prepared, training__average={"n": 2, "by": "last"}, training__save_every=2)
    train(settings, tmp_path / "whole")
    interrupted_after(3, monkeypatch)
    with pytest.raises(Interrupted):
        train(settings, tmp_path / "run")
    monkeypatch.undo()
    if gone:
        base.rename(tmp_path / "elsewhere")
    with caplog.at_level("INFO", logger="mtkit"):
        train(settings, tmp_path / "run")
    assert ("is not there any more; the run goes on" in caplog.text) == gone
    assert_same_run(tmp_path / "whole", tmp_path / "run", 6)
    ours, theirs = (weights(tmp_path / name / "model") for name in ("whole", "run"))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_run_never_goes_on_from_another_model(
    toy_task: ToyTask, straight: Path, prepared: Path, tmp_path: Path
) -> None:
    train(tuned(toy_task, straight, prepared), tmp_path / "run")
    with pytest.raises(CheckpointError, match="the run began from another model") as error:
        train(tuned(toy_task, straight / "checkpoints/update-00000006", prepared), tmp_path / "run")
    assert "choose another -o, or --overwrite" in str(error.value)
    with pytest.raises(ConfigError, match="name it again with --from"):
        train(tuned(toy_task, straight, prepared, training__from=None), tmp_path / "run")
    with pytest.raises(CheckpointError, match="the run did not begin from"):
        train(tuned(toy_task, tmp_path / "run", prepared), straight)
    with pytest.raises(ConfigError, match="lies in the run directory"):
        train(tuned(toy_task, tmp_path / "run" / "model", prepared), tmp_path / "run", overwrite=True)
    (tmp_path / "run" / NOTE).write_text("{}")
    with pytest.raises(CheckpointError, match=r"base.json: damaged \(.*\); start again with --overwrite"):
        train(tuned(toy_task, straight, prepared), tmp_path / "run")
    train(tuned(toy_task, straight, prepared), tmp_path / "run", overwrite=True)


def test_what_is_not_a_whole_model_is_told_before_anything_is_written(
    toy_task: ToyTask, straight: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(straight / "model", damaged)
    content = bytearray((damaged / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (damaged / "model.safetensors").write_bytes(content)
    (tmp_path / "empty").mkdir()
    for base, told in {"damaged": "its sha256 is not", "empty": "holds no model", "none": "no such model"}.items():
        with pytest.raises(MtkitError, match=told):
            train(tuned(toy_task, tmp_path / base, tmp_path / "prepared"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "prepared").exists()


def test_languages_that_the_model_does_not_translate_are_warned_of(
    toy_task: ToyTask, straight: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(tuned(toy_task, straight, tmp_path / "prepared", data__tgt_lang="xyz"), tmp_path / "run")
    assert f"{straight} translates num-abc, and the corpus is num-xyz" in caplog.text


def test_a_run_by_time_ends_by_its_updates_where_these_come_first(
    toy_task: ToyTask, straight: Path, prepared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        settings = tuned(toy_task, straight, prepared, training__max_minutes=5, training__max_updates=None)
        run = train(settings, tmp_path / "run")
    assert run.reason == "max_updates 11 reached"
    assert "so few passes teach" not in caplog.text


def test_a_corpus_with_another_tokenizer_is_not_taken(toy_task: ToyTask, straight: Path, tmp_path: Path) -> None:
    own = toy_task.recipe(data__prepared=str(tmp_path / "prepared"), tokenizer__vocab_size=22)
    train(own, tmp_path / "own")
    with pytest.raises(MtkitError, match="its tokenizer was another one"):
        train(
            tuned(toy_task, straight, tmp_path / "prepared", data__train=own.given("data", "train")), tmp_path / "run"
        )
    shutil.rmtree(tmp_path / "prepared")
    train(tuned(toy_task, straight, tmp_path / "prepared"), tmp_path / "run")
    with pytest.raises(MtkitError, match="its tokenizer was that of another model"):
        train(toy_task.recipe(data__prepared=str(tmp_path / "prepared"), data__train=[few(toy_task)]), tmp_path / "new")


def test_where_an_imported_model_came_from_is_kept(
    toy_task: ToyTask, straight: Path, prepared: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(straight / "model", base)
    (base / "origin").mkdir()
    (base / "origin" / "config.json").write_text('{"model_type": "marian"}')
    manifest = json.loads((base / "mtkit.json").read_text())
    manifest["files"]["origin/config.json"] = sha256_file(base / "origin" / "config.json")
    told = {"family": "marian", "layout": "huggingface", "source": "some/model", "licence": "cc-by-4.0"}
    (base / "mtkit.json").write_text(json.dumps({**manifest, "origin": told}))
    train(tuned(toy_task, base, prepared, training__max_updates=2), tmp_path / "run")
    shutil.rmtree(base)
    last = tmp_path / "run" / "last"
    train(tuned(toy_task, last, prepared, training__max_updates=1), tmp_path / "again")  # from a checkpoint of that run
    average_into_bundle(tmp_path / "run", tmp_path / "average", n=1, by="last")
    bases = {"run/model": str(base), "again/model": str(last), "average": str(base)}
    for name, of_name in bases.items():
        bundle = load_bundle(tmp_path / name)
        assert bundle.metadata["origin"] == told
        assert bundle.metadata["base"]["name"] == of_name
        assert "origin/config.json" in bundle.metadata["files"]
        assert (tmp_path / name / "origin" / "config.json").read_text() == '{"model_type": "marian"}'
