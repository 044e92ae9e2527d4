import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics.comet import check_comet, load_comet

STAND_IN = """
import logging
import os
import warnings
from pathlib import Path
from types import SimpleNamespace

logging.getLogger().addHandler(logging.StreamHandler())
logging.getLogger().setLevel(logging.INFO)
warnings.warn("chatter")

class Model:
    def __init__(self, path):
        self.hparams = SimpleNamespace(input_segments=["mt", "ref"] if b"unified" in path.read_bytes() else [])
        self.reads_references = b"estimator" not in path.read_bytes()

    def named_parameters(self):
        return [("encoder.weight", None)]

    def requires_references(self):
        return self.reads_references

    def predict(self, data, batch_size, gpus, progress_bar):
        logging.getLogger("comet").warning("chatter")
        warnings.warn("chatter")
        assert not progress_bar
        return SimpleNamespace(scores=[VALUE.get(d["ref"], 0.5) if d["src"] and d["mt"] else 0 for d in data])

VALUE = {"best": 1.0, "odd": float("nan")}

def load_from_checkpoint(path, local_files_only=False):
    assert local_files_only and os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "1"
    assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ and os.environ["HF_HUB_OFFLINE"] == "1"
    logging.getLogger("comet").warning("chatter")
    warnings.warn("chatter")
    if "broken" in Path(path).parents[1].joinpath("hparams.yaml").read_text():
        raise RuntimeError("weights are\\nbroken")
    if "unheard_of" in Path(path).parents[1].joinpath("hparams.yaml").read_text():
        raise KeyError("unheard_of")
    return Model(Path(path))
"""


class Command:
    """What a hostile checkpoint holds: a command that is run when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's folder, and in the place of the package one with its interface."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "comet.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path / "package"))
    monkeypatch.setitem(sys.modules, "comet", None)  # so that what the test imports is taken away after it
    del sys.modules["comet"]
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    (tmp_path / "wmt" / "checkpoints").mkdir(parents=True)
    (tmp_path / "wmt" / "hparams.yaml").write_text("class_identifier: regression_metric")
    save(tmp_path / "wmt")
    return tmp_path / "wmt"


def save(model: Path, *, pretrained_model: str = "", **entries: Any) -> None:
    """Write the model's checkpoint, with other entries than it should have."""
    encoder = model / "encoder"
    encoder.mkdir(exist_ok=True)
    (encoder / "config.json").write_text("{}")
    parameters = {"pretrained_model": pretrained_model or str(encoder)}
    whole = {"state_dict": {"encoder.weight": torch.zeros(2)}, "hyper_parameters": parameters}
    torch.save(whole | entries, model / "checkpoints" / "model.ckpt")


def test_package_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"needs the package unbabel-comet: pip install 'mtkit\[comet\]'"):
        check_comet(tmp_path)


def test_corpus_score_is_the_mean_of_segments_over_references(model: Path) -> None:
    for path in (model, model / "checkpoints" / "model.ckpt"):
        comet = load_comet(path)
        score, of_segments = comet.score(["s", "s"], ["h", "h"], [["best", "x"], ["y", "best"]])
        assert of_segments == [0.75, 0.75]
        assert (score.metric, score.name, score.value, score.higher_is_better) == ("comet", "COMET", 0.75, True)
        assert score.signature.startswith("nrefs:2|model:wmt-")


def test_score_that_is_no_number_is_refused(model: Path) -> None:
    with pytest.raises(DataError, match="COMET's score of line 2 is not a number"):
        load_comet(model).score(["s", "s"], ["h", "h"], [["best", "odd"]])


def test_model_that_cannot_be_loaded_is_one_line(model: Path) -> None:
    (model / "hparams.yaml").write_text("class_identifier: broken")
    with pytest.raises(ConfigError, match=r"wmt: cannot be loaded: RuntimeError: weights are broken$"):
        load_comet(model)


def test_package_that_cannot_be_imported_is_one_line(model: Path) -> None:
    (model.parent / "package" / "comet.py").write_text("import package_that_is_not_there")
    with pytest.raises(ConfigError, match=r"unbabel-comet cannot be imported .*package_that_is_not_there"):
        load_comet(model)


def test_checkpoint_that_runs_a_command_is_refused_and_runs_nothing(model: Path, tmp_path: Path) -> None:
    save(model, callbacks=Command(f"touch {tmp_path}/ran"))
    with pytest.raises(ConfigError, match=rf"holds more than tensors \({os.system.__module__}\.system\)"):
        load_comet(model)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("key", ["hyper_parameters", "hparams", "module_arguments"])
def test_checkpoint_that_names_a_function_is_refused(model: Path, key: str) -> None:
    """Lightning before 2.6.6 called it."""
    hostile: dict[str, Any] = {key: {"_instantiator": "os.system"}}
    save(model, **hostile)
    with pytest.raises(ConfigError, match="names a function to call"):
        load_comet(model)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 half of a file"])
def test_checkpoint_that_is_none_is_named(model: Path, content: bytes) -> None:
    (model / "checkpoints" / "model.ckpt").write_bytes(content)
    with pytest.raises(ConfigError, match=r"wmt: model\.ckpt is not a checkpoint, or is incomplete$"):
        load_comet(model)


@pytest.mark.parametrize("entries", [{"state_dict": None}, {"hyper_parameters": [1]}])
def test_checkpoint_of_something_else_is_named(model: Path, entries: dict[str, Any]) -> None:
    save(model, **entries)
    with pytest.raises(ConfigError, match="not the checkpoint of a COMET model"):
        load_comet(model)


def test_encoder_that_is_not_on_disk_is_named(model: Path) -> None:
    save(model, pretrained_model="xlm-roberta-none")
    with pytest.raises(
        ConfigError, match=r"its encoder xlm-roberta-none is not on disk; .* hf download xlm-roberta-none"
    ):
        load_comet(model)
    save(model, pretrained_model="/no/such/encoder")
    with pytest.raises(ConfigError, match=r"its encoder /no/such/encoder is not on disk$"):
        load_comet(model)


def test_checkpoint_that_lacks_weights_is_refused(model: Path) -> None:
    save(model, state_dict={"other": torch.zeros(2)})
    with pytest.raises(ConfigError, match=r"lacks 1 weight, encoder\.weight first"):
        load_comet(model)


def test_model_that_reads_no_reference_is_refused(model: Path) -> None:
    save(model, kind="estimator")
    with pytest.raises(ConfigError, match="reads no reference"):
        load_comet(model)
    save(model, kind="estimator, unified")
    load_comet(model)


@pytest.mark.parametrize(
    ("hparams", "message"),
    [
        ("a: [b", r"hparams\.yaml cannot be read"),
        ("", "has no class_identifier"),
        ("class_identifier: unheard_of", "has no class_identifier unheard_of"),
    ],
)
def test_hyperparameters_that_say_too_little_are_one_line(model: Path, hparams: str, message: str) -> None:
    (model / "hparams.yaml").write_text(hparams)
    with pytest.raises(ConfigError, match=message):
        load_comet(model)


def test_chatter_of_the_package_is_not_heard(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    load_comet(model).score(["s"], ["h"], [["r"]])
    assert not caplog.records
    assert (root.handlers, root.level) == before
    logging.getLogger("other").warning("no chatter")
    assert caplog.messages == ["no chatter"]


def test_model_that_is_not_there_is_named(model: Path) -> None:
    with pytest.raises(ConfigError, match="none: no COMET model there"):
        check_comet(model / "none")
    (model / "hparams.yaml").unlink()
    with pytest.raises(ConfigError, match=r"hparams\.yaml is missing"):
        check_comet(model)
