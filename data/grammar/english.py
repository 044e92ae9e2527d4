"""English inflection for the sample corpus: articles, plurals, verbs, numbers and clock times.

Agreement is one of "I", "you", "he" (also she, it and any singular noun) and "they" (also we and any plural noun).
"""

from dataclasses import dataclass

_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
    *("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
)
_UNITS, _TENS = _NUMBERS[:20], _NUMBERS[20:]
BE = {"I": "am", "you": "are", "he": "is", "they": "are"}
WAS = {"I": "was", "you": "were", "he": "was", "they": "were"}
_NO_DOUBLING = ("open", "visit", "order", "answer", "listen", "deliver", "remember", "prepare", "explain")


def with_article(phrase: str) -> str:
    """Return the phrase with "a" or "an" before it, by sound."""
    vowel = phrase[0].lower() in "aeiou" and not phrase.startswith(("uni", "use", "European", "one"))
    return ("an " if vowel or phrase.startswith(("hour", "honest")) else "a ") + phrase


def plural(noun: str) -> str:
    """Return the regular plural of a noun."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def possessive(name: str) -> str:
    """Return the English genitive: "Anna's", "my parents'"."""
    is_plural = name.endswith("s") and not name.endswith("ss") and not name[0].isupper()
    return name + ("'" if is_plural else "'s")


@dataclass(frozen=True)
class EnglishVerb:
    """A verb; in a phrasal verb such as "pick up" the first word is inflected; ``past``, ``participle`` are whole."""

    base: str
    past: str
    participle: str

    @property
    def third(self) -> str:
        """The present after he, she, it."""
        head, space, rest = self.base.partition(" ")
        if head == "have":
            return "has" + space + rest
        return ("goes" if head == "go" else "does" if head == "do" else plural(head)) + space + rest

    @property
    def ing(self) -> str:
        """The present participle."""
        head, space, rest = self.base.partition(" ")
        if head.endswith("ie"):
            head = head[:-2] + "y"
        elif head.endswith("e") and not head.endswith("ee"):
            head = head[:-1]
        elif _doubles(head):
            head += head[-1]
        return f"{head}ing{space}{rest}"


def _doubles(head: str) -> bool:
    """Whether the last consonant doubles before -ing: sit, run, forget, but not wait or open."""
    short = len(head) >= 3 and head[-1] in "bdglmnprt" and head[-2] in "aeiou" and head[-3] not in "aeiou"
    return short and head not in _NO_DOUBLING


def cardinal(number: int) -> str:
    """Return a number from 0 to 999 in words."""
    if number >= 100:
        rest = f" and {cardinal(number % 100)}" if number % 100 else ""
        return f"{_UNITS[number // 100]} hundred{rest}"
    if number < 20:
        return _UNITS[number]
    ten, unit = _TENS[number // 10 - 2], number % 10
    return f"{ten}-{_UNITS[unit]}" if unit else ten


def clock(hour: int, minute: int) -> str:
    """Return a time of day in words, hours 1 to 12: (3, 30) is "half past three"."""
    if minute == 0:
        return f"{cardinal(hour)} o'clock"
    words = {15: "a quarter", 45: "a quarter", 30: "half"}
    if minute <= 30:
        return f"{words.get(minute, cardinal(minute))} past {cardinal(hour)}"
    return f"{words.get(minute, cardinal(60 - minute))} to {cardinal(hour % 12 + 1)}"
