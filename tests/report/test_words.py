import pytest

from mtkit.report.words import is_word, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Don't pay 1,000 Euro!", ["Don't", "pay", "1,000", "Euro", "!"]),
        ("E-Mail -- «so».", ["E-Mail", "-", "-", "«", "so", "»", "."]),
        ("我有3个。", ["我", "有", "3", "个", "。"]),
        ("a\u2028b\u0085c", ["a", "b", "c"]),
    ],
)
def test_words_are_cut_as_a_reader_would(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_punctuation_mark_is_no_word() -> None:
    assert [is_word(each) for each in ("a", "3", "我", "!", "--")] == [True, True, True, False, False]
