import pytest

from mtkit.languages.scripts import script_of, script_of_letter, scripts_of


@pytest.mark.parametrize(
    ("character", "script"),
    [
        ("a", "LATIN"),
        ("ß", "LATIN"),
        ("Ａ", "LATIN"),  # full-width
        ("ﾊ", "KATAKANA"),  # half-width
        ("ж", "CYRILLIC"),
        ("中", "CJK"),
        ("ひ", "HIRAGANA"),
        ("한", "HANGUL"),
        ("7", None),
        (" ", None),
        ("\u0301", None),
    ],
)
def test_a_letter_has_the_script_of_its_name(character: str, script: str | None) -> None:
    assert script_of_letter(character) == script


def test_most_letters_decide() -> None:
    assert script_of("aaa жз") == "LATIN"  # each letter as often as it stands there
    assert script_of("ab жзи") == "CYRILLIC"
    assert script_of("Ελλάδα 2004 EU") == "GREEK"
    assert [script_of(text) for text in ("", "12 !", "٣٤")] == [None, None, None]


def test_a_language_is_known_by_any_form_of_its_code() -> None:
    assert scripts_of("de") == scripts_of("de-AT") == scripts_of("DE_de") == {"LATIN"}
    assert scripts_of("sr") == {"LATIN", "CYRILLIC"}
    assert scripts_of("ja") == {"HIRAGANA", "KATAKANA", "CJK"}
    assert scripts_of("tlh") is None
