import pytest

from mtkit.files.numbers import number_in


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-0.5", -0.5), ("+.5", 0.5), ("7.", 7), (" 1e3\r", 1000), ("2.5E-3", 0.0025), ("INF", float("inf"))],
)
def test_numbers_are_what_other_programs_take_for_numbers(text: str, value: float) -> None:
    assert number_in(text) == value


@pytest.mark.parametrize("text", ["", "1_000", "٣", "１２", "0x10", "true", "1,5", "1 2", ".", "e3", "infinit"])
def test_what_python_alone_or_nobody_reads_is_not_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        number_in(text)
