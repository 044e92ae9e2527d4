"""Recipe in, prepared corpus out."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mtkit.config import DataConfig, TokenizerConfig, default_vocab_size
from mtkit.data.sources import Source, open_source
from mtkit.data.store import Store, StoreWriter, id_lists
from mtkit.data.tokenizer import Tokenizer, train_tokenizer
from mtkit.errors import DataError
from mtkit.io import atomic_directory, read_json, write_json
from mtkit.log import logger

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Manifest:
    """What a prepared corpus is made of."""

    format_version: int
    src_lang: str
    tgt_lang: str
    n_train: int
    n_valid: int
    n_test: dict[str, int]
    src_vocab_size: int
    tgt_vocab_size: int
    tokenizer_sha256: str
    sources: list[dict[str, Any]]
    dropped: dict[str, int]
    settings: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """A prepared corpus on disk."""

    directory: Path
    manifest: Manifest

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer.load(self.directory)

    def store(self, split: str) -> Store:
        return Store.open(self.directory / split)


def open_prepared(directory: Path) -> Prepared:
    return Prepared(directory, Manifest(**read_json(directory / "manifest.json")))


def prepare(data: DataConfig, tokenizer: TokenizerConfig, directory: Path, *, overwrite: bool = False) -> Prepared:
    if directory.exists() and not overwrite:
        logger.info("%s: already prepared", directory)
        return open_prepared(directory)
    train = [open_source(source) for source in data.train]
    n = sum(len(src) for source in train for src, _ in source.chunks())
    with atomic_directory(directory) as work:
        lines = [chain.from_iterable([source.lines(side) for source in train]) for side in (0, 1)]
        trained = train_tokenizer(
            *lines, tokenizer, tokenizer.vocab_size or default_vocab_size(n), exact=tokenizer.vocab_size is not None
        )
        trained.save(work)
        n_train = _write(work / "train", train, trained)
        n_valid = _write(work / "valid", [open_source(s) for s in data.valid], trained)
        n_test = {}
        for config in data.test:
            source = open_source(config)
            n_test[source.name] = _write(work / "test" / source.name, [source], trained)
        manifest = Manifest(
            FORMAT_VERSION,
            data.src_lang,
            data.tgt_lang,
            n_train,
            n_valid,
            n_test,
            trained.src_vocab_size,
            trained.tgt_vocab_size,
            trained.sha256(),
            [],
            {},
            {},
        )
        write_json(work / "manifest.json", asdict(manifest))
    return open_prepared(directory)


def _write(directory: Path, sources: list[Source], tokenizer: Tokenizer) -> int:
    n = 0
    vocab = max(tokenizer.src_vocab_size, tokenizer.tgt_vocab_size)
    with StoreWriter(directory, corpus_names=[s.name for s in sources], vocab_size=vocab) as writer:
        for number, source in enumerate(sources):
            for src, tgt in source.chunks():
                src_ids, tgt_ids = tokenizer.encode_src(src), tokenizer.encode_tgt(tgt)
                writer.write(_lists(src_ids), _lists(tgt_ids), pa.array(src), pa.array(tgt), number)
                n += len(src)
    return n


def _lists(ids: list[list[int]]) -> pa.ListArray:
    lengths = np.fromiter(map(len, ids), dtype=np.int32, count=len(ids))
    return id_lists(np.fromiter(chain.from_iterable(ids), dtype=np.int32, count=int(lengths.sum())), lengths)
