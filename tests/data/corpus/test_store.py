from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pytest

from mtkit.data.corpus import store as store_module
from mtkit.data.corpus.store import Store, StoreWriter, id_lists
from mtkit.errors import DataError

Pair = tuple[list[int], list[int], str, str]

CHUNKS: list[list[Pair]] = [
    [([5, 6], [7], "a\u2028", "b"), ([], [8, 9, 10], "", "c\x00")],
    [],
    [([11], [], "ä", "")],
    [([12, 13, 14], [15], "d", "e"), ([16], [17], "f", "g")],
]
PAIRS = [pair for chunk in CHUNKS for pair in chunk]


def lists_of(ids: list[list[int]]) -> pa.ListArray:
    return id_lists(
        np.array([i for row in ids for i in row], dtype=np.int32), np.array([len(row) for row in ids], dtype=np.int32)
    )


def write(directory: Path, vocab_size: int = 100) -> Store:
    with StoreWriter(directory, corpus_names=["news", "web"], vocab_size=vocab_size) as writer:
        for number, chunk in enumerate(CHUNKS):
            src_ids, tgt_ids = lists_of([pair[0] for pair in chunk]), lists_of([pair[1] for pair in chunk])
            src, tgt = (pa.array([str(pair[i]) for pair in chunk], pa.string()) for i in (2, 3))
            writer.write(src_ids, tgt_ids, src, tgt, corpus=int(number > 1))
    return Store.open(directory)


@pytest.fixture(params=["one shard", "many shards"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "many shards":
        monkeypatch.setattr(store_module, "_SHARD_BYTES", 1)
    return write(tmp_path / "train")


def test_rows_come_back_as_written(store: Store) -> None:
    assert len(store) == 5
    for i, (src_ids, tgt_ids, _, _) in enumerate(PAIRS):
        assert store.src_ids(i).tolist() == src_ids
        assert store.tgt_ids(i).tolist() == tgt_ids
    assert store.src_text() == [pair[2] for pair in PAIRS]
    assert store.tgt_text(1, 4) == [pair[3] for pair in PAIRS[1:4]]


def test_lengths_are_those_of_the_rows(store: Store) -> None:
    assert store.src_lengths.tolist() == [2, 0, 1, 3, 1]
    assert store.tgt_lengths.tolist() == [1, 3, 0, 1, 1]
    for start in range(6):
        for stop in range(start, 6):
            src, tgt = store.lengths(start, stop)
            assert src.tolist() == [2, 0, 1, 3, 1][start:stop]
            assert tgt.tolist() == [1, 3, 0, 1, 1][start:stop]


@pytest.mark.parametrize(("vocab_size", "dtype"), [(65_536, np.uint16), (65_537, np.int32)])
def test_ids_are_read_only_views_no_wider_than_the_vocabulary_needs(
    vocab_size: int, dtype: type, tmp_path: Path
) -> None:
    ids = write(tmp_path / "train", vocab_size).src_ids(3)
    assert ids.dtype == dtype
    assert not ids.flags.owndata
    assert not ids.flags.writeable


def test_hugging_face_datasets_opens_it(store: Store, tmp_path: Path) -> None:
    opened = datasets.load_from_disk(str(tmp_path / "train"))
    assert opened.column_names == ["src_ids", "tgt_ids", "src", "tgt", "corpus"]
    assert opened["src_ids"][:] == [pair[0] for pair in PAIRS]
    assert opened["tgt"][:] == store.tgt_text()
    assert [opened.features["corpus"].int2str(row) for row in opened["corpus"]] == ["news"] * 2 + ["web"] * 3


def test_the_same_pairs_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["data-00000-of-00001.arrow", "dataset_info.json", "state.json"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_store_of_no_pairs_opens(tmp_path: Path) -> None:
    StoreWriter(tmp_path / "train", corpus_names=["news"], vocab_size=9).close()
    store = Store.open(tmp_path / "train")
    assert len(store) == 0
    assert store.src_lengths.tolist() == []


def test_absent_and_damaged_stores_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"state\.json: No such file"):
        Store.open(tmp_path / "train")
    write(tmp_path / "train")
    arrow = tmp_path / "train" / "data-00000-of-00001.arrow"
    arrow.write_bytes(arrow.read_bytes()[:700])
    with pytest.raises(DataError, match=r"arrow: damaged .*--overwrite"):
        Store.open(tmp_path / "train")
    arrow.unlink()
    with pytest.raises(DataError, match=r"arrow: No such file"):
        Store.open(tmp_path / "train")


def test_any_rows_are_gathered_in_their_order(store: Store) -> None:
    rows = np.array([4, 0, 2, 4, 1, 3])
    assert store.gather_text(rows) == tuple([PAIRS[row][side] for row in rows] for side in (2, 3))
    src, tgt = store.lengths_of(rows)
    assert src.tolist() == [len(PAIRS[row][0]) for row in rows]
    assert tgt.tolist() == [len(PAIRS[row][1]) for row in rows]
    assert store.corpora().tolist() == [0, 0, 1, 1, 1]
    assert store.gather_text(rows[:0]) == ([], [])
