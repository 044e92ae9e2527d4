"""Recipes: read YAML, lay the sources of settings over each other, and say where each value came from.

Precedence, weakest first: default < preset < recipe < ``--set`` < flag.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError

from mtkit.errors import ConfigError
from mtkit.settings.denoising import PRETRAINING, with_noise, with_pretraining
from mtkit.settings.layers import (
    Layer,
    as_yaml,
    leaves,
    merge,
    parse_overrides,
    read_layer,
    stands_in,
    tree_of,
    value_at,
)
from mtkit.settings.mistakes import SettingError, one_by_one
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_rules import OPTIONS, without_idle
from mtkit.settings.plan_by_time import with_plan_by_time, with_recommended_batches
from mtkit.settings.presets import AUTOMATIC, SIZE_CLASSES, size_class_for
from mtkit.settings.recipe import Config
from mtkit.settings.yaml_file import Location

_FLAGS = {
    "model.preset": "--preset",
    "training.max_minutes": "--minutes",
    "training.seed": "--seed",
    "training.device": "--device",
    "training.precision": "--precision",
    "training.threads": "--threads",
    "training.from": "--from",
    "training.keep_test": "--keep-test",
    "data.prepared": "--output",
}
"""Settings that have options of their own."""

_SIZES = {"architecture", "d_model", "n_heads", "d_ff", "n_encoder_layers", "n_decoder_layers"}


@dataclass(frozen=True)
class SizeInTime:
    """A preset that was chosen for the time of a run."""

    preset: str
    reason: str
    """Why, for a line of the log."""

    model: Mapping[str, object] = field(default_factory=dict)
    """What takes the place of the preset's own values in the section ``model``."""


class Settings:
    """Layers of settings, weakest first."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = list(layers)

    @classmethod
    def load(
        cls, path: Path | None, *, overrides: Sequence[str] = (), flags: Mapping[str, object] | None = None
    ) -> "Settings":
        """Read a recipe and what was typed beside it.

        Args:
            path: YAML recipe; None for settings that come from flags alone.
            overrides: As typed after ``--set``: ``section.key=value``, the value parsed as YAML.
            flags: Dotted keys of dedicated flags; a value of None was not given.

        Raises:
            ConfigError: If the recipe is not valid YAML, or an override is malformed.
            DataError: If the recipe cannot be read.
        """
        layers = []
        if path is not None:
            recipe = read_layer(path, Config)  # before its name: it may be a link to itself
            layers = [Layer("recipe's name", {"name": recipe_name(path)}), recipe]
        if overrides:
            layers.append(Layer("--set", tree_of(parse_overrides(overrides))))
        given = {key: value for key, value in (flags or {}).items() if value is not None}
        if given:
            layers.append(Layer("flag", tree_of(given.items())))
        planned = with_recommended_batches(with_plan_by_time(layers, n_of_recipe=0 if path is None else 2))
        return cls(with_pretraining(with_noise(planned)))

    def with_layer(self, origin: str, values: Mapping[str, object]) -> "Settings":
        """The same with one more, weaker source: dotted keys and their values."""
        return Settings([Layer(origin, tree_of(values.items())), *self._layers])

    def with_flag(self, key: str, value: object) -> "Settings":
        """The same with one more value, stronger than all others, by its dotted key."""
        return Settings([*self._layers, Layer("flag", tree_of([(key, value)]))])

    def over(
        self, layers: Sequence[Layer], without: Mapping[str, Collection[str]] = MappingProxyType({})
    ) -> "Settings":
        """The same with more, weaker sources.

        Args:
            layers: Weakest first.
            without: Settings of the section training, by the origin of their source, that make way for these.
        """
        own = []
        for layer in self._layers:
            gone, section = without.get(layer.origin, ()), layer.tree.get("training")
            if gone and isinstance(section, dict):
                left = {name: value for name, value in section.items() if name not in gone}
                layer = replace(layer, tree=layer.tree | {"training": left})
            own.append(layer)
        return Settings([*layers, *own])

    def topped_with(self, layer: Layer) -> "Settings":
        """The same with one more, stronger source."""
        return Settings([*self._layers, layer])

    def given(self, *location: str) -> Any:
        """What the layers say of a setting or section; None where they say nothing."""
        return value_at(merge(layer.tree for layer in self._layers), location)

    def told(self, key: str, message: str) -> str:
        """What is wrong with a setting, after the option that was typed or its place in a file."""
        return self._told(SettingError(tuple(key.split(".")), "", message, {}))

    def leaves_size_open(self) -> bool:
        """Whether no preset is named and no size given, so that the number of pairs, or the time, is to decide."""
        given = value_at(merge(layer.tree for layer in self._layers), ("model",))
        return not isinstance(given, dict) or (given.get("preset", "auto") == "auto" and not given.keys() & _SIZES)

    def for_corpus(self, n_pairs: int, in_time: SizeInTime | None = None) -> tuple["Settings", str]:
        """Add the preset that the recipe names, or that suits the number of training pairs.

        Args:
            n_pairs: Of the corpus.
            in_time: Instead of what suits their number; the recipe must leave it open.

        Returns:
            The settings with the preset below everything else, and a line that says what was chosen and why.
        """
        named = value_at(merge(layer.tree for layer in self._layers), ("model", "preset"))
        if isinstance(named, str) and named in SIZE_CLASSES:
            name, reason = named, f"{self._who_names_it()} names it"
        elif in_time is not None:
            name, reason = in_time.preset, in_time.reason
        else:
            name, reason = size_class_for(n_pairs), f"the corpus has {n_pairs:,} training pairs"
        forced = Layer(f"preset {name}", {"model": {"preset": name}})
        preset, *own = self._over_preset(name)._layers
        few = [Layer("few passes", {"model": in_time.model})] if in_time is not None and in_time.model else []
        return Settings([preset, *few, *own, forced]), f"preset {name}: {reason}{self._instead(name)}"

    def _who_names_it(self) -> str:
        """Where the preset comes from, as a person calls it."""
        origin = next(each.origin for each in reversed(self._layers) if stands_in(each.tree, ("model", "preset")))
        return {"flag": "--preset", "--set": "--set model.preset", PRETRAINING: "the first stage"}.get(
            origin, "the recipe"
        )

    def _instead(self, name: str) -> str:
        """Which values of a preset give way to stronger ones, for a line of the log."""
        given = value_at(merge(layer.tree for layer in self._layers), ("model",))
        preset = SIZE_CLASSES[name].model
        other = [f"{key} {given[key]}" for key in preset if key in (given or {}) and given[key] != preset[key]]
        return f"; instead of its own values: {', '.join(other)}" if other else ""

    def before_corpus(self) -> "Settings":
        """Settings that are valid while the number of training pairs, and with it the preset, is not known.

        What depends on no preset (data, tokenizer, device) is final in them.

        Returns:
            The settings over the preset that the recipe names; without one, as they are if that is valid, else over the
            first preset that makes them so.

        Raises:
            ConfigError: If there is none, with the mistakes that no preset mends.
        """
        named = value_at(merge(layer.tree for layer in self._layers), ("model", "preset"))
        if isinstance(named, str) and named in SIZE_CLASSES:
            candidates = [self._over_preset(named)]
        else:
            candidates = [self, *map(self._over_preset, AUTOMATIC)]
        errors = []
        for settings in candidates:
            try:
                settings.config()
            except ConfigError as error:
                errors.append(error)
            else:
                return settings
        raise min(errors, key=lambda error: len(str(error).splitlines()))

    def _over_preset(self, name: str) -> "Settings":
        size = SIZE_CLASSES[name]
        given = value_at(merge(layer.tree for layer in self._layers), ("model",))
        model = without_idle(size.model, given if isinstance(given, dict) else {})
        return Settings([Layer(f"preset {name}", {"model": model, "training": size.training}), *self._layers])

    def config(self) -> Config:
        """Validate everything at once.

        Raises:
            ConfigError: Naming every offending key, its place in the file and what was given.
        """
        try:
            return Config.model_validate(merge(layer.tree for layer in self._layers))
        except ValidationError as error:
            found = sorted(one_by_one(error), key=lambda mistake: self._line(mistake.location))
            mistakes = [self._told(mistake) for mistake in found]
            head = "the settings are not valid" if len(mistakes) > 1 else "setting not valid"
            raise ConfigError("\n  ".join([f"{head}:", *dict.fromkeys(mistakes)])) from None

    def explain(self) -> str:
        """The resolved settings as YAML, each value with a comment that says where it came from, and to which
        architecture an option belongs that this one leaves idle.
        """
        lines, config = [], self.config()
        for location, value in leaves(config.model_dump(mode="json")):
            origin = next(
                (layer.origin for layer in reversed(self._layers) if stands_in(layer.tree, location)), "default"
            )
            key = ".".join(map(str, location))
            owner, owned = OPTIONS.get(str(location[-1]), ("", _always)) if location[0] == "model" else ("", _always)
            idle = "" if owned(config.model) else f"; idle here, it belongs to {owner}"
            lines.append(f"{key}: {as_yaml(value)}  # {origin}{idle}")
        return "\n".join(lines)

    def _line(self, location: Location) -> float:
        """Line of a setting in the recipe; what stands in none comes last."""
        return min((layer.lines.get(location, float("inf")) for layer in self._layers), default=float("inf"))

    def _strongest(self, location: Location) -> Layer | None:
        """The layer whose value counts."""
        return next((layer for layer in reversed(self._layers) if stands_in(layer.tree, location)), None)

    def _told(self, mistake: SettingError) -> str:
        """A mistake, by the option that was typed or the place in a file."""
        key, text = ".".join(map(str, mistake.location)), mistake.text()
        layer = self._strongest(mistake.location)
        if layer is not None and layer.origin == "flag" and key in _FLAGS:
            return f"{_FLAGS[key]}{text.removeprefix(key)}"
        return f"{self._place(mistake.location)}{text}"

    def _place(self, location: Location) -> str:
        """Where a setting was given, or else its section: the strongest layer, and the line in a file."""
        while location:
            layer = self._strongest(location)
            if layer is not None and layer.origin != "flag" and not layer.origin.startswith("preset "):
                line = layer.lines.get(location)
                return f"{layer.origin}:{line}: " if line else f"{layer.origin}: "
            location = location[:-1]
        return ""


def _always(_: ModelConfig) -> bool:
    return True


def dump_config(config: Config) -> str:
    """Every value as YAML, defaults included, so that the text alone repeats the run."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_config(path: Path) -> Config:
    """Read a resolved configuration back.

    Raises:
        ConfigError: If it is not valid.
        DataError: If it is missing.
    """
    try:
        return Settings.load(path).config()
    except ConfigError as error:
        raise ConfigError(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def recipe_name(path: Path) -> str:
    """Name of a recipe: its folder where the file is called recipe.yaml, else the file's name."""
    return path.resolve().parent.name if path.stem in ("recipe", "config") else path.stem
