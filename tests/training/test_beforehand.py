"""What is wrong with a run is told before anything is written, and what is corrected then is taken."""

import json
from pathlib import Path

import pytest

from mtkit.errors import ConfigError, MtkitError, Stopped
from mtkit.training import run as run_module
from mtkit.training.base_model import NOTE
from mtkit.training.run import train
from tests.conftest import ToyTask
from tests.tiny_foreign import save_foreign_bundle
from tests.training.test_starting import tuned
from tests.training.test_starting_languages import recipe

pytestmark = pytest.mark.processor


def kept(toy_task: ToyTask, src: str, tgt: str) -> dict[str, object]:
    return {"training__keep_test": [{"src": str(toy_task.directory / src), "tgt": str(toy_task.directory / tgt)}]}


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("freeze", ["encoders"], "training.freeze: encoders: the model has nothing of this name; near it: encoder"),
        ("freeze", ["encoder.layers.7"], "training.freeze: encoder.layers.7: the model has nothing of this name"),
        ("freeze", ["embeddings", "*"], "nothing is left to train"),
        ("lora", {"rank": 2, "modules": ["querry"]}, "training.lora.modules: querry: the model has nothing of this"),
    ],
)
def test_names_that_the_model_has_not(
    toy_task: ToyTask, straight: Path, tmp_path: Path, setting: str, value: object, told: str
) -> None:
    with pytest.raises(ConfigError) as error:
        train(tuned(toy_task, straight, tmp_path / "prepared", **{f"training__{setting}": value}), tmp_path / "run")
    assert told in str(error.value)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("src", "tgt", "told"),
    [
        ("train.num", "valid.abc", "lines"),
        ("empty", "empty", "empty"),
        ("valid.num", "/dev/zero", "/dev/zero: a pipe, a socket or a device, not a file"),
        ("valid.num", "none", "No such file"),
    ],
)
def test_old_test_sets_that_are_none(
    toy_task: ToyTask, straight: Path, tmp_path: Path, src: str, tgt: str, told: str
) -> None:
    (toy_task.directory / "empty").write_text("")
    with pytest.raises(MtkitError) as error:
        train(tuned(toy_task, straight, tmp_path / "prepared", **kept(toy_task, src, tgt)), tmp_path / "run")
    assert told in str(error.value)
    assert not [*tmp_path.iterdir()]


def test_languages_that_the_model_does_not_know(tmp_path: Path) -> None:
    base = save_foreign_bundle(tmp_path / "base", needed=True, max_length=120)
    with pytest.raises(ConfigError, match=rf"data.tgt_lang: it: {base} was not trained on it; it knows .*") as error:
        train(recipe(tmp_path, base, data__tgt_lang="it"), tmp_path / "run")
    assert "tokenizer" not in str(error.value)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "prepared").exists()


def test_a_run_that_made_no_update_begins_again_with_other_settings(
    toy_task: ToyTask, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "begin", stop)
    with pytest.raises(Stopped):
        train(tuned(toy_task, straight, tmp_path / "prepared", training__max_updates=200), tmp_path / "run")
    monkeypatch.undo()
    assert json.loads((tmp_path / "run" / NOTE).read_text())["training"]["warmup_updates"] == 100
    other = {"training__max_updates": 2, "training__freeze": ["embeddings"], "model__dropout": 0.3}
    train(tuned(toy_task, straight, tmp_path / "prepared", **other), tmp_path / "run")
    noted = json.loads((tmp_path / "run" / NOTE).read_text())["training"]
    assert (noted["max_updates"], noted["warmup_updates"]) == (2, 1)
    with pytest.raises(ConfigError, match=r"the recipe changed since the run began[^$]*model.dropout: 0.3 then"):
        train(tuned(toy_task, straight, tmp_path / "prepared", **{**other, "model__dropout": 0.2}), tmp_path / "run")


def test_a_run_does_not_lie_in_the_model_that_it_starts_from(toy_task: ToyTask, straight: Path, tmp_path: Path) -> None:
    before = {*straight.rglob("*")}
    inside = r"/sub: lies in .*, the model that the run starts from; choose another"
    for place in (straight / "sub", straight / "model" / "sub"):
        for base in (straight, straight / "model", straight / "last"):
            with pytest.raises(ConfigError, match=inside):
                train(tuned(toy_task, base, tmp_path / "prepared"), place)
    assert {*straight.rglob("*")} == before
    assert not (tmp_path / "prepared").exists()
