import pytest

from mtkit.translation.texts import as_texts


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("One text.", r"^hyps: expected a list of texts, not one text; write \[text\]$"),
        (b"bytes", "^hyps: expected a list of texts, not bytes$"),
        (None, "^hyps: expected a list of texts, not NoneType$"),
        (5, "^hyps: expected a list of texts, not int$"),
        (["a", None], r"^hyps\[1\]: a text \(str\) is wanted, not NoneType$"),
        ([b"a"], r"^hyps\[0\]: a text \(str\) is wanted, not bytes$"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(texts: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        as_texts(texts, "hyps")


def test_texts_may_come_from_anything_that_can_be_iterated_over() -> None:
    for texts in (["a", ""], ("a", ""), (text for text in ["a", ""]), {"a": 1, "": 2}):
        assert as_texts(texts, "texts") == ["a", ""]
    assert as_texts(iter(()), "texts") == []
