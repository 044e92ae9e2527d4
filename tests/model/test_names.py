"""Every named choice builds something, and a name that nobody knows builds nothing."""

from typing import Any, get_args

import pytest
import torch

from mtkit.model.attention import CrossAttention, SelfAttention
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.kinds import build_cross_attention, build_self_attention
from mtkit.model.positions import build_relative
from mtkit.model.scores import build_score
from mtkit.settings.attention import ATTENTION, Part, attention_for
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import AverageConfig, TrainingConfig
from mtkit.training.saving.average import choose_checkpoints
from mtkit.training.saving.checkpoint import CheckpointStore
from mtkit.training.schedule import learning_rate, learning_rate_at
from mtkit.training.state import TrainState

SIZES: dict[str, Any] = {
    "d_model": 8,
    "n_heads": 2,
    "d_ff": 8,
    "n_encoder_layers": 2,
    "n_decoder_layers": 2,
    "max_length": 9,
}
WANTS: dict[tuple[str, str], dict[str, Any]] = {
    ("decoder_architecture", "conv"): {"cross_attention": "dot"},
    ("rnn_attention", "bahdanau"): {"cross_attention": "additive"},
}


def named_choices(config: type[ModelConfig] | type[TrainingConfig]) -> list[tuple[str, str]]:
    """The settings that are one of a few names, with each of them."""
    found = []
    for name, field in config.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            found += [(name, value) for value in get_args(kind) if isinstance(value, str)]
    return list(dict.fromkeys(found))


def config_with(setting: str, value: str, **others: Any) -> ModelConfig:
    """A small model that has a use for the setting."""
    of_rnn = setting.startswith("rnn_") or setting == "bridge"
    values = SIZES | ({"architecture": "rnn"} if of_rnn else {}) | WANTS.get((setting, value), {}) | others
    if values.get("architecture") == "rnn" or value == "rnn":
        values = (
            {key: each for key, each in values.items() if key != "d_ff"}
            if setting != "decoder_architecture"
            else values
        )
    if value == "conv" and setting == "architecture":
        values = {key: each for key, each in values.items() if key != "d_ff"}
    return ModelConfig.model_construct(**{**ModelConfig().model_dump(), **values, setting: value})


def build(config: ModelConfig) -> EncoderDecoder:
    torch.manual_seed(0)
    return EncoderDecoder(config, src_vocab_size=11, tgt_vocab_size=11, pad_id=0)


@pytest.mark.parametrize(("setting", "value"), [each for each in named_choices(ModelConfig) if each[0] != "preset"])
def test_every_choice_of_a_model_builds_one_that_computes(setting: str, value: str) -> None:
    model = build(config_with(setting, value)).eval()
    tokens = torch.tensor([[4, 5, 6, 3]])
    assert torch.isfinite(model.project(model(tokens, tokens))).all()
    assert torch.isfinite(model.step(tokens[:, 0], model.start(model.encode(tokens)))).all()


@pytest.mark.parametrize("setting", sorted({setting for setting, _ in named_choices(ModelConfig)} - {"preset"}))
def test_an_unknown_choice_of_a_model_builds_none(setting: str) -> None:
    with pytest.raises((ValueError, KeyError, AssertionError)):
        build(config_with(setting, "nobody-knows-it")).start(
            build(config_with(setting, "nobody-knows-it")).encode(torch.tensor([[4, 3]]))
        )


@pytest.mark.parametrize(
    ("part", "name"),
    [(part, name) for part in get_args(Part) for name in attention_for(part)],
)
def test_every_attention_is_the_one_of_its_name(part: str, name: str) -> None:
    config = ModelConfig(**SIZES)
    built: Any
    plain: type[CrossAttention] | type[SelfAttention]
    if part == "cross":
        built, plain = build_cross_attention(config, name), CrossAttention
    else:
        built, plain = build_self_attention(config, name, causal=part == "decoder"), SelfAttention
    assert (type(built) is plain) == (ATTENTION[name].is_score)
    if ATTENTION[name].is_score:
        assert type(built.score).__name__.lower() == name.replace("_", "")


def test_a_score_without_a_branch_is_not_another_one() -> None:
    for name in ("retention", "", "SCALED_DOT"):
        with pytest.raises(ValueError, match="no score function of attention is called"):
            build_score(name, n_heads=2, per_head=4, max_length=9)


def test_positions_without_a_branch_are_not_others() -> None:
    for name in ("rope", "auto", ""):
        with pytest.raises(ValueError, match="no positions are called"):
            build_relative(name, n_heads=2, per_head=4, causal=False)


BY_TIME = ("linear", "cosine", "wsd")
SCHEDULES = [value for setting, value in named_choices(TrainingConfig) if setting == "schedule"]


def test_every_schedule_is_another_one() -> None:
    configs = [
        TrainingConfig.model_construct(**{**TrainingConfig().model_dump(), "schedule": name}) for name in SCHEDULES
    ]
    rates = [tuple(learning_rate(update, config) for update in (5_000, 50_000, 90_000)) for config in configs]
    assert len(set(rates)) == len(SCHEDULES) == 5
    of_time = {name: config for name, config in zip(SCHEDULES, configs, strict=True) if name in BY_TIME}
    assert len({learning_rate_at(0.7, 9, config) for config in of_time.values()}) == 3


def test_an_unknown_schedule_is_none() -> None:
    config = TrainingConfig.model_construct(**{**TrainingConfig().model_dump(), "schedule": "nobody-knows-it"})
    with pytest.raises(AssertionError):
        learning_rate(50_000, config)
    with pytest.raises(AssertionError):
        learning_rate_at(0.7, 9, config)


def test_a_schedule_that_does_not_end_is_none_by_time() -> None:
    with pytest.raises(ValueError, match="constant does not reach zero"):
        learning_rate_at(0.7, 9, TrainingConfig(schedule="constant"))


def test_every_way_to_choose_checkpoints_chooses(tmp_path: Any) -> None:
    store = CheckpointStore(tmp_path)
    for by in get_args(AverageConfig.model_fields["by"].annotation):
        assert choose_checkpoints(store, TrainState(), 2, by) == []
    unknown: Any = "nobody-knows-it"
    with pytest.raises(AssertionError):
        choose_checkpoints(store, TrainState(), 2, unknown)
