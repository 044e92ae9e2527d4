"""What a task of reconstruction brings along, and what stands against it."""

from pathlib import Path

import pytest

from mtkit.errors import ConfigError
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings
from tests.settings.conftest import MINIMAL, write

MONO = "data: {task: reconstruct, src_lang: de, train: {mono: a.de}, valid: {mono: b.de}}\n"


def config_of(tmp_path: Path, text: str, *overrides: str) -> Config:
    return Settings.load(write(tmp_path, text), overrides=overrides).config()


def test_reconstruction_brings_noise_and_the_piece_for_it(tmp_path: Path) -> None:
    config = config_of(tmp_path, MONO)
    noise = config.training.sampling.noise
    assert (noise.probability, noise.infill, noise.drop, noise.swap) == (1, 0.35, 0, 0)
    assert config.tokenizer.user_defined_symbols == ["<mask>"]
    assert config.data.tgt_lang == "de"


def test_own_noise_and_own_pieces_stay(tmp_path: Path) -> None:
    own = "tokenizer: {user_defined_symbols: [<x>]}\ntraining: {sampling: {noise: {probability: 0.5}}}\n"
    config = config_of(tmp_path, MONO + own)
    assert config.tokenizer.user_defined_symbols == ["<x>", "<mask>"]
    assert (config.training.sampling.noise.infill, config.training.sampling.noise.drop) == (0, 0.1)


def test_translation_has_no_noise(tmp_path: Path) -> None:
    config = config_of(tmp_path, MINIMAL)
    assert not config.training.sampling.active
    assert config.tokenizer.user_defined_symbols == []


@pytest.mark.parametrize(
    ("text", "override", "reason"),
    [
        (MINIMAL, "training.sampling.noise.infill=0.3", "infill needs tokenizer.user_defined_symbols: "),
        (MINIMAL, "data.task=rebuild", "data.task: "),
        (
            MONO,
            "training.sampling.noise={span: 0.5, infill: 0.3}",
            "masks its span alone: leave out either span or infill",
        ),
        (MONO, "data.train=[{src: a.de, tgt: b.de, take: swapped}]", "with task: reconstruct, take src or tgt"),
        (MONO, "data.cleaning.steps=[identical]", "loses every line to the cleaning step identical"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, override: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, text, override)
    assert reason in str(caught.value)


def test_a_span_is_predicted_from_one_text_alone(tmp_path: Path) -> None:
    own = "tokenizer: {user_defined_symbols: [<mask>]}\ntraining: {sampling: {noise: {probability: 1, span: 0.5}}}\n"
    with pytest.raises(ConfigError, match=r"needs data\.task: reconstruct"):
        config_of(tmp_path, MINIMAL + own)
