from collections.abc import Callable, Sequence

import pytest

from mtkit.translation.segmentation import Limits, Segment, join
from mtkit.translation.segmentation import split as split_all

Encode = Callable[[Sequence[str]], list[list[int]]]


def words(texts: Sequence[str]) -> list[list[int]]:
    """An encoder with one token per word, however long."""
    return [[1] * len(text.split()) for text in texts]


def split(text: str, encode: Encode, max_tokens: int) -> list[Segment]:
    """The segments of a text that is split only where it is too long."""
    return split_all([text], encode, Limits(None, max_tokens, max_tokens))[0]


def characters(texts: Sequence[str]) -> list[list[int]]:
    """An encoder with one token per character."""
    return [[ord(character) for character in text] for text in texts]


@pytest.mark.parametrize(
    ("text", "max_tokens", "parts"),
    [
        ("One two three.", 3, ["One two three."]),
        ("One two. Three four.", 3, ["One two.", "Three four."]),
        ("One, two. Three four five six.", 4, ["One, two.", "Three four five six."]),  # not at the comma
        ('He said "Stop!" Then he left.', 4, ['He said "Stop!"', "Then he left."]),
        ("One two, three four five", 3, ["One two,", "three four five"]),
        ("one two three – four five", 3, ["one two three", "– four five"]),
        ("one two three four", 3, ["one two", "three four"]),
        ("Costs 3.50 in all of them", 3, ["Costs 3.50 in", "all of them"]),  # no sentence ends inside a number
        (
            "Aa bb. Cc dd. Ee ff. Gg hh.",
            4,
            ["Aa bb.", "Cc dd.", "Ee ff.", "Gg hh."],
        ),  # each sentence by itself, as the model knows them
    ],
)
def test_a_long_text_is_cut_at_the_best_place(text: str, max_tokens: int, parts: list[str]) -> None:
    assert [segment.text for segment in split(text, words, max_tokens)] == parts


def test_text_without_spaces_is_cut_after_its_own_signs() -> None:
    parts = split("这是一句话。那是另一句话，很长。", characters, 10)
    assert [segment.text for segment in parts] == ["这是一句话。", "那是另一句话，很长。"]


def test_a_word_over_the_limit_is_cut_between_characters() -> None:
    parts = split("abcdefghij", characters, 4)
    assert "".join(segment.text for segment in parts) == "abcdefghij"
    assert all(len(segment.ids) <= 4 for segment in parts)


def test_a_mark_stays_with_its_letter() -> None:
    assert [segment.text for segment in split("aae\u0301ee", characters, 4)] == ["aae\u0301", "ee"]


def test_nothing_but_white_space_at_the_cuts_is_taken_away() -> None:
    text = "One two,  three. Four; five six\tseven eight – nine ten? Eleven…"
    for max_tokens in range(1, 8):
        parts = split(text, words, max_tokens)
        assert "".join(segment.gap + segment.text for segment in parts) == text
        assert all(1 <= len(segment.ids) <= max_tokens for segment in parts)


def test_a_very_long_line_is_cut_in_reasonable_time() -> None:
    parts = split("word " * 20_000 + "end", words, 100)
    assert sum(len(segment.ids) for segment in parts) == 20_001


@pytest.mark.parametrize(
    ("parts", "gaps", "joined"),
    [
        (["Eins.", "Zwei."], ["", " "], "Eins. Zwei."),
        (["Eins.", "Zwei."], ["", ""], "Eins. Zwei."),  # the source wrote no space there
        (["Eins.", "Zwei."], ["", "  "], "Eins.  Zwei."),
        (["一。", "二。"], ["", " "], "一。二。"),  # the target writes none
        (["", "Zwei."], ["", " "], "Zwei."),
    ],
)
def test_parts_are_joined_as_the_target_language_does(parts: list[str], gaps: list[str], joined: str) -> None:
    assert join(parts, gaps) == joined
