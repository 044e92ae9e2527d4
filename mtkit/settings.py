"""Recipes: read YAML, lay the sources of settings over each other, and say where each value came from.

Precedence, weakest first: default < preset < recipe < ``--set`` < flag.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from mtkit.config import Config
from mtkit.errors import ConfigError
from mtkit.model_config import OPTIONS, ModelConfig, without_idle
from mtkit.presets import AUTOMATIC, SIZE_CLASSES, size_class_for

Location = tuple[int | str, ...]


@dataclass(frozen=True)
class Layer:
    """One source of settings: a tree of values, and what it is called in messages."""

    origin: str
    tree: dict[str, Any]
    lines: dict[Location, int] = field(default_factory=dict)
    """Line of each key in the YAML file, where there is one."""


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
            ConfigError: If the recipe cannot be read or an override is malformed.
        """
        layers = [] if path is None else [Layer("recipe's name", {"name": recipe_name(path)}), _read_layer(path)]
        if overrides:
            layers.append(Layer("--set", _tree_of(_parse_override(override) for override in overrides)))
        given = {key: value for key, value in (flags or {}).items() if value is not None}
        if given:
            layers.append(Layer("flag", _tree_of(given.items())))
        return cls(_with_recommended_batches(_with_plan_by_time(layers, n_of_recipe=0 if path is None else 2)))

    def with_layer(self, origin: str, values: Mapping[str, object]) -> "Settings":
        """The same with one more, weaker source: dotted keys and their values."""
        return Settings([Layer(origin, _tree_of(values.items())), *self._layers])

    def for_corpus(self, n_pairs: int) -> tuple["Settings", str]:
        """Add the preset that the recipe names, or that suits the number of training pairs.

        Returns:
            The settings with the preset below everything else, and a line that says what was chosen and why.
        """
        named = _get(_merge(layer.tree for layer in self._layers), ("model", "preset"))
        if isinstance(named, str) and named in SIZE_CLASSES:
            name, reason = named, "the recipe names it"
        else:
            name, reason = size_class_for(n_pairs), f"the corpus has {n_pairs:,} training pairs"
        forced = Layer(f"preset {name}", {"model": {"preset": name}})
        return Settings([*self._over_preset(name)._layers, forced]), f"preset {name}: {reason}{self._instead(name)}"

    def _instead(self, name: str) -> str:
        """Which values of a preset give way to stronger ones, for a line of the log."""
        given = _get(_merge(layer.tree for layer in self._layers), ("model",))
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
        named = _get(_merge(layer.tree for layer in self._layers), ("model", "preset"))
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
        given = _get(_merge(layer.tree for layer in self._layers), ("model",))
        model = without_idle(size.model, given if isinstance(given, dict) else {})
        return Settings([Layer(f"preset {name}", {"model": model, "training": size.training}), *self._layers])

    def config(self) -> Config:
        """Validate everything at once.

        Raises:
            ConfigError: Naming every offending key, its place in the file and what was given.
        """
        try:
            return Config.model_validate(_merge(layer.tree for layer in self._layers))
        except ValidationError as error:
            found = sorted(error.errors(), key=lambda e: self._line(_plain(e["loc"])))
            mistakes = [self._describe(_plain(e["loc"]), e["type"], e["msg"], e["input"]) for e in found]
            head = "the settings are not valid" if len(mistakes) > 1 else "setting not valid"
            raise ConfigError("\n  ".join([f"{head}:", *dict.fromkeys(mistakes)])) from None

    def explain(self) -> str:
        """The resolved settings as YAML, each value with a comment that says where it came from, and to which
        architecture an option belongs that this one leaves idle.
        """
        lines, config = [], self.config()
        for location, value in _leaves(config.model_dump(mode="json")):
            origin = next((layer.origin for layer in reversed(self._layers) if _has(layer.tree, location)), "default")
            key = ".".join(map(str, location))
            shown = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000).splitlines()[0]
            owner, owned = OPTIONS.get(str(location[-1]), ("", _always)) if location[0] == "model" else ("", _always)
            idle = "" if owned(config.model) else f"; idle here, it belongs to {owner}"
            lines.append(f"{key}: {shown}  # {origin}{idle}")
        return "\n".join(lines)

    def _line(self, location: Location) -> float:
        """Line of a setting in the recipe; what stands in none comes last."""
        return min((layer.lines.get(location, float("inf")) for layer in self._layers), default=float("inf"))

    def _describe(self, location: Location, kind: str, message: str, given: object) -> str:
        """One line per mistake: where, what is wrong, what was given, what was meant."""
        key = ".".join(map(str, location)) or "recipe"
        layer = next((layer for layer in reversed(self._layers) if _has(layer.tree, location)), None)
        place = ""
        if layer is not None and location:
            line = layer.lines.get(location)
            place = f"{layer.origin}:{line}: " if line else f"{layer.origin}: "
        if kind == "extra_forbidden":
            close = difflib.get_close_matches(str(location[-1]), _fields_at(location[:-1]), n=1, cutoff=0.5)
            hint = f"; did you mean {close[0]}?" if close else ""
            return f"{place}{key}: unknown setting{hint}"
        if kind == "missing":
            return f"{key}: required, but not given"
        known = re.findall(r"'([^']+)'", message) if kind == "literal_error" else []
        close = difflib.get_close_matches(str(given).lower(), known, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        shown = "" if isinstance(given, (dict, BaseModel)) else f" (got {given!r}{hint})"
        return f"{place}{key}: {message.removeprefix('Value error, ')}{shown}"


def _always(_: ModelConfig) -> bool:
    return True


def dump_config(config: Config) -> str:
    """Every value as YAML, defaults included, so that the text alone repeats the run."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_config(path: Path) -> Config:
    """Read a resolved configuration back.

    Raises:
        ConfigError: If it is missing or not valid.
    """
    return Settings.load(path).config()


def recipe_name(path: Path) -> str:
    """Name of a recipe: its folder where the file is called recipe.yaml, else the file's name."""
    return path.resolve().parent.name if path.stem in ("recipe", "config") else path.stem


def _with_plan_by_time(layers: list[Layer], *, n_of_recipe: int) -> list[Layer]:
    """Let ``training.max_minutes`` take the place of what a weaker source says of the length of the run.

    Weaker than --minutes or --set are recipe and preset; weaker than a recipe is the preset. What stands beside it,
    such as a max_updates typed together with --minutes, stays.

    Args:
        layers: Weakest first, the preset not among them yet.
        n_of_recipe: How many of them are the recipe's, and not typed.
    """
    location = ("training", "max_minutes")
    source = next((n for n in reversed(range(len(layers))) if _has(layers[n].tree, location)), None)
    if source is None or _get(layers[source].tree, location) is None:
        return layers
    place = n_of_recipe if source >= n_of_recipe else 0
    plan: dict[str, Any] = {"max_updates": None, "max_epochs": None}
    if _get(_merge(layer.tree for layer in layers[:place]), ("training", "schedule")) != "cosine":
        plan["schedule"] = "linear"
    return [*layers[:place], Layer("max_minutes", {"training": plan}), *layers[place:]]


def _read_layer(path: Path) -> Layer:
    """Parse a YAML file, remembering the line of each key."""
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start + 1}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: expected sections such as data: and model:, found {type(tree).__name__}")
    lines: dict[Location, int] = {}
    if node is not None:
        _collect_lines(node, (), lines, path)
    return Layer(str(path), _with_empty_sections(tree, Config), lines)


def _with_recommended_batches(layers: list[Layer]) -> list[Layer]:
    """Where ``training.batch_tokens`` is auto, no layer says it, so that the preset does, and the memory is asked."""
    key = ("training", "batch_tokens")
    strongest = next((layer for layer in reversed(layers) if _has(layer.tree, key)), None)
    if strongest is None or _get(strongest.tree, key) != "auto":
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


def _with_empty_sections(tree: dict[str, Any], section: type[BaseModel]) -> dict[str, Any]:
    """A heading with nothing below it (``training:``), which YAML reads as null, is an empty section."""
    filled = dict(tree)
    for key, field_info in section.model_fields.items():
        inner = field_info.annotation
        if key in tree and isinstance(inner, type) and issubclass(inner, BaseModel):
            value = {} if tree[key] is None else tree[key]
            filled[key] = _with_empty_sections(value, inner) if isinstance(value, dict) else value
    return filled


def _collect_lines(node: yaml.Node, location: Location, lines: dict[Location, int], path: Path) -> None:
    """Note where each key stands; a key that stands twice is a mistake that YAML would swallow."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise ConfigError(f"{path}:{line}: {key.value} is given twice (first on line {seen[key.value]})")
            seen[key.value] = line
            lines[*location, key.value] = line
            _collect_lines(value, (*location, key.value), lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[*location, index] = value.start_mark.line + 1
            _collect_lines(value, (*location, index), lines, path)


def _parse_override(override: str) -> tuple[str, object]:
    key, separator, value = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {override}: expected section.key=value")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"--set {override}: the value is not valid YAML") from None


def _tree_of(values: Any) -> dict[str, Any]:
    """Dotted keys to a nested dictionary."""
    tree: dict[str, Any] = {}
    for dotted, value in values:
        *sections, key = str(dotted).split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
            if not isinstance(branch, dict):
                raise ConfigError(f"--set {dotted}: {section} is a value, not a section")
        branch[key] = value
    return tree


def _merge(trees: Any) -> dict[str, Any]:
    """Later trees win; dictionaries merge, everything else (lists too) is replaced."""
    merged: dict[str, Any] = {}
    for tree in trees:
        for key, value in tree.items():
            if isinstance(value, dict) and isinstance(merged.get(key), dict):
                merged[key] = _merge([merged[key], value])
            else:
                merged[key] = _merge([value]) if isinstance(value, dict) else value
    return merged


def _get(tree: Any, location: Location) -> Any:
    for key in location:
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _has(tree: Any, location: tuple[Any, ...]) -> bool:
    for key in location:
        in_list = isinstance(tree, list) and isinstance(key, int) and key < len(tree)
        if not in_list and not (isinstance(tree, dict) and key in tree):
            return False
        tree = tree[key]
    return True


def _leaves(tree: Mapping[str, Any], location: Location = ()) -> Iterator[tuple[Location, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*location, key))
        else:
            yield (*location, key), value


def _plain(location: tuple[int | str, ...]) -> Location:
    """Drop what pydantic adds to a location for its own use."""
    return tuple(part for part in location if isinstance(part, int) or not part.startswith(("function-", "is-")))


def _fields_at(location: Location) -> list[str]:
    """Names of the settings in a section."""
    section: Any = Config
    for key in location:
        if isinstance(key, int):
            continue
        annotation = section.model_fields[key].annotation if key in section.model_fields else None
        arguments = getattr(annotation, "__args__", (annotation,))
        section = next((a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if section is None:
            return []
    return list(section.model_fields)
