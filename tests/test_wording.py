import pytest

from mtkit.wording import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with ümlauts and 漢字 and عربى", "plain, with ümlauts and 漢字 and عربى"),
        ("lines\nand\ttabs stay", "lines\nand\ttabs stay"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("over\rwritten\b\b \x00\x7f", "over\\x0dwritten\\x08\\x08 \\x00\\u007f"),
        ("\x9b31m \x9d0;title\x9c \x85", "\\u009b31m \\u009d0;title\\u009c \\u0085"),
        ("gpj.\u202eexe \u2066a\u2069", "gpj.\\u202eexe \\u2066a\\u2069"),
        ("marks of direction \u200f\u200e stay", "marks of direction \u200f\u200e stay"),
    ],
)
def test_what_steers_a_terminal_is_spelt_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown
