import pytest

from mtkit.translation.texts import as_texts


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("One text.", r"^hyps: expected a list of texts, not one text; write \[text\]$"),
        (b"bytes", "^hyps: expected a list of texts, not bytes$"),
        (None, "^hyps: expected a list of texts, not NoneType$"),
        (5, "^hyps: expected a list of texts, not int$"),
        (["a", None], r"^hyps\[1\]: expected a text \(str\), not NoneType$"),
        ([b"a"], r"^hyps\[0\]: expected a text \(str\), not bytes$"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(texts: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        as_texts(texts, "hyps")


def test_texts_may_come_from_anything_that_can_be_iterated_over() -> None:
    for texts in (["a", ""], ("a", ""), (text for text in ["a", ""]), {"a": 1, "": 2}):
        assert as_texts(texts, "texts") == ["a", ""]
    assert as_texts(iter(()), "texts") == []


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^texts\[1\]: half of a surrogate pair at character 2$"):
        as_texts(["a", "b\ud83d"], "texts")
