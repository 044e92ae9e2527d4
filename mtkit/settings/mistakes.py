"""What is wrong with settings, one by one and in the words of a recipe."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, ValidationError

from mtkit.settings.foreign import meant_setting
from mtkit.settings.recipe import Config
from mtkit.settings.section import Mistakes, settings_of
from mtkit.settings.yaml_file import Location

_IN_PLAIN_WORDS = {
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "must be an integer"),
    **dict.fromkeys(("float_parsing", "float_type"), "must be a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "must be true or false"),
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must be names with values, such as {{name: value}}",
    **dict.fromkeys(("too_short", "string_too_short"), "must not be empty"),
    "model_type": "must be a section of settings",
    "literal_error": "must be {expected}",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "finite_number": "must be a finite number",
}
"""What pydantic's kinds of errors are in the words of a recipe."""

_MAX_SHOWN = 100
_ALSO_CALLED = {"gpu": "cuda", "fp16": "bf16", "float32": "fp32", "float": "fp32", "bfloat16": "bf16", "half": "bf16"}
"""Characters of what was given that a message repeats."""


@dataclass(frozen=True)
class SettingError:
    """One mistake in the settings."""

    location: Location
    kind: str
    """As pydantic calls it."""

    message: str
    given: object

    def text(self, root: type[BaseModel] = Config) -> str:
        """Which setting, what is wrong, what was given, what was meant.

        Args:
            root: The section that the location starts in.
        """
        key = ".".join(map(str, self.location)) or ("recipe" if root is Config else "the file")
        if self.kind == "extra_forbidden":
            return f"{key}: unknown setting{_meant(self.location, root)}"
        if self.kind == "missing":
            return f"{key}: required, but not given"
        first = self.given[0] if isinstance(self.given, list) and self.given else self.given
        if isinstance(first, (dict, BaseModel)) or first == []:  # what is as long as a recipe is not shown again
            return f"{key}: {self.message}"
        known = re.findall(r"'([^']+)'", self.message) if self.kind == "literal_error" else []
        close = [name for name in known if _ALSO_CALLED.get(str(self.given).lower()) == name]
        close = close or difflib.get_close_matches(str(self.given).lower(), known, n=1, cutoff=0.6)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        if self.kind == "string_type" and isinstance(self.given, (bool, int, float, date)):
            hint = "; write it in quotes"  # YAML takes no for false, and 1_000 for a number
        if self.kind == "list_type" and self.given is None:
            hint = "; none is written []"
        given = "null" if self.given is None else repr(self.given)
        given = given if len(given) <= _MAX_SHOWN else f"{given[:_MAX_SHOWN]}..."
        return f"{key}: {self.message} (got {given}{hint})"


def one_by_one(error: ValidationError) -> Iterator[SettingError]:
    """The mistakes that pydantic found, those of a whole section each at its setting."""
    for details in error.errors():
        location, kind, context = _plain(details["loc"]), details["type"], details.get("ctx", {})
        reason = context.get("error")
        if isinstance(reason, Mistakes):
            for setting, message in reason.found:
                within = tuple(int(part) if part.isdigit() else part for part in setting.split("."))
                yield SettingError((*location, *within), kind, message, _value_at(reason.section, within))
        else:
            plain = _IN_PLAIN_WORDS.get(kind)
            message = plain.format(**context) if plain else details["msg"].removeprefix("Value error, ")
            yield SettingError(location, kind, message, details["input"])


def _value_at(section: Any, location: Location) -> object:
    """What a section has at a location."""
    for part in location:
        section = section[part] if isinstance(part, int) else getattr(section, part)
    return section


def _meant(location: Location, root: type[BaseModel]) -> str:
    """What an unknown setting may have been meant to be."""
    name = str(location[-1])
    beside = _fields_at(location[:-1], root)
    transposed = [field for field in beside if sorted(field) == sorted(name)]
    homes = [".".join((*home, name)) for home in _homes(name, root)]
    close = difflib.get_close_matches(name, beside, n=1, cutoff=0.5)
    section = "".join(f"{part}." for part in location[:-1])
    foreign = [setting.removeprefix(section) for setting in (meant_setting(name),) if setting and root is Config]
    meant = next(iter((*transposed, *homes, *foreign, *close)), None)
    if meant is None and beside and root is not Config:
        return f"; there are {', '.join(beside)}"
    return f"; did you mean {meant}?" if meant else ""


def _homes(name: str, root: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """The sections that have a setting of this name, the outermost first."""
    sections: list[tuple[tuple[str, ...], type[BaseModel]]] = [((), root)]
    for location, section in sections:
        if name in settings_of(section):
            yield location
        for key, field in settings_of(section).items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                sections.append(((*location, key), field.annotation))


def _plain(location: tuple[int | str, ...]) -> Location:
    """Drop what pydantic adds to a location for its own use."""
    return tuple(part for part in location if isinstance(part, int) or not part.startswith(("function-", "is-")))


def _fields_at(location: Location, root: type[BaseModel]) -> list[str]:
    """Names of the settings in a section."""
    section: Any = root
    for key in location:
        if isinstance(key, int):
            continue
        known = settings_of(section)
        annotation = known[key].annotation if key in known else None
        arguments = getattr(annotation, "__args__", (annotation,))
        section = next((a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if section is None:
            return []
    return list(settings_of(section))
