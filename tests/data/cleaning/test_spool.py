from pathlib import Path

import numpy as np
import pytest

from mtkit.data.cleaning.spool import Packed, SpoolWriter, read_rows, read_side
from mtkit.data.sources.pairs import Pairs


def test_each_block_is_read_again_from_any_place(tmp_path: Path) -> None:
    chunks = [
        ([0, 2], ["one", "zwölf 中"], ["eins", ""]),
        ([], [], []),
        ([5], ["\u2028 in a line"], ["x" * 1000]),
    ]
    with SpoolWriter(tmp_path / "spool") as spool:
        for number, (rows, src, tgt) in enumerate(chunks):
            packed = Packed.of(Pairs(src, tgt), np.array(rows, dtype=np.int64))
            spool.write(packed, corpus=number, first=10 * number, n=10)
    for block, (rows, src, tgt) in reversed(list(zip(spool.blocks, chunks, strict=True))):
        assert read_rows(spool.path, block).tolist() == rows
        assert read_side(spool.path, block, 0) == src
        assert read_side(spool.path, block, 1) == tgt
    assert [(block.corpus, block.first, block.n) for block in spool.blocks] == [(0, 0, 10), (1, 10, 10), (2, 20, 10)]


def test_a_spool_takes_the_place_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("mine")
    with pytest.raises(FileExistsError):
        SpoolWriter(tmp_path / "spool")
