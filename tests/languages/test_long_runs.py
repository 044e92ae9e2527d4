"""Runs of anything, as damaged files hold them: what takes the square of their length would not end here."""

from collections.abc import Callable

import pytest

from mtkit.data.cleaning import normalisers, traits
from mtkit.data.sources.pairs import one_line
from mtkit.languages.scripts import script_of
from mtkit.languages.sentences import sentences
from mtkit.translation.segmentation import Limits, split

_N = 200_000
_UNITS = [
    " ",
    "\t\r",
    ".",
    "?!",
    "…",
    "।",
    "。",
    ",",
    "a",
    "0",
    "%0",
    "%1",
    "a@",
    ".@a",
    "-",
    "$",
    "{",
    "<a",
    "&",
    "&amp;",
]
_UNITS += ["amp;", '."', ". ", "A. ", "Mr. ", "\u0315\u0300", "\u00ad", "😀", "中", "e\u0301"]


def one_token_a_letter(texts: list[str]) -> list[list[int]]:
    return [[1] * len(text) for text in texts]


def in_parts(text: str) -> object:
    return split([text.strip()], one_token_a_letter, Limits(1, 50, 100))  # type: ignore[arg-type]


_LOOKS: dict[str, Callable[[str], object]] = {
    look.__name__: look
    for look in (
        *(traits.numbers, traits.urls, traits.tags, traits.placeholders, traits.entities, traits.visible),
        *(traits.near_key, traits.has_mojibake, script_of, traits.repetitions),
        *(normalisers.nfc, normalisers.nfkc, normalisers.spaces, normalisers.entities, one_line, sentences, in_parts),
    )
}


@pytest.mark.parametrize("look", _LOOKS)
def test_a_long_run_of_anything_takes_no_longer_than_its_length(look: str) -> None:
    n = _N // 10 if look == "in_parts" else _N
    for unit in _UNITS:
        run = (unit * n)[:n]
        for text in (run, f"%{run}x", f"{run}\nx", f"{run}x\n", f"x@y.z %s {run} &"):
            _LOOKS[look](text)


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_accents_in_any_order_become_the_same_normal_form(form: str) -> None:
    import random
    import unicodedata

    draw = random.Random(1)
    for _ in range(50):
        marks = ["".join(draw.choices("\u0315\u0300\u0301\u0327\u0344\u05b4\u1dca\u20d0☃", k=40)) for _ in "ab"]
        text = "a{}ö{}".format(*marks)
        normalised = traits.normalised(form, text)  # type: ignore[arg-type]
        assert normalised == unicodedata.normalize(form, text)  # type: ignore[arg-type]


def test_a_placeholder_and_an_address_are_found_as_before() -> None:
    assert traits.placeholders("%s %1$d %05.2f %-10s {name} %(x)s 100%") == sorted(
        ["%s", "%1$d", "%05.2f", "%-10s", "{name}", "%(x)s"]
    )
    assert traits.urls("Mail a.b+c@d-e.org, or see https://x.org/y.") == ["a.b+c@d-e.org", "https://x.org/y"]
    assert traits.numbers("٣" * 5_000) == ["3" * 5_000]


def test_what_was_escaped_many_times_is_one_character() -> None:
    assert normalisers.entities("&" + "amp;" * 10_000 + "lt;") == "<"
    assert normalisers.entities("&amp;#38;#x26;AMP;quot;") == '"'


def test_a_line_break_takes_the_blanks_around_it() -> None:
    assert one_line("a \t\r\n \n b  c\nd ") == "a b  c d"
