"""Where the corpus lies that a model was trained on: with the name that its recipe gives it, or where the run noted it.

A recipe names its files from where the command was called. The command that asks for a model's test sets may be called
elsewhere, and the run may have been moved, with its corpus or without.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from mtkit.bundle.bundle import CORPUS, MANIFEST, Bundle
from mtkit.bundle.run_note import DIRECTORY, noted_place
from mtkit.data.corpus.prepared import MANIFEST_FILE, Prepared, open_prepared
from mtkit.errors import ConfigError, DataError
from mtkit.log import logger
from mtkit.settings.layers import Layer
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings, read_config

INSTEAD = "name a test set with -i FILE --ref FILE"


def find_corpus(bundle: Bundle) -> Prepared:
    """The prepared corpus that a model was trained on.

    Raises:
        ConfigError: If the recipe in the bundle is damaged.
        DataError: If the corpus is not there any more or is damaged, or the model names none, as imported ones do not.
    """
    named = _recipe(bundle).prepared_directory
    noted = _noted(bundle)
    there = [place for place in _places(bundle, named, noted) if (place / MANIFEST_FILE).exists()]
    if not there:
        others = "" if noted is None else f", nor at {noted}"
        raise DataError(f"{named}: the model's corpus is not there{others}; put it there, or {INSTEAD}")
    sha256 = bundle.tokenizer.sha256()
    for place in there:
        prepared = open_prepared(place)
        if prepared.manifest.tokenizer_sha256 == sha256:
            return prepared
    logger.warning("%s is not the corpus that this model was trained on: it may know the test set", there[0])
    return open_prepared(there[0])


def relative_path(path: Path, start: Path) -> str:
    """One place as seen from another, so that both may be moved together."""
    return os.path.relpath(path.resolve(), start.resolve())


def _noted(bundle: Bundle) -> Path | None:
    """Where it was when the model was trained, as seen from where that lies now."""
    start, noted = bundle.directory, bundle.metadata.get(CORPUS)
    if not bundle.metadata:  # a checkpoint, in its run directory
        start = bundle.directory.parent.parent
        noted = noted_place(start, DIRECTORY)
    return Path(os.path.normpath(start.resolve() / noted)) if isinstance(noted, str) else None


def _places(bundle: Bundle, named: Path, noted: Path | None) -> Iterator[Path]:
    """Where it may lie, the likeliest first."""
    yield named
    if noted is not None:
        yield noted
    if not named.is_absolute():  # a run of a version that noted nothing: as a rule it lies in the project's directory
        yield from (parent / named for parent in bundle.directory.resolve().parents)


def _recipe(bundle: Bundle) -> Config:
    """The settings that a model was trained with: its bundle has them, a checkpoint's run directory does."""
    if bundle.metadata:
        path, config = bundle.directory / MANIFEST, bundle.metadata.get("config")
        if config is None:  # it was imported
            raise DataError(f"{bundle.path}: the model does not say what corpus it was trained on; {INSTEAD}")
        if not isinstance(config, dict):
            raise ConfigError(f"{path}: damaged: its config is not a recipe")
        return Settings([Layer(str(path), config)]).config()
    return read_config(bundle.directory.parent.parent / "config.yaml")
