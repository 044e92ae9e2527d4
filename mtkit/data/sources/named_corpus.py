"""A corpus that is named without a recipe: pairs of text files, or files of pairs, and the languages it is in."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from mtkit.data.sources.formats.po import PoSource
from mtkit.data.sources.formats.tmx import languages_of_tmx
from mtkit.data.sources.formats.xliff import languages_of_xliff
from mtkit.data.sources.holdout import n_held_out
from mtkit.data.sources.pairs import JoinedSources, Source
from mtkit.data.sources.sources import Place, common_language, open_source, tell_apart
from mtkit.errors import ConfigError, DataError
from mtkit.files.reading import parse_json
from mtkit.files.text import read_lines
from mtkit.languages.codes import CODE, base_language, language_mistake
from mtkit.languages.matching import closeness
from mtkit.settings.source import SourceConfig, kind_of


@dataclass(frozen=True)
class NamedCorpus:
    """Where pairs come from, and their languages."""

    configs: Sequence[SourceConfig]
    languages: tuple[str, str]
    """Codes of source and target."""

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [Path(path) for path in chain.from_iterable(self.shown())]

    def shown(self) -> list[list[str]]:
        """The files, those of a pair together."""
        return [
            [str(path) for path in (getattr(config, config.kind), config.tgt) if path is not None]
            for config in self.configs
        ]

    def sources(self, place: Place = "train") -> list[Source]:
        """The sources, each with a different name; nothing is read yet."""
        found = [open_source(config, place, self.languages) for config in self.configs]
        tell_apart(found)
        return found

    def open(self, place: Place = "train") -> Source:
        """All of it as one source; nothing is read yet."""
        return JoinedSources(place, self.sources(place))

    def with_hold_out(self) -> dict[str, object]:
        """The section data of a recipe for it, as many pairs held out as ``mtkit train`` holds out of a corpus.

        Raises:
            DataError: If it cannot be read, or is too small.
        """
        src_lang, tgt_lang = self.languages
        n_held = n_held_out(sum(len(chunk.src) for chunk in self.open().chunks()), self.paths[0])
        return {"src_lang": src_lang, "tgt_lang": tgt_lang, "train": self.in_recipe(), "hold_out": n_held}

    def in_recipe(self) -> list[dict[str, object]]:
        """The sources as a recipe says them."""
        return [config.model_dump(mode="json", exclude_defaults=True) for config in self.configs]


def named_corpus(srcs: Sequence[Path], tgts: Sequence[Path], src_lang: str | None, tgt_lang: str | None) -> NamedCorpus:
    """Find out what languages a corpus is in, where that is not said.

    Args:
        srcs: Files of source lines; or files of pairs, known by their endings.
        tgts: Files of target lines, in the order of ``srcs``; none for files of pairs.
        src_lang: Language code; by default the ending of the file's name, or what a file of pairs names.
        tgt_lang: Language code of the target, by default found in the same way.

    Raises:
        ConfigError: If a file alone is none of pairs, there are more files of one side, or a language is not given and
            cannot be told.
        DataError: If a file is missing, or cannot be read.
    """
    configs, languages = _of_lines(srcs, tgts, src_lang, tgt_lang) if tgts else _of_pairs(srcs, src_lang, tgt_lang)
    if languages[0] == languages[1]:
        raise ConfigError(f"source and target are both {languages[0]}; give --src-lang and --tgt-lang")
    return NamedCorpus(configs, languages)


def _of_lines(
    srcs: Sequence[Path], tgts: Sequence[Path], src_lang: str | None, tgt_lang: str | None
) -> tuple[list[SourceConfig], tuple[str, str]]:
    for path in (*srcs, *tgts):
        if kind_of(str(path)) is not None:
            raise ConfigError(f"{path}: a file of pairs, which --src takes alone; leave out the other file")
    if len(srcs) != len(tgts):
        raise ConfigError(f"{len(srcs)} --src but {len(tgts)} --tgt: give as many of both, in the same order")
    _check_files(*srcs, *tgts)
    languages = src_lang or common_language(srcs, "--src-lang"), tgt_lang or common_language(tgts, "--tgt-lang")
    return [SourceConfig(src=str(src), tgt=str(tgt)) for src, tgt in zip(srcs, tgts, strict=True)], languages


def _of_pairs(
    paths: Sequence[Path], src_lang: str | None, tgt_lang: str | None
) -> tuple[list[SourceConfig], tuple[str, str]]:
    """Files of pairs: what is not said of their languages is what the first one names."""
    languages = None
    configs = []
    for path in paths:
        if kind_of(str(path)) is None:
            raise ConfigError(
                f"--src and --tgt go together: {path} is not a file of pairs by its ending (.tmx, .xlf, .po, .tsv, "
                ".csv or .jsonl); name its translations with --tgt FILE"
            )
        _check_files(path)
        config = SourceConfig.model_validate(str(path))
        named = _named(path, config)
        languages = languages or _chosen(path, named, src_lang, tgt_lang)
        configs.append(_by_name(config, named, _chosen(path, named, *languages)))
    assert languages is not None
    return configs, languages


def _check_files(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            raise DataError(f"{path}: is a directory; name a file")
        if not path.is_file():
            raise DataError(f"{path}: no such file")


def _named(path: Path, config: SourceConfig) -> list[str]:
    """The languages that a file of pairs names, that of the source first where it says so."""
    match config.kind:
        case "tmx":
            return _distinct(map(_written, languages_of_tmx(path)))
        case "xliff":
            return _distinct(map(_written, languages_of_xliff(path)))
        case "po":
            source = PoSource("", path, ("", ""))
            named = (source.named_language("X-Source-Language"), source.named_language())
            return _distinct(_written(code) for code in named if code)
        case "jsonl":
            return _codes(_keys(path))
    return _codes(_first_row(path, config))


def _chosen(path: Path, named: list[str], src_lang: str | None, tgt_lang: str | None) -> tuple[str, str]:
    """Source and target, of which those that are not given are what the file leaves no choice about."""
    both = (src_lang, tgt_lang) if src_lang and tgt_lang else None
    if both and (len(named) < len(both) or all(any(closeness(code, each) for each in named) for code in both)):
        return both
    given = src_lang or tgt_lang
    left = named if given is None else [code for code in named if not closeness(given, code)]
    if both or len(left) != (2 if given is None else 1):
        found = f"is in {', '.join(named)}" if named else "names no languages"
        which = "--src-lang CODE --tgt-lang CODE"
        if given is not None and both is None and (not named or len(left) < len(named)):
            which = "--tgt-lang CODE" if src_lang else "--src-lang CODE"
        if len(named) == 1 and given is None:
            found, which = f"is in {named[0]} and another language", "--src-lang CODE, or --tgt-lang CODE, alone"
        raise ConfigError(f"{path}: {found}; say which with {which}, or name the file under data.train of a recipe")
    return (src_lang or left[0], tgt_lang or left[-1])


def _by_name(config: SourceConfig, named: list[str], languages: tuple[str, str]) -> SourceConfig:
    """The source with its columns or fields named, where it has some that are called by the languages."""
    setting = {"tsv": "columns", "hf": "fields", "jsonl": "fields"}.get(config.kind)
    names = [max(named, key=lambda name: closeness(code, name), default="") for code in languages]
    if setting is None or not all(closeness(code, name) for code, name in zip(languages, names, strict=True)):
        return config
    return config.model_copy(update={setting: tuple(names)})


def _first_row(path: Path, config: SourceConfig) -> list[str]:
    """The fields of the first line."""
    first = next(read_lines(path), "")
    if config.kind == "tsv":
        return first.split("\t")
    separator = max(",;\t", key=first.count)
    try:
        return next(csv.reader([first], delimiter=separator), [])
    except csv.Error:
        return []


def _keys(path: Path) -> list[str]:
    """What the first object of JSON lines calls its texts."""
    first = next((line for line in read_lines(path) if line and not line.isspace()), "")
    try:
        row = parse_json(first)
    except ValueError:  # said with its line when all is read
        return []
    row = row.get("translation", row) if isinstance(row, dict) else {}
    return [key for key, value in row.items() if isinstance(value, str)] if isinstance(row, dict) else []


def _written(code: str) -> str:
    """A code as recipes write it: EN-US as en-US."""
    language, _, rest = code.strip().replace("_", "-").partition("-")
    return f"{language.lower()}-{rest}" if rest else language.lower()


def _codes(names: Iterable[str]) -> list[str]:
    """Those names that are codes of languages, and known ones: columns are called by words too. id is seldom one."""
    known = [name for name in names if CODE.fullmatch(name) and len(base_language(name)) == 2]
    codes = _distinct(name for name in known if language_mistake(name) is None)
    return [code for code in codes if code != "id"] if len(codes) > 2 else codes


def _distinct(codes: Iterable[str]) -> list[str]:
    """Codes without those that say the same as one before, as en says of en-US: each as it was met first."""
    found: list[str] = []
    for code in codes:
        if not any(closeness(other, code) for other in found):
            found.append(code)
    return found
