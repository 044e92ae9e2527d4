"""What lies beside a model in Marian's own files, once it was trained on: names, languages and settings made true."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mtkit.errors import ConfigError, DataError
from mtkit.exchange.foreign_settings import optional_settings
from mtkit.exchange.marian import METADATA, MODEL_INFO, PAIR, SHORTLIST, languages_of_files, pair_in
from mtkit.languages.codes import base_language
from mtkit.languages.naming import english_name
from mtkit.settings.yaml_file import read_yaml

_FILES = ("models", "vocabs")
"""Settings of the search that name files."""

_OF_INT8 = "gemm-precision"


class Renaming:
    """The names of files, where a model translates other languages than the one that it began as."""

    def __init__(self, kept: Path, weights: str, languages: tuple[str, str]) -> None:
        """Compare the languages.

        Args:
            kept: Directory of the files that were imported.
            weights: Name of the file of the weights then.
            languages: What the model translates now.
        """
        before = languages_of_files(kept, weights)
        self.languages = languages
        self._before, self._now = ((base_language(src), base_language(tgt)) for src, tgt in (before, languages))
        self.is_other = None not in before and self._before != self._now

    def of(self, name: str) -> str:
        """``vocab.ende.spm`` for ``vocab.enpt.spm``."""
        pair = pair_in(f"-{name}")
        if not self.is_other or pair != self._before:
            return name
        found = next(each for each in PAIR.finditer(f"-{name}") if each.groups() == pair)
        between = "-" if "-" in found[0] else ""
        return f"{name[: found.start() - 1]}{between.join(self._now)}{name[found.end() - 1 :]}"


def mend_directory(directory: Path, renaming: Renaming, weights: Mapping[str, str], *, was_int8: bool) -> None:
    """Rename what lies beside the weights, and let the settings say what is there.

    A shortlist goes: it allows only words that the model of then may say. So does what was measured of that one.

    Args:
        directory: Files as they were imported, the weights as they are now.
        renaming: What the others are to be called.
        weights: The name of the file of the weights now, by that of then.
        was_int8: Whether the weights were int8 then; they are float32 now.
    """
    (directory / METADATA).unlink(missing_ok=True)
    for path in [*directory.glob("config*.yml"), *directory.glob("decoder.yml")]:
        _mend_settings(path, renaming, weights, was_int8=was_int8)
    if renaming.is_other and (directory / MODEL_INFO).is_file():
        _mend_info(directory / MODEL_INFO, renaming.languages)
    for path in sorted(directory.iterdir()):
        path.rename(directory / renaming.of(path.name))


def _mend_settings(path: Path, renaming: Renaming, weights: Mapping[str, str], *, was_int8: bool) -> None:
    try:
        tree, _ = read_yaml(path, "")
    except (ConfigError, DataError):
        return  # it was no settings when it was imported either
    if not isinstance(tree, dict):
        return
    values: dict[str, Any] = dict(tree)
    for name in _names_in(values.pop(SHORTLIST, None)):
        (path.parent / Path(name).name).unlink(missing_ok=True)
    if was_int8:
        values.pop(_OF_INT8, None)
    for key in _FILES:
        if isinstance(values.get(key), list):
            values[key] = [_renamed(each, renaming, weights) for each in values[key]]
    if values != tree:
        path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _names_in(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _renamed(value: Any, renaming: Renaming, weights: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    name = Path(value).name
    return value.removesuffix(name) + weights.get(name, renaming.of(name))


def _mend_info(path: Path, languages: tuple[str, str]) -> None:
    values = dict(optional_settings(path).values)
    old = [str(values.get(key, "")) for key in ("src", "trg")]
    new = [english_name(code) or code for code in languages]
    values |= {"src": new[0], "trg": new[1]}
    if "modelName" in values:
        values["modelName"] = str(values["modelName"]).replace("-".join(old), "-".join(new))
    if "shortName" in values:
        kind = str(values.get("type", "")) or str(values["shortName"]).rpartition("-")[2]
        values["shortName"] = "-".join([*map(base_language, languages), kind])
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
