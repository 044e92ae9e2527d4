"""Recipe in, prepared corpus out: check, clean, train the tokenizer, encode, write.

The training sources are read once, in bounded chunks; what is left of their text waits in a file for the tokenizer to
be trained and for all to be encoded. The directory appears whole at the end or not at all.
"""

import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, starmap
from pathlib import Path

from mtkit.data.cleaning.judging import Judgement, empty_input, judge
from mtkit.data.cleaning.pipeline import build_pipeline
from mtkit.data.cleaning.report import REPORT_FILE, CleaningReport, all_dropped, cleaning_report, reports_by_text
from mtkit.data.corpus.encoding import Input, Written, write_train, write_whole
from mtkit.data.corpus.existing import AllHashes, check_own, same_corpus, settings_of_corpus
from mtkit.data.corpus.prefixes import check_pieces, pieces_before
from mtkit.data.corpus.prepared import (
    FORMAT_VERSION,
    Manifest,
    Prepared,
    SourceReport,
    state_hashes,
    write_manifest,
)
from mtkit.data.sources.pairs import Pairs, Source
from mtkit.data.sources.sources import PLACES, Place, open_sources
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.data.tokens.vocabulary import extended_for, kept_segments, tokenizer_for
from mtkit.errors import ConfigError, DataError, reason
from mtkit.files.locks import remove_leftovers_of, sole_writer
from mtkit.files.output_directory import check_replaceable
from mtkit.files.whole import atomic_directory, named, write_json
from mtkit.languages.identification import MANY, other_language, same_language
from mtkit.log import logger
from mtkit.machine.workers import Workers
from mtkit.settings.data import DataConfig
from mtkit.settings.tokenizer import TokenizerConfig

Sources = Mapping[Place, Sequence[Source]]


def prepare(
    data: DataConfig,
    tokenizer: TokenizerConfig,
    directory: Path,
    *,
    overwrite: bool = False,
    n_workers: int | None = None,
    max_vocab_size: int | None = None,
    ready: Tokenizer | None = None,
    known_languages: Collection[str] = (),
    apart: Sequence[Source] = (),
) -> Prepared:
    """Prepare the corpus of a recipe, or do nothing where that has been done.

    Args:
        data: Languages, sources and cleaning; ``data.prepared`` is not looked at.
        tokenizer: The tokenizer to train on the cleaned training pairs, or what is known of ``ready``.
        directory: Where the prepared corpus goes.
        overwrite: Replace a prepared corpus of other inputs or settings.
        n_workers: Processes that clean and encode; by default one for each core. The result is the same.
        max_vocab_size: Pieces of the tokenizer at most, where the settings do not say their number.
        ready: The tokenizer of a model that exists; none is trained then, but ``tokenizer.extend`` adds to it.
        known_languages: Languages that the model of ``ready`` knows, as ``base_language`` has them.
        apart: Sets beside those of ``data`` that the cleaning step leakage compares with.

    Raises:
        ConfigError: If a cleaning step cannot work with the languages or sets.
        DataError: If an input is missing, misaligned or malformed, nothing is left after cleaning, or the
            directory holds something else or cannot be written.
        VocabularyError: If the tokenizer cannot be trained as asked, or one that is ready lacks a tag of the corpus.
    """
    sources = open_sources(data)
    check_replaceable(directory)
    directory = named(directory)
    remove_leftovers_of(directory)
    check_own(directory)
    hashes: AllHashes = {place: [s.sha256() for s in of_place] for place, of_place in sources.items()}
    if ready is not None and not tokenizer.extend.languages:
        check_pieces(data, ready)
    settings = settings_of_corpus(data, tokenizer, ready, apart)
    if (existing := same_corpus(directory, settings, hashes, overwrite)) is not None:
        return existing
    try:
        with sole_writer(directory):
            if (existing := same_corpus(directory, settings, hashes, overwrite)) is not None:
                return existing
            with atomic_directory(directory) as work, Workers(n_workers) as workers:
                make = _Maker(data, tokenizer, ready, max_vocab_size, known_languages, apart)
                trained, reports = _prepare(make, sources, hashes, workers, work)
                test_names = [report["name"] for report in reports if report["place"] == "test"]
                manifest = Manifest(
                    format_version=FORMAT_VERSION,
                    src_lang=data.src_lang,
                    tgt_lang=data.tgt_lang,
                    n_train=sum(report["n_kept"] for report in reports if report["place"] == "train"),
                    n_valid=sum(report["n_kept"] for report in reports if report["place"] == "valid"),
                    n_test={report["name"]: report["n_kept"] for report in reports if report["place"] == "test"},
                    src_vocab_size=trained.src_vocab_size,
                    tgt_vocab_size=trained.tgt_vocab_size,
                    tokenizer_sha256=trained.sha256(),
                    settings=settings,
                    sources=reports,
                    splits=state_hashes(work, ["train", "valid", *(f"test/{name}" for name in test_names)]),
                )
                write_manifest(work, manifest)
    except OSError as error:
        raise DataError(f"{directory}: cannot write there: {reason(error)}") from error
    return Prepared(directory, manifest)


@dataclass(frozen=True)
class _Maker:
    """What of the recipe a corpus is made by, and where its tokenizer comes from."""

    data: DataConfig
    tokenizer: TokenizerConfig
    ready: Tokenizer | None
    max_vocab_size: int | None
    known_languages: Collection[str]
    apart: Sequence[Source]

    def tokenizer_for(self, judgement: Judgement) -> Tokenizer:
        """The one that is ready, or one trained on what cleaning has left, with the symbols and tags of the recipe."""
        if self.ready is not None:
            known = self.known_languages
            return extended_for(judgement, self.data, self.tokenizer, self.ready, known_languages=known)
        data, own = self.data, self.tokenizer.user_defined_symbols
        symbols = list(dict.fromkeys((*own, *data.all_tags, *data.separators)))
        config = self.tokenizer.model_copy(update={"user_defined_symbols": symbols})
        return tokenizer_for(judgement, config, max_vocab_size=self.max_vocab_size)


def try_cleaning(data: DataConfig, *, n_workers: int | None = None) -> list[CleaningReport]:
    """Clean a corpus by its text, and keep nothing but the reports on the training sources.

    Args:
        data: Languages, sources and cleaning.
        n_workers: Processes that clean; by default one for each core.

    Raises:
        DataError: If an input is missing, misaligned or malformed.
    """
    sources = open_sources(data)
    with tempfile.TemporaryDirectory(prefix="mtkit-") as scratch, Workers(n_workers) as workers:
        return reports_by_text(sources["train"], clean(data, sources, workers, Path(scratch)))


def clean(
    data: DataConfig, sources: Sources, workers: Workers, scratch: Path, apart: Sequence[Source] = ()
) -> Judgement:
    """Read everything once: raise what is wrong with it, and judge the training pairs by their text.

    Args:
        data: Languages, filters and cleaning.
        sources: Those of the recipe, in its order.
        workers: Take the steps.
        scratch: Directory for temporary files, which the judgement needs as long as it is used.
        apart: Sets beside those of the recipe that the step leakage compares with.

    Raises:
        ConfigError: If a cleaning step cannot work with the languages or sets.
        DataError: If an input is missing, malformed or empty.
    """
    held_out = [*sources["valid"], *sources["test"]]
    for source in held_out:
        if not sum(len(pairs.src) for pairs in source.chunks()):  # all of it, as a fault may be at its end
            raise empty_input(source)
    pipelines = [
        build_pipeline(
            source.filters,
            data.cleaning,
            src_lang=src_lang,
            tgt_lang=tgt_lang,
            held_out=lambda names: _pairs_of([*held_out, *apart], names),
        )
        for source in data.train
        for src_lang, tgt_lang in [data.languages_of(source)]
    ]
    return judge(sources["train"], pipelines, workers, scratch)


def _pairs_of(held_out: Sequence[Source], names: Sequence[str] | None) -> Iterator[Pairs]:
    """The pairs of the validation and test sets of these names, or of all."""
    known = [source.name for source in held_out]
    for name in names or ():
        if name not in known:
            raise ConfigError(f"leakage.sets: no validation or test set is called {name}; there are {', '.join(known)}")
    return chain.from_iterable(source.chunks() for source in held_out if names is None or source.name in names)


def _prepare(
    make: _Maker, sources: Sources, hashes: AllHashes, workers: Workers, work: Path
) -> tuple[Tokenizer, list[SourceReport]]:
    """Write tokenizer, splits and the report on cleaning into ``work``."""
    data = make.data
    scratch = work / "scratch"
    scratch.mkdir()
    judgement = clean(data, sources, workers, scratch, make.apart)
    if judgement.verdicts.all():
        raise nothing_left(reports_by_text(sources["train"], judgement))
    _warn_of_languages(data, judgement)
    trained = make.tokenizer_for(judgement)
    trained.save(work)
    train, valid, test = (_inputs(data, sources, hashes, place, trained) for place in PLACES)
    written = write_train(work / "train", train, judgement, trained, work, data.cleaning, workers)
    cleaned = [
        cleaning_report(source, judged, of_source.counts, of_source.samples)
        for source, judged, of_source in zip(sources["train"], judgement.sources, written, strict=True)
    ]
    if not any(report["n_kept"] for report in cleaned):
        raise nothing_left(cleaned)
    write_json(work / REPORT_FILE, {"sources": cleaned})
    reports = list(starmap(partial(_report, "train"), zip(train, written, cleaned, strict=True)))
    del judgement
    shutil.rmtree(scratch)
    sets: list[tuple[Place, str, list[Input]]] = [("valid", "valid", valid)]
    sets += [("test", f"test/{each.source.name}", [each]) for each in test]
    for place, directory, inputs in sets:
        written = write_whole(work / directory, inputs, trained)
        reports += starmap(partial(_report, place), zip(inputs, written, strict=True))
    return trained, reports


def _warn_of_languages(data: DataConfig, judgement: Judgement) -> None:
    """Say where most of a side is in another language, if that can be told and all sources have the same languages."""
    if len(data.directions) > 1:
        return
    (expected,) = data.directions
    found = [other_language(list(kept_segments(judgement, side, 2 * MANY)), expected[side]) for side in (0, 1)]
    wrong = [
        f"most {side} lines are in {other}, not {language}"
        for side, other, language in zip(("source", "target"), found, expected, strict=True)
        if other is not None
    ]
    if wrong:
        swapped = all(other and same_language(other, each) for other, each in zip(found, expected[::-1], strict=True))
        hint = "are the files swapped? " * swapped + "mtkit doctor tells more"
        logger.warning("%s: %s", " and ".join(wrong), hint)


def _inputs(data: DataConfig, sources: Sources, hashes: AllHashes, place: Place, tokenizer: Tokenizer) -> list[Input]:
    return [
        Input(source, sha256, tags, forced, tokenizer.prefix(tags, forced), data.languages_of(config)[1])
        for source, sha256, config in zip(sources[place], hashes[place], data.sources_of(place), strict=True)
        for tags, forced in [pieces_before(data, config, tokenizer)]
    ]


def _report(place: Place, each: Input, written: Written, cleaned: CleaningReport | None = None) -> SourceReport:
    report = SourceReport(
        place=place,
        name=each.source.name,
        sha256=each.sha256,
        tags=each.tags,
        tgt_lang=each.tgt_lang,
        n_pairs=int(written.counts.sum()),
        n_kept=int(written.counts[0]),
        dropped=cleaned["dropped"] if cleaned else {},
        changed=cleaned["changed"] if cleaned else {},
        n_src_tokens=written.n_src_tokens,
        n_tgt_tokens=written.n_tgt_tokens,
    )
    if each.forced:
        report["forced"] = each.forced
    return report


def nothing_left(reports: Sequence[CleaningReport]) -> DataError:
    """What is wrong with a corpus of which cleaning leaves nothing."""
    shown = ", ".join(f"{n:,} {label}" for label, n in all_dropped(reports).items())
    return DataError(f"no training pair is left after cleaning ({shown}); see data.cleaning in the recipe")
