"""Recipe in, prepared corpus out: check, clean, train the tokenizer, encode, write.

The sources are read three times, in bounded chunks: to check them and to find duplicates, to train the
tokenizer on a sample, and to encode and write. The directory appears whole at the end or not at all.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtkit.config import CleaningConfig, DataConfig, TokenizerConfig
from mtkit.data.cleaning import REASONS, TextCleaning, Verdicts, drop_report, length_verdicts
from mtkit.data.pairs import Source
from mtkit.data.prepared import (
    FORMAT_VERSION,
    MANIFEST_FILE,
    Manifest,
    Prepared,
    SourceReport,
    difference,
    open_prepared,
)
from mtkit.data.sources import PLACES, Place, open_sources
from mtkit.data.store import StoreWriter, id_lists
from mtkit.data.tokenizer import Tokenizer, VocabularyTooSmallError, train_tokenizer
from mtkit.errors import DataError
from mtkit.io import atomic_directory, write_json
from mtkit.locks import sole_writer
from mtkit.log import logger, progress_bar
from mtkit.presets import default_vocab_size

__all__ = ["Manifest", "Prepared", "open_prepared", "prepare"]

Sources = Mapping[Place, Sequence[Source]]
Hashes = dict[str, str]


def prepare(data: DataConfig, tokenizer: TokenizerConfig, directory: Path, *, overwrite: bool = False) -> Prepared:
    """Prepare the corpus of a recipe, or do nothing where that has been done.

    Args:
        data: Languages, sources and cleaning; ``data.prepared`` is not looked at.
        tokenizer: The tokenizer to train on the cleaned training pairs.
        directory: Where the prepared corpus goes.
        overwrite: Replace a prepared corpus of other inputs or settings.

    Raises:
        DataError: If an input is missing, misaligned or malformed, nothing is left after cleaning, or the
            directory holds something else or cannot be written.
        VocabularyError: If the tokenizer cannot be trained as asked.
    """
    sources = open_sources(data)
    _check_replaceable(directory)
    hashes: dict[Place, list[Hashes]] = {place: [s.sha256() for s in of_place] for place, of_place in sources.items()}
    settings = _settings(data, tokenizer)
    if (existing := _same_corpus(directory, settings, hashes, overwrite)) is not None:
        return existing
    try:
        with sole_writer(directory):
            if (existing := _same_corpus(directory, settings, hashes, overwrite)) is not None:
                return existing
            with atomic_directory(directory) as work:
                trained, reports = _prepare(sources, hashes, data, tokenizer, work)
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
                )
                write_json(work / MANIFEST_FILE, asdict(manifest))
    except OSError as error:
        raise DataError(f"{directory}: cannot write there: {error.strerror or error}") from error
    return Prepared(directory, manifest)


def _settings(data: DataConfig, tokenizer: TokenizerConfig) -> dict[str, Any]:
    """What the prepared corpus depends on: how often its parts are seen is the trainer's affair."""
    of_data = data.model_dump(mode="json", exclude={"prepared": True, "mixing": True, "train": {"__all__": {"weight"}}})
    if data.language_tags == "none":
        del of_data["language_tags"]  # as in a corpus of a version that knew none
    return {"data": of_data, "tokenizer": tokenizer.model_dump(mode="json")}


def _check_replaceable(directory: Path) -> None:
    """Refuse to put a corpus in the place of anything that is not one."""
    if directory.is_dir() and ((directory / MANIFEST_FILE).exists() or not any(directory.iterdir())):
        return
    if directory.exists():
        raise DataError(f"{directory}: exists and is not a prepared corpus; choose another directory with -o")


def _same_corpus(
    directory: Path, settings: dict[str, Any], hashes: dict[Place, list[Hashes]], overwrite: bool
) -> Prepared | None:
    """The prepared corpus that is there, where it is this one; None where one is to be prepared."""
    if not (directory / MANIFEST_FILE).exists() or (existing := _open_existing(directory, overwrite)) is None:
        return None
    changed = difference(existing.manifest, settings, hashes)
    if changed is None:
        logger.info("%s: already prepared from these inputs and settings, nothing to do", directory)
        return existing
    if not overwrite:
        raise DataError(
            f"{directory}: prepared otherwise ({changed}); add --overwrite to mtkit preprocess, "
            "or name another directory with data.prepared"
        )
    return None


def _open_existing(directory: Path, overwrite: bool) -> Prepared | None:
    """The prepared corpus that is there; None where it cannot be read and is to be replaced anyway."""
    try:
        return open_prepared(directory)
    except DataError:
        if overwrite:
            return None
        raise


def _prepare(
    sources: Sources,
    hashes: Mapping[Place, Sequence[Hashes]],
    data: DataConfig,
    tokenizer: TokenizerConfig,
    work: Path,
) -> tuple[Tokenizer, list[SourceReport]]:
    """Write tokenizer and splits into ``work``."""
    symbols = list(dict.fromkeys((*tokenizer.user_defined_symbols, *data.all_tags)))
    if len(symbols) > len(tokenizer.user_defined_symbols):  # what stands there twice is left for its own message
        tokenizer = tokenizer.model_copy(update={"user_defined_symbols": symbols})
    scratch = work / "scratch"
    scratch.mkdir()
    verdicts, n_characters = _check(sources, hashes, data.cleaning, scratch)
    trained = _train_tokenizer(sources["train"], verdicts, n_characters, tokenizer)
    trained.save(work)
    train, valid, test = (_inputs(sources, hashes, data, place, trained) for place in PLACES)
    reports = _write_train(work / "train", train, trained, verdicts, data.cleaning)
    del verdicts
    shutil.rmtree(scratch)
    reports += _write_whole(work / "valid", "valid", valid, trained)
    for each in test:
        reports += _write_whole(work / "test" / each.source.name, "test", [each], trained)
    return trained, reports


@dataclass(frozen=True)
class _Input:
    """A source, and what the recipe says of it."""

    source: Source
    sha256: Hashes
    tags: list[str]
    prefix: list[int]
    """Ids of the tags."""

    tgt_lang: str


def _inputs(
    sources: Sources, hashes: Mapping[Place, Sequence[Hashes]], data: DataConfig, place: Place, tokenizer: Tokenizer
) -> list[_Input]:
    configs = {"train": data.train, "valid": data.valid, "test": data.test}[place]
    return [
        _Input(source, sha256, tags, tokenizer.tag_ids(tags), config.tgt_lang or data.tgt_lang)
        for source, sha256, config in zip(sources[place], hashes[place], configs, strict=True)
        for tags in [data.tags_of(config)]
    ]


def _check(
    sources: Sources, hashes: Mapping[Place, Sequence[Hashes]], config: CleaningConfig, scratch: Path
) -> tuple[Verdicts, NDArray[np.int64]]:
    """Read everything once: raise what is wrong with it, and judge the training pairs by their text.

    Returns:
        The verdicts, and the characters on either side of the training pairs.
    """
    with (
        TextCleaning(scratch, config) as cleaning,
        progress_bar(total=None, description="reading", unit="pair") as bar,
    ):
        for place, of_place in sources.items():
            for source, sha256 in zip(of_place, hashes[place], strict=True):
                n = 0
                for src, tgt, _ in source.chunks():
                    if place == "train":
                        cleaning.add(src, tgt)
                    n += len(src)
                    bar.update(len(src))
                if n == 0:
                    raise DataError(f"{' and '.join(sha256)}: empty, not one pair to read")
        return cleaning.finish(), cleaning.n_characters


def _train_tokenizer(
    sources: Sequence[Source], verdicts: Verdicts, n_characters: NDArray[np.int64], config: TokenizerConfig
) -> Tokenizer:
    """Train on all pairs that are kept so far, or on evenly spaced ones where those exceed the sample."""
    n_pairs = len(verdicts) - int(np.count_nonzero(verdicts))
    if n_pairs == 0:
        raise _nothing_left(np.bincount(verdicts, minlength=len(REASONS) + 1))
    # A joint model reads both sides, separate ones a side each.
    n_of_model = int(n_characters.sum() if config.joint else n_characters.max())
    n_wanted = min(max(config.max_sample_characters * len(verdicts) // n_of_model, 1), n_pairs)
    logger.info("training the tokenizer on %s of %s pairs", f"{n_wanted:,}", f"{n_pairs:,}")

    def train(vocab_size: int, *, exact: bool) -> Tokenizer:
        src_lines, tgt_lines = (_sample(sources, side, verdicts, n_pairs, n_wanted) for side in (0, 1))
        return train_tokenizer(src_lines, tgt_lines, config, vocab_size, exact=exact)

    if config.vocab_size is not None:
        return train(config.vocab_size, exact=True)
    vocab_size = default_vocab_size(n_pairs)
    try:
        return train(vocab_size, exact=False)
    except VocabularyTooSmallError as error:  # a script of many characters
        return train(error.needed + vocab_size, exact=False)


def _sample(sources: Sequence[Source], side: int, verdicts: Verdicts, n_pairs: int, n_wanted: int) -> Iterator[str]:
    """``n_wanted`` of the ``n_pairs`` segments that are kept, evenly spaced."""
    at = n_kept = 0
    for chunk in chain.from_iterable(source.one_side(side) for source in sources):
        kept = np.flatnonzero(verdicts[at : at + len(chunk)] == 0)
        ranks = np.arange(n_kept, n_kept + len(kept))
        for i in kept[(ranks + 1) * n_wanted // n_pairs > ranks * n_wanted // n_pairs].tolist():
            yield chunk[i]
        at += len(chunk)
        n_kept += len(kept)


def _write_train(
    directory: Path,
    inputs: Sequence[_Input],
    tokenizer: Tokenizer,
    verdicts: Verdicts,
    config: CleaningConfig,
) -> list[SourceReport]:
    """Encode the training pairs, judge their lengths, and write those that stay."""
    reports = []
    at = 0
    total = np.zeros(len(REASONS) + 1, dtype=np.int64)
    with (
        _writer(directory, inputs, tokenizer) as writer,
        progress_bar(total=len(verdicts), description="encoding", unit="pair") as bar,
    ):
        for number, each in enumerate(inputs):
            counts = np.zeros_like(total)
            n_tokens = [0, 0]
            for src, tgt, _ in each.source.chunks():
                verdict = np.array(verdicts[at : at + len(src)])
                at += len(src)
                if len(verdict) < len(src):
                    raise DataError(f"{' or '.join(each.sha256)} changed while it was being read")
                kept = np.flatnonzero(verdict == 0).tolist()
                encoded = _Encoded(tokenizer, [src[i] for i in kept], [tgt[i] for i in kept])
                verdict[kept] = length_verdicts(encoded.src_lengths, encoded.tgt_lengths, config)
                encoded.write(writer, number, each.prefix, verdict[kept] == 0, n_tokens)
                counts += np.bincount(verdict, minlength=len(counts))
                bar.update(len(src))
            reports.append(_report("train", each, counts, n_tokens))
            total += counts
    if total[0] == 0:
        raise _nothing_left(total)
    return reports


def _write_whole(directory: Path, place: Place, inputs: Sequence[_Input], tokenizer: Tokenizer) -> list[SourceReport]:
    """Encode and write every pair, those with an empty side too."""
    reports = []
    with _writer(directory, inputs, tokenizer) as writer:
        for number, each in enumerate(inputs):
            counts = np.zeros(len(REASONS) + 1, dtype=np.int64)
            n_tokens = [0, 0]
            for src, tgt, _ in each.source.chunks():
                keep = np.ones(len(src), dtype=bool)
                _Encoded(tokenizer, src, tgt).write(writer, number, each.prefix, keep, n_tokens)
                counts[0] += len(src)
            reports.append(_report(place, each, counts, n_tokens))
    return reports


class _Encoded:
    """A chunk of pairs with their ids, laid end to end."""

    def __init__(self, tokenizer: Tokenizer, src: list[str], tgt: list[str]) -> None:
        self._src, self._tgt = src, tgt
        self._src_ids, self.src_lengths = _flat(tokenizer.encode_src(src))
        self._tgt_ids, self.tgt_lengths = _flat(tokenizer.encode_tgt(tgt))

    def write(
        self, writer: StoreWriter, corpus: int, prefix: list[int], keep: NDArray[np.bool_], n_tokens: list[int]
    ) -> None:
        """Write the pairs to keep, ``prefix`` before each source, and count their tokens."""
        src_ids, src_lengths = _after(prefix, *_kept(self._src_ids, self.src_lengths, keep))
        tgt_ids, tgt_lengths = _kept(self._tgt_ids, self.tgt_lengths, keep)
        mask = pa.array(keep)
        src, tgt = (pa.array(segments, pa.string()).filter(mask) for segments in (self._src, self._tgt))
        writer.write(id_lists(src_ids, src_lengths), id_lists(tgt_ids, tgt_lengths), src, tgt, corpus)
        n_tokens[0] += len(src_ids)
        n_tokens[1] += len(tgt_ids)


def _flat(ids: list[list[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Ids laid end to end, and the length of each list."""
    lengths = np.fromiter(map(len, ids), dtype=np.int32, count=len(ids))
    return np.fromiter(chain.from_iterable(ids), dtype=np.int32, count=int(lengths.sum())), lengths


def _kept(
    ids: NDArray[np.int32], lengths: NDArray[np.int32], keep: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return ids[np.repeat(keep, lengths)], lengths[keep]


def _after(
    prefix: list[int], ids: NDArray[np.int32], lengths: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The lists with the same ids before each."""
    if not prefix:
        return ids, lengths
    starts = np.cumsum(lengths) - lengths
    ids = np.insert(ids, np.repeat(starts, len(prefix)), np.tile(np.array(prefix, dtype=np.int32), len(lengths)))
    return ids, lengths + np.int32(len(prefix))


def _writer(directory: Path, inputs: Sequence[_Input], tokenizer: Tokenizer) -> StoreWriter:
    vocab_size = max(tokenizer.src_vocab_size, tokenizer.tgt_vocab_size)
    return StoreWriter(directory, corpus_names=[each.source.name for each in inputs], vocab_size=vocab_size)


def _report(place: Place, each: _Input, counts: NDArray[np.int64], n_tokens: list[int]) -> SourceReport:
    return SourceReport(
        place=place,
        name=each.source.name,
        sha256=each.sha256,
        tags=each.tags,
        tgt_lang=each.tgt_lang,
        n_pairs=int(counts.sum()),
        n_kept=int(counts[0]),
        dropped=drop_report(counts),
        n_src_tokens=n_tokens[0],
        n_tgt_tokens=n_tokens[1],
    )


def _nothing_left(counts: NDArray[np.int64]) -> DataError:
    shown = ", ".join(f"{n:,} {reason}" for reason, n in drop_report(counts).items())
    return DataError(f"no training pair is left after cleaning ({shown}); see data.cleaning in the recipe")
