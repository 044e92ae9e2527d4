"""Where pairs come from: the sources that a recipe names, whatever their format."""

from pathlib import Path
from typing import Literal

from mtkit.config import DataConfig
from mtkit.data.formats.huggingface import HuggingFaceSource
from mtkit.data.formats.jsonl import JsonlSource
from mtkit.data.formats.mtdata import MtdataSource
from mtkit.data.formats.po import PoSource
from mtkit.data.formats.text import TextSource, TsvSource
from mtkit.data.formats.tmx import TmxSource
from mtkit.data.formats.xliff import XliffSource
from mtkit.data.pairs import FirstPairs, Source
from mtkit.errors import DataError
from mtkit.io import PACKED
from mtkit.source_config import SourceConfig

Place = Literal["train", "valid", "test"]
PLACES: tuple[Place, ...] = ("train", "valid", "test")


def open_sources(data: DataConfig) -> dict[Place, list[Source]]:
    """The sources of a recipe, by their place; training and validation sources get distinct names.

    Raises:
        DataError: If two test sets have the same name.
    """
    sources: dict[Place, list[Source]] = {
        "train": [_open(config, "train", data) for config in data.train],
        "valid": [_open(config, "valid", data) for config in data.valid],
        "test": [_open(config, "test", data) for config in data.test],
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


def _open(config: SourceConfig, place: Place, data: DataConfig) -> Source:
    source = _of_kind(config, place, (config.src_lang or data.src_lang, config.tgt_lang or data.tgt_lang))
    if config.limit is None or isinstance(source, HuggingFaceSource):
        return source
    return FirstPairs(source, config.limit)


def _of_kind(config: SourceConfig, place: Place, languages: tuple[str, str]) -> Source:
    """The whole source."""
    given = getattr(config, config.kind)
    name, path = config.name or _stem(given), Path(given)
    match config.kind:
        case "src":
            assert config.tgt is not None
            return TextSource(name, path, Path(config.tgt))
        case "tsv":
            return TsvSource(name, path, config.columns, config.score)
        case "jsonl":
            return JsonlSource(name, path, config.fields, _field(config.score), languages)
        case "tmx":
            return TmxSource(name, path, languages)
        case "xliff":
            return XliffSource(name, path, languages)
        case "po":
            return PoSource(name, path, languages)
        case "mtdata":
            return MtdataSource(config.name or given, given, languages, place)
    return HuggingFaceSource(
        name=name,
        path=given,
        config_name=config.hf_config,
        splits=(config.split,) if config.split else _SPLITS[place],
        fields=config.fields,
        score=_field(config.score),
        languages=languages,
        limit=config.limit,
        streaming=config.streaming,
    )


def _field(score: int | str | None) -> str | None:
    """The name of a field; a number is one too."""
    return None if score is None else str(score)


_SPLITS: dict[Place, tuple[str, ...]] = {
    "train": ("train",),
    "valid": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


def _stem(path: str) -> str:
    """``data/news.2014.en.gz`` as ``news.2014``."""
    name = Path(path).name
    for ending in PACKED:
        name = name.removesuffix(ending)
    return Path(name).stem or name
