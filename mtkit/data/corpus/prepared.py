"""A prepared corpus on disk: ``manifest.json``, the tokenizer, and one store for each split."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import (
    Any,
    Literal,
    NotRequired,  # pydantic reads no other before Python 3.12
)

from pydantic import ConfigDict
from typing_extensions import TypedDict

from mtkit.data.cleaning.reasons import REASONS
from mtkit.data.corpus.store import Store
from mtkit.data.corpus.store_check import AGAIN, STATE_FILE, Expected, damaged
from mtkit.data.tokens.special import NO_PREFIX, Prefix
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import DataError, VocabularyError
from mtkit.files.reading import read_json, sha256_file, version_in
from mtkit.files.shapes import shaped
from mtkit.files.whole import write_json
from mtkit.log import logger
from mtkit.settings.section import FETCHING, PLACE, marked
from mtkit.settings.source import SourceConfig

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"

_TOKENS: tuple[Literal["n_src_tokens"], Literal["n_tgt_tokens"]] = ("n_src_tokens", "n_tgt_tokens")
_WHERE = marked(SourceConfig, PLACE, FETCHING)
READY = "sha256"
"""Key, among the settings of the tokenizer: hash of the one that was there before the corpus, which trained none."""

_READY = f"tokenizer.{READY}"
_EXTEND = "tokenizer.extend."
_DIGEST = "sha256"
"""Key of the hash of all other values of a manifest, which those of older versions lack."""


class SourceReport(TypedDict):
    """What came of one source."""

    place: Literal["train", "valid", "test"]
    """train, valid or test."""

    name: str

    sha256: dict[str, str]
    """Hash of each input, by its name in the recipe."""

    tags: NotRequired[list[str]]
    """What stands before each source text; absent from a corpus of a version that knew none."""

    forced: NotRequired[list[str]]
    """What stands before each target text; absent where nothing does."""

    tgt_lang: NotRequired[str]
    """Language code of its target side."""

    n_pairs: int
    """Pairs read."""

    n_kept: int

    dropped: dict[str, int]
    """Pairs dropped, by reason: one of ``REASONS``, or the name of a step."""

    changed: NotRequired[dict[str, int]]
    """Pairs that each step changed; manifests from before there were steps lack it."""

    n_src_tokens: int
    """Tokens kept, begin and end of sentence not counted."""

    n_tgt_tokens: int


@dataclass(frozen=True)
class Manifest:
    """What a prepared corpus is made of; the same inputs and settings give the same manifest."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    format_version: int
    src_lang: str
    tgt_lang: str
    n_train: int
    n_valid: int
    n_test: dict[str, int]
    """Pairs of each test set, by its name."""

    src_vocab_size: int
    tgt_vocab_size: int
    tokenizer_sha256: str
    settings: dict[str, Any]
    """The sections data and tokenizer of the recipe."""

    sources: list[SourceReport]

    splits: dict[str, str] = field(default_factory=dict)
    """Sha256 of ``state.json`` of each split; empty in a corpus of a version that did not note it."""

    def digests(self, place: str) -> list[str]:
        """Sha256 of the inputs of train, valid or test, in the order of the recipe."""
        return [digest for source in self.sources if source["place"] == place for digest in source["sha256"].values()]

    def of_place(self, place: str) -> list[SourceReport]:
        """The sources of train, valid or test, in the order of the recipe."""
        return [source for source in self.sources if source["place"] == place]

    def split_names(self) -> list[str]:
        """The splits: train, valid and each test set."""
        return ["train", "valid", *(f"test/{name}" for name in self.n_test)]

    def of_split(self, split: str) -> list[SourceReport]:
        """The sources of ``train``, ``valid`` or ``test/NAME``."""
        place, _, name = split.partition("/")
        return [source for source in self.of_place(place) if not name or source["name"] == name]

    def n_pairs(self) -> dict[str, int]:
        """Pairs of each split."""
        tests = {f"test/{name}": n for name, n in self.n_test.items()}
        return {"train": self.n_train, "valid": self.n_valid, **tests}

    @property
    def n_train_tgt_tokens(self) -> int:
        """Target tokens of the training pairs, ends of sentences counted: what one epoch trains on."""
        return sum(source["n_tgt_tokens"] for source in self.sources if source["place"] == "train") + self.n_train

    def mean_train_lengths(self) -> tuple[float, float]:
        """Source and target tokens of a training pair, ends of sentences counted."""
        src, tgt = (sum(source[key] for source in self.of_place("train")) for key in _TOKENS)
        return src / self.n_train + 1, tgt / self.n_train + 1

    def dropped(self) -> dict[str, int]:
        """Training pairs dropped, by reason."""
        reasons = dict.fromkeys([*REASONS, *(reason for source in self.sources for reason in source["dropped"])])
        totals = {reason: sum(source["dropped"].get(reason, 0) for source in self.sources) for reason in reasons}
        return {reason: n for reason, n in totals.items() if n}


@dataclass(frozen=True)
class Prepared:
    """A prepared corpus on disk."""

    directory: Path
    manifest: Manifest

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the corpus was encoded with.

        Raises:
            VocabularyError: If it is absent or damaged.
            DataError: If it is another one.
        """
        try:
            tokenizer = Tokenizer.load(self.directory)
        except VocabularyError as error:
            raise VocabularyError(f"{error}; {AGAIN}") from None
        sizes = self.manifest.src_vocab_size, self.manifest.tgt_vocab_size
        if (
            tokenizer.sha256() != self.manifest.tokenizer_sha256
            or (tokenizer.src_vocab_size, tokenizer.tgt_vocab_size) != sizes
        ):
            raise DataError(f"{self.directory}: the corpus was encoded with a different tokenizer; {AGAIN}")
        return tokenizer

    def prefixes(self, place: str) -> list[Prefix]:
        """What stands before the pairs of each source, for train, valid or test, in the recipe's order."""
        of_place = [(each.get("tags", []), each.get("forced", [])) for each in self.manifest.of_place(place)]
        return [self.tokenizer.prefix(*pieces) if any(pieces) else NO_PREFIX for pieces in of_place]

    def language_ids(self) -> frozenset[int]:
        """Ids that stand before training pairs, to say which languages or tasks are meant."""
        return frozenset(number for prefix in self.prefixes("train") for side in prefix for number in side)

    def store(self, split: str) -> Store:
        """The pairs of ``train``, ``valid`` or ``test/NAME``.

        Raises:
            DataError: If the split is absent or damaged.
        """
        return Store.open(self.directory / split, self._expected(split))

    def check(self) -> None:
        """Make sure that everything is as it was written.

        Raises:
            VocabularyError: If the tokenizer is absent or damaged.
            DataError: If anything else is.
        """
        _ = self.tokenizer
        for split in self.manifest.split_names():
            self.store(split)

    def _expected(self, split: str) -> Expected:
        manifest = self.manifest
        if not manifest.splits:
            logger.debug("%s: by an older mtkit; checked by a short hash, counts and the range of ids", self.directory)
        elif split not in manifest.splits:
            raise damaged(self.directory / MANIFEST_FILE, f"it has no entry for {split}")
        sources = manifest.of_split(split)
        n_src_tokens, n_tgt_tokens = (sum(source[key] for source in sources) for key in _TOKENS)
        return Expected(
            n_pairs=sum(source["n_kept"] for source in sources),
            n_sources=len(sources),
            src_vocab_size=manifest.src_vocab_size,
            tgt_vocab_size=manifest.tgt_vocab_size,
            n_tokens=(n_src_tokens, n_tgt_tokens) if manifest.splits else None,
            state_sha256=manifest.splits.get(split),
        )


def open_prepared(directory: Path) -> Prepared:
    """Open what ``mtkit.data.corpus.prepare.prepare`` wrote.

    Raises:
        DataError: If there is none, it is damaged, or a newer mtkit wrote it.
    """
    path = directory / MANIFEST_FILE
    if not path.exists():
        raise DataError(f"{directory}: no prepared corpus there; make one with mtkit preprocess RECIPE -o {directory}")
    try:
        tree = read_json(path)
    except DataError as error:
        raise DataError(f"{error}; {AGAIN}") from None
    try:
        version = version_in(tree)
    except ValueError as error:
        raise DataError(f"{path}: damaged: {error}; {AGAIN}") from None
    if version > FORMAT_VERSION:
        raise DataError(
            f"{directory}: prepared by a newer mtkit (format {version}, this one reads up to {FORMAT_VERSION}); "
            "upgrade mtkit, or prepare it again with --overwrite"
        )
    digest = tree.pop(_DIGEST, None)
    if digest is not None and digest != _digest(tree):
        raise damaged(path, "its sha256 is not the recorded one")
    try:
        manifest = shaped(Manifest, tree)
    except ValueError as error:
        raise DataError(f"{path}: damaged; {AGAIN} ({error})") from None
    _check_counts(path, manifest)
    return Prepared(directory, manifest)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write a manifest into the directory of its corpus, with a hash of itself."""
    tree = asdict(manifest)
    write_json(directory / MANIFEST_FILE, {**tree, _DIGEST: _digest(tree)})


def state_hashes(directory: Path, splits: Sequence[str]) -> dict[str, str]:
    """What ``Manifest.splits`` notes of the splits of a directory."""
    return {split: sha256_file(directory / split / STATE_FILE) for split in splits}


def _digest(tree: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(tree, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")).hexdigest()


def _check_counts(path: Path, manifest: Manifest) -> None:
    """Refuse a manifest whose parts say different things; ``n_test`` may leave out test sets that its sources have."""
    of_train, of_valid = (sum(each["n_kept"] for each in manifest.of_place(place)) for place in ("train", "valid"))
    of_test = {each["name"]: each["n_kept"] for each in manifest.of_place("test")}
    if (manifest.n_train, manifest.n_valid) != (of_train, of_valid) or manifest.n_test.items() - of_test.items():
        raise damaged(path, "the pairs of its sources do not add up")
    if min(manifest.n_train, manifest.src_vocab_size, manifest.tgt_vocab_size) < 1:
        raise damaged(path, "it has no pairs, or no vocabulary")


def difference(
    manifest: Manifest, settings: dict[str, Any], sha256: Mapping[Any, Sequence[dict[str, str]]]
) -> str | None:
    """What is not as it was when a corpus was prepared; None where nothing is.

    Where a file lies and what it is called does not matter, what it holds does.

    Args:
        manifest: Manifest of the prepared corpus.
        settings: The settings now, as ``Manifest.settings``.
        sha256: The inputs of each source now, by their place.
    """
    for place, now in sha256.items():
        then = [source["sha256"] for source in manifest.sources if source["place"] == place]
        if len(then) != len(now):
            return f"{place} had {len(then)} source(s), now {len(now)}"
        for old_hashes, hashes in zip(then, now, strict=True):
            for old, (name, new) in zip(old_hashes.values(), hashes.items(), strict=False):
                if old != new:
                    return f"{name} held something else"
    before, after = dict(_leaves(manifest.settings)), dict(_leaves(settings))
    ready = after.get(_READY)
    if ready is None and before.get(_READY) is not None:
        return "its tokenizer was that of another model"
    if ready is not None:
        if ready not in (manifest.tokenizer_sha256, before.get(_READY)):
            return "its tokenizer was another one"
        before, after = (
            {k: v for k, v in each.items() if not k.startswith("tokenizer.") or k.startswith(_EXTEND)}
            for each in (before, after)
        )
    if before.get("tokenizer.vocab_size") is None and after.get("tokenizer.vocab_size") == manifest.src_vocab_size:
        before["tokenizer.vocab_size"] = manifest.src_vocab_size
    for key in sorted(before | after):
        if before.get(key) != after.get(key):
            return f"{key} was {before.get(key)}, now {after.get(key)}"
    return None


def _leaves(tree: Any, location: str = "") -> Iterator[tuple[str, object]]:
    """Dotted names of all settings, but for those that say where inputs are and how they are fetched."""
    if not isinstance(tree, dict | list):
        yield location, tree
        return
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if key not in _WHERE:
            yield from _leaves(value, f"{location}.{key}" if location else str(key))
