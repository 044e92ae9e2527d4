"""Words as the analyses count them: between spaces, punctuation by itself, single characters where none part words."""

import re

# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana and Han.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# A hyphen, apostrophe, full stop or comma inside a word belongs to it: don't, 1,000, E-Mail.
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+(?:[-'’.,][^\W{_UNSPACED}]+)*|[^\w\s]")


def words(text: str) -> list[str]:
    """The words and the punctuation marks of a line, in their own case."""
    return _WORD.findall(text)


def count_of(text: str) -> int:
    """How many words a line has; punctuation marks are none."""
    return sum(map(is_word, words(text)))


def is_word(word: str) -> bool:
    """Whether it is more than a punctuation mark."""
    return any(map(str.isalnum, word))
