"""Which language of a file is the one that a recipe means: en, EN, en-US and en_us are the same language."""

from functools import lru_cache

EXACT = 2


@lru_cache(maxsize=4096)
def closeness(wanted: str, given: str) -> int:
    """How well a language of a file answers to a code of the recipe.

    Returns:
        ``EXACT`` for the same code, whatever its case; 1 where one code says more than the other, as en-US says more
        than en; 0 for another language, or for another region or script of it.
    """
    one, other = (code.strip().lower().replace("_", "-").split("-") for code in (wanted, given))
    if one == other:
        return EXACT
    n = min(len(one), len(other))
    return int(one[:n] == other[:n])


@lru_cache(maxsize=4096)
def side_of(given: str, languages: tuple[str, str]) -> tuple[int, int]:
    """The side that a language of a file belongs to, 0 source or 1 target, and its ``closeness`` there.

    Where it answers to both, as en-GB does in a recipe from en to en-GB, the closer one has it.
    """
    src, tgt = (closeness(wanted, given) for wanted in languages)
    return (0, src) if src >= tgt else (1, tgt)


def is_swapped(given: tuple[str | None, str | None], languages: tuple[str, str]) -> bool | None:
    """Whether a file in two languages goes the other way than the recipe; None where it is in others.

    A language that the file does not name may be any.
    """

    def answer(wanted: tuple[str, str]) -> bool:
        return all(code is None or closeness(name, code) for name, code in zip(wanted, given, strict=True))

    return False if answer(languages) else True if answer((languages[1], languages[0])) else None
