"""Training, resume, bundle and translation with other architectures than the usual one: nothing else may change."""

from pathlib import Path

import pytest

from mtkit.training.run import train
from mtkit.translation.translator import Translator
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run

_NO_FEED_FORWARD = {"model__d_ff": 2048}  # its default, where it has nothing to do

ARCHITECTURES: dict[str, dict[str, object]] = {
    "bahdanau": {
        "model__architecture": "rnn",
        "model__rnn_attention": "bahdanau",
        "model__cross_attention": "additive",
        **_NO_FEED_FORWARD,
    },
    "conv": {"model__architecture": "conv", "model__cross_attention": "dot", **_NO_FEED_FORWARD},
    "ssru": {"model__decoder_attention": "ssru", "model__positions": "rotary"},
    "layer-drop": {"model__layer_drop": 0.3, "model__n_unique_layers": 1, "model__d_embedding": 16},
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_run_that_lost_its_newest_checkpoints_ends_bit_identical_and_translates(
    name: str, toy_task: ToyTask, tmp_path: Path
) -> None:
    settings = toy_task.recipe(**ARCHITECTURES[name])
    train(settings, tmp_path / "straight")
    train(settings, tmp_path / "run")
    for update in (9, 12):
        (tmp_path / "run" / f"checkpoints/update-{update:08d}" / "state.json").write_text("{")
    train(settings, tmp_path / "run")
    assert_same_run(tmp_path / "straight", tmp_path / "run", 12)
    translator = Translator.load(tmp_path / "run", device="cpu", threads=1)
    lines = ["1 2 3", "", "4 5"]
    found = [translation.text for translation in translator.translate(lines)]
    assert len(found) == 3
    assert found[1] == ""
