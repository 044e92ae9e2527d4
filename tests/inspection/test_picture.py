import math
import re
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.inspection.look import Candidate, Guess, Heads, Look, Position
from mtkit.inspection.words import Word

pytest.importorskip("matplotlib")

from mtkit.inspection.picture import draw  # after what it needs

BYTES = ["<0xD8>", "<0xB1>"]


def look_of(n_src: int, predicted: list[str], *, n_heads: int = 2) -> Look:
    """Each piece has half of the probability."""
    positions = [Position(token, math.log(0.5), 1, 1.0, [Guess("other", math.log(0.25))]) for token in predicted]
    shown = Candidate("text " * len(predicted), positions, -1.0, -1.0, finished=True, path=[])
    return Look(
        number=7,
        source="source " * n_src,
        src_tokens=["▁a"] * n_src,
        src_words=[Word("a", i, 1) for i in range(n_src)],
        src_unknown=[],
        shown=shown,
        forced=False,
        tgt_read=["<s>", *predicted[:-1]],
        tgt_words=[],
        n_best=[shown],
        beam_size=1,
        attention=[Heads("cross", 1, [[[1 / n_src] * n_src] * len(predicted)] * n_heads)],
        alignment=[],
        alignment_by="layer 1",
        alignment_layer=1,
        history=[],
        history_tokens=[],
    )


def size_of(path: Path) -> tuple[int, int]:
    content = path.read_bytes()
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    return width, height


@pytest.mark.slow
def test_the_longest_picture_is_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    draw(look_of(80, ["▁b"] * 80, n_heads=16), path)
    assert max(size_of(path)) < 6000


def test_a_sentence_too_long_for_a_picture_is_refused_before_it_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(DataError, match=r"line 7: 3 pieces of source and 81 .* -o page\.html"):
        draw(look_of(3, ["▁b"] * 81), path)
    assert not path.exists()


def test_bytes_take_the_room_of_what_they_spell(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    draw(look_of(3, ["▁b", "▁", *BYTES * 100, "</s>"]), path)
    assert size_of(path)[0] < 1200


def shown_in(path: Path) -> list[str]:
    """The texts of an SVG picture, which stand beside their outlines."""
    return re.findall("<!-- (.*?) -->", path.read_text(encoding="utf-8"))


def test_axes_and_colours_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    draw(look_of(3, ["▁b", "▁", *BYTES], n_heads=2), path)
    found = shown_in(path)
    assert {"source", "attention", "probability"} <= set(found)
    assert found.count("translation") == found.count("0.5") == 2  # of the bars and the map, of the bars and the colours
    assert {"cross-attention of layer 1, mean of the heads", "head 1", "head 2"} <= set(found)
    assert found.count("▁ر") == 2  # below the bars, beside the map
    assert found.count("▁a") == 3


def test_one_head_has_no_mean(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    draw(look_of(3, ["▁b"], n_heads=1), path)
    assert "cross-attention of layer 1" in shown_in(path)
    assert not any("head" in text for text in shown_in(path))
