"""Pairs from Hugging Face ``datasets``: the hub, a local directory, or a parquet, JSON, CSV or Arrow file.

Only readers of plain data are let through: none of them runs code that comes with the data. Tables in CSV and JSON
lines are found by the library and read by mtkit: pandas, to which the library leaves them, guesses at unclear rows.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from mtkit.data.sources import pairs
from mtkit.data.sources.formats.csv_table import CsvSource
from mtkit.data.sources.formats.jsonl import JsonlSource, field_names, is_json_lines
from mtkit.data.sources.pairs import FileSource, FirstPairs, Pairs, Source, as_score, one_line
from mtkit.errors import DataError
from mtkit.files.reading import sha256_file
from mtkit.files.text import PACKED
from mtkit.log import logger

_READERS = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".csv": "csv", ".tsv": "csv", ".arrow": "arrow"}
_MAX_COLUMNS = 10_000
_PATIENCE = 10.0  # seconds that the hub has to answer
_ALLOWED = {*_READERS.values(), "text"}


@dataclass
class HuggingFaceSource:
    """Two fields of a data set."""

    name: str
    path: str
    config_name: str | None
    splits: tuple[str, ...]
    """Names of the split, the first that exists is taken."""
    fields: tuple[str, str] | None
    languages: tuple[str, str]
    score: str | None = None
    limit: int | None = None
    """Read the first pairs alone, this many."""
    streaming: bool = False
    """Read from the hub as it is needed, instead of downloading all of it first."""

    def sha256(self) -> dict[str, str]:
        """Digest of a file; of the segments themselves where the data set is more than one file."""
        if Path(self.path).is_file():
            return {self.path: sha256_file(Path(self.path))}
        content = hashlib.sha256()
        for chunk in self.chunks():
            for segment in (*chunk.src, *chunk.tgt):
                content.update(f"{segment}\n".encode())
        return {f"hf:{self.path}": content.hexdigest()}

    def chunks(self) -> Iterator[Pairs]:
        """Read the fields; a line break inside a segment becomes a space, a missing value an empty segment.

        Raises:
            DataError: If the data set cannot be reached or read, or lacks the split or the fields.
        """
        if self._own is not None:
            yield from self._own.chunks()
            return
        rows = iter(self._dataset.iter(batch_size=pairs.CHUNK_PAIRS))
        n = 0
        while (batch := self._guarded(lambda: next(rows, None))) is not None:
            src, tgt = self._pick(batch)
            yield Pairs(self._segments(src, n), self._segments(tgt, n), self._scores(batch, n))
            n += len(src)

    def one_side(self, side: int) -> Iterator[list[str]]:
        """Read one field."""
        return (chunk.of_side(side) for chunk in self.chunks())

    @cached_property
    def _dataset(self) -> Any:
        """The data set of the split."""
        return self._guarded(lambda: self._first(self._load()))

    @cached_property
    def _own(self) -> Source | None:
        """The tables of the split, where these are in CSV or JSON lines; None where the library is to read."""
        files = self._guarded(self._own_files)
        if not files:
            return None
        tables = _Tables(self.name, Path(self.path), [self._table(reader, path) for reader, path in files])
        return tables if self.limit is None else FirstPairs(tables, self.limit)

    def _table(self, reader: str, path: Path) -> FileSource:
        if reader == "json":
            return JsonlSource(self.name, path, self.fields, self.score, self.languages, null_is_empty=True)
        return CsvSource(self.name, path, self.fields or self.languages, self.score)

    def _own_files(self) -> list[tuple[str, Path]]:
        """The files that mtkit reads by itself, each with what it is: csv or json."""
        path = Path(self.path)
        if path.is_file():
            files = {self.splits[0]: [self.path]}
            reader = self._reader_of(path)
        elif _is_saved(path):
            return []
        else:
            reader, files = _module(self._opened), dict(self._opened.config.data_files)
        if reader not in ("csv", "json") or (reader == "json" and not path.exists()):
            return []
        chosen = list(files[self._split(list(files))])
        if not path.exists():  # on the hub: fetched once into its cache
            import datasets

            chosen = datasets.DownloadManager().download_and_extract(chosen)
        if reader == "json" and not all(map(is_json_lines, map(Path, chosen))):
            return []
        return [(reader, Path(file)) for file in chosen]

    @cached_property
    def _opened(self) -> Any:
        """The library's builder of the data set."""
        builder = self._builder(Path(self.path))
        if (reader := _module(builder)) not in _ALLOWED:
            raise DataError(f"hf:{self.path}: the reader {reader} is not one of {', '.join(sorted(_ALLOWED))}")
        return builder

    def _first(self, rows: Any) -> Any:
        """The rows up to the limit."""
        import datasets

        if self.limit is None:
            return rows
        # Not all versions take what there is where that is less.
        return rows.take(min(self.limit, len(rows)) if isinstance(rows, datasets.Dataset) else self.limit)

    def _load(self) -> Any:
        import datasets

        path = Path(self.path)
        if (path / "dataset_dict.json").exists():
            splits = datasets.DatasetDict.load_from_disk(self.path)
            return splits[self._split(list(splits))]
        if _is_saved(path):
            return datasets.load_from_disk(self.path)
        builder = self._opened
        if path.exists():
            # Streamed: a local file is read where it lies, without a converted copy in the cache.
            streams = builder.as_streaming_dataset()
            return streams[next(iter(streams)) if path.is_file() else self._split(list(streams))]
        if self.streaming:
            streams = builder.as_streaming_dataset()
            return streams[self._split(list(streams))]
        logger.info("reading %s from the Hugging Face hub", self.path)
        builder.download_and_prepare()
        return builder.as_dataset(split=self._split(list(builder.info.splits)))

    def _builder(self, path: Path) -> Any:
        import datasets

        datasets.disable_progress_bars()
        # Both report on stderr what they raise as well.
        for library in ("datasets", "huggingface_hub"):
            logging.getLogger(library).setLevel(logging.CRITICAL)
        if path.is_file():
            reader = self._reader_of(path)
            # A number of rows at once, as the first group of rows, which gives it otherwise, may be empty.
            options = {"batch_size": pairs.CHUNK_PAIRS} if reader == "parquet" else {}
            return datasets.load_dataset_builder(reader, data_files=self.path, **options)
        if os.path.lexists(path) and not path.is_dir():  # or the hub would be asked for it
            raise DataError(f"{path}: neither a file nor a directory")
        if not path.exists() and (path.is_absolute() or path.suffix in _READERS or self.path.count("/") > 1):
            raise DataError(f"hf:{self.path}: no such file or directory")
        try:
            with nullcontext() if path.exists() else self._cache_if_unreachable():
                builder = datasets.load_dataset_builder(self.path, self.config_name)
        except ValueError as error:
            self._check_config(error)
            raise
        if _module(builder) == "parquet":
            builder.config.batch_size = builder.config.batch_size or pairs.CHUNK_PAIRS
        return builder

    @contextmanager
    def _cache_if_unreachable(self) -> Iterator[None]:
        """Look into the library's cache alone where the hub does not answer: it would try for half a minute."""
        import datasets
        from huggingface_hub import HfApi, constants
        from huggingface_hub.errors import HfHubHTTPError

        logger.info("asking the Hugging Face hub for %s", self.path)
        try:
            HfApi().dataset_info(self.path, timeout=_PATIENCE)
        except (HfHubHTTPError, ValueError):  # an answer, or a name that the library refuses by itself
            pass
        except Exception as error:  # of httpx or requests, by the version of the library
            before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
            datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
            try:
                yield
            except ConnectionError:
                reason = next(iter(str(error).splitlines()), "") or type(error).__name__
                raise ConnectionError(f"the hub cannot be reached ({reason})") from None
            finally:
                datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before
            return
        yield

    def _check_config(self, error: ValueError) -> None:
        """Say which configurations there are, where the library misses the name of one or does not know it."""
        import datasets

        if "onfig" not in str(error):
            return
        names = datasets.get_dataset_config_names(self.path)
        if self.config_name in names:
            return
        if self.config_name is None:
            which = f"has several configurations ({', '.join(names)})"
        else:
            which = f"no configuration {self.config_name} (it has {', '.join(names)})"
        raise DataError(f"hf:{self.path}: {which}; choose one with hf_config:") from None

    def _reader_of(self, path: Path) -> str:
        """What reads a file, by its ending."""
        suffixes = [suffix.lower() for suffix in path.suffixes if suffix not in PACKED]
        reader = _READERS.get(suffixes[-1] if suffixes else "")
        if reader is None:
            raise DataError(f"hf:{self.path}: not one of {', '.join(_READERS)} (packed or not), nor a directory")
        return reader

    def _split(self, existing: list[str]) -> str:
        for split in self.splits:
            if split in existing:
                return split
        raise DataError(
            f"hf:{self.path}: no split {' or '.join(self.splits)} (it has {', '.join(map(str, existing))}); "
            "name one with split:"
        )

    def _pick(self, batch: Mapping[str, list[Any]]) -> tuple[list[Any], list[Any]]:
        """The values of both fields."""
        fields = self.fields or self.languages
        for prefix in ("", "translation."):
            src, tgt = (_column(batch, f"{prefix}{field}") for field in fields)
            if src is not None and tgt is not None:
                return src, tgt
        raise self._no_field(f"fields {fields[0]} and {fields[1]}", batch, "; name them with fields: [SOURCE, TARGET]")

    def _scores(self, batch: Mapping[str, list[Any]], first: int) -> list[float] | None:
        """The values of the score, where one is named."""
        if self.score is None:
            return None
        column = _column(batch, self.score)
        if column is None:
            raise self._no_field(f"field {self.score}", batch, "")
        return [
            as_score(value, f"hf:{self.path}: row {number}") for number, value in enumerate(column, start=first + 1)
        ]

    def _no_field(self, missing: str, batch: Mapping[str, list[Any]], way_out: str) -> DataError:
        first_row = {name: next((value for value in column if value), None) for name, column in batch.items()}
        return DataError(f"hf:{self.path}: no {missing} (it has {', '.join(field_names(first_row))}){way_out}")

    def _segments(self, values: list[Any], first: int) -> list[str]:
        segments = ["" if value is None else value for value in values]
        for number, segment in enumerate(segments):
            if not isinstance(segment, str):
                raise DataError(f"hf:{self.path}: row {first + number + 1} holds {segment!r:.40}, not text")
        return [one_line(segment) for segment in segments]

    def _guarded(self, read: Callable[[], Any]) -> Any:
        """What a call into ``datasets`` returns; whatever it raises is said in one line."""
        try:
            return read()
        except DataError:
            raise
        except Exception as error:
            cause = error.__cause__ or error
            reason = next(iter(str(cause).splitlines()), "") or type(cause).__name__
            way_out = "" if Path(self.path).exists() else "; without the hub, give hf: the path of a local copy"
            raise DataError(f"hf:{self.path}: {reason}{way_out}") from error


def _column(batch: Mapping[str, list[Any]], field: str) -> list[Any] | None:
    """The values of a field, dotted where it lies inside another; None where there is none."""
    if field in batch:
        return batch[field]
    name, _, rest = field.partition(".")
    inside = [row or {} for row in batch.get(name, [])]
    if not rest or not all(isinstance(row, dict) for row in inside):
        return None
    names = dict.fromkeys(key for row in inside for key in row)
    return _column({key: [row.get(key) for row in inside] for key in names}, rest)


def _module(builder: Any) -> str:
    """The reader that a builder is."""
    return type(builder).__module__.rpartition(".")[2]


def _is_saved(path: Path) -> bool:
    """Whether the library saved a data set there."""
    return any((path / name).exists() for name in ("dataset_dict.json", "state.json"))


@dataclass
class _Tables(FileSource):
    """Several tables, one after the other."""

    tables: list[FileSource]

    def chunks(self) -> Iterator[Pairs]:
        """All pairs of all tables."""
        return chain.from_iterable(table.chunks() for table in self.tables)
