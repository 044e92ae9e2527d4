"""Whether a split of a prepared corpus is what was written: sizes at each opening, contents once for each change.

``state.json`` names the Arrow files with the size and sha256 of each; in corpora of older versions it has one short
hash of all of them. What was found is remembered in the user's cache directory by size, times and inode of each file,
as hashing a corpus of hundreds of gigabytes takes minutes.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mtkit.errors import DataError
from mtkit.files.cache import cache_directory
from mtkit.files.reading import check_regular, read_json, sha256_file
from mtkit.files.whole import write_json
from mtkit.log import logger
from mtkit.wording import bytes_shown

STATE_FILE = "state.json"
AGAIN = "run mtkit preprocess again with --overwrite"

_LARGE = 2_000_000_000  # bytes, whose hash takes long enough to be told of
_IDS = (pa.list_(pa.uint16()), pa.list_(pa.int32()))
_TYPES = {"src_ids": _IDS, "tgt_ids": _IDS, "src": (pa.string(),), "tgt": (pa.string(),), "corpus": (pa.int64(),)}


@dataclass(frozen=True)
class Expected:
    """What a manifest says of a split."""

    n_pairs: int
    n_sources: int
    src_vocab_size: int
    tgt_vocab_size: int

    n_tokens: tuple[int, int] | None
    """Tokens of source and target; None in a corpus of a version that may have counted them differently."""

    state_sha256: str | None
    """Hash of ``state.json``; None in a corpus of a version that did not record it."""


@dataclass(frozen=True)
class Shard:
    """An Arrow file of a split."""

    path: Path

    size: int | None
    sha256: str | None
    """Size and hash of the file as it was written; None in a corpus of a version that did not record them."""


def read_shards(directory: Path, state_sha256: str | None = None) -> tuple[list[Shard], str]:
    """The files of a split, all of them there and of their sizes, and the short hash of their contents.

    Raises:
        DataError: If ``state.json`` or a file is absent or damaged.
    """
    path = directory / STATE_FILE
    try:
        state = read_json(path)
    except DataError as error:
        raise DataError(f"{error}; {AGAIN}") from None
    if state_sha256 is not None and sha256_file(path) != state_sha256:
        raise damaged(path, "its sha256 is not the recorded one")
    try:
        shards = [_shard(directory, entry) for entry in state["_data_files"]]
        fingerprint = state["_fingerprint"]
    except (KeyError, TypeError, AttributeError):
        raise damaged(path, "it does not name the files of the split") from None
    if not shards or not isinstance(fingerprint, str):
        raise damaged(path, "it does not name the files of the split")
    for shard in shards:
        try:
            n_bytes = check_regular(shard.path).st_size
        except DataError as error:
            raise DataError(f"{error}; {AGAIN}") from None
        if shard.size is not None and n_bytes != shard.size:
            raise damaged(shard.path, f"it has {n_bytes:,} bytes, and had {shard.size:,}")
    return shards, fingerprint


def _shard(directory: Path, entry: dict[str, Any]) -> Shard:
    name, size, sha256 = entry["filename"], entry.get("size"), entry.get("sha256")
    if Path(name).name != name or not isinstance(size, int | None) or not isinstance(sha256, str | None):
        raise TypeError
    return Shard(directory / name, size, sha256)


def damaged(path: Path, reason: object) -> DataError:
    """What is said of a file of a prepared corpus that is not what was written."""
    return DataError(f"{path}: damaged ({reason}); {AGAIN}")


class Checked:
    """What is remembered of a split, held against how its files are now."""

    def __init__(self, directory: Path, shards: Sequence[Shard], fingerprint: str, expected: Expected | None) -> None:
        """Look at the files, before anything is read of them."""
        files = {}
        for shard in shards:
            found = check_regular(shard.path)
            files[shard.path.name] = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, shard.sha256]
        wanted = None if expected is None else list(astuple(expected))
        self._now = {"fingerprint": fingerprint, "files": files, "expected": json.dumps(wanted)}
        self._place = _place(directory)

    @property
    def is_known(self) -> bool:
        """Whether just these files were found to be whole."""
        try:
            return self._place is not None and bool(read_json(self._place) == self._now)
        except DataError:
            return False

    def remember(self) -> None:
        """Note that these files are whole; nowhere if the cache cannot be written."""
        if self._place is not None:
            try:
                write_json(self._place, self._now)
            except OSError as error:
                logger.debug("%s: cannot write: %s", self._place, error)


def _place(directory: Path) -> Path | None:
    """Where it is remembered; None where the user has no cache directory."""
    root = cache_directory()
    if root is None:
        return None
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:24]
    return root / "checked" / f"{name}.json"


def check_contents(shards: Sequence[Shard], fingerprint: str) -> None:
    """Compare the bytes of all files with what was noted of them.

    Raises:
        DataError: Naming a file that is damaged.
    """
    n_bytes = sum(check_regular(shard.path).st_size for shard in shards)
    if n_bytes > _LARGE:
        directory = shards[0].path.parent
        logger.info("%s: checking %s of pairs, once", directory, bytes_shown(n_bytes))
    content = hashlib.sha256()
    for shard in shards:
        digest = sha256_file(shard.path)
        if shard.sha256 is not None and digest != shard.sha256:
            raise damaged(shard.path, "its sha256 is not the recorded one")
        content.update(bytes.fromhex(digest))
    if short_hash(content) != fingerprint:
        raise damaged(shards[0].path.parent, "the hash of its pairs is not the recorded one")


def short_hash(content: Any) -> str:
    """What ``state.json`` notes of the sha256 of the digests of all files."""
    return content.hexdigest()[:16]


def check_table(table: pa.Table, directory: Path, expected: Expected | None) -> None:
    """Make sure that nothing in a split leads outside of it: types, offsets, text, ids, counts.

    Args:
        table: The mapped files.
        directory: For messages.
        expected: What the manifest says; None checks what needs no manifest.

    Raises:
        DataError: Saying what is wrong.
    """
    for name, types in _TYPES.items():
        if name not in table.column_names or table.schema.field(name).type not in types:
            raise damaged(directory, f"the column {name} is missing, or of another type")
        if table.column(name).null_count:
            raise damaged(directory, f"the column {name} has gaps")
    try:
        table.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        raise damaged(directory, str(error).splitlines()[0]) from None
    if expected is None:
        return
    if table.num_rows != expected.n_pairs:
        raise damaged(directory, f"it has {table.num_rows:,} pairs, and had {expected.n_pairs:,}")
    bounds = {"src_ids": expected.src_vocab_size, "tgt_ids": expected.tgt_vocab_size, "corpus": expected.n_sources}
    counts = dict(zip(("src_ids", "tgt_ids"), expected.n_tokens or (), strict=False))
    for name, bound in bounds.items():
        n_values = 0
        for chunk in table.column(name).chunks:
            values = (chunk if name == "corpus" else chunk.flatten()).to_numpy(zero_copy_only=True)
            n_values += len(values)
            if len(values) and not 0 <= int(np.min(values)) <= int(np.max(values)) < bound:
                raise damaged(directory, f"the column {name} holds a number outside 0 to {bound - 1:,}")
        if n_values != counts.get(name, n_values):
            raise damaged(directory, f"it has {n_values:,} {name}, and had {counts[name]:,}")
