from pathlib import Path

import pytest

from mtkit.errors import ConfigError
from mtkit.settings.presets import SIZE_CLASSES, default_vocab_size, size_class_for
from mtkit.settings.resolve import Settings
from tests.settings.conftest import MINIMAL, write


@pytest.mark.parametrize(
    ("n_pairs", "size", "vocab_size"),
    [
        (1000, "tiny", 1000),
        (29000, "tiny", 8000),
        (160000, "small", 16000),
        (4500000, "base", 32000),
        (40000000, "big", 32000),
    ],
)
def test_the_size_of_the_corpus_chooses_the_preset(n_pairs: int, size: str, vocab_size: int) -> None:
    assert size_class_for(n_pairs) == size
    assert default_vocab_size(n_pairs) == vocab_size


def test_what_a_recipe_says_in_the_place_of_a_preset_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "model: {n_encoder_layers: 2, n_heads: 4}\n")
    _, line = Settings.load(path, overrides=["model.preset=deep-shallow"]).for_corpus(10)
    assert line == "preset deep-shallow: --set model.preset names it; instead of its own values: n_encoder_layers 2"


@pytest.mark.parametrize("name", SIZE_CLASSES)
def test_every_preset_is_valid(tmp_path: Path, name: str) -> None:
    settings, _ = Settings.load(write(tmp_path, MINIMAL), overrides=[f"model.preset={name}"]).for_corpus(1)
    assert settings.config().model.preset == name


@pytest.mark.parametrize("architecture", ["rnn", "conv"])
def test_a_preset_by_size_leaves_out_what_the_architecture_has_no_use_for(tmp_path: Path, architecture: str) -> None:
    settings = Settings.load(write(tmp_path, MINIMAL), overrides=[f"model.architecture={architecture}"])
    for found in (settings.for_corpus(10)[0], settings.before_corpus()):
        model = found.config().model
        assert (model.architecture, model.d_ff) == (architecture, 2048)  # its default, not the preset's
    assert settings.for_corpus(10)[0].config().model.d_model == 128


@pytest.mark.parametrize(
    ("text", "preset"),
    [
        ("training: {schedule: cosine, max_updates: 3000}\n", "tiny"),
        ("model: {d_model: 100}\n", "tiny"),
        ("model: {d_model: 100, preset: small}\n", "small"),
        ("model: {d_model: 64}\n", None),
    ],
)
def test_settings_that_one_preset_makes_valid_are_valid_before_the_corpus(
    tmp_path: Path, text: str, preset: str | None
) -> None:
    shown = Settings.load(write(tmp_path, MINIMAL + text)).before_corpus().explain()
    assert (f"# preset {preset}" in shown) if preset else ("# preset" not in shown)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {d_model: 30, n_heads: 4}\n", r"my.yaml:6: model.n_heads: must divide d_model \(30\) \(got 4\)$"),
        ("model: {preset: tiny, d_model: 102}\n", r"my.yaml:6: model.n_heads: must divide d_model \(102\) \(got 4\)"),
        ("model: {d_model: 101}\n", r"my.yaml:6: model.n_heads: must divide d_model \(101\) \(got 8\)$"),
        ("model: {d_model: 100, preset: base}\n", r"my.yaml:6: model.n_heads: must divide d_model \(100\) \(got 8\)$"),
        ("model: {d_model: 100, preset: huge}\n", r"my.yaml:6: model.preset: .*'huge'"),
        ("model: {preset: [tiny]}\n", r"my.yaml:6: model.preset: "),
        ("model: {preset: rnn-lung}\n", r"\(got 'rnn-lung'; did you mean 'rnn-luong'\?\)"),
        ("model: {architecture: RNN}\n", r"\(got 'RNN'; did you mean 'rnn'\?\)"),
        ("model: {norm: past}\n", r"my.yaml:6: model.norm: .* \(got 'past'; did you mean 'post'\?\)"),
        (
            "model: {decoder_attention: avrage}\n",
            r"my.yaml:6: model.decoder_attention: avrage is unknown; did you mean",
        ),
        ("model: {rnn_cell: gru}\n", r"my.yaml:6: model.rnn_cell: does nothing here: it belongs to a recurrent"),
        ("model: {d_model: 100, n_haeds: 4}\n", r"^setting not valid:\n  .*n_haeds: unknown setting; did you mean"),
        (
            "training: {schedule: linear, max_updates: 500, zzz: 1}\n",
            r"training.zzz: unknown setting$",
        ),
    ],
)
def test_settings_that_no_preset_makes_valid_are_refused_before_the_corpus(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings.load(write(tmp_path, MINIMAL + text)).before_corpus()
