import sys
from pathlib import Path

import pytest

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.comet import check_comet, load_comet

STAND_IN = """
import os
from pathlib import Path
from types import SimpleNamespace

class Model:
    def predict(self, data, batch_size, gpus, progress_bar):
        assert not progress_bar
        return SimpleNamespace(scores=[VALUE.get(d["ref"], 0.5) if d["src"] and d["mt"] else 0 for d in data])

VALUE = {"best": 1.0, "odd": float("nan")}

def load_from_checkpoint(path, local_files_only=False):
    assert local_files_only and os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "1"
    if "broken" in Path(path).read_text():
        raise RuntimeError("weights are\\nbroken")
    return Model()
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's folder, and in the place of the package one with its interface."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "comet.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path / "package"))
    monkeypatch.delitem(sys.modules, "comet", raising=False)
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "")
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    (tmp_path / "wmt" / "checkpoints").mkdir(parents=True)
    (tmp_path / "wmt" / "checkpoints" / "model.ckpt").write_text("tensors")
    (tmp_path / "wmt" / "hparams.yaml").write_text("class_identifier: regression_metric")
    return tmp_path / "wmt"


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
    (model / "checkpoints" / "model.ckpt").write_text("broken")
    with pytest.raises(ConfigError, match=r"wmt: cannot be loaded: RuntimeError: weights are$"):
        load_comet(model)


def test_model_that_is_not_there_is_named(model: Path) -> None:
    with pytest.raises(ConfigError, match="none: no COMET model there"):
        check_comet(model / "none")
    (model / "hparams.yaml").unlink()
    with pytest.raises(ConfigError, match=r"hparams\.yaml is missing"):
        check_comet(model)
