"""Measure a machine at the work of a recipe or of a trained model."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch

from mtkit.bench.sizes import sizes_of
from mtkit.bench.training import TrainingSpeed, measure_training
from mtkit.bench.translation import TranslationSpeed, measure_model, measure_random
from mtkit.bundle.bundle import Bundle
from mtkit.data.batches.synthetic import random_store
from mtkit.data.corpus.store import Store
from mtkit.data.tokens.special import OWN
from mtkit.engines.conversion import inexpressible
from mtkit.errors import ConfigError, DataError
from mtkit.log import logger
from mtkit.machine.compute import Compute
from mtkit.machine.device import Precision, bf16_is_native, choose_device
from mtkit.machine.peak import Peak, measured_peak, memory_bandwidth, peak
from mtkit.machine.processor import cpu_name
from mtkit.machine.threads import available_cores
from mtkit.model.fitting import skeleton
from mtkit.settings.model import ModelConfig
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings
from mtkit.translation.test_sets import held_out_sets
from mtkit.translation.translator import Translator

_PROBE_SECONDS = 0.5
_NO_RECIPE = "random tokens"


@dataclass(frozen=True)
class Machine:
    """What the work ran on, and what that can do at most."""

    cpu: str
    n_cores: int
    """Cores that this process may use."""

    n_threads: int
    gpu: str | None
    torch: str
    python: str
    device: str
    precision: Precision
    limits: "Limits"
    memory_bytes_per_second: float
    """Read and written by a copy, measured."""


@dataclass(frozen=True)
class Limits:
    """Matrix products of a device."""

    fp32_flop_per_second: float
    """Measured."""

    bf16_flop_per_second: float | None
    """Peak in bf16; None where the device does not multiply in bf16."""

    peak: Peak
    """What shares of peak refer to in translation; ``TrainingSpeed`` has its own."""


@dataclass(frozen=True)
class Work:
    """What was measured."""

    name: str
    """The preset, the recipe or the model."""

    data: str
    model: ModelConfig
    n_parameters: int
    src_vocab_size: int
    tgt_vocab_size: int


@dataclass(frozen=True)
class Bench:
    """All that is told."""

    machine: Machine
    work: Work
    training: TrainingSpeed | None
    """Training speed; None for a trained model."""

    translation: list[TranslationSpeed]
    """Translation speeds; of a trained model without a given precision, in each that it may be translated in."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"work": asdict(self.work) | {"model": self.work.model.in_use()}}


def settings_of_preset(preset: str | None, *, overrides: Sequence[str], flags: dict[str, object]) -> Settings:
    """Settings without a recipe: of a preset, by default the one that suits the device, over no corpus at all."""
    if preset == "auto":
        raise ConfigError("preset auto depends on the number of training pairs, and there is no corpus: name a preset")
    settings = Settings.load(None, overrides=overrides, flags=flags | {"model.preset": preset})
    nowhere = [{"src": "nowhere", "tgt": "nowhere"}]
    data = {"data.src_lang": "src", "data.tgt_lang": "tgt", "data.train": nowhere, "data.valid": nowhere}
    device = choose_device(str(flags.get("training.device") or "auto"))
    default = "base" if device.type == "cuda" else "small"
    return settings.with_layer("mtkit bench", data | {"model.preset": default, "name": _NO_RECIPE})


def bench_recipe(settings: Settings, *, seconds: float) -> Bench:
    """Measure training and translation at the sizes of a recipe, on its corpus where that has been prepared.

    Args:
        settings: The recipe and what was typed beside it.
        seconds: How long, all in all; a model that is large for the machine takes longer.

    Raises:
        MtkitError: For everything that a user can fix.
    """
    config, store, work = _recipe_work(settings)
    training = config.training
    compute = Compute.choose(training.device, training.precision, training.threads)  # the precision is the search's
    limits = _limits(compute)
    vocab_sizes = (work.src_vocab_size, work.tgt_vocab_size)
    logger.info("training for about %.0f s", seconds * 2 / 3)
    trained = measure_training(
        config.model,
        training,
        store,
        vocab_sizes=vocab_sizes,
        pad_id=OWN.pad,
        compute=compute,
        peak=lambda of: _peak(of, limits.fp32_flop_per_second),
        seconds=seconds / 2,  # and a third of that to tell the parts apart
    )
    logger.info("translating for about %.0f s", seconds / 3)
    translated = measure_random(
        config.model,
        config.decoding,
        store,
        vocab_sizes=vocab_sizes,
        compute=compute,
        peak=limits.peak,
        seconds=seconds / 3,
    )
    return Bench(_machine(compute.with_precision(trained.way.precision), limits), work, trained, translated)


def bench_model(
    bundle: Bundle,
    name: str,
    src_text: Sequence[str] | None,
    *,
    device: str,
    precision: str,
    threads: int | None,
    seconds: float,
) -> Bench:
    """Measure translation with a trained model.

    Args:
        bundle: The model.
        name: What it is called.
        src_text: What to translate; None for the first test set of the model's corpus.
        device: auto, cpu or cuda.
        precision: fp32, bf16 or int8; or auto: on a CPU each that the model may be translated in, on a GPU the one
            that is. Shares of peak are those of float32 where that or int8 is among them.
        threads: CPU threads; by default one per core.
        seconds: How long.

    Raises:
        MtkitError: For everything that a user can fix.
    """
    data = "the text given"
    if src_text is None:
        held_out = held_out_sets(bundle)[0]
        src_text, data = held_out.src_text, f"test set {held_out.name}"
    src_text = [line for line in src_text if line.strip()]
    if not src_text:
        raise DataError("nothing to translate: every line of the text is blank")
    precisions = _precisions(bundle, choose_device(device)) if precision == "auto" else [precision]
    load = partial(Translator.load, bundle, device=device, threads=threads)
    translators = [load(precision=each) for each in precisions]
    compute = Compute.choose(device, "fp32" if precisions[0] == "int8" else precisions[0], threads)
    limits = _limits(compute)
    vocab_sizes = (bundle.tokenizer.src_vocab_size, bundle.tokenizer.tgt_vocab_size)
    work = Work(name, data, bundle.model, bundle.n_parameters(), *vocab_sizes)
    translated = []
    for translator in translators:
        logger.info("translating for about %.0f s with %s", seconds / len(translators), translator.engine.description)
        translated += measure_model(
            translator, bundle.model, src_text, peak=limits.peak, seconds=seconds / len(translators)
        )
    return Bench(_machine(compute, limits), work, None, translated)


def _precisions(bundle: Bundle, device: torch.device) -> list[str]:
    """Precisions that a model may be translated in where none is asked for."""
    if device.type != "cpu":
        return ["auto"]
    if inexpressible(bundle.model) is None and find_spec("ctranslate2") is not None:
        return ["fp32", "int8"]
    return ["fp32", "bf16"] if bf16_is_native(device) else ["fp32"]


def _recipe_work(settings: Settings) -> tuple[Config, Store, Work]:
    """The resolved recipe and its pairs: of the prepared corpus, or else random ones."""
    sizes = sizes_of(settings)
    config, vocab_sizes = sizes.config, (sizes.src_vocab_size, sizes.tgt_vocab_size)
    if sizes.prepared is not None:
        store = sizes.prepared.store("train")
        data = f"{config.prepared_directory}, {sizes.prepared.manifest.n_train:,} pairs"
    else:
        store = random_store(
            100_000, src_vocab_size=vocab_sizes[0], tgt_vocab_size=vocab_sizes[1], max_length=config.model.max_length
        )
        no_corpus = f"random tokens, as {config.prepared_directory} does not exist"
        data = "random tokens" if config.name == _NO_RECIPE else no_corpus
    model = skeleton(config.model, src_vocab_size=vocab_sizes[0], tgt_vocab_size=vocab_sizes[1], pad_id=0)
    name = f"preset {config.model.preset}" if config.name == _NO_RECIPE else f"recipe {config.name}"
    return config, store, Work(name, data, config.model, model.n_parameters(), *vocab_sizes)


def _limits(compute: Compute) -> Limits:
    logger.info("measuring matrix products")
    fp32 = measured_peak(compute.with_precision("fp32"), seconds=_PROBE_SECONDS)
    native = bf16_is_native(compute.device)
    bf16 = measured_peak(compute.with_precision("bf16"), seconds=_PROBE_SECONDS) if native else None
    return Limits(fp32, bf16, _peak(compute, fp32))


def _peak(compute: Compute, fp32_flop_per_second: float) -> Peak:
    return Peak(fp32_flop_per_second, published=False) if compute.precision == "fp32" else peak(compute)


def _machine(compute: Compute, limits: Limits) -> Machine:
    """Describe the machine; called last, since measuring the memory takes memory."""
    logger.info("measuring memory")
    device = compute.device
    return Machine(
        cpu=cpu_name(),
        n_cores=available_cores(),
        n_threads=compute.threads,
        gpu=torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        torch=torch.__version__,
        python=platform.python_version(),
        device=str(device),
        precision=compute.precision,
        limits=limits,
        memory_bytes_per_second=memory_bandwidth(device, seconds=_PROBE_SECONDS),
    )
