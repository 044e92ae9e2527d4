"""What a denoising task means for the settings around it: its noise, and the piece for what is masked."""

from collections.abc import Sequence
from typing import Any

from mtkit.settings.layers import Layer, merge, stands_in, value_at
from mtkit.settings.sampling import MASK

ORIGIN = "data.task: reconstruct"

INFILLING: dict[str, Any] = {"probability": 1.0, "drop": 0.0, "swap": 0, "infill": 0.35, "random": 0.1}
"""Noise of mBART (Liu et al. 2020, section 2.1), but for the order of sentences, of which most lines have one."""


def with_noise(layers: Sequence[Layer]) -> list[Layer]:
    """Let ``data.task: reconstruct`` bring noise along, where no layer says what noise there is.

    Args:
        layers: Weakest first, the preset not among them yet.
    """
    tree = merge(layer.tree for layer in layers)
    if value_at(tree, ("data", "task")) != "reconstruct":
        return list(layers)
    if stands_in(tree, ("training", "sampling", "noise")):
        return with_mask(layers, ORIGIN)
    return with_mask([Layer(ORIGIN, {"training": {"sampling": {"noise": INFILLING}}}), *layers], ORIGIN)


def with_mask(layers: Sequence[Layer], origin: str) -> list[Layer]:
    """Make ``<mask>`` a piece of the tokenizer, where the settings do not; a model's own tokenizer stays as it is."""
    tree = merge(layer.tree for layer in layers)
    symbols = value_at(tree, ("tokenizer", "user_defined_symbols")) or []
    if value_at(tree, ("training", "from")) is not None or not isinstance(symbols, list) or MASK in symbols:
        return list(layers)
    return [*layers, Layer(origin, {"tokenizer": {"user_defined_symbols": [*symbols, MASK]}})]
