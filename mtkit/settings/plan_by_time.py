"""What a limit of time, and ``batch_tokens: auto``, mean for the settings around them."""

from dataclasses import replace
from typing import Any

from mtkit.settings.layers import Layer, merge, stands_in, value_at

BY_TIME = "max_minutes"
"""Origin of what follows from a limit of time."""

_MIN_UPDATES = 2_000  # of a run by time: fewer teach a model little, see recipes/multi30k-en-de/README.md


def with_plan_by_time(layers: list[Layer], *, n_of_recipe: int) -> list[Layer]:
    """Let ``training.max_minutes`` take the place of what a weaker source says of the length of the run.

    Where nothing but the preset says how large an update is, it also asks for many of them.

    Weaker than --minutes or --set are recipe and preset; weaker than a recipe is the preset. What stands beside it,
    such as a max_updates typed together with --minutes, stays.

    Args:
        layers: Weakest first, the preset not among them yet.
        n_of_recipe: How many of them are the recipe's, and not typed.
    """
    location = ("training", "max_minutes")
    source = next((n for n in reversed(range(len(layers))) if stands_in(layers[n].tree, location)), None)
    if source is None or value_at(layers[source].tree, location) is None:
        return layers
    place = n_of_recipe if source >= n_of_recipe else 0
    plan: dict[str, Any] = {"max_updates": None, "max_epochs": None}
    if value_at(merge(layer.tree for layer in layers), ("training", "optimizer")) == "schedule_free":
        plan["schedule"] = "constant"
    elif value_at(merge(layer.tree for layer in layers[:place]), ("training", "schedule")) not in ("cosine", "wsd"):
        plan["schedule"] = "linear"
    if not any(stands_in(layer.tree, ("training", "batch_tokens")) for layer in layers):
        plan["min_updates"] = _MIN_UPDATES
    return [*layers[:place], Layer(BY_TIME, {"training": plan}), *layers[place:]]


def with_recommended_batches(layers: list[Layer]) -> list[Layer]:
    """Where ``training.batch_tokens`` is auto, no layer says it, so that the preset does, and the memory is asked."""
    key = ("training", "batch_tokens")
    strongest = next((layer for layer in reversed(layers) if stands_in(layer.tree, key)), None)
    if strongest is None or value_at(strongest.tree, key) != "auto":
        return layers
    fitted = []
    for layer in layers:
        section = layer.tree.get("training")
        if isinstance(section, dict):
            section = {name: value for name, value in section.items() if name != "batch_tokens"}
            if layer is strongest:
                section = {"accumulate": "auto"} | section
            layer = replace(layer, tree=layer.tree | {"training": section})
        fitted.append(layer)
    return fitted
