import sys

import pytest

from mtkit.data.cleaning.filters import HeldOut, Leakage, keys, not_empty, pair_filter
from mtkit.data.sources.pairs import Pairs
from mtkit.errors import ConfigError, DataError
from mtkit.languages import identification as language
from mtkit.settings.cleaning import StepConfig

GERMAN = "Der schnelle braune Fuchs springt über den faulen Hund und läuft davon."
ENGLISH = "The quick brown fox jumps over the lazy dog and runs away into the woods."


def kept(step: object, src: str, tgt: str, score: float | None = None) -> bool:
    """Whether one pair stays, judged alone and between others."""
    keep = pair_filter(StepConfig.model_validate(step), "en", "de")
    (alone,) = keep(Pairs([src], [tgt], None if score is None else [score]))
    among = keep(Pairs(["b b", src, "c"], ["b", tgt, "c c"], None if score is None else [0.0, score, 1.0]))
    assert len(among) == 3
    assert among[1] == alone
    return alone


@pytest.mark.parametrize(
    ("step", "src", "tgt", "expected"),
    [
        ({"length": {"max_words": 3}}, "a b c", "a", True),
        ({"length": {"max_words": 3}}, "a", "a b c d", False),
        ({"length": {"min_words": 2}}, "a b", "a b", True),
        ({"length": {"min_words": 2}}, "a b", "a", False),
        ({"length": {"min_characters": 3}}, "abc", "abc", True),
        ({"length": {"min_characters": 3}}, "ab", "abc", False),
        ({"length": {"max_characters": 4}}, "abcd", "äöüß", True),
        ({"length": {"max_characters": 4}}, "abcd", "äöüße", False),
        ({"length": {"max_characters": None, "max_words": None}}, "a " * 9_999, "a", True),
        ("length", "a " * 151, "a", False),
        ({"ratio": {"max": 3}}, "ab", "abcdef", True),
        ({"ratio": {"max": 3}}, "ab", "abcdefg", False),
        ({"ratio": {"max": 3}}, "abcdefg", "ab", False),
        ({"ratio": {"max": 2, "unit": "words"}}, "a b", "one two three four", True),
        ({"ratio": {"max": 2, "unit": "words"}}, "a", "one two three", False),
        ("identical", "Hamburg", "Hamburch", True),
        ("identical", "STRASSE ", "straße", False),
        ("language", ENGLISH, GERMAN, True),
        ("language", ENGLISH, ENGLISH, False),
        ("language", GERMAN, GERMAN, False),
        ("language", "Tom.", "Ja.", True),
        ("script", "Hello, Мир", "Привет all of you", True),
        ("script", "Hello", "Привет, Tom", False),
        ("script", "123", "…", True),
        ({"script": {"tgt_scripts": ["cyrillic"]}}, "Hello", "Привет", True),
        ({"script": {"tgt_scripts": ["cyrillic"]}}, "Hello", "Hallo", False),
        ({"characters": {"min_letters": 0.5}}, "ab 12", "äb  --", True),
        ({"characters": {"min_letters": 0.5}}, "ab 123", "äb", False),
        ({"characters": {"min_letters": 1}}, "हिन्दी", "ि a\u0301", True),
        ({"characters": {"min_letters": 0, "max_digits": 0.5}}, "a1", "b2", True),
        ({"characters": {"min_letters": 0, "max_digits": 0.5}}, "a12", "b2", False),
        ({"characters": {"min_letters": 0, "max_punctuation": 0.5}}, "a!", "€b", True),
        ({"characters": {"min_letters": 0, "max_punctuation": 0.5}}, "a!", "€+b", False),
        ({"characters": {"forbidden": "|#"}}, "ab", "cd", True),
        ({"characters": {"forbidden": "|#"}}, "ab", "c#d", False),
        ("repeated", "no no no, never", "nein nein nein", True),
        ("repeated", "fine", "ja ja ja ja", False),
        ({"repeated": {"max": 1}}, "on and on and off", "x", False),
        ({"repeated": {"max": 1, "max_words": 1}}, "on and on and off", "x", True),
        ("numbers", "1,000 of 2", "2 von 1.000", True),
        ("numbers", "1,000 of 2", "2 von 1.001", False),
        ("urls", "see http://a.b/c.", "siehe http://a.b/c", True),
        ("urls", "see http://a.b/c.", "siehe dort", False),
        ("placeholders", "%s of {n}", "{n} mal %s", True),
        ("placeholders", "%s of {n}", "{m} mal %s", False),
        ("tags", "<b>so</b> what", "na <b>und</b>", True),
        ("tags", "<b>so</b> what", "na <i>und</i>", False),
    ],
)
def test_filters_keep_and_drop(step: object, src: str, tgt: str, expected: bool) -> None:
    assert kept(step, src, tgt) == expected


@pytest.mark.parametrize(
    ("limits", "score", "expected"),
    [
        ({"min": 0.5}, 0.5, True),
        ({"min": 0.5}, 0.49, False),
        ({"max": 0.5}, 0.5, True),
        ({"max": 0.5}, 0.51, False),
        ({"min": 0, "max": 1}, float("nan"), False),
        ({"min": 0}, float("inf"), True),
    ],
)
def test_scores_are_held_against_the_limits(limits: dict[str, float], score: float, expected: bool) -> None:
    assert kept({"score": limits}, "a", "b", score) == expected


def test_a_source_without_scores_is_refused() -> None:
    with pytest.raises(DataError, match="say where it is with score:"):
        kept({"score": {"min": 0}}, "a", "b")


@pytest.mark.parametrize(
    ("src", "tgt", "expected"), [("a", "b", True), ("", "b", False), ("a", " \u2028\t", False), ("\u200b", "b", True)]
)
def test_white_space_alone_is_empty(src: str, tgt: str, expected: bool) -> None:
    assert not_empty(Pairs([src], [tgt])) == [expected]


TEST_SET = [Pairs(["Hello, world!", "Yes.", ""], ["Hallo, Welt!", "Ja.", "Leer"]), Pairs(["Two."], ["Zwei."])]


@pytest.mark.parametrize(
    ("by", "near", "src", "tgt", "expected"),
    [
        ("either", False, "Yes.", "Doch.", False),
        ("either", False, "Of course.", "Ja.", False),
        ("either", False, "Yes", "Ja", True),
        ("either", True, "YES", "Doch.", False),
        ("either", False, "x", "Leer", True),  # its source is empty: no pair
        ("src", False, "Of course.", "Ja.", True),
        ("src", False, "Yes.", "Doch.", False),
        ("tgt", False, "Yes.", "Doch.", True),
        ("tgt", False, "Of course.", "Ja.", False),
        ("pair", False, "Yes.", "Zwei.", True),
        ("pair", False, "Two.", "Zwei.", False),
        ("pair", True, "hello world", "HALLO - WELT", False),
    ],
)
def test_leakage_compares_with_what_is_held_out(by: str, near: bool, src: str, tgt: str, expected: bool) -> None:
    leakage = Leakage(by, HeldOut.of(TEST_SET, near=near))  # type: ignore[arg-type]
    assert leakage(Pairs([src, "never seen"], [tgt, "nie gesehen"])) == [expected, True]


def test_nothing_leaks_where_nothing_is_held_out() -> None:
    assert Leakage("either", HeldOut.of([], near=False))(Pairs(["a"], ["b"])) == [True]


def test_the_border_between_the_sides_counts() -> None:
    pairs = Pairs(["a b", "a", "ab", "a"], ["c", "b c", "c", "bc"])
    assert len(set(keys(pairs, "pair", near=False))) == 4
    assert len(set(keys(pairs, "pair", near=True))) == 2
    assert len(set(keys(pairs, "src", near=False))) == 3
    assert len(set(keys(pairs, "tgt", near=True))) == 2


def test_a_language_of_unknown_script_must_be_told() -> None:
    with pytest.raises(ConfigError, match=r"how tlh is written; add tgt_scripts: \[LATIN\]"):
        pair_filter(StepConfig.model_validate("script"), "en", "tlh")


def test_a_language_that_cannot_be_told_is_refused() -> None:
    with pytest.raises(ConfigError, match="the step language cannot identify tlh"):
        pair_filter(StepConfig.model_validate("language"), "en", "tlh")


def test_languages_without_the_library_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    language._identifier.cache_clear()
    with pytest.raises(DataError, match=r"pip install 'mtkit\[langid\]'"):
        pair_filter(StepConfig.model_validate("language"), "en", "de")
    language._identifier.cache_clear()
