"""The sets that are compared before and after fine-tuning: the new corpus's, and those that the model had before."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.languages import has_tags, prefixes_for
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.sources.sources import open_source, tell_apart
from mtkit.data.tokens.special import NO_PREFIX
from mtkit.errors import DataError, MtkitError
from mtkit.evaluation.certainty.before_after import Kind
from mtkit.files.reading import check_regular
from mtkit.log import logger
from mtkit.settings.recipe import Config
from mtkit.settings.source import SourceConfig
from mtkit.translation.test_sets import HeldOut, held_out_of, held_out_sets, validation_of

_MOST_VALIDATION = 1_000  # lines of the validation set that are translated


def compared_sets(config: Config, prepared: Prepared, bundle: Bundle) -> Iterator[tuple[Kind, HeldOut, int]]:
    """What is compared, each set once: its kind, its lines, and how many it has."""
    seen = set()
    for kind, held, n_lines in (*new_sets(prepared), *_old_sets(config, bundle)):
        digest = digest_of_set(held)
        if digest not in seen and held.src_text:
            yield kind, held, n_lines
        seen.add(digest)


def new_sets(prepared: Prepared) -> Iterator[tuple[Kind, HeldOut, int]]:
    """The test sets of the new corpus, and its validation set or lines evenly spaced in that."""
    for held in held_out_of(prepared):
        yield "new", held, len(held.src_text)
    valid = validation_of(prepared)
    n = len(valid.src_text)
    rows = [i * n // min(n, _MOST_VALIDATION) for i in range(min(n, _MOST_VALIDATION))]
    yield "validation", part_of(valid, rows), n


def named_sets(config: Config) -> Iterator[tuple[SourceConfig, str, list[str], list[str]]]:
    """The old test sets that the settings name: what is said of each, its name and its lines.

    Raises:
        DataError: If one cannot be read, has no lines, or its files differ in length.
    """
    sources = [
        open_source(each, "test", (config.data.src_lang, config.data.tgt_lang)) for each in config.training.keep_test
    ]
    tell_apart(sources)
    for source, named in zip(sources, config.training.keep_test, strict=True):
        for path in (getattr(named, named.kind), named.tgt):
            if path is not None and named.kind not in ("hf", "mtdata"):
                check_regular(Path(path))
        chunks = list(source.chunks())
        src_text, ref_text = [line for c in chunks for line in c.src], [line for c in chunks for line in c.tgt]
        if not src_text:
            raise DataError(f"training.keep_test: {source.name}: has no lines")
        yield named, source.name, src_text, ref_text


def _old_sets(config: Config, bundle: Bundle) -> Iterator[tuple[Kind, HeldOut, int]]:
    """The test sets that the settings name, and those of the corpus that the model was trained on."""
    languages = config.data.src_lang, config.data.tgt_lang
    for named, name, src_text, ref_text in named_sets(config):
        pair = named.src_lang or languages[0], named.tgt_lang or languages[1]
        prefix = prefixes_for(bundle, *pair) if has_tags(bundle) else NO_PREFIX
        yield "old", HeldOut(name, src_text, ref_text, prefix, pair[1]), len(src_text)
    try:
        own = held_out_sets(bundle)
    except MtkitError as error:
        if not config.training.keep_test:
            reason = str(error).partition(";")[0]
            if bundle.metadata and bundle.metadata.get("config") is None:  # it was imported
                reason = f"{bundle.path} has no test set of its own"
            way_out = "name one with --keep-test FILE --keep-test-tgt FILE"
            logger.warning("what is forgotten is not measured: %s; %s", reason, way_out)
        return
    for held in own:
        yield "old", held, len(held.src_text)


def part_of(held: HeldOut, rows: Sequence[int]) -> HeldOut:
    """Some lines of a set."""
    src_text, ref_text = ([text[row] for row in rows] for text in (held.src_text, held.ref_text))
    return replace(held, src_text=src_text, ref_text=ref_text)


def digest_of_set(held: HeldOut) -> str:
    """Tells sets apart by their texts."""
    return digest_of(*held.src_text, "", *held.ref_text)


def digest_of(*texts: str) -> str:
    """Sha256 of texts, whose order and limits count."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
