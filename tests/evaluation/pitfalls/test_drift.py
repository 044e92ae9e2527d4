import gzip
import random
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.evaluation.pitfalls.checks import Text, check_aligned, check_is_text
from mtkit.evaluation.pitfalls.drift import first_drift

DRAW = random.Random(3)
VOCABULARY = ["".join(DRAW.choices("abcdefghijklmnopqrstuvwxyz", k=DRAW.randint(3, 9))) for _ in range(500)]
CYRILLIC = {ord(letter): ord(letter) + 0x400 for letter in "abcdefghijklmnopqrstuvwxyz "}
REF = [" ".join(DRAW.choices(VOCABULARY, k=DRAW.randint(4, 15))) for _ in range(300)]
HYP = [" ".join(word if DRAW.random() < 0.6 else DRAW.choice(VOCABULARY) for word in line.split()) for line in REF]


@pytest.mark.parametrize("lost", [1, 40, 150, 280])
@pytest.mark.parametrize("n", [1, 3])
def test_the_line_that_was_lost_is_found_to_a_few_lines(lost: int, n: int) -> None:
    torn = HYP[: lost - 1] + HYP[lost - 1 + n :]
    for found in (first_drift(torn, REF), first_drift(REF, torn)):
        assert found is not None
        assert abs(found - lost) <= 3


def test_of_two_lost_lines_the_first_is_named() -> None:
    found = first_drift(HYP[:99] + HYP[100:199] + HYP[200:], REF)
    assert found is not None
    assert abs(found - 100) <= 3


def test_lines_that_are_missing_at_the_end_are_no_drift() -> None:
    assert first_drift(HYP[:250], REF) == 251
    with pytest.raises(DataError, match=r"; they match to the end of hyp, where ref goes on$"):
        check_aligned([Text("hyp", HYP[:250]), Text("ref", REF)])


def test_nothing_is_said_of_texts_that_never_fitted_or_are_short() -> None:
    assert first_drift(HYP[::-1][:290], REF) is None
    assert first_drift(HYP[:10], REF[:12]) is None
    assert first_drift([line.translate(CYRILLIC) for line in HYP[1:]], REF) is None
    with pytest.raises(DataError, match=r"hyp has 10 lines but ref has 12: .* the same segment$"):
        check_aligned([Text("hyp", HYP[:10]), Text("ref", REF[:12])])


def test_real_text_and_its_source_part_where_a_line_was_lost(corpora: Path) -> None:
    src, ref = (
        gzip.decompress((corpora / f"multi30k/test_2016_flickr.{language}.gz").read_bytes()).decode().split("\n")[:-1]
        for language in ("en", "de")
    )
    found = first_drift(src, [*ref[:399], *ref[400:]])
    assert found is not None
    assert abs(found - 400) <= 20


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (['<refset setid="news" srclang="any">', "<doc>", '<seg id="1">Ein Haus.</seg>', "</doc>"], "SGML or XML"),
        (['<?xml version="1.0"?>', "<dataset>", "<seg>Ein Haus.</seg>", "</dataset>"], "SGML or XML"),
        (["<!DOCTYPE html>", "<html>", "<p>Ein Haus.</p>"], "HTML"),
        ([r"{\rtf1\ansi", "Ein Haus."], "RTF"),
    ],
)
def test_markup_is_no_text(lines: list[str], what: str) -> None:
    with pytest.raises(DataError, match=f"^ref: is {what}, not one segment per line"):
        check_is_text(Text("ref", lines))


def test_a_segment_may_be_markup() -> None:
    check_is_text(Text("ref", ["<html>Click here.</html>", "Ein Haus.", "Ein Hund."]))
    check_is_text(Text("ref", ["<b>Click</b> here.", "<i>Ein Haus.</i>"]))
    with pytest.raises(DataError, match="ref: is empty"):
        check_is_text(Text("ref", []))
