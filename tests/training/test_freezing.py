"""Parts of a model that stay as they were."""

from pathlib import Path

import pytest
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.errors import ConfigError, Interrupted
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.training.freezing import freeze, n_trained_parameters
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after
from tests.training.test_starting import tuned, weights


def small_model(**options: object) -> EncoderDecoder:
    shape = {"d_model": 16, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 2, "n_decoder_layers": 1, **options}
    return EncoderDecoder(ModelConfig.model_validate(shape), src_vocab_size=9, tgt_vocab_size=9, pad_id=0)


def frozen(model: EncoderDecoder) -> set[str]:
    return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}


def test_parts_layers_and_patterns_are_frozen_and_nothing_else() -> None:
    names = {name for name, _ in small_model().named_parameters()}
    for part, starts in {
        "embeddings": ("src_embedding.", "tgt_embedding."),
        "encoder": ("encoder.",),
        "decoder": ("decoder.",),
        "encoder.layers.0": ("encoder.layers.0.",),
        "encoder.layers.?": ("encoder.layers.",),
    }.items():
        model = small_model()
        freeze(model, [part])
        assert frozen(model) == {name for name in names if name.startswith(starts)} != set()
    model = small_model()
    freeze(model, ["*.bias", "encoder"])
    assert frozen(model) == {name for name in names if name.endswith(".bias") or name.startswith("encoder.")}
    trained = [parameter for name, parameter in model.named_parameters() if name not in frozen(model)]
    assert n_trained_parameters(model) == sum(map(torch.numel, trained)) < model.n_parameters()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["encoders"], "encoders: the model has nothing of this name; near it: encoder, "),
        (["encoder.layers.7"], "encoder.layers.7: the model has nothing of this name; near it: encoder.layers"),
        (["xyz"], "xyz: the model has nothing of this name; there are embeddings, encoder, decoder, "),
        (["embeddings", "*"], "embeddings, *: nothing is left to train"),
    ],
)
def test_names_that_fit_nothing_are_told_with_those_near(names: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=r"training\.freeze: ") as error:
        freeze(small_model(), names)
    assert told in str(error.value)


@pytest.mark.processor
def test_what_is_frozen_stays_byte_for_byte_and_has_no_state(
    toy_task: ToyTask, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tuned(
        toy_task,
        straight,
        tmp_path / "prepared",
        training__freeze=["embeddings", "encoder.layers.0"],
        training__weight_decay=0.1,
        training__learning_rate=1e-2,
        training__average={"n": 3, "by": "last"},
    )
    train(settings, tmp_path / "whole")
    interrupted_after(3, monkeypatch)
    with pytest.raises(Interrupted):
        train(settings, tmp_path / "run")
    monkeypatch.undo()
    train(settings, tmp_path / "run")
    assert_same_run(tmp_path / "whole", tmp_path / "run", 6)

    before, after = weights(load_bundle(straight).directory), weights(tmp_path / "run" / "model")
    stays = {name for name in before if "embedding." in name or name.startswith("encoder.layers.0.")}
    changed = {name for name in before if before[name].numpy().tobytes() != after[name].numpy().tobytes()}
    assert changed == before.keys() - stays
    checkpoint = load_checkpoint(tmp_path / "run" / "last")
    assert {key.rpartition("/")[0] for key in checkpoint.optimizer} == before.keys() - stays


def test_freezing_needs_a_model(toy_task: ToyTask) -> None:
    with pytest.raises(ConfigError, match=r"training.freeze: keeps what a model brought along: name the model with"):
        toy_task.recipe(training__freeze="encoder").config()
