"""Where pairs come from: the sources that a recipe names, whatever their format."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from mtkit.data.sources.formats.huggingface import HuggingFaceSource
from mtkit.data.sources.formats.jsonl import JsonlSource
from mtkit.data.sources.formats.mtdata import MtdataSource
from mtkit.data.sources.formats.po import PoSource
from mtkit.data.sources.formats.text import TextSource, TsvSource
from mtkit.data.sources.formats.tmx import TmxSource
from mtkit.data.sources.formats.xliff import XliffSource
from mtkit.data.sources.holding_out import held_out_of
from mtkit.data.sources.pairs import FirstPairs, Source
from mtkit.data.sources.taking import taken
from mtkit.errors import ConfigError, DataError
from mtkit.files.text import PACKED
from mtkit.languages.codes import CODE, meant_by
from mtkit.log import logger
from mtkit.settings.data import DataConfig
from mtkit.settings.source import SourceConfig, columns_of

Place = Literal["train", "valid", "test"]
PLACES: tuple[Place, ...] = ("train", "valid", "test")


def open_sources(data: DataConfig) -> dict[Place, list[Source]]:
    """The sources of a recipe, by their place; training and validation sources get distinct names.

    Where the recipe has some held out, the training sources are without them.

    Raises:
        DataError: If two test sets have the same name.
    """
    languages = (data.src_lang, data.tgt_lang)
    sources: dict[Place, list[Source]] = {
        place: [taken(open_source(config, place, languages), data.take_of(config)) for config in getattr(data, place)]
        for place in PLACES
    }
    if data.hold_out is not None:
        places = [place for place in PLACES if place in data.held_out()]
        sources |= held_out_of(sources["train"], data.hold_out, places)
    names = [source.name for source in sources["test"]]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"two test sets are called {name}; give each a different name: in the recipe")
    for place in ("train", "valid"):
        tell_apart(sources[place])
    return sources


def tell_apart(sources: Sequence[Source]) -> None:
    """Give sources distinct names."""
    taken: set[str] = set()
    for source in sources:
        name, n = source.name, 1
        while source.name in taken:
            n += 1
            source.name = f"{name}-{n}"
        taken.add(source.name)


def open_source(config: SourceConfig, place: Place, languages: tuple[str, str]) -> Source:
    """One source; nothing is read yet.

    Args:
        config: What the recipe says of it.
        place: Where it stands there.
        languages: Codes of source and target, where it has none of its own.

    Returns:
        Its pairs as the file has them, whatever is taken of them.
    """
    languages = config.languages(*languages)
    for language in languages:
        _warn_of(language)
    source = _of_kind(config, place, languages)
    if config.limit is None or isinstance(source, HuggingFaceSource):
        return source
    return FirstPairs(source, config.limit)


def _of_kind(config: SourceConfig, place: Place, languages: tuple[str, str]) -> Source:
    """The whole source."""
    given = getattr(config, config.kind)
    if config.kind in ("jsonl", "hf") and config.fields is None and languages[0] == languages[1]:
        raise ConfigError(f"{given}: from {languages[0]} to itself: name two fields with fields: [SOURCE, TARGET]")
    name, path = config.name or _stem(given), Path(given)
    match config.kind:
        case "src":
            assert config.tgt is not None
            return TextSource(name, path, Path(config.tgt))
        case "mono":
            return taken(TextSource(name, path, path), "src")
        case "tsv":
            return TsvSource(name, path, config.columns, config.score, config.between)
        case "jsonl":
            return JsonlSource(name, path, config.fields, _field(config.score), languages, config.between)
        case "tmx":
            return TmxSource(name, path, languages)
        case "xliff":
            return XliffSource(name, path, languages)
        case "po":
            return PoSource(name, path, languages)
        case "mtdata":
            return MtdataSource(config.name or given, given, languages, place)
    fields = config.fields
    assert fields is None or not config.joins  # SourceConfig checks it
    return HuggingFaceSource(
        name=name,
        path=given,
        config_name=config.hf_config,
        splits=(config.split,) if config.split else _SPLITS[place],
        fields=None if fields is None else (columns_of(fields)[0], fields[1]),
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


def language_of(path: Path, flag: str) -> str:
    """``corpus.en.gz`` -> ``en``.

    Raises:
        ConfigError: If the name does not tell, naming the flag that does.
    """
    name = path.name
    for packed in PACKED:
        name = name.removesuffix(packed)
    ending = name.rpartition(".")[2]
    if ending == name or ending in ("txt", "tok", "src", "tgt") or not CODE.fullmatch(ending):
        raise ConfigError(f"{path}: the name does not end in a language code such as .en; say which with {flag}")
    return ending


def common_language(paths: Sequence[Path], flag: str) -> str:
    """The language of files whose names tell it.

    Raises:
        ConfigError: If one does not tell it, or two tell another one, naming the flag that does.
    """
    first, *others = paths
    language = language_of(first, flag)
    for other in others:
        if (its := language_of(other, flag)) != language:
            raise ConfigError(f"{first} is {language} but {other} is {its}: name their language with {flag}")
    return language


@cache
def _warn_of(language: str) -> None:
    """Warn once that a language is not a code: it is used as it is, but nothing is known about it."""
    meant = meant_by(language)
    if meant is None and CODE.fullmatch(language):
        return
    meant = meant or (language.lower() if CODE.fullmatch(language.lower()) else None)
    hint = f"; did you mean {meant}?" if meant else ""
    such_as = "" if meant else " (such as en, deu or pt-BR)"
    logger.warning("%s is not a language code%s; steps that need the language skip it%s", language, such_as, hint)
