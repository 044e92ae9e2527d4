"""A prepared corpus that is not what was written is never trained on."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mtkit.data.corpus import store_check
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import open_prepared
from mtkit.errors import DataError, VocabularyError
from mtkit.files.reading import sha256_file
from mtkit.settings.tokenizer import TokenizerConfig
from tests.data.conftest import ToyData

WORDS = TokenizerConfig(type="word")
SHARD = "train/data-00000-of-00001.arrow"


@pytest.fixture
def corpus(tmp_path: Path, toy_data: ToyData) -> Path:
    test = {"src": str(tmp_path / "valid.en"), "tgt": str(tmp_path / "valid.de")}
    return prepare(toy_data(test=test), WORDS, tmp_path / "out").directory


def read_all(directory: Path) -> None:
    prepared = open_prepared(directory)
    prepared.check()


def table_of(directory: Path) -> pa.Table:
    with pa.memory_map(str(directory / SHARD)) as source:
        return pa.Table.from_batches(list(pa.ipc.open_stream(source)))


def write_table(directory: Path, table: pa.Table) -> None:
    """Another table in the place of the training pairs, in a corpus of an older version whose one hash fits it."""
    with pa.ipc.new_stream(str(directory / "new"), table.schema) as stream:
        stream.write_table(table)
    (directory / "new").replace(directory / SHARD)
    as_of_an_older_version(directory)


def as_of_an_older_version(directory: Path) -> None:
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest.pop("sha256", None)
    manifest.pop("splits", None)
    (directory / "manifest.json").write_text(json.dumps(manifest))
    for path in directory.rglob("state.json"):
        shards = sorted(path.parent.glob("*.arrow"))
        digests = b"".join(bytes.fromhex(sha256_file(shard)) for shard in shards)
        files = [{"filename": shard.name} for shard in shards]
        state = {"_data_files": files, "_fingerprint": hashlib.sha256(digests).hexdigest()[:16]}
        path.write_text(json.dumps(json.loads(path.read_text()) | state))


def set_column(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def test_a_whole_corpus_is_whole(corpus: Path) -> None:
    read_all(corpus)
    read_all(corpus)


def test_every_bit_of_the_pairs_counts(corpus: Path) -> None:
    content = (corpus / SHARD).read_bytes()
    for at in range(0, len(content), len(content) // 40):
        changed = bytearray(content)
        changed[at] ^= 4
        (corpus / SHARD).write_bytes(changed)
        with pytest.raises(
            DataError, match=r"arrow: damaged \(its sha256 is not the recorded one\); run mtkit preprocess ag"
        ):
            open_prepared(corpus).store("train")
    (corpus / SHARD).write_bytes(content)
    assert len(open_prepared(corpus).store("train")) == 200


def test_every_letter_of_the_manifest_counts(corpus: Path) -> None:
    path = corpus / "manifest.json"
    content = path.read_bytes()
    for at in range(0, len(content), len(content) // 60):
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        try:
            tree = json.loads(changed)
        except ValueError:
            tree = None
        if tree == json.loads(content):  # white space
            continue
        with pytest.raises(DataError, match=r"--overwrite") as caught:
            open_prepared(corpus)
        assert "\n" not in str(caught.value)


def test_a_file_is_hashed_once_and_again_when_it_changes(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def counting(path: Path) -> str:
        hashed.append(path.name)
        return sha256_file(path)

    monkeypatch.setattr(store_check, "sha256_file", counting)
    read_all(corpus)
    hashed.clear()
    read_all(corpus)
    assert not [name for name in hashed if name.endswith(".arrow")]
    content = bytearray((corpus / SHARD).read_bytes())
    content[-200] ^= 1
    before = (corpus / SHARD).stat()
    (corpus / SHARD).write_bytes(content)
    os.utime(corpus / SHARD, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataError, match="damaged"):
        read_all(corpus)


def test_without_a_cache_it_is_hashed_each_time(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("in the way of the directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    read_all(corpus)
    content = bytearray((corpus / SHARD).read_bytes())
    content[-200] ^= 1
    (corpus / SHARD).write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        read_all(corpus)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"[[[[", b"{}", b"\xff", b"[" * 100_000])
def test_a_torn_memory_of_checks_is_as_good_as_none(corpus: Path, content: bytes) -> None:
    read_all(corpus)
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "mtkit" / "checked"
    for path in cache.iterdir():
        path.write_bytes(content)
    read_all(corpus)


def test_a_corpus_of_an_older_version_is_read_and_checked_by_its_short_hash(corpus: Path) -> None:
    as_of_an_older_version(corpus)
    read_all(corpus)
    content = bytearray((corpus / SHARD).read_bytes())
    content[-200] ^= 1
    (corpus / SHARD).write_bytes(content)
    with pytest.raises(DataError, match=r"train: damaged \(the hash of its pairs is not the recorded one\)"):
        read_all(corpus)


def fewer(table: pa.Table) -> pa.Table:
    return table.slice(0, 50)


def far_ids(table: pa.Table) -> pa.Table:
    return set_column(table, "src_ids", pa.array([[60_000]] * len(table), pa.list_(pa.uint16())))


def negative_ids(table: pa.Table) -> pa.Table:
    return set_column(table, "tgt_ids", pa.array([[-1]] * len(table), pa.list_(pa.int32())))


def missing_ids(table: pa.Table) -> pa.Table:
    return set_column(table, "src_ids", pa.array([None] * len(table), pa.list_(pa.uint16())))


def other_type(table: pa.Table) -> pa.Table:
    return set_column(table, "src", pa.array([b"x"] * len(table), pa.binary()))


def no_text(table: pa.Table) -> pa.Table:
    return set_column(table, "tgt", pa.array([None] * len(table), pa.string()))


def foreign_source(table: pa.Table) -> pa.Table:
    return set_column(table, "corpus", pa.array([7] * len(table), pa.int64()))


def wild_offsets(table: pa.Table) -> pa.Table:
    offsets = np.full(len(table) + 1, 2_000_000_000, dtype=np.int32)
    offsets[0], offsets[-1] = 0, 10
    values = pa.array(np.ones(10, dtype=np.uint16))
    wild = pa.Array.from_buffers(pa.list_(pa.uint16()), len(table), [None, pa.py_buffer(offsets)], children=[values])
    return set_column(table, "src_ids", wild)


def not_utf8(table: pa.Table) -> pa.Table:
    n = len(table)
    offsets = pa.py_buffer(np.arange(n + 1, dtype=np.int32))
    return set_column(table, "src", pa.Array.from_buffers(pa.string(), n, [None, offsets, pa.py_buffer(b"\xff" * n)]))


def without_a_column(table: pa.Table) -> pa.Table:
    return table.drop_columns(["corpus"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (fewer, "it has 50 pairs, and had 200"),
        (far_ids, "the column src_ids holds a number outside 0 to"),
        (negative_ids, "the column tgt_ids holds a number outside 0 to"),
        (missing_ids, "the column src_ids has gaps"),
        (other_type, "the column src is missing, or of another type"),
        (no_text, "the column tgt has gaps"),
        (foreign_source, "the column corpus holds a number outside 0 to 0"),
        (wild_offsets, "Invalid|offset|Offset|exceed|Length"),
        (not_utf8, "UTF8"),
        (without_a_column, "the column corpus is missing, or of another type"),
    ],
)
def test_what_leads_out_of_a_split_is_found_even_where_the_hash_fits(
    corpus: Path, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    write_table(corpus, change(table_of(corpus)))
    with pytest.raises(
        DataError, match=rf"damaged \(.*({message}).*\); run mtkit preprocess again with --overwrite"
    ) as caught:
        open_prepared(corpus).store("train")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "state",
    [
        [],
        None,
        {},
        {"_data_files": []},
        {"_data_files": 3, "_fingerprint": "0"},
        {"_data_files": [], "_fingerprint": "0"},
        {"_data_files": ["x"], "_fingerprint": "0"},
        {"_data_files": [{"filename": 3}], "_fingerprint": "0"},
        {"_data_files": [{"filename": "../x"}], "_fingerprint": "0"},
        {"_data_files": [{"filename": "x", "size": "3"}], "_fingerprint": "0"},
        {"_data_files": [{"filename": "x"}]},
    ],
    ids=str,
)
def test_a_state_that_names_no_files_is_damaged(corpus: Path, state: Any) -> None:
    as_of_an_older_version(corpus)
    (corpus / "train" / "state.json").write_text(json.dumps(state))
    with pytest.raises(DataError, match=r"state.json: damaged"):
        open_prepared(corpus).store("train")


@pytest.mark.parametrize("name", ["manifest.json", "train/state.json", SHARD, "tokenizer.model"])
@pytest.mark.parametrize("kind", ["pipe", "zero", "directory", "nothing"])
def test_something_else_in_the_place_of_a_file_is_named(corpus: Path, name: str, kind: str) -> None:
    (corpus / name).unlink()
    if kind == "pipe":
        os.mkfifo(corpus / name)
    elif kind == "zero":
        (corpus / name).symlink_to("/dev/zero")
    elif kind == "directory":
        (corpus / name).mkdir()
    with pytest.raises((DataError, VocabularyError)) as caught:
        read_all(corpus)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"n_train": 100},
        {"n_train": "200"},
        {"n_train": None},
        {"n_valid": 3},
        {"n_test": []},
        {"n_test": {"other": 2}},
        {"sources": {}},
        {"sources": [{}]},
        {"settings": []},
        {"src_vocab_size": 0},
        {"src_vocab_size": 1e400},
        {"splits": {"train": 3}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_manifest_of_another_shape_is_refused_even_without_its_hash(corpus: Path, change: dict[str, Any]) -> None:
    path = corpus / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["sha256"]
    path.write_text(json.dumps(manifest | change))
    with pytest.raises(DataError, match=r"manifest.json: damaged.*--overwrite") as caught:
        open_prepared(corpus)
    assert "\n" not in str(caught.value)


def test_the_way_out_leads_out(corpus: Path, toy_data: ToyData, tmp_path: Path) -> None:
    data = toy_data(test={"src": str(tmp_path / "valid.en"), "tgt": str(tmp_path / "valid.de")})
    (corpus / SHARD).write_bytes(b"")
    with pytest.raises(DataError, match="run mtkit preprocess again with --overwrite"):
        prepare(data, WORDS, corpus)
    prepare(data, WORDS, corpus, overwrite=True)
    read_all(corpus)


@pytest.mark.parametrize("split", ["valid", "test/valid"])
def test_all_splits_are_looked_at(corpus: Path, split: str) -> None:
    shard = next((corpus / split).glob("*.arrow"))
    shard.write_bytes(shard.read_bytes()[:-8])
    with pytest.raises(DataError, match=r"arrow: damaged \(it has .* bytes, and had"):
        read_all(corpus)


def test_a_corpus_may_be_moved(corpus: Path) -> None:
    moved = shutil.copytree(corpus, corpus.with_name("elsewhere"))
    shutil.rmtree(corpus)
    read_all(moved)
