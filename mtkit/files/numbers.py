"""What a number is in a text: in a file of scores, in a field of JSON, behind an option."""

import re

_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE)


def number_in(text: str) -> float:
    """The number that a text is, as other programs would read it.

    Python alone takes more: 1_000, and the digits of all scripts. A recipe is YAML, which has forms that are not read
    here.

    Raises:
        ValueError: If it is not a number in ASCII, with blanks around it at most.
    """
    if not _NUMBER.fullmatch(text.strip(" \t\r\n")):
        raise ValueError(f"{text!r:.40} is not a number")
    return float(text)
