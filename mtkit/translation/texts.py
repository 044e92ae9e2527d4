"""What callers in Python give as texts, checked at the door."""

from collections.abc import Iterable


def as_texts(texts: object, name: str) -> list[str]:
    """A list of any texts that can be iterated over.

    Args:
        texts: Not one text: that would be taken for its letters.
        name: Name of the argument, for errors.

    Raises:
        TypeError: If it is one text, or holds anything else than texts.
        ValueError: If a text holds half of a surrogate pair, which is not a character.
    """
    kind = type(texts).__name__
    if isinstance(texts, str):
        raise TypeError(f"{name}: expected a list of texts, not one text; write [text]")
    if isinstance(texts, bytes | bytearray) or not isinstance(texts, Iterable):
        raise TypeError(f"{name}: expected a list of texts, not {kind}")
    found = list(texts)
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{number}]: expected a text (str), not {type(text).__name__}")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{name}[{number}]: half of a surrogate pair at character {error.start + 1}") from None
    return found
