"""The section ``pretraining``: what it brings along, how the updates are dealt out, and what cannot be."""

from pathlib import Path

import pytest

from mtkit.errors import ConfigError
from mtkit.settings.resolve import Settings
from mtkit.settings.stages import first_stage
from tests.settings.conftest import MINIMAL, write

DENOISE = "pretraining: {task: denoise, src: mono.en, tgt: [mono.de, pairs.tmx]}\n"


def settings_of(tmp_path: Path, text: str, *overrides: str) -> Settings:
    return Settings.load(write(tmp_path, text), overrides=overrides)


def test_tags_and_mask_come_with_the_task(tmp_path: Path) -> None:
    config = settings_of(tmp_path, MINIMAL + DENOISE).config()
    assert config.data.language_tags == "target"
    assert config.tokenizer.user_defined_symbols == ["<mask>"]
    both = settings_of(tmp_path, MINIMAL + "pretraining: {task: both_directions}\n").config()
    assert (both.data.language_tags, both.tokenizer.user_defined_symbols) == ("target", [])
    plain = settings_of(tmp_path, MINIMAL).config()
    assert (plain.data.language_tags, plain.tokenizer.user_defined_symbols) == ("none", [])


def test_the_first_stage_has_both_sides_and_the_text_in_one_language(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, MINIMAL + DENOISE)
    first = first_stage(settings, settings.config()).config()
    assert first.data.directions == [("en", "en"), ("de", "de")]
    taken = [(source.kind, first.data.take_of(source), first.data.tags_of(source)) for source in first.data.train]
    of_en, of_de = ["<2en>"], ["<2de>"]
    assert taken == [
        ("src", "src", of_en),
        ("src", "tgt", of_de),
        ("mono", "both", of_en),
        ("mono", "both", of_de),
        ("tmx", "tgt", of_de),
    ]
    assert not first.pretraining.active
    assert [step.name for step in first.data.cleaning.steps] == ["leakage"]


@pytest.mark.parametrize(
    ("overrides", "first", "second"),
    [
        ((), 30_000, 70_000),
        (("pretraining.share=0.5",), 50_000, 50_000),
        (("pretraining.max_updates=1_000", "training.max_updates=3_000"), 1_000, 2_000),
    ],
)
def test_updates_are_dealt_out(tmp_path: Path, overrides: tuple[str, ...], first: int, second: int) -> None:
    settings = settings_of(tmp_path, MINIMAL + DENOISE, *overrides)
    config = settings.config()
    assert first_stage(settings, config).config().training.max_updates == first
    assert config.own_training.max_updates == second


def test_minutes_are_dealt_out_and_own_settings_count(tmp_path: Path) -> None:
    overrides = ("training.max_minutes=10", "pretraining.share=0.4", "pretraining.learning_rate=0.01")
    settings = settings_of(tmp_path, MINIMAL + DENOISE, *overrides)
    training = first_stage(settings, settings.config()).config().training
    assert training.max_minutes == pytest.approx(4)
    assert training.learning_rate == 0.01
    assert settings.config().own_training.learning_rate != 0.01


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["task=denoise"], "pretraining.task: denoise needs text in one language: name files of lines with src: FILE"),
        (["task=mass"], "pretraining.task: mass needs text in one language"),
        (["task=parallel_denoise", "src=a.en"], "pretraining.src: does nothing with task: parallel_denoise"),
        (["src=a.en"], "pretraining.src: does nothing without a task"),
        (["task=noise"], "pretraining.task"),
        (["task=both_directions", "share=0"], "pretraining.share"),
        (["task=both_directions", "share=1"], "pretraining.share"),
        (["task=both_directions", "share=0.5", "max_updates=10"], "pretraining.share: stands beside max_updates"),
        (["task=both_directions", "max_updates=100_000"], "pretraining.max_updates: 100,000 leave nothing"),
        (["task=denoise", "src=[{tsv: a.tsv, take: both}]"], "pretraining.src.0.take: one side is wanted"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, overrides: list[str], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, MINIMAL, *(f"pretraining.{each}" for each in overrides)).config()
    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2  # a head, and the line


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("training.from=runs/x", "pretraining.task: a model to start from brings its weights"),
        ("tokenizer.joint=false", "tokenizer.joint: pretraining writes both languages"),
        ("data.language_tags=none", "data.language_tags: with pretraining a tag says which language is written"),
        ("pretraining.warmup_updates=30_000", "pretraining.warmup_updates: 30,000 must be below the 30,000 updates of"),
        ("training.warmup_updates=99_000", "training.warmup_updates: 99,000 must be below the 70,000 updates"),
    ],
)
def test_what_does_not_go_with_it(tmp_path: Path, override: str, reason: str) -> None:
    rest = "model: {tie_embeddings: decoder}\ntraining: {schedule: linear}\n"
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, MINIMAL + DENOISE + rest, override).config()
    assert reason in str(caught.value)
