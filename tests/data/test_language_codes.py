import pytest

from mtkit.data.language_codes import warn_of


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    warn_of.cache_clear()


@pytest.mark.parametrize("code", ["en", "deu", "zh-Hant", "pt-BR", "sr_Latn", "xx", "num", "ca-valencia"])
def test_a_code_is_taken_without_a_word(code: str, caplog: pytest.LogCaptureFixture) -> None:
    warn_of(code)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("english", "; did you mean en?"),
        ("Ukrainian", "; did you mean uk?"),
        ("EN", "; did you mean en?"),
        ("deutsch", ", such as en, deu or pt-BR"),
        ("e", ", such as en, deu or pt-BR"),
    ],
)
def test_a_name_is_warned_of_once(name: str, hint: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        warn_of(name)
    assert caplog.messages == [f"{name} is no language code: steps that need the language do not know it{hint}"]
