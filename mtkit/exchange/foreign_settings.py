"""Settings of a model of another program, from its files; refused by name where mtkit has nothing like them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.errors import CheckpointError, DataError
from mtkit.files.reading import parse_json, read_regular

_MAX_BYTES = 500_000_000
"""Of a JSON file: ``tokenizer.json`` of a quarter of a million pieces has some thirty million."""

_MOST_LAYERS = 1_000
_SHOWN = 60


@dataclass(frozen=True)
class ForeignSettings:
    """Named values of a file, each of the type that is asked for."""

    path: Path
    """Names the file in errors."""

    values: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Whether a setting is given, and not as null."""
        return self.values.get(name) is not None

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number from 0 on.

        Raises:
            CheckpointError: If it is something else, or absent and without a default.
        """
        value = self._value(name, default)
        if type(value) is not int or value < 0:
            raise self.refused(name, "must be a whole number")
        return value

    def token(self, name: str, default: int, size: int) -> int:
        """The id of a token, of so many.

        Raises:
            CheckpointError: If it is no such id.
        """
        number = self.integer(name, default)
        if number >= size:
            raise self.refused(name, f"ids go from 0 to {size - 1:,}")
        return number

    def layers(self, name: str, default: int | None = None) -> int:
        """How many layers a side has.

        Raises:
            CheckpointError: If it is no such number, or more than any model has.
        """
        n = self.integer(name, default)
        if not 1 <= n <= _MOST_LAYERS:
            raise self.refused(name, f"must be 1 to {_MOST_LAYERS:,}")
        return n

    def number(self, name: str, default: float) -> float:
        """A number.

        Raises:
            CheckpointError: If it is something else.
        """
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refused(name, "must be a number")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """Whether a setting is on.

        Raises:
            CheckpointError: If it is neither true nor false.
        """
        value = self._value(name, default)
        if type(value) is not bool:
            raise self.refused(name, "must be true or false")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A text.

        Raises:
            CheckpointError: If it is something else, or absent and without a default.
        """
        value = self._value(name, default)
        if not isinstance(value, str):
            raise self.refused(name, "must be a text")
        return value

    def section(self, name: str) -> Mapping[str, Any]:
        """Settings within the setting; empty where there are none."""
        value = self.values.get(name)
        return value if isinstance(value, dict) else {}

    def only(self, name: str, *allowed: Any) -> None:
        """Refuse a setting that is given and not one of those that mtkit computes with.

        Raises:
            CheckpointError: Naming it.
        """
        value = self.values.get(name)
        if value is not None and not any(type(value) is type(each) and value == each for each in allowed):
            raise self.refused(name, f"mtkit computes with {' or '.join(map(shown, allowed))}")

    def same(self, name: str, other: str) -> None:
        """Refuse two settings that differ and are one in mtkit.

        Raises:
            CheckpointError: Naming both.
        """
        if self.values.get(name) != self.values.get(other):
            raise self.refused(name, f"and {other} {shown(self.values.get(other))} must be the same for mtkit")

    def refused(self, name: str, why: str) -> CheckpointError:
        """The error about a setting."""
        return CheckpointError(f"{self.path}: {name} {shown(self.values.get(name))}: {why}")

    def _value(self, name: str, default: Any) -> Any:
        value = self.values.get(name)
        if value is None and default is None:
            raise CheckpointError(f"{self.path}: lacks {name}")
        return default if value is None else value


def read_settings(path: Path) -> ForeignSettings:
    """The settings in a JSON file.

    Raises:
        CheckpointError: If it is missing, or does not hold named values.
    """
    try:
        tree = parse_json(read_regular(path, max_bytes=_MAX_BYTES))
    except DataError as error:
        raise CheckpointError(str(error)) from None
    except ValueError as error:
        raise CheckpointError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(tree, dict):
        raise CheckpointError(f"{path}: holds no named values")
    return ForeignSettings(path, tree)


def optional_settings(path: Path) -> ForeignSettings:
    """The same, without any where the file is absent."""
    return read_settings(path) if path.exists() else ForeignSettings(path, {})


def shown(value: Any) -> str:
    """A value as JSON would have it, shortened."""
    text = str({True: "true", False: "false", None: "null"}[value] if isinstance(value, bool | None) else value)
    return (text if text.isprintable() else repr(text))[:_SHOWN] or '""'
