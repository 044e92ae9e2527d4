import pytest

from mtkit.evaluation.language_codes import base_language, language_mistake
from mtkit.evaluation.scorers import bleu_tokenizer


@pytest.mark.parametrize(
    ("code", "expected"),
    [("de", "de"), ("zh-TW", "zh"), ("zh_Hant", "zh"), ("zho", "zh"), ("ger", "de"), ("KOR", "ko"), ("kmr", "kmr")],
)
def test_codes_of_three_letters_and_with_regions_are_understood(code: str, expected: str) -> None:
    assert base_language(code) == expected
    assert language_mistake(code) is None


def test_three_letters_choose_the_tokenizer() -> None:
    assert [bleu_tokenizer(code) for code in ("zho", "cmn", "jpn", "kor", "deu")] == [
        "zh", "zh", "ja-mecab", "ko-mecab", "13a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("cn", "cn is no language code: did you mean zh?"),
        ("English", "English is no language code: did you mean en?"),
        ("xx", "xx is no language code; there are en, de, zh, ..."),
        ("klingon", "klingon is no language code; there are en, de, zh, ..."),
    ],
)
def test_what_is_no_code_is_told(code: str, expected: str) -> None:
    assert language_mistake(code) == expected
