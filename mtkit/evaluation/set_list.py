"""The form of a list of test sets."""

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from mtkit.errors import ConfigError, DataError, reason
from mtkit.settings.mistakes import one_by_one
from mtkit.settings.section import Section
from mtkit.settings.yaml_file import read_yaml

_EXAMPLE = "{name: news, refs: news.de, hyps: out.de}"
_EXPECTED = f"a list of test sets, such as - {_EXAMPLE}"


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
    """Language pair such as en-de; by default that of the command line."""

    @field_validator("refs", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("hyps", mode="before")
    @classmethod
    def _file_or_systems(cls, given: object) -> object:
        """Else there would be a message for each kind of value that is allowed."""
        files = given.values() if isinstance(given, dict) else [given]
        names = given if isinstance(given, dict) else []
        if given is not None and not all(isinstance(each, str) for each in (*files, *names)):
            raise ValueError("must be a file, or files by the names of their systems, such as {old: a.de, new: b.de}")
        return given

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
        tree, _ = read_yaml(path, f"; expected {_EXPECTED}")
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from error
    if not isinstance(tree, list):
        raise ConfigError(f"{path}: expected {_EXPECTED}")
    entries: list[SetEntry] = []
    mistakes: list[str] = []
    for number, entry in enumerate(tree, 1):
        if not isinstance(entry, dict):
            raise ConfigError(f"{path}: test set {number}: expected its files by name, such as {_EXAMPLE}")
        try:
            entries.append(SetEntry.model_validate(entry))
        except ValidationError as error:
            mistakes += [f"{path}: test set {number}: {mistake.text(SetEntry)}" for mistake in one_by_one(error)]
    if mistakes:
        raise ConfigError("\n  ".join(mistakes))
    if not entries:
        raise ConfigError(f"{path}: holds no test set; expected {_EXPECTED}")
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: {name} occurs twice; names must differ")
    return entries
