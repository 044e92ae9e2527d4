"""Where settings come from: trees of values, each with its origin and, of a file, the line of each key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from mtkit.errors import ConfigError, DataError, reason
from mtkit.settings.yaml_file import Location, YamlError, parse_yaml, read_yaml


@dataclass(frozen=True)
class Layer:
    """One source of settings: a tree of values, and what it is called in messages."""

    origin: str
    tree: dict[str, Any]
    lines: dict[Location, int] = field(default_factory=dict)
    """Line of each key in the YAML file, where there is one."""


def read_layer(path: Path, schema: type[BaseModel]) -> Layer:
    """Parse a YAML file, remembering the line of each key.

    Raises:
        ConfigError: If it is not a recipe.
        DataError: If it cannot be read.
    """
    try:
        tree, lines = read_yaml(path, _text_file(path, schema))
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from error
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        found = "text" if isinstance(tree, str) else "a list" if isinstance(tree, list) else "a value"
        raise ConfigError(
            f"{path}: expected sections such as data: and model:, found {found}{_text_file(path, schema)}"
        )
    return Layer(str(path), _with_empty_sections(tree, schema), lines)


def _text_file(path: Path, schema: type[BaseModel]) -> str:
    """What to type where a file of text was given in the place of a recipe; nothing where it is called a recipe."""
    if path.suffix in (".yaml", ".yml", ".json") or "data" not in schema.model_fields:
        return ""
    return f"; of two text files name both: --src {path} --tgt FILE"


def _with_empty_sections(tree: dict[str, Any], section: type[BaseModel]) -> dict[str, Any]:
    """A heading with nothing below it (``training:``), which YAML reads as null, is an empty section."""
    filled = dict(tree)
    for key, field_info in section.model_fields.items():
        inner = field_info.annotation
        if key in tree and isinstance(inner, type) and issubclass(inner, BaseModel):
            value = {} if tree[key] is None else tree[key]
            filled[key] = _with_empty_sections(value, inner) if isinstance(value, dict) else value
    return filled


def parse_override(override: str) -> tuple[str, object]:
    """Key and value of what was typed after ``--set``."""
    key, separator, value = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {override}: expected section.key=value")
    try:
        return key, parse_yaml(value)
    except YamlError as error:
        raise ConfigError(f"--set {override:.200}: the value is not valid YAML: {error}") from None


def parse_overrides(overrides: Sequence[str]) -> list[tuple[str, object]]:
    """All that was typed after ``--set``.

    Raises:
        ConfigError: If one is malformed, or two give a setting different values.
    """
    found: dict[str, object] = {}
    for key, value in map(parse_override, overrides):
        if repr(found.setdefault(key, value)) != repr(value):  # NaN is not equal to itself
            raise ConfigError(f"--set {key} is given twice, as {found[key]} and as {value}: give it once")
    return list(found.items())


def tree_of(values: Any) -> dict[str, Any]:
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


def merge(trees: Any) -> dict[str, Any]:
    """Later trees win; dictionaries merge, everything else (lists too) is replaced."""
    merged: dict[str, Any] = {}
    for tree in trees:
        for key, value in tree.items():
            if isinstance(value, dict) and isinstance(merged.get(key), dict):
                merged[key] = merge([merged[key], value])
            else:
                merged[key] = merge([value]) if isinstance(value, dict) else value
    return merged


def as_yaml(value: Any) -> str:
    """A value as it stands in a recipe, on one line."""
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000_000).splitlines()[0]


def value_at(tree: Any, location: Location) -> Any:
    """What stands at a location; None where nothing does."""
    for key in location:
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


def stands_in(tree: Any, location: tuple[Any, ...]) -> bool:
    """Whether a location is there, be its value null."""
    for key in location:
        in_list = isinstance(tree, list) and isinstance(key, int) and key < len(tree)
        if not in_list and not (isinstance(tree, dict) and key in tree):
            return False
        tree = tree[key]
    return True


def leaves(tree: Mapping[str, Any], location: Location = ()) -> Iterator[tuple[Location, Any]]:
    """All values that are no trees themselves, with their locations."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*location, key))
        else:
            yield (*location, key), value
