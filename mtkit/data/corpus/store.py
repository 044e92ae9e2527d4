"""One split of a prepared corpus: an Arrow data set on disk, mapped into memory and read without copying.

The layout is the one of Hugging Face ``datasets`` (``datasets.load_from_disk`` opens it): Arrow stream
files, ``dataset_info.json`` and ``state.json``. Columns: ``src_ids``, ``tgt_ids``, ``src``, ``tgt``, ``corpus``.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtkit.data.corpus.store_check import (
    STATE_FILE,
    Checked,
    Expected,
    Shard,
    check_contents,
    check_table,
    damaged,
    read_shards,
    short_hash,
)
from mtkit.files.reading import sha256_file
from mtkit.files.whole import write_json

Int32s = NDArray[np.int32]
Ids = NDArray[np.integer[Any]]

IdLists = tuple[Ids, NDArray[np.int64]]
"""Ids laid end to end, and the length of each list, (n,)."""

_SHARD_BYTES = 1 << 30


class Store:
    """Pairs of one split, in the order of the sources. Nothing but offsets and views is held in memory."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._src = _IdColumn(table.column("src_ids"))
        self._tgt = _IdColumn(table.column("tgt_ids"))

    @classmethod
    def open(cls, directory: Path, expected: Expected | None = None) -> "Store":
        """Map a split that ``StoreWriter`` wrote, after making sure that it is still the same.

        Args:
            directory: Directory of the split.
            expected: What the manifest says of it; None checks what needs no manifest.

        Raises:
            DataError: If it is absent or damaged.
        """
        shards, fingerprint = read_shards(directory, None if expected is None else expected.state_sha256)
        checked = Checked(directory, shards, fingerprint, expected)
        known = checked.is_known
        if not known:
            check_contents(shards, fingerprint)
        table = _mapped(directory, shards)
        if not known:
            check_table(table, directory, expected)
            checked.remember()
        return cls(table)

    def __len__(self) -> int:
        return self._table.num_rows

    @property
    def src_lengths(self) -> Int32s:
        """Source tokens of every pair, int32 (n,), without begin and end of sentence."""
        return self._src.lengths(0, len(self))

    @property
    def tgt_lengths(self) -> Int32s:
        """Target tokens of every pair, int32 (n,), without begin and end of sentence."""
        return self._tgt.lengths(0, len(self))

    def lengths(self, start: int, stop: int) -> tuple[Int32s, Int32s]:
        """Source and target tokens of the pairs from ``start`` to before ``stop``."""
        return self._src.lengths(start, stop), self._tgt.lengths(start, stop)

    def src_ids(self, index: int) -> Ids:
        """Source ids of one pair: a read-only view."""
        return self._src.row(index)

    def tgt_ids(self, index: int) -> Ids:
        """Target ids of one pair: a read-only view."""
        return self._tgt.row(index)

    def gather(self, rows: NDArray[np.int64]) -> tuple[IdLists, IdLists]:
        """Source and target ids of several pairs, in the order of ``rows``."""
        return self._src.gather(rows), self._tgt.gather(rows)

    def lengths_of(self, rows: NDArray[np.int64]) -> tuple[Int32s, Int32s]:
        """Source and target tokens of several pairs, in the order of ``rows``."""
        return self._src.lengths_of(rows), self._tgt.lengths_of(rows)

    def corpora(self) -> NDArray[np.int64]:
        """Which source each pair came from, (n,), counted from 0."""
        return self._table.column("corpus").to_numpy()

    def gather_text(self, rows: NDArray[np.int64]) -> tuple[list[str], list[str]]:
        """Source and target segments of several pairs, in the order of ``rows``."""
        src, tgt = self._text
        return src.gather(rows), tgt.gather(rows)

    @cached_property
    def _text(self) -> "tuple[_TextColumn, _TextColumn]":
        return _TextColumn(self._table.column("src")), _TextColumn(self._table.column("tgt"))

    def src_text(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Source segments from ``start`` to before ``stop`` (the end, if None), as they stood in the input."""
        return self._table.column("src")[start:stop].to_pylist()

    def tgt_text(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Target segments, as ``src_text``."""
        return self._table.column("tgt")[start:stop].to_pylist()


class _IdColumn:
    """A column of id lists: NumPy views of the offsets and values of each of its chunks."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        chunks = [chunk for chunk in column.chunks if len(chunk)]
        self._offsets = [_view(chunk.offsets) for chunk in chunks]
        self._values = [_view(chunk.values) for chunk in chunks]
        self._starts = np.cumsum([0, *(len(chunk) for chunk in chunks)])

    def row(self, index: int) -> Ids:
        chunk = int(np.searchsorted(self._starts, index, side="right")) - 1
        offsets, inside = self._offsets[chunk], index - int(self._starts[chunk])
        return self._values[chunk][offsets[inside] : offsets[inside + 1]]

    def gather(self, rows: NDArray[np.int64]) -> IdLists:
        chunk_of = np.searchsorted(self._starts, rows, side="right") - 1
        starts, lengths = np.empty_like(rows), np.empty_like(rows)
        present = np.unique(chunk_of)
        for chunk in present:
            here = chunk_of == chunk
            inside = rows[here] - self._starts[chunk]
            starts[here] = self._offsets[chunk][inside]
            lengths[here] = self._offsets[chunk][inside + 1] - starts[here]
        # Where each id lies among the values of its chunk: the start of its list, and then one after the other.
        ends = np.cumsum(lengths)
        at = np.arange(ends[-1] if len(rows) else 0) + np.repeat(starts - ends + lengths, lengths)
        if len(present) == 1:
            return self._values[present[0]][at], lengths
        ids, chunk_of = np.empty(len(at), dtype=np.int64), np.repeat(chunk_of, lengths)
        for chunk in present:
            here = chunk_of == chunk
            ids[here] = self._values[chunk][at[here]]
        return ids, lengths

    def lengths_of(self, rows: NDArray[np.int64]) -> Int32s:
        chunk_of = np.searchsorted(self._starts, rows, side="right") - 1
        lengths = np.empty(len(rows), dtype=np.int32)
        for chunk in np.unique(chunk_of):
            here = chunk_of == chunk
            inside = rows[here] - self._starts[chunk]
            lengths[here] = self._offsets[chunk][inside + 1] - self._offsets[chunk][inside]
        return lengths

    def lengths(self, start: int, stop: int) -> Int32s:
        lengths = np.empty(max(stop - start, 0), dtype=np.int32)
        at = start
        while at < stop:
            chunk = int(np.searchsorted(self._starts, at, side="right")) - 1
            end = min(stop, int(self._starts[chunk + 1]))
            first = int(self._starts[chunk])
            lengths[at - start : end - start] = np.diff(self._offsets[chunk][at - first : end - first + 1])
            at = end
        return lengths


class _TextColumn:
    """A column of strings: views of the offsets and bytes of each of its chunks."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        chunks = [chunk for chunk in column.chunks if len(chunk)]
        self._offsets = [
            np.frombuffer(chunk.buffers()[1], dtype=np.int32, count=len(chunk) + 1, offset=4 * chunk.offset)
            for chunk in chunks
        ]
        self._bytes = [memoryview(chunk.buffers()[2] or b"") for chunk in chunks]
        self._starts = np.cumsum([0, *(len(chunk) for chunk in chunks)])

    def gather(self, rows: NDArray[np.int64]) -> list[str]:
        texts = []
        for row, chunk in zip(rows, np.searchsorted(self._starts, rows, side="right") - 1, strict=True):
            start, stop = self._offsets[chunk][row - self._starts[chunk] :][:2]
            texts.append(str(self._bytes[chunk][start:stop], "utf-8"))
        return texts


class StoreWriter:
    """Writes one split, chunk by chunk, into a directory that appears whole when the writer is closed."""

    def __init__(self, directory: Path, *, corpus_names: Sequence[str], vocab_size: int) -> None:
        """Start a split.

        Args:
            directory: Created; must not exist.
            corpus_names: The sources that ``corpus`` numbers.
            vocab_size: Size of the larger vocabulary; decides how wide an id is on disk.
        """
        from datasets import ClassLabel, Features, List, Value

        self._directory = directory
        self._ids_type = pa.uint16() if vocab_size <= 1 << 16 else pa.int32()
        id_value = Value(str(self._ids_type))
        self._features = Features(
            {
                "src_ids": List(id_value),
                "tgt_ids": List(id_value),
                "src": Value("string"),
                "tgt": Value("string"),
                "corpus": ClassLabel(names=list(corpus_names)),
            }
        )
        directory.mkdir(parents=True)
        self._shards: list[Path] = []
        self._stream: Any = None
        self._shard_bytes = 0
        self._next_shard()

    def write(self, src_ids: pa.Array, tgt_ids: pa.Array, src: pa.Array, tgt: pa.Array, corpus: int) -> None:
        """Append pairs of one source: id lists (see ``id_lists``) and their segments."""
        if self._shard_bytes > _SHARD_BYTES:
            self._next_shard()
        columns = [
            src_ids.cast(pa.list_(self._ids_type)),
            tgt_ids.cast(pa.list_(self._ids_type)),
            src,
            tgt,
            pa.array(np.full(len(src), corpus, dtype=np.int64)),
        ]
        batch = pa.record_batch(columns, schema=self._features.arrow_schema)
        self._stream.write_batch(batch)
        self._shard_bytes += batch.nbytes

    def close(self) -> None:
        """Finish the files; the same content gets the same fingerprint."""
        from datasets import DatasetInfo

        self._stream.close()
        content = hashlib.sha256()
        names = []
        for number, path in enumerate(self._shards):
            name = f"data-{number:05d}-of-{len(self._shards):05d}.arrow"
            path.rename(self._directory / name)
            digest = sha256_file(self._directory / name)
            content.update(bytes.fromhex(digest))
            names.append({"filename": name, "size": (self._directory / name).stat().st_size, "sha256": digest})
        DatasetInfo(features=self._features).write_to_directory(str(self._directory), pretty_print=True)
        state: dict[str, object] = {
            "_data_files": names,
            "_fingerprint": short_hash(content),
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        write_json(self._directory / STATE_FILE, state)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._stream.close()

    def _next_shard(self) -> None:
        if self._stream is not None:
            self._stream.close()
        path = self._directory / f"data-{len(self._shards):05d}.arrow"
        self._shards.append(path)
        self._stream = pa.ipc.new_stream(path, self._features.arrow_schema)
        self._shard_bytes = 0


def id_lists(values: NDArray[Any], lengths: NDArray[Any]) -> pa.ListArray:
    """Arrow lists from ids laid end to end and the length of each list."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))


def _mapped(directory: Path, shards: Sequence[Shard]) -> pa.Table:
    """The table of all files."""
    tables = []
    for shard in shards:
        try:
            with pa.memory_map(str(shard.path)) as source:
                tables.append(pa.ipc.open_stream(source).read_all())
        except (OSError, pa.ArrowException, MemoryError, ValueError) as error:
            raise damaged(shard.path, str(error).partition("\n")[0]) from None
    try:
        return pa.concat_tables(tables)
    except pa.ArrowException:
        raise damaged(directory, "its files have different columns") from None


def _view(array: pa.Array) -> NDArray[Any]:
    return array.to_numpy(zero_copy_only=True)
