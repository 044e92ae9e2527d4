import pytest

from mtkit.data.sources.sources import _warn_of
from mtkit.evaluation.metrics.scorers import bleu_tokenizer
from mtkit.languages.codes import base_language, language_mistake


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
        ("cn", "cn is not a language code: did you mean zh?"),
        ("English", "English is not a language code: did you mean en?"),
        ("xx", "xx is not a language code; use en, de, zh, ..."),
        ("klingon", "klingon is not a language code; use en, de, zh, ..."),
    ],
)
def test_what_is_no_code_is_told(code: str, expected: str) -> None:
    assert language_mistake(code) == expected


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    _warn_of.cache_clear()


@pytest.mark.parametrize("code", ["en", "deu", "zh-Hant", "pt-BR", "sr_Latn", "xx", "num", "ca-valencia"])
def test_a_code_is_taken_without_a_word(code: str, caplog: pytest.LogCaptureFixture) -> None:
    _warn_of(code)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("english", "; did you mean en?"),
        ("Ukrainian", "; did you mean uk?"),
        ("cn", "; did you mean zh?"),
        ("EN", "; did you mean en?"),
        ("deutsch", ""),
        ("e", ""),
    ],
)
def test_a_name_is_warned_of_once(name: str, hint: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        _warn_of(name)
    such_as = "" if hint else " (such as en, deu or pt-BR)"
    assert caplog.messages == [f"{name} is not a language code{such_as}; steps that need the language skip it{hint}"]
