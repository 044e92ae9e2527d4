import pytest

from mtkit.languages.matching import closeness, is_swapped, side_of


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        ("en", "en", 2),
        ("en", "EN", 2),
        ("pt-BR", "pt_br", 2),
        ("en", "en-US", 1),
        ("en-US", "en", 1),
        ("zh", "zh-Hans-CN", 1),
        ("en-US", "en-GB", 0),
        ("pt-BR", "pt-PT", 0),
        ("en", "eng", 0),
        ("en", "", 0),
        ("en", "de", 0),
    ],
)
def test_a_code_answers_to_its_own_language(wanted: str, given: str, expected: int) -> None:
    assert closeness(wanted, given) == expected


def test_the_closer_side_has_a_language_that_answers_to_both() -> None:
    assert side_of("en-GB", ("en", "en-GB")) == (1, 2)
    assert side_of("en-US", ("en", "en-GB")) == (0, 1)
    assert side_of("fr", ("en", "de"))[1] == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("en-US", "de"), False),
        (("de-DE", "en"), True),
        (("en", None), False),
        (("de", None), True),
        ((None, "en"), True),
        ((None, None), False),
        (("en", "fr"), None),
        (("fr", None), None),
    ],
)
def test_a_file_may_go_the_other_way(given: tuple[str | None, str | None], expected: bool | None) -> None:
    assert is_swapped(given, ("en", "de")) is expected
