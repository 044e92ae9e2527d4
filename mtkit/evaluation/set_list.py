"""The form of a list of test sets."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError, field_validator

from mtkit.errors import ConfigError, DataError
from mtkit.mistakes import one_by_one
from mtkit.section import Section


class SetEntry(Section):
    """One test set of a list."""

    name: str = Field(min_length=1)
    """What it is called in reports, gates and baselines."""

    refs: list[str] = Field(min_length=1)
    """References; one may stand without brackets."""

    hyps: str | dict[str, str] | None = None
    """The output, or several by the names of their systems; none where a model translates."""

    src: str | None = None
    """The source."""

    docs: str | None = None
    """A file that names the document of each line."""

    language_pair: str | None = None
    """Such as en-de; by default what the command line says."""

    @field_validator("refs", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    def named_hyps(self) -> list[tuple[str, str]]:
        """Name and file of each output."""
        if isinstance(self.hyps, str):
            return [(Path(self.hyps).name, self.hyps)]
        return list((self.hyps or {}).items())


def parse_set_list(path: Path) -> list[SetEntry]:
    """Read a list of test sets, without the texts.

    Raises:
        ConfigError: If it is malformed or empty, or names a set twice.
        DataError: If it cannot be read.
    """
    try:
        entries = TypeAdapter(list[SetEntry]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except ValidationError as error:
        mistakes = [f"{path}: set {mistake.text(SetEntry)}" for mistake in one_by_one(error)]
        raise ConfigError("\n  ".join(dict.fromkeys(mistakes))) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not entries:
        raise ConfigError(f"{path}: holds no test set")
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: {name} stands there twice; names must differ")
    return entries
