import subprocess
import sys

import pytest

from mtkit.languages.identification import is_known, languages, other_language, same_language

_WITHOUT = """
import sys
sys.modules["py3langid.langid"] = None  # as if it were not installed
from mtkit.languages.identification import languages, other_language
from mtkit.errors import DataError
assert other_language(["Das Wetter war so schlecht wie lange nicht."] * 50, "en") is None
try:
    languages(["a segment"])
except DataError as error:
    print(error)
"""


def test_plain_sentences_are_told_with_confidence() -> None:
    pytest.importorskip("py3langid")
    told = languages(
        [
            "The weather was so bad that we stayed at home all day.",
            "Das Wetter war so schlecht, dass wir den ganzen Tag zu Hause blieben.",
            "Il faisait si mauvais que nous sommes restés toute la journée à la maison.",
        ]
    )
    assert [language for language, _ in told] == ["en", "de", "fr"]
    assert all(0.7 <= confidence <= 1 for _, confidence in told)


def test_codes_are_known_whatever_their_region() -> None:
    pytest.importorskip("py3langid")
    assert [is_known(code) for code in ("de", "pt-BR", "sr_Latn", "num")] == [True, True, True, False]


ENGLISH = [f"The weather was so bad that we stayed at home for {n} days." for n in range(60)]
GERMAN = [f"Das Wetter war so schlecht, dass wir {n} Tage zu Hause blieben." for n in range(60)]


@pytest.mark.parametrize(
    ("segments", "expected", "other"),
    [
        (ENGLISH, "en", None),
        (GERMAN, "en", "de"),
        (GERMAN * 9, "en-GB", "de"),
        (ENGLISH + GERMAN[:50], "en", None),
        (ENGLISH[:50] + GERMAN, "en", "de"),
        (GERMAN[:19], "en", None),  # too few
        (["kurz"] * 100, "en", None),  # too short
        (GERMAN, "num", None),  # not known
    ],
)
def test_the_language_that_most_segments_are_in(segments: list[str], expected: str, other: str | None) -> None:
    pytest.importorskip("py3langid")
    assert other_language(segments, expected) == other


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("de", "de", True), ("pt-BR", "pt_PT", True), ("nb", "nn", True), ("hr", "sr", True), ("de", "nl", False)],
)
def test_close_relatives_are_not_told_apart(one: str, other: str, same: bool) -> None:
    assert same_language(one, other) is same


def test_what_is_missing_is_named() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=True)
    assert "pip install 'mtkit[langid]'" in done.stdout
