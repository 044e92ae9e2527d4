"""Every setting of a recipe in words: what it is, what it may be, its default, and what the presets give it."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mtkit.errors import ConfigError
from mtkit.settings.layers import as_yaml
from mtkit.settings.mistakes import SettingError
from mtkit.settings.presets import SIZE_CLASSES
from mtkit.settings.recipe import Config
from mtkit.settings.section import MAY_CHANGE, settings_of

_PLAIN = {"null": "null", "boolean": "true or false", "string": "text", "integer": "whole number", "number": "number"}
_BOUNDS = {"exclusiveMinimum": "above", "minimum": "at least", "exclusiveMaximum": "below", "maximum": "at most"}
PAGE_HEAD = """\
# The settings of a recipe

`mtkit settings --markdown` prints this page; for a terminal, a section or a setting at a time:

```sh
mtkit settings training
mtkit settings training.learning_rate
```

A recipe gives settings by section (`training:`, and below it `learning_rate: 5e-4`), the command line by their dotted
names (`--set training.learning_rate=5e-4`). What neither gives comes from the preset (`model.preset`), and what that
does not give is the default. `mtkit train RECIPE --print-config` shows all values of a run, and where each comes from.

"""
_WHOLE: dict[str, Any] = {"break_on_hyphens": False, "break_long_words": False}
_CODE = re.compile(r"``(.+?)``")
_EMPHASIS = re.compile(r"\*(\w+)\*")


@dataclass(frozen=True)
class Setting:
    """One setting."""

    name: str
    """Dotted, as after ``--set``."""

    values: str
    """Type and allowed values, in words."""

    default: str | None
    """As YAML; None where it is required, or is a section."""

    text: str
    """The docstring."""

    notes: tuple[str, ...] = ()
    """Sentences about presets and resuming."""


@dataclass(frozen=True)
class Group:
    """A section, or what an entry of a list may have."""

    name: str
    text: str
    settings: list[Setting]


def groups(name: str = "") -> list[Group]:
    """The sections of a recipe with all that they hold, or of one section, or one setting alone.

    Args:
        name: Dotted; numbers, which count the entries of a list, are passed over. Everything where it is empty.

    Raises:
        ConfigError: If there is no such setting, with the one that may have been meant.
    """
    if not name:
        return list(_groups(Config, "", _sentences(Config.__doc__)))
    section: type[BaseModel] = Config
    *outer, last = [part for part in name.split(".") if not part.isdigit()] or [name]
    for n, key in enumerate(outer, start=1):
        inner = section_of(settings_of(section)[key].annotation) if key in settings_of(section) else None
        if inner is None:
            raise _unknown([*outer[:n], *([last] if n == len(outer) else [])])
        section = inner
    if last not in settings_of(section):
        raise _unknown([*outer, last])
    field, dotted = settings_of(section)[last], ".".join((*outer, last))
    inner = section_of(field.annotation)
    if inner is not None and inner.model_fields:
        return list(_groups(inner, dotted, _text(field), inside=True))
    return [Group("", "", [_setting(section, last, dotted)])]


def _unknown(location: Sequence[str]) -> ConfigError:
    return ConfigError(SettingError(tuple(location), "extra_forbidden", "", None).text())


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a type is, may be or has in a list; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for inner in map(section_of, get_args(annotation)) if inner is not None), None)


def _groups(section: type[BaseModel], name: str, text: str, *, inside: bool = False) -> Iterator[Group]:
    """A section, and those within it that are described nowhere else.

    Args:
        section: Its class.
        name: Dotted.
        text: What it is.
        inside: Whether it is described here because somebody asks for it, even if its home is elsewhere.
    """
    prefix = f"{name}." if name else ""
    own, deeper = [], []
    for key, field in settings_of(section).items():
        inner = section_of(field.annotation)
        if inner is not None and inner.model_fields and _homes()[inner] == prefix + key:
            deeper.append((inner, prefix + key, _text(field)))
        else:
            own.append(_setting(section, key, prefix + key))
    if own or inside:
        yield Group(name, text, own)
    for each in deeper:
        yield from _groups(*each)


@cache
def _homes() -> dict[type[BaseModel], str]:
    """Where each section is described, as one may stand in several places: where it lies in the fewest lists."""
    homes: dict[type[BaseModel], str] = {}
    for _, section, name in sorted(_places(Config, "", 0), key=lambda place: place[0]):
        homes.setdefault(section, name)
    return homes


def _places(section: type[BaseModel], prefix: str, n_lists: int) -> Iterator[tuple[int, type[BaseModel], str]]:
    for key, field in settings_of(section).items():
        inner = section_of(field.annotation)
        if inner is not None:
            n = n_lists + (get_origin(field.annotation) is list)
            yield n, inner, prefix + key
            yield from _places(inner, f"{prefix}{key}.", n)


def _setting(section: type[BaseModel], key: str, name: str) -> Setting:
    field = settings_of(section)[key]
    inner = section_of(field.annotation)
    values = _words(_schema(section)[key]) if inner is None else _section_words(field, inner)
    text, shown = _sentences(field.description), None
    if inner is not None:
        text = text or _sentences(inner.__doc__)
    elif field.is_required():
        values += "; required"
    else:
        shown = as_yaml(field.get_default(call_default_factory=True))
        values = values.removesuffix(", or null") if shown == "null" else values
    presets = _of_presets(name)
    notes = [f"Presets: {presets}."] if presets else []
    notes += ["It may change when a run resumes."] * (MAY_CHANGE in field.metadata)
    return Setting(name, values, shown, text, tuple(notes))


@cache
def _schema(section: type[BaseModel]) -> dict[str, Any]:
    properties: dict[str, Any] = section.model_json_schema()["properties"]
    return properties


def _section_words(field: FieldInfo, inner: type[BaseModel]) -> str:
    """What stands in the place of a section that is described elsewhere, or has no settings."""
    if not inner.model_fields:
        return "no settings"
    home = f"as ``{_homes()[inner]}``"
    return f"list of sections {home}" if get_origin(field.annotation) is list else f"section {home}"


def _text(field: FieldInfo) -> str:
    """The docstring of a setting, or that of its section."""
    inner = section_of(field.annotation)
    own = _sentences(field.description)
    of_section = "" if inner is None else _sentences(inner.__doc__)
    in_list = inner is not None and inner.model_fields and get_origin(field.annotation) is list
    return " ".join(filter(None, (own, of_section))) if in_list else own or of_section


def _sentences(docstring: str | None) -> str:
    return " ".join((docstring or "").split())


def _of_presets(name: str) -> str:
    """The values that presets give a setting, each with their names."""
    section, _, key = name.partition(".")
    by_value: dict[str, list[str]] = {}
    for preset, size in SIZE_CLASSES.items():
        values = {"model": size.model, "training": size.training}.get(section, {})
        if key in values:
            by_value.setdefault(as_yaml(values[key]), []).append(preset)
    return "; ".join(f"{value} ({', '.join(names)})" for value, names in by_value.items())


def _words(schema: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if "anyOf" in schema:
        first, *others = schema["anyOf"]
        return ", or ".join([_words(first), *(_several(each, first) or _words(each) for each in others)])
    if "enum" in schema:
        *names, last = map(str, schema["enum"])
        return f"{', '.join(names)} or {last}" if names else last
    if "const" in schema:
        return str(schema["const"])
    if schema["type"] == "array":
        each = schema.get("prefixItems")
        return f"list of {_words(schema['items'])}" if each is None else f"list of {len(each)}, each {_words(each[0])}"
    return _PLAIN[schema["type"]] + (_bounds(schema) if schema["type"] in ("integer", "number") else "")


def _several(schema: dict[str, Any], of: dict[str, Any]) -> str:
    """What to call a list or a section of what was named before; empty if it is something else."""
    if schema.get("items") == of:
        return "a list of them"
    return "a section of them" if schema.get("additionalProperties") == of else ""


def _bounds(schema: dict[str, Any]) -> str:
    """The least and the greatest value of a number, in words that follow it."""
    bounds = {bound: schema[bound] for bound in _BOUNDS if bound in schema}
    if schema["type"] == "integer" and "exclusiveMinimum" in bounds:
        bounds = {"minimum": bounds.pop("exclusiveMinimum") + 1, **bounds}
    if bounds.keys() == {"minimum", "maximum"}:
        return f" from {_number(bounds['minimum'])} to {_number(bounds['maximum'])}"
    words = " and ".join(f"{_BOUNDS[bound]} {_number(value)}" for bound, value in bounds.items())
    return f", {words}" if words else ""


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"


def as_text(found: Iterable[Group], width: int) -> Iterator[str]:
    """The lines of settings for a terminal."""
    for group in found:
        if group.name:
            yield f"{group.name}:"
            yield from _wrapped(group.text, width)
            yield ""
        for setting in group.settings:
            facts = setting.values if setting.default is None else f"{setting.values}; default {setting.default}"
            yield from textwrap.wrap(_plain(f"{setting.name}: {facts}"), width, subsequent_indent="      ", **_WHOLE)
            yield from _wrapped(" ".join((setting.text, *setting.notes)), width)
            yield ""


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(_plain(text), width, initial_indent="    ", subsequent_indent="    ", **_WHOLE)


def _plain(text: str) -> str:
    return _EMPHASIS.sub(r"\1", _CODE.sub(r"\1", text))


def as_markdown(found: Iterable[Group]) -> Iterator[str]:
    """The lines of a page of settings, without its head."""
    for group in found:
        if group.text:
            yield from (f"## {group.name or 'Top level'}", "", _code(group.text), "")
        for setting in group.settings:
            default = "" if setting.default is None else f"; default ``{setting.default}``"
            key = setting.name.rpartition(".")[2]
            text = " ".join((setting.text, *setting.notes))
            yield _code(f"* **``{key}``** ({setting.values}{default}): {text}")
        if group.settings:
            yield ""


def _code(text: str) -> str:
    return _CODE.sub(r"`\1`", text)
