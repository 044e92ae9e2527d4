import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtkit.data.cleaning.normalisers import normaliser
from mtkit.errors import DataError

NAMES = ["nfc", "nfkc", "quotes", "spaces", "entities", "mojibake", "invisible"]
SEGMENTS = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))
# What random characters hardly ever make: entities, escaped ones, and UTF-8 read as something else.
PIECES = st.lists(
    st.sampled_from(
        ["&", "amp;", "lt;", "#10;", "#xD800;", "#38;", "NewLine;", "Ã¼", "â€œ", "Â\xa0", "\xad", "\x85", "ﬁ"]
    )
)


def normalised(name: str, text: str) -> str:
    function = normaliser(name)
    assert function is not None
    return function(text)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("nfc", "u\u0308ber ﬁn", "über ﬁn"),
        ("nfkc", "u\u0308ber ﬁn Ａ…", "über fin A..."),
        ("quotes", "„Ja“, «oui», ‘it’s’ ‚so‘ ´s", "\"Ja\", \"oui\", 'it's' 'so' 's"),
        ("quotes", "5′ 10″ – …", "5′ 10″ – …"),
        ("spaces", " a\t b\xa0\u2009c\u3000 \u2028d ", "a b c d"),
        ("spaces", "\u200b", "\u200b"),
        ("entities", "AT&amp;T &quot;x&quot; &#39;y&#x27; &uuml;", "AT&T \"x\" 'y' ü"),
        ("entities", "&amp;amp;lt;", "<"),
        ("entities", "AT&T &copy &nosuch; a&b;c R&D; ?a=1&copy=2", "AT&T &copy &nosuch; a&b;c R&D; ?a=1&copy=2"),
        ("entities", "a&#10;b&NewLine;c", "a b c"),
        ("mojibake", "schÃ¶n, â€œfÃ¼râ€\x9d", "schön, “für”"),
        ("mojibake", "schön, Ärger, 50 £", "schön, Ärger, 50 £"),
        ("mojibake", "a&amp;b", "a&amp;b"),
        ("invisible", "\ufeffso\xadft\u200b \u200etext\x00\x07", "soft text"),
        ("invisible", "a\u2028b\x85c\x0bd\re", "a b c d e"),
        ("invisible", "tab\there 👩\u200d🚀", "tab\there 👩\u200d🚀"),
    ],
)
def test_normalisers_change_what_they_are_for(name: str, text: str, expected: str) -> None:
    assert normalised(name, text) == expected


@pytest.mark.parametrize("name", NAMES)
@given(text=st.one_of(SEGMENTS, PIECES.map("".join)))
def test_a_second_time_changes_nothing_and_a_segment_stays_one_line(name: str, text: str) -> None:
    once = normalised(name, text)
    assert normalised(name, once) == once
    assert "\n" not in once
    assert once.encode().decode() == once


def test_filters_are_no_normalisers() -> None:
    assert normaliser("length") is None


def test_without_its_library_a_step_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from mtkit.data.cleaning import normalisers

    monkeypatch.setitem(sys.modules, "ftfy", None)
    normalisers._fix_encoding.cache_clear()
    with pytest.raises(DataError, match=r"pip install 'mtkit\[repair\]'"):
        normaliser("mojibake")
    normalisers._fix_encoding.cache_clear()
