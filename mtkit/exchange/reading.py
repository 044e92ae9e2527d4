"""Which family a directory's model is of, and that model in mtkit's terms."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mtkit.bundle.bundle import MANIFEST
from mtkit.errors import CheckpointError, DataError, VocabularyError
from mtkit.exchange.foreign_settings import ForeignSettings, read_settings, shown
from mtkit.exchange.found import Found
from mtkit.exchange.m2m100 import read_m2m100
from mtkit.exchange.marian import is_marian, read_marian_files
from mtkit.exchange.marian_huggingface import read_marian, read_pegasus
from mtkit.exchange.mbart import read_mbart
from mtkit.exchange.t5 import read_t5
from mtkit.exchange.weights import Weights, read_weights

_FAMILIES: dict[str, Callable[[Path, ForeignSettings, Weights], Found]] = {
    "marian": read_marian,
    "m2m_100": read_m2m100,
    "mbart": read_mbart,
    "t5": read_t5,
    "mt5": read_t5,
    "pegasus": read_pegasus,
}
"""By ``model_type`` of ``config.json``."""

_SHOWN = 5
"""Models that a message names."""

KNOWN = "Marian (OPUS-MT, Firefox), M2M-100, NLLB-200, mBART-50, T5, mT5, ByT5 and MADLAD-400"

_WITHOUT = {
    "nllb-moe": "a mixture of experts, which mtkit cannot express",
    "umt5": "a T5 with a table of positions in each layer",
}
_CARD = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")


def read_model(directory: Path) -> Found:
    """What the files of a model say, before its weights are read.

    Raises:
        CheckpointError: If there is no model, or one that cannot be read or expressed.
        VocabularyError: If its tokenizer is missing or cannot be read.
    """
    if (directory / MANIFEST).exists() or (directory / "config.yaml").exists():
        raise CheckpointError(f"{directory}: a model of mtkit's already; use it as it is, with -m {directory}")
    config = directory / "config.json"
    try:
        if config.is_file():
            found = _of_transformers(directory, read_settings(config))
        elif is_marian(directory):
            found = read_marian_files(directory)
        else:
            raise CheckpointError(
                f"{directory}: holds no model: neither config.json, as Hugging Face has it, nor an .npz or .bin of "
                f"Marian's{_models_within(directory)}"
            )
    except DataError as error:
        raise CheckpointError(str(error)) from None
    except VocabularyError as error:  # one about ids and pieces as a whole names no file
        message = str(error)
        raise VocabularyError(message if str(directory) in message else f"{directory}: {message}") from None
    kept = [*found.files, *(directory / name for name in _CARD)]
    return replace(found, files=[path for path in dict.fromkeys(kept) if path.is_file()])


def _models_within(directory: Path) -> str:
    """The models in a directory of directories, as the end of a message; empty where there are none."""
    inner = sorted(path for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []
    found = [path for path in inner if (path / "config.json").is_file() or is_marian(path)]
    more = ", ..." * (len(found) > _SHOWN)
    return f"; import one of those in it: {', '.join(map(str, found[:_SHOWN]))}{more}" if found else ""


def _of_transformers(directory: Path, settings: ForeignSettings) -> Found:
    kind = settings.values.get("model_type")
    if "mtkit_version" in settings.values:
        raise CheckpointError(f"{directory}: an export of mtkit's; use the model that it was made from")
    if kind is None:
        raise CheckpointError(f"{settings.path}: lacks model_type; mtkit imports {KNOWN}")
    if isinstance(kind, str) and kind in _WITHOUT:
        raise settings.refused("model_type", f"{_WITHOUT[kind]}; mtkit knows {KNOWN}")
    if not isinstance(kind, str) or kind not in _FAMILIES:
        raise CheckpointError(f"{settings.path}: model_type {shown(kind)} is not known; mtkit imports {KNOWN}")
    found = _FAMILIES[kind](directory, settings, read_weights(directory))
    files = [settings.path, directory / "generation_config.json", *found.files]
    return replace(found, files=files)
