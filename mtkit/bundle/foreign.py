"""What is named as a model and is none of mtkit's: for other programs, of another program, or a name on the hub."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from mtkit.errors import DataError
from mtkit.files.reading import read_json

EXPORT = "config.json"
"""In a directory of weights for other programs: what they are."""

_EXPORTED = "is an export for other programs; name the run or model that it was made from"
_WEIGHTS = ("model.safetensors", "model.bin")
_MARIANS = ("*.npz", "*.spm", "*.vocab.yml")
"""Files that the directory of a model of Marian's has."""

_ON_HUB = re.compile(r"[\w.-]+/[\w.-]+")
"""What a model is called on the Hugging Face hub."""


def if_on_hub(path: Path) -> str:
    """What to do where the name of what is not there may be one on the hub; empty where it cannot be."""
    if not _ON_HUB.fullmatch(str(path)) or path.parent.exists():
        return ""
    return f"; a name on the hub is imported first: mtkit import {path} -o MODEL"


def of_another_program(directory: Path, named: Path) -> str | None:
    """What a directory is that other programs read, as it was named; None if it does not look so."""
    foreign = f"a model of another program: import it first: mtkit import {named} -o MODEL"
    if not (directory / EXPORT).is_file():
        return foreign if any(any(directory.glob(pattern)) for pattern in _MARIANS) else None
    config: Any = None
    with suppress(DataError):
        config = read_json(directory / EXPORT)
    if isinstance(config, dict) and "mtkit_version" not in config and "model_type" in config:
        return foreign
    return _EXPORTED if any((directory / name).exists() for name in _WEIGHTS) else None
