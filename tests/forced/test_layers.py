from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.forced.aligner import Aligner
from mtkit.forced.layers import compare_layers
from tests.tiny import LINES, save_tiny_bundle


def test_the_layer_that_the_gold_alignments_are_from_comes_first(tmp_path: Path) -> None:
    aligner = Aligner.load(save_tiny_bundle(tmp_path / "model", n_decoder_layers=2), layer=1, device="cpu", threads=1)
    src, tgt, gold = (tmp_path / name for name in ("src", "tgt", "gold"))
    src.write_text("".join(f"{line}\n" for line in LINES))
    tgt.write_text("".join(f"{line}\n" for line in LINES[::-1]))
    best = aligner.choices()[2]
    found = aligner.align_by_all(LINES, LINES[::-1])[best]
    gold.write_text("".join(" ".join(f"{s + 1}-{t + 1}" for s, t in links or ()) + "\n" for links in found))
    scores = compare_layers(aligner, str(src), str(tgt), str(gold))
    assert len(scores) == 4
    assert (scores[0][1], scores[0][0].error_rate) == (best, 0)
    assert [score.error_rate for score, _ in scores] == sorted(score.error_rate for score, _ in scores)
    src.write_text("one\n")
    with pytest.raises(DataError):
        compare_layers(aligner, str(src), str(tgt), str(gold))
