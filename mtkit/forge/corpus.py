"""New training pairs out of a model: back-translation (Sennrich et al. 2016) and distillation (Kim and Rush 2016).

``DIRECTORY`` becomes a source for a recipe: ``forged.SRC.gz`` and ``forged.TGT.gz``, line by line, ``source.yaml`` with
the lines for the recipe, and ``manifest.json`` with all that it was made from.
"""

import gzip
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import yaml

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.data.sources.sources import open_sources
from mtkit.errors import ConfigError, DataError, reason
from mtkit.files.locks import remove_leftovers_of, sole_writer
from mtkit.files.output_directory import check_output_directory, check_replaceable
from mtkit.files.reading import read_json, sha256_file
from mtkit.files.text import read_line_chunks
from mtkit.files.whole import atomic_file, delete_directory, remove_leftovers, write_json
from mtkit.forge.shards import JOB_FILE, SHARDS, Translate, begin, read_shards, translate_shards, what_changed
from mtkit.languages.identification import other_language
from mtkit.log import logger
from mtkit.settings.data import DataConfig
from mtkit.translation.translation import Translation
from mtkit.translation.translator import Translator
from mtkit.version import __version__
from mtkit.wording import counted

Kind = Literal["backtranslate", "distill"]

MANIFEST = "manifest.json"
FORMAT_VERSION = 1

_LINES_LOOKED_AT = 5_000


@dataclass(frozen=True)
class Work:
    """How to translate."""

    model: Path
    beam_size: int | None = None
    """Beam size; None for the model's default."""

    engine: Literal["auto", "torch", "ctranslate2"] = "auto"
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    shard_lines: int = 10_000


def forge(
    kind: Kind,
    data: DataConfig,
    inputs: Sequence[Path],
    work: Work,
    directory: Path,
    *,
    tags: Sequence[str],
    overwrite: bool = False,
) -> dict[str, Any]:
    """Translate text into training pairs for a recipe, or go on where that was interrupted.

    Args:
        kind: backtranslate: the inputs are of the target language, and the model translates against the recipe's
            direction. distill: they are of the source language, by default the source side of the training pairs.
        data: Section of the recipe that the pairs are for.
        inputs: Text files, one segment per line.
        work: The model and its search.
        directory: Receives the pairs.
        tags: What the source segments of the new pairs are to be marked with.
        overwrite: Replace what was made or begun there before.

    Returns:
        The manifest.

    Raises:
        ConfigError: If the model translates between other languages.
        DataError: If an input cannot be read, nothing is left, or the directory holds something else or cannot be
            written.
        CheckpointError: If there is no whole model.
    """
    bundle = load_bundle(work.model)
    _check_languages(kind, data, bundle)
    read_lines, hashes = _text(data, inputs)
    beam_size = work.beam_size or bundle.decoding.beam_size
    job = {
        "kind": kind,
        "inputs": hashes,
        "model_sha256": bundle.weights_sha256,
        "beam_size": beam_size,
        "shard_lines": work.shard_lines,
        "languages": [data.src_lang, data.tgt_lang],
        "tags": list(tags),
    }
    check_output_directory(directory)
    check_replaceable(directory)
    if not overwrite and (done := _done(directory, job)) is not None:
        _tidy(directory)
        remove_leftovers_of(directory)
        logger.info("%s: already made from these inputs and this model, nothing to do", directory)
        return done
    try:
        with sole_writer(directory):
            if overwrite:
                _clear(directory)
            for each in (directory, directory / SHARDS):
                remove_leftovers(each)
            begin(directory, job)
            n_lines = sum(1 for _ in read_lines())
            _warn_of_language(kind, data, read_lines())
            translate_shards(
                read_lines(), n_lines, _translate(work, bundle, beam_size), directory, shard_lines=work.shard_lines
            )
            return _finish(directory, job, tags)
    except OSError as error:
        raise DataError(f"{directory}: cannot write there: {reason(error)}") from error


def _done(directory: Path, job: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest of the same job, where it is finished."""
    if not (directory / MANIFEST).exists():
        return None
    try:
        manifest = read_json(directory / MANIFEST)
    except DataError as error:
        raise DataError(f"{error}; make it again with --overwrite") from None
    if isinstance(manifest, dict) and manifest.get("job") == job:
        if type(manifest.get("n_pairs")) is not int:
            raise DataError(f"{directory / MANIFEST}: damaged; make it again with --overwrite")
        for name, digest in manifest.get("sha256", {}).items():
            if not (directory / name).is_file() or sha256_file(directory / name) != digest:
                raise DataError(f"{directory / name}: missing or damaged; make it again with --overwrite")
        return manifest
    before = manifest.get("job") if isinstance(manifest, dict) else None
    changed = f" ({what_changed(before, job)} changed)" if isinstance(before, dict) else ""
    raise DataError(f"{directory}: made from something else{changed}; choose another -o, or --overwrite")


def _clear(directory: Path) -> None:
    """Delete what was made or begun; a directory of anything else is refused."""
    if not directory.exists():
        return
    if not any((directory / name).exists() for name in (MANIFEST, JOB_FILE)) and any(directory.iterdir()):
        raise ConfigError(f"{directory}: is not a forged source and will not be replaced; choose another -o")
    delete_directory(directory)


def _tidy(directory: Path) -> None:
    """Delete what a finished job no longer needs."""
    shutil.rmtree(directory / SHARDS, ignore_errors=True)
    (directory / JOB_FILE).unlink(missing_ok=True)


def _check_languages(kind: Kind, data: DataConfig, bundle: Bundle) -> None:
    wanted = (data.src_lang, data.tgt_lang) if kind == "distill" else (data.tgt_lang, data.src_lang)
    if (bundle.src_lang, bundle.tgt_lang) != wanted:
        raise ConfigError(
            f"the model translates {bundle.src_lang} to {bundle.tgt_lang}: to {kind} for a recipe from "
            f"{data.src_lang} to {data.tgt_lang} it must translate {wanted[0]} to {wanted[1]}"
        )


def _warn_of_language(kind: Kind, data: DataConfig, lines: Iterator[str]) -> None:
    """Say where most of the text, by its beginning, is in another language than the model reads."""
    expected = data.src_lang if kind == "distill" else data.tgt_lang
    if (other := other_language(list(islice(lines, _LINES_LOOKED_AT)), expected)) is not None:
        logger.warning("most lines are in %s, but the model translates from %s", other, expected)


def _text(data: DataConfig, inputs: Sequence[Path]) -> tuple[Callable[[], Iterator[str]], dict[str, str]]:
    """What reads the lines to translate, without blank ones, and the hashes of what holds them."""
    sources = [] if inputs else open_sources(data)["train"]
    hashes = {str(path): sha256_file(path) for path in inputs}
    hashes |= {name: digest for source in sources for name, digest in source.sha256().items()}

    def read_lines() -> Iterator[str]:
        sides = chain((read_line_chunks(path, 8192) for path in inputs), (source.one_side(0) for source in sources))
        segments = chain.from_iterable(chain.from_iterable(sides))
        return (segment for segment in segments if segment and not segment.isspace())

    return read_lines, hashes


def _translate(work: Work, bundle: Bundle, beam_size: int) -> Translate:
    """The model, loaded when the first line asks for it."""
    translators: list[Translator] = []

    def translate(lines: list[str]) -> list[str | None]:
        if not translators:
            translators.append(
                Translator.load(
                    bundle,
                    engine=work.engine,
                    device=work.device,
                    precision=work.precision,
                    threads=work.threads,
                    beam_size=beam_size,
                    sample=lines,
                )
            )
            logger.info("translating with %s on %s", work.model, translators[0].engine.description)
        found = translators[0].translate(lines, beam_size=beam_size)
        return [_fit(translation) for translation in found]

    return translate


def _fit(translation: Translation) -> str | None:
    """The text; None if the search cut it off, which is a loop most often, or if it is blank."""
    return translation.text if translation.finished and translation.text.strip() else None


def _finish(directory: Path, job: dict[str, Any], tags: Sequence[str]) -> dict[str, Any]:
    """Lay the shards end to end, write what a recipe needs, and delete the shards."""
    src_lang, tgt_lang = job["languages"]
    paths = [directory / f"forged.{language}.gz" for language in (src_lang, tgt_lang)]
    n_kept = n_dropped = 0
    with ExitStack() as stack:
        files = [stack.enter_context(atomic_file(path)) for path in paths]
        packed = [stack.enter_context(gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="")) for file in files]
        for pair in read_shards(directory):
            if pair is None:
                n_dropped += 1
                continue
            segments = [pair.text, pair.translation]
            if job["kind"] == "backtranslate":
                segments.reverse()
            for side, segment in zip(packed, segments, strict=True):
                side.write(f"{segment}\n".encode())
            n_kept += 1
        if n_kept == 0:
            raise DataError(f"{directory}: no line of the input became a pair")
    source: dict[str, Any] = {"src": str(paths[0]), "tgt": str(paths[1]), "name": directory.resolve().name}
    if tags:
        source["tags"] = list(tags)
    manifest = {
        "format_version": FORMAT_VERSION,
        "mtkit_version": __version__,
        "job": job,
        "source": source,
        "n_pairs": n_kept,
        "n_dropped": n_dropped,
        "sha256": {path.name: sha256_file(path) for path in paths},
    }
    with atomic_file(directory / "source.yaml") as file:
        file.write(yaml.safe_dump([source], sort_keys=False, allow_unicode=True).encode())
    write_json(directory / MANIFEST, manifest)
    _tidy(directory)
    if n_dropped:
        logger.warning("left out %s without a usable translation", counted(n_dropped, "line"))
    return manifest


def train_lines(kind: Kind, data: DataConfig, source: Mapping[str, Any]) -> list[str]:
    """What ``train`` of the recipe's section ``data`` becomes, as YAML: what was there and the new pairs beside it.

    A student learns from its teacher alone.

    Args:
        kind: How the pairs were made.
        data: Section of the recipe that they are for; its ``train`` may have been written as one source or as a list.
        source: The new pairs.
    """
    before = [] if kind == "distill" else data.train
    weights = [each.weight[max(each.weight)] for each in before if each.weight is not None]
    new = dict(source) | ({"weight": max(weights)} if weights else {})  # all have one, or none has
    sources = [
        each.model_dump(mode="json", exclude_defaults=True)
        | ({} if each.weight is None else {"weight": each.weight})  # whose numbers of updates JSON would make text
        for each in before
    ]
    text: str = yaml.safe_dump({"train": [*sources, new]}, sort_keys=False, allow_unicode=True)
    return [f"  {line}" for line in text.splitlines()]
