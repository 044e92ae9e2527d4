import pytest

from mtkit.inspection.words import spelt, text, words


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["▁Ein", "▁blau", "es", "▁Hemd", "."], ["Ein", "blaues", "Hemd."]),
        (["▁", "a", "b", "▁", "c"], ["ab", "c"]),  # of characters
        (["▁我", "爱", "北京", "。"], ["我", "爱", "北京。"]),
        (["▁用", "Python", "写"], ["用", "Python", "写"]),
        (["▁Zo", "<0xC3>", "<0xAB>"], ["Zoë"]),
        (["▁", "<0xE6>", "<0xA2>", "<0xAF>", "<0xE5>", "<0xAD>", "<0x90>"], ["梯", "子"]),
        (["▁من", "زل", "▁في"], ["منزل", "في"]),
        (["▁a", "▁", "<0xFF>"], ["a", "\ufffd"]),
        (["s", "▁a"], ["s", "a"]),
        ([], []),
    ],
)
def test_pieces_make_words(pieces: list[str], expected: list[str]) -> None:
    found = words(pieces)
    assert [word.text for word in found] == expected
    assert [word.first for word in found] == [sum(w.n_pieces for w in found[:i]) for i in range(len(found))]
    assert sum(word.n_pieces for word in found) == len(pieces)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["▁Ein", "▁blau", "es", "."], ["▁Ein", "▁blau", "es", "."]),
        (["▁Zo", "<0xC3>", "<0xAB>", "s"], ["▁Zo", "ë", "s"]),
        (["▁", "<0xD8>", "<0xB1>", "<0xD9>", "<0x84>", "▁", "<0xD8>", "<0xB1>"], ["▁رل", "▁ر"]),
        (["▁", "<0xE6>", "<0xA2>", "<0xAF>", "<0xE5>", "<0xAD>", "<0x90>", "</s>"], ["▁梯", "子", "</s>"]),
        (["▁a", "<0xE6>", "<0xA2>"], ["▁a", "<0xE6>", "<0xA2>"]),  # half a character spells nothing
        (["▁", "a"], ["▁", "a"]),
        ([], []),
    ],
)
def test_bytes_of_a_word_are_spelt(pieces: list[str], expected: list[str]) -> None:
    found = spelt(pieces)
    assert [unit.text for unit in found] == expected
    assert [unit.first for unit in found] == [sum(u.n_pieces for u in found[:i]) for i in range(len(found))]
    assert sum(unit.n_pieces for unit in found) == len(pieces)


def test_half_a_character_does_no_harm() -> None:
    assert text(["▁a", "<0xE6>", "\ud800"]) == "a\ufffd?"
