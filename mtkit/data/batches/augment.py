"""Text changed at random: case, the sign at the end, slips of the keyboard, words dropped, moved and masked.

Every function takes its randomness from ``draw.random()`` alone, whose sequence Python guarantees for a seed.
"""

from random import Random

from mtkit.settings.sampling import MASK, CasingConfig, NoiseConfig

_FULL_STOPS = (".", "。", "।", "۔", "．")
_NO_SPACE_AFTER = ("。", "！", "？", "；", "：", "」", "』", "】", "．")
_MIN_TYPO_LETTERS = 4


def joined(first: str, second: str) -> str:
    """Two segments as one."""
    return first + ("" if first.endswith(_NO_SPACE_AFTER) else " ") + second


def recased(src: str, tgt: str, draw: Random, config: CasingConfig) -> tuple[str, str]:
    """A pair in capitals, in title case, with a source in small letters, or as it is."""
    chance = draw.random()
    if chance < config.upper:
        return src.upper(), tgt.upper()
    if chance < config.upper + config.title:
        return _title(src), _title(tgt)
    if chance < config.upper + config.title + config.lower:
        return src.lower(), tgt
    return src, tgt


def _title(text: str) -> str:
    # str.title would write "Don'T" and take the capitals out of "NATO".
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def without_full_stop(src: str, tgt: str) -> tuple[str, str]:
    """A pair without the full stop at the end, where both sides have one and something before it; else as it is."""
    a, b = src.rstrip(), tgt.rstrip()
    if a.endswith(_FULL_STOPS) and b.endswith(_FULL_STOPS) and not a.endswith("..") and not b.endswith(".."):
        a, b = a[:-1].rstrip(), b[:-1].rstrip()
        if a and b:
            return a, b
    return src, tgt


def with_typos(text: str, draw: Random, share: float) -> str:
    """Give about ``share`` of the words of four letters or more one slip each."""
    return " ".join(
        _with_typo(word, draw) if _letters(word) >= _MIN_TYPO_LETTERS and draw.random() < share else word
        for word in text.split(" ")
    )


def _letters(word: str) -> int:
    return sum(map(str.isalpha, word))


def _with_typo(word: str, draw: Random) -> str:
    """Swap a letter with the next one, double it, or leave it out."""
    places = [i for i in range(len(word) - 1) if word[i].isalpha() and word[i + 1].isalpha()]
    if not places:
        return word
    at = places[below(len(places), draw)]
    before, letter, following, after = word[:at], word[at], word[at + 1], word[at + 2 :]
    changed = (following + letter, letter + letter + following, following)
    return before + changed[below(3, draw)] + after


def noised(text: str, draw: Random, config: NoiseConfig) -> str:
    """Words dropped, the others moved by at most ``config.swap`` places, some masked (Lample et al. 2018)."""
    words = text.split()
    kept = [word for word in words if draw.random() >= config.drop]
    if words and not kept:
        kept = [words[below(len(words), draw)]]
    # Of i + u with u below k + 1 none passes another that stands more than k places away.
    keys = [i + (config.swap + 1) * draw.random() for i in range(len(kept))]
    moved = [kept[i] for i in sorted(range(len(kept)), key=keys.__getitem__)]
    return " ".join(MASK if draw.random() < config.mask else word for word in moved)


def below(n: int, draw: Random) -> int:
    """A number below ``n``, all equally likely."""
    return min(int(draw.random() * n), n - 1)
