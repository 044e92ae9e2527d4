"""Whether a prepared corpus is there already, and is this one: from the same inputs and settings, and whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtkit.data.corpus.prepared import MANIFEST_FILE, READY, Prepared, difference, open_prepared
from mtkit.data.sources.pairs import Source
from mtkit.data.sources.sources import Place
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import ConfigError, DataError, VocabularyError
from mtkit.log import logger
from mtkit.settings.data import DataConfig
from mtkit.settings.section import NOT_IN_CORPUS, marked
from mtkit.settings.source import SourceConfig
from mtkit.settings.tokenizer import TokenizerConfig

Hashes = dict[str, str]
AllHashes = Mapping[Place, Sequence[Hashes]]


def settings_of_corpus(
    data: DataConfig, tokenizer: TokenizerConfig, ready: Tokenizer | None, apart: Sequence[Source] = ()
) -> dict[str, Any]:
    """What the prepared corpus depends on: how often its parts are seen is the trainer's affair."""
    of_train = {"__all__": marked(SourceConfig, NOT_IN_CORPUS)}
    left_out: dict[str, Any] = dict.fromkeys(marked(DataConfig, NOT_IN_CORPUS), True) | {"train": of_train}
    of_data = data.model_dump(mode="json", exclude=left_out)
    if data.language_tags == "none":
        del of_data["language_tags"]  # as in a corpus of a version that knew none
    if apart:
        of_data["apart"] = [digest for source in apart for digest in source.sha256().values()]
    if data.task == "translate":
        del of_data["task"]
    for source in (*of_data["train"], *of_data["valid"], *of_data["test"]):
        for name in ("mono", "take"):
            if source[name] is None:
                del source[name]
    of_tokenizer = tokenizer.model_dump(mode="json")
    if not tokenizer.extend.adds:
        del of_tokenizer["extend"]  # as above
    if ready is not None:
        of_tokenizer[READY] = ready.sha256()
    return {"data": of_data, "tokenizer": of_tokenizer}


def check_own(directory: Path) -> None:
    """Refuse to put a corpus in the place of anything that is not one."""
    if directory.is_dir() and ((directory / MANIFEST_FILE).exists() or not any(directory.iterdir())):
        return
    if directory.exists():
        raise ConfigError(f"{directory}: exists and is not a prepared corpus; choose another -o")


def same_corpus(directory: Path, settings: dict[str, Any], hashes: AllHashes, overwrite: bool) -> Prepared | None:
    """The prepared corpus that is there, where it is this one; None where one is to be prepared."""
    if not (directory / MANIFEST_FILE).exists() or (existing := _open_existing(directory, overwrite)) is None:
        return None
    changed = difference(existing.manifest, settings, hashes)
    if changed is None and not _is_whole(existing, overwrite):
        return None
    if changed is None:
        logger.info("%s: already prepared from these inputs and settings, nothing to do", directory)
        return existing
    if not overwrite:
        raise DataError(
            f"{directory}: was prepared from different inputs or settings ({changed}); add --overwrite to "
            "mtkit preprocess, or name another directory with data.prepared"
        )
    return None


def _is_whole(existing: Prepared, overwrite: bool) -> bool:
    """Whether a prepared corpus is as it was written; damage is not an error where it will be replaced anyway."""
    try:
        existing.check()
    except (DataError, VocabularyError) as error:
        if not overwrite:
            raise
        logger.warning("%s", error)
        return False
    return True


def _open_existing(directory: Path, overwrite: bool) -> Prepared | None:
    """The prepared corpus that is there; None where it cannot be read and is to be replaced anyway."""
    try:
        return open_prepared(directory)
    except DataError:
        if overwrite:
            return None
        raise
