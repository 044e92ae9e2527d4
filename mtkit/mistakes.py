"""What is wrong with settings, one by one and in the words of a recipe."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from mtkit.config import Config
from mtkit.layers import Location
from mtkit.section import Mistakes

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
        if isinstance(self.given, (dict, BaseModel)):
            return f"{key}: {self.message}"
        known = re.findall(r"'([^']+)'", self.message) if self.kind == "literal_error" else []
        close = difflib.get_close_matches(str(self.given).lower(), known, n=1, cutoff=0.6)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        given = repr(self.given)
        given = given if len(given) <= _MAX_SHOWN else f"{given[:_MAX_SHOWN]}..."
        return f"{key}: {self.message} (got {given}{hint})"


def one_by_one(error: ValidationError) -> Iterator[SettingError]:
    """The mistakes that pydantic found, those of a whole section each at its setting."""
    for details in error.errors():
        location, kind, context = _plain(details["loc"]), details["type"], details.get("ctx", {})
        reason = context.get("error")
        if isinstance(reason, Mistakes):
            for setting, message in reason.found:
                yield SettingError((*location, setting), kind, message, getattr(reason.section, setting))
        else:
            plain = _IN_PLAIN_WORDS.get(kind)
            message = plain.format(**context) if plain else details["msg"].removeprefix("Value error, ")
            yield SettingError(location, kind, message, details["input"])


def _meant(location: Location, root: type[BaseModel]) -> str:
    """What an unknown setting may have been meant to be."""
    name = str(location[-1])
    close = difflib.get_close_matches(name, _fields_at(location[:-1], root), n=1, cutoff=0.5)
    homes = [section for section in root.model_fields if name in _fields_at((section,), root)]
    meant = close[0] if close else f"{homes[0]}.{name}" if homes else None
    return f"; did you mean {meant}?" if meant else ""


def _plain(location: tuple[int | str, ...]) -> Location:
    """Drop what pydantic adds to a location for its own use."""
    return tuple(part for part in location if isinstance(part, int) or not part.startswith(("function-", "is-")))


def _fields_at(location: Location, root: type[BaseModel]) -> list[str]:
    """Names of the settings in a section."""
    section: Any = root
    for key in location:
        if isinstance(key, int):
            continue
        annotation = section.model_fields[key].annotation if key in section.model_fields else None
        arguments = getattr(annotation, "__args__", (annotation,))
        section = next((a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if section is None:
            return []
    return list(section.model_fields)
