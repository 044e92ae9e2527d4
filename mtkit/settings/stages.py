"""A recipe with a section ``pretraining`` as the recipes of its two stages."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from mtkit.settings.data import DataConfig
from mtkit.settings.denoising import PRETRAINING
from mtkit.settings.layers import Layer
from mtkit.settings.pretraining import DENOISING, MONOLINGUAL, PretrainingConfig
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings
from mtkit.settings.source import SourceConfig

_NOT_OF_A_STAGE = {"weight"}


def pretraining_directory(config: Config) -> Path:
    """Where the corpus of the first stage lies, prepared."""
    return config.prepared_directory.with_name(f"{config.prepared_directory.name}-pretraining")


def first_stage(settings: Settings, config: Config) -> Settings:
    """The settings of the first stage.

    Args:
        settings: Of the whole run.
        config: What they come to; of a corpus that is not prepared yet, its sizes are provisional.
    """
    training: dict[str, Any] = {
        "max_updates": None if (n := config.training.max_updates) is None else config.pretraining.updates_of(n),
        "max_epochs": None,
        "sampling": {"noise": config.pretraining.noise},
        "average": {"n": 0},
        "early_stopping": {"patience": None, "metric": "loss"},
        "keep_test": [],
    }
    if (minutes := config.training.max_minutes) is not None:
        training["max_minutes"] = minutes * config.pretraining.share_of_run
    if config.pretraining.task in DENOISING:
        training["validate_text"] = False
    for name in ("learning_rate", "batch_tokens"):
        if (own := getattr(config.pretraining, name)) is not None:
            training[name] = own
    warmup = config.pretraining.warmup_updates
    if warmup is None and training["max_updates"] is not None:
        warmup = min(config.training.warmup_updates, training["max_updates"] // 4)
    if warmup is not None:
        training["warmup_updates"] = warmup
    none = PretrainingConfig().model_dump(mode="json")
    tree = {"name": f"{config.name}-pretraining", "data": _data(config), "training": training, "pretraining": none}
    return settings.topped_with(Layer(PRETRAINING, tree))


def with_model(settings: Settings, config: Config) -> Settings:
    """The settings of a stage with the model that both have."""
    return settings.topped_with(Layer(PRETRAINING, {"model": config.model.model_dump(mode="json")}))


def _data(config: Config) -> dict[str, Any]:
    """The section ``data`` of the first stage."""
    data, pretraining = config.data, config.pretraining
    denoises = pretraining.task in DENOISING
    train = [each for source in data.train for each in _of_pairs(source, data, both_ways=not denoises)]
    if pretraining.task in MONOLINGUAL:
        train += [_of_side(source, data, "src") for source in pretraining.src]
        train += [_of_side(source, data, "tgt") for source in pretraining.tgt]
    valid = [each for source in data.valid for each in _of_pairs(source, data, both_ways=not denoises)]
    cleaning = data.cleaning.model_dump(mode="json")
    if denoises:
        steps = [step for step in cleaning["steps"] if step not in ("identical", {"identical": {}})]
        has_leakage = any(step.name == "leakage" for step in data.cleaning.steps)
        cleaning["steps"] = steps if has_leakage else [*steps, "leakage"]
    return {
        "task": "reconstruct" if denoises else "translate",
        "train": train,
        "valid": valid,
        "test": [],
        "prepared": str(pretraining_directory(config)),
        "cleaning": cleaning,
    }


def _of_pairs(source: SourceConfig, data: DataConfig, *, both_ways: bool) -> Iterator[dict[str, Any]]:
    """A source of pairs as the first stage has it: twice, one side or one direction each."""
    plain = source.model_dump(mode="json", exclude=_NOT_OF_A_STAGE)
    takes: Sequence[str | None] = ("both", "swapped") if both_ways else ("src", "tgt")
    if data.is_one_side(source):
        takes = (source.take,)
    for take in takes:
        named = {} if source.name is None or take is None else {"name": f"{source.name}.{take}"}
        filters = [step for step in plain["filters"] if both_ways or step != "identical"]
        yield plain | {"take": take, "filters": filters} | named


def _of_side(source: SourceConfig, data: DataConfig, side: Literal["src", "tgt"]) -> dict[str, Any]:
    """A source of text in the source or the target language."""
    plain = source.model_dump(mode="json", exclude=_NOT_OF_A_STAGE)
    if source.kind == "mono":
        language = {"src": data.src_lang, "tgt": data.tgt_lang}[side]
        return plain | {"src_lang": source.src_lang or language}
    return plain | {"take": source.take or side}
