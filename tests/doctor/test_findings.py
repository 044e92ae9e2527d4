import pytest

from mtkit.doctor.findings import Sample, names_of_unseen, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("durer\u00a0? 1\u202f%", "durer\u00a0? 1\u202f%"),  # French
        ("\u00a0", "\\u00a0"),
        ("a\u200bd'importance", "a\\u200bd'importance"),
        ("tag\U000e0041 x", "tag\\U000e0041 x"),
        ("x" * 200, "x" * 159 + "…"),
    ],
)
def test_what_cannot_be_seen_is_spelt_out(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_a_code_ends_where_the_text_goes_on() -> None:
    samples = [Sample("s", 1, shown("a\u200bd\u200b20"), shown("\U000e0041ff\u0085"), "")]
    assert names_of_unseen(samples) == [
        "\\u200b is a zero width space",
        "\\U000e0041 is a tag latin capital letter a",
        "\\u0085 is a control character",
    ]
