"""What a denoising task means for the settings around it: its noise, and the piece for what is masked."""

from collections.abc import Sequence
from typing import Any

from mtkit.settings.layers import Layer, merge, stands_in, value_at
from mtkit.settings.pretraining import DENOISING
from mtkit.settings.sampling import MASK

RECONSTRUCTION, PRETRAINING = "data.task: reconstruct", "pretraining"
"""Origins of what follows from a task."""

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
        return with_mask(layers, RECONSTRUCTION)
    return with_mask([Layer(RECONSTRUCTION, {"training": {"sampling": {"noise": INFILLING}}}), *layers], RECONSTRUCTION)


def with_pretraining(layers: Sequence[Layer]) -> list[Layer]:
    """Let a task of pretraining bring along what it needs: the languages' tags, and ``<mask>`` as a piece.

    A tag of the target language says which language is to be written, as one model writes both in the first stage.

    Args:
        layers: Weakest first, the preset not among them yet.
    """
    task = value_at(merge(layer.tree for layer in layers), ("pretraining", "task"))
    if task in (None, "none"):
        return list(layers)
    tagged = [Layer(PRETRAINING, {"data": {"language_tags": "target"}}), *layers]
    return with_mask(tagged, PRETRAINING) if task in DENOISING else tagged


def with_mask(layers: Sequence[Layer], origin: str) -> list[Layer]:
    """Make ``<mask>`` a piece of the tokenizer, where the settings do not; a model's own tokenizer stays as it is."""
    tree = merge(layer.tree for layer in layers)
    symbols = value_at(tree, ("tokenizer", "user_defined_symbols")) or []
    if value_at(tree, ("training", "from")) is not None or not isinstance(symbols, list) or MASK in symbols:
        return list(layers)
    return [*layers, Layer(origin, {"tokenizer": {"user_defined_symbols": [*symbols, MASK]}})]
