"""The marks at the settings, against what they stood for when they were lists in other rooms."""

from typing import Annotated

import pytest
from pydantic import BaseModel

from mtkit.settings.data import DataConfig
from mtkit.settings.model import ModelConfig
from mtkit.settings.recipe import Config
from mtkit.settings.section import (
    CONVERTIBLE,
    FETCHING,
    MAY_CHANGE,
    NOT_IN_CORPUS,
    PLACE,
    TRAINING_ONLY,
    Mark,
    Section,
    marked,
)
from mtkit.settings.source import KINDS, SourceConfig

EXPECTED: list[tuple[type[BaseModel], Mark, str]] = [
    (
        Config,
        MAY_CHANGE,
        "name data.prepared training.from training.max_updates training.max_epochs training.max_minutes "
        "training.min_updates training.keep_test training.distillation.teacher training.decay_share "
        "training.report_every training.n_samples training.keep_last training.keep_best training.max_bad_updates "
        "training.healing.rollbacks training.healing.sigmas training.healing.rate_factor training.healing.recent "
        "training.healing.window "
        "training.early_stopping.patience training.average.n training.average.by training.device training.precision "
        "training.threads training.workers training.tensorboard decoding.beam_size decoding.length_penalty "
        "decoding.max_length_ratio decoding.max_length_offset decoding.split evaluation.metrics",
    ),
    (
        ModelConfig,
        CONVERTIBLE,
        "architecture d_model n_heads d_head d_ff n_encoder_layers n_decoder_layers encoder_attention "
        "decoder_attention cross_attention positions sinusoids shared_positions norm norm_type activation bias "
        "tie_embeddings output_bias scale_output scale_embeddings embedding_norm max_length",
    ),
    (
        ModelConfig,
        TRAINING_ONLY,
        "preset dropout attention_dropout activation_dropout layer_drop initialisation",
    ),
    (DataConfig, NOT_IN_CORPUS, "prepared mixing"),
    (SourceConfig, NOT_IN_CORPUS, "weight"),
    (SourceConfig, PLACE, "src tgt tsv jsonl tmx xliff po hf mtdata mono"),
    (SourceConfig, FETCHING, "streaming"),
]


@pytest.mark.parametrize(("section", "mark", "names"), EXPECTED)
def test_the_marked_settings_are_those_of_the_old_lists(section: type[BaseModel], mark: Mark, names: str) -> None:
    assert marked(section, mark) == set(names.split())


def test_every_kind_of_source_is_a_place() -> None:
    assert marked(SourceConfig, PLACE) == {"tgt", *KINDS}


def test_no_other_setting_of_a_recipe_has_a_mark_that_belongs_to_one_section() -> None:
    of_one_section = marked(Config, CONVERTIBLE, TRAINING_ONLY, NOT_IN_CORPUS, PLACE, FETCHING)
    assert {name.partition(".")[0] for name in of_one_section} == {"model", "data"}


class Inner(Section):
    a: Annotated[int, MAY_CHANGE] = 1
    b: int = 2


class Outer(Section):
    inner: Inner = Inner()
    c: Annotated[int | None, PLACE, MAY_CHANGE] = None
    d: Annotated[Inner, PLACE] = Inner()


def test_marks_are_found_in_sections_within_sections() -> None:
    assert marked(Outer, MAY_CHANGE) == {"inner.a", "c", "d.a"}
    assert marked(Outer, PLACE) == {"c", "d"}
    assert marked(Outer, PLACE, MAY_CHANGE) == {"inner.a", "c", "d", "d.a"}
    assert marked(Outer) == set()
