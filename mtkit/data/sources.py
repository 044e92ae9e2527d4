"""Where pairs come from: the sources that a recipe names, whatever their format."""

import re
from pathlib import Path
from typing import Literal

from mtkit.config import DataConfig, SourceConfig
from mtkit.data.formats.huggingface import HuggingFaceSource
from mtkit.data.formats.text import TextSource, TsvSource
from mtkit.data.pairs import Source
from mtkit.errors import ConfigError, DataError

Place = Literal["train", "valid", "test"]

_PACKED = (".gz", ".zst")
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def open_sources(data: DataConfig) -> dict[Place, list[Source]]:
    """The sources of a recipe, by their place; training and validation sources get distinct names.

    Raises:
        DataError: If two test sets have the same name.
    """
    languages = (data.src_lang, data.tgt_lang)
    sources: dict[Place, list[Source]] = {
        "train": [open_source(config, "train", languages) for config in data.train],
        "valid": [open_source(config, "valid", languages) for config in data.valid],
        "test": [open_source(config, "test", languages) for config in data.test],
    }
    names = [source.name for source in sources["test"]]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"two test sets are called {name}; give each a name: of its own in the recipe")
    for place in ("train", "valid"):
        taken: set[str] = set()
        for source in sources[place]:
            name, n = source.name, 1
            while source.name in taken:
                n += 1
                source.name = f"{name}-{n}"
            taken.add(source.name)
    return sources


def open_source(config: SourceConfig, place: Place, languages: tuple[str, str]) -> Source:
    """One source; nothing is read yet.

    Args:
        config: What the recipe says of it.
        place: Where it stands there.
        languages: Codes of source and target.
    """
    if config.src is not None and config.tgt is not None:
        return TextSource(config.name or _stem(config.src), Path(config.src), Path(config.tgt))
    if config.tsv is not None:
        return TsvSource(config.name or _stem(config.tsv), Path(config.tsv), config.columns)
    assert config.hf is not None
    return HuggingFaceSource(
        name=config.name or _stem(config.hf),
        path=config.hf,
        config_name=config.hf_config,
        splits=(config.split,) if config.split else _SPLITS[place],
        fields=config.fields,
        languages=languages,
    )


_SPLITS: dict[Place, tuple[str, ...]] = {
    "train": ("train",),
    "valid": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


def _stem(path: str) -> str:
    """``data/news.2014.en.gz`` as ``news.2014``."""
    name = Path(path).name
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return Path(name).stem or name


def language_of(path: Path, flag: str) -> str:
    """``corpus.en.gz`` -> ``en``.

    Raises:
        ConfigError: If the name does not tell, naming the flag that does.
    """
    ending = path.name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]
    if ending == path.name or ending in ("txt", "tok", "src", "tgt") or not _LANGUAGE.fullmatch(ending):
        raise ConfigError(f"{path}: the name does not end in a language code such as .en; say which with {flag}")
    return ending
