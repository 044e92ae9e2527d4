"""Faults that were planted in a clean corpus are found where they are, and nothing else is."""

import re

import pytest

from mtkit.data.sources import pairs as room
from mtkit.doctor.findings import KINDS, Severity
from mtkit.errors import DataError
from tests.doctor.conftest import Examine, Pair, clean_pairs, finding

CLEAN = clean_pairs(2_000)


def planted(*faults: Pair, at: int = 700) -> list[Pair]:
    """The clean corpus with some pairs put in."""
    return [*CLEAN[:at], *faults, *CLEAN[at:]]


def test_a_clean_corpus_has_no_findings(examined: Examine) -> None:
    report = examined(CLEAN)
    assert [found.name for found in report.findings if not found.name.startswith("wrong_language")] == []
    assert report.n_pairs == 2_000


SRC, TGT = CLEAN[5]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("empty", ("", "Der Hund.")),
        ("empty", ("The dog.", " \u2028")),
        ("copied", ("Keep off the grass.", "Keep off the grass.")),
        ("mojibake", ("The green door.", "Die grÃ¼ne Tür.")),
        ("replacement", ("The green door.", "Die gr\ufffdne Tür.")),
        ("entities", ("Salt &amp; pepper.", "Salz und Pfeffer.")),
        ("zero_width", ("The green\u200b door.", "Die grüne Tür.")),
        ("control", ("The green\x07 door.", "Die grüne Tür.")),
        ("control", ("The green\u2028 door.", "Die grüne Tür.")),
        ("long", ("word " * 201, "Wort " * 201)),
        ("ratio", ("The old dog remembers the garden, the house and the river.", "Ja.")),
        ("wrong_script_src", ("Собака видит дом.", "Der Hund sieht das Haus.")),
        ("wrong_script_tgt", ("The dog sees the house.", "Собака видит дом.")),
        ("numbers", ("It was 1984.", "Es war 1948.")),
        ("urls", ("See http://a.example for more.", "Siehe http://b.example für mehr.")),
        ("placeholders", ("Delete {name}?", "{datei} löschen?")),
        ("tags", ("A <b>bold</b> word.", "Ein <b>fettes Wort.")),
        ("repeated", ("very very very very good", "sehr gut, sehr gut")),
        ("duplicates", (SRC, TGT)),
        ("near_duplicates", (SRC.upper(), TGT.replace(" ", "  "))),
    ],
)
def test_a_planted_fault_is_found_where_it_is(examined: Examine, name: str, fault: Pair) -> None:
    found = finding(examined(planted(fault)), name)
    assert found.count == 1
    assert found.share == pytest.approx(1 / 2_001)
    assert (found.samples[0].source, found.samples[0].pair) == ("crawl", 701)


def test_the_first_three_are_shown_and_all_are_counted(examined: Examine) -> None:
    report = examined(planted(*[(f"Item {n}.", f"Nummer {n + 1}.") for n in range(50)]))
    found = finding(report, "numbers")
    assert found.count == 50
    assert [sample.pair for sample in found.samples] == [701, 702, 703]
    assert found.samples[0].note == "0 / 1"


def test_a_duplicate_says_what_it_repeats(examined: Examine) -> None:
    found = finding(examined(planted((SRC, TGT))), "duplicates")
    assert found.samples[0].note == "as crawl:6"


def test_what_cannot_be_seen_is_spelt_out(examined: Examine) -> None:
    found = finding(examined(planted(("A \x1b[31mred\u200b door.", "Eine rote Tür."))), "control")
    assert found.samples[0].src == r"A \u001b[31mred\u200b door."


@pytest.mark.parametrize(("lost", "shift"), [(1, -1), (3, -3)])
def test_a_drift_is_found_where_it_begins(examined: Examine, lost: int, shift: int) -> None:
    src, tgt = (list(side) for side in zip(*CLEAN, strict=True))
    report = examined((src, tgt[:1_200] + tgt[1_200 + lost :]), apart=True)
    (stretch,) = report.sources[0].alignment.stretches
    assert abs(stretch.first - 1_200) <= 16
    assert (stretch.shift, stretch.stop) == (shift, 2_000 - lost)
    found = finding(report, "drift")
    assert f"source n fits target n{shift}" in found.remark
    assert found.severity is Severity.SERIOUS


def test_sides_of_unequal_length_are_read_as_far_as_the_shorter(examined: Examine) -> None:
    src, tgt = zip(*CLEAN, strict=True)
    report = examined((src, tgt[:-10]), apart=True)
    assert report.n_pairs == 1_990
    found = finding(report, "unequal_counts")
    assert (found.count, found.severity) == (10, Severity.SERIOUS)
    assert re.fullmatch(r"\S+ has 2,000 lines, \S+ has 1,990", found.remark)
    assert "drift" in report.not_found


def test_sides_that_are_strangers_are_said_to_be(examined: Examine) -> None:
    src, tgt = zip(*CLEAN, strict=True)
    report = examined(list(zip(src, tgt[1_000:] + tgt[:1_000], strict=True)))
    (stretch,) = report.sources[0].alignment.stretches
    assert (stretch.first, stretch.stop, stretch.shift) == (0, 2_000, None)


def test_few_pairs_are_too_few_to_find_a_drift(examined: Examine) -> None:
    report = examined(CLEAN[:100])
    assert "drift" not in report.not_found
    assert any(left.names == ("drift",) for left in report.not_examined)


def test_a_held_out_pair_in_training_counts_once_in_the_worst_way(examined: Examine) -> None:
    test = [("An apple.", "Ein Apfel."), ("A pear!", "Eine Birne!"), ("A plum.", "Eine Pflaume."), ("A fig.", "Feige.")]
    train = planted(
        ("a pear", "eine Birne"),
        ("An apple.", "Ein Apfel."),
        ("An apple.", "Apfel!"),
        ("A plum.", "Pflaumen!"),
        ("A fig", "Die Feige."),
    )
    report = examined(train, test=[*test, *clean_pairs(400, seed=9)[-50:]], valid=[("A nut.", "Eine Nuss.")])
    places = {
        name: finding(report, name).places
        for name in ("leaked_pairs", "leaked_near_pairs", "leaked_sources", "leaked_near_sources")
    }
    assert places == {
        "leaked_pairs": [("crawl:702", "test:1")],
        "leaked_near_pairs": [("crawl:701", "test:2")],
        "leaked_sources": [("crawl:704", "test:3")],
        "leaked_near_sources": [("crawl:705", "test:4")],
    }
    assert finding(report, "leaked_pairs").share == pytest.approx(1 / 54)


def test_empty_lines_do_not_leak(examined: Examine) -> None:
    report = examined(planted(("", "leer")), test=[("", "leer"), ("A fig.", "Eine Feige.")])
    assert not [found.name for found in report.findings if found.name.startswith("leaked")]


def test_any_number_of_workers_sees_the_same(examined: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHUNK_PAIRS", 300)
    train = planted(*[("Item 1.", "Nummer 2."), (SRC, TGT), ("", ""), ("A <b>", "B")] * 5)
    test = [*CLEAN[:3], ("A fig.", "Eine Feige.")]
    one, three = (examined(train, test=test, n_workers=n).as_json("1") for n in (1, 3))
    assert one == three
    assert one["n_serious"]


def test_the_size_of_chunks_does_not_matter(examined: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    train = planted(*[("Item 1.", "Nummer 2."), (SRC, TGT)] * 5)
    whole = examined(train, n_sample=100).as_json("1")
    monkeypatch.setattr(room, "CHUNK_PAIRS", 77)
    assert examined(train, n_sample=100).as_json("1") == whole


def test_an_empty_corpus_is_an_error(examined: Examine) -> None:
    with pytest.raises(DataError, match="empty, not one pair"):
        examined(([], []), apart=True)


def test_every_kind_of_finding_says_what_would_cure_it() -> None:
    assert all(kind.cure and kind.what and kind.notable <= max(kind.serious, kind.notable) for kind in KINDS.values())
