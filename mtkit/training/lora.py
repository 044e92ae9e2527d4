"""Adapters of a run: put beside the linear maps of the model that it starts from, and kept as PEFT keeps them."""

from pathlib import Path

from mtkit.bundle.bundle import load_bundle
from mtkit.exchange.peft import write_adapter
from mtkit.log import logger
from mtkit.model.adapters import LowRankShape, adapt, adapter_tensors, merge_adapters
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.lora import LoraConfig
from mtkit.settings.training import TrainingConfig

ADAPTER = "adapter"
"""In a run directory: the adapters of the run's model."""


def shape_of(config: LoraConfig) -> LowRankShape | None:
    """The size of the adapters; None where the model itself is trained."""
    if config.rank is None:
        return None
    return LowRankShape(config.rank, 2.0 * config.rank if config.alpha is None else config.alpha, config.dropout)


def adapted_parts(model: EncoderDecoder, config: LoraConfig) -> None:
    """Put the adapters that the settings ask for into a model that has its weights.

    Raises:
        ConfigError: If the model has not what they name.
    """
    if (shape := shape_of(config)) is not None:
        parts = adapt(model, shape, config.modules)
        logger.debug("adapters of rank %d beside %s", shape.rank, ", ".join(parts))


def settle_adapters(model: EncoderDecoder, config: TrainingConfig, run_dir: Path) -> None:
    """Write the adapters of a model into the run directory, and take them into its weights."""
    if (shape := shape_of(config.lora)) is None:
        return
    assert config.from_ is not None
    write_adapter(run_dir / ADAPTER, adapter_tensors(model), shape, load_bundle(Path(config.from_)))
    merge_adapters(model)
    logger.info("the adapters by themselves: %s", run_dir / ADAPTER)
