"""Words for a person: numbers with their units, and text whose characters cannot steer a terminal."""

import difflib
from collections.abc import Iterable


def bytes_shown(n: float) -> str:
    """``1536000`` as ``1.5 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(n) < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


def duration_shown(seconds: float) -> str:
    """``3725`` as ``1h02m``; ``65`` as ``1m05s``; ``4.2`` as ``4.2s``."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def parameters_shown(n: int) -> str:
    """``61.4 million parameters``; of small models ``39.6 thousand parameters`` or ``912 parameters``."""
    for size, word in ((10**6, "million"), (10**3, "thousand")):
        if round(n / size, 1) >= 1:
            return f"{n / size:.1f} {word} parameters"
    return counted(n, "parameter")


def counted(n: float, noun: str) -> str:
    """``1 line``, ``2,000 lines``, ``2.5 minutes``."""
    number = f"{n:,}" if isinstance(n, int) else f"{n:g}"
    return f"{number} {noun}" if n == 1 else f"{number} {noun}s"


_LONGEST_NAME = 100


def name_shown(name: str) -> str:
    """A name out of a file of unknown origin: as it is, or quoted and cut where it is long or not all visible."""
    return name if name.isprintable() and len(name) <= _LONGEST_NAME else f"{name!r:.60}"


_N_NEAR = 3


def near_shown(name: str, known: Iterable[str], otherwise: str) -> str:
    """The end of a message about a name that does not exist: what it may have been meant to be, else what there is."""
    close = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=_N_NEAR, cutoff=0.6)
    return f"; near it: {', '.join(close)}" if close else f"; {otherwise}"


_STEERING = [*range(0x20), *range(0x7F, 0xA0)]
"""The control characters, C0, DEL and C1: they move the cursor, rename the window, delete what was shown."""


_TURNING = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
"""They let what follows be shown in another order than it has. Marks of direction, which Arabic and Hebrew text needs,
cannot."""


_SPELT = {code: f"\\x{code:02x}" if code < 0x7F else f"\\u{code:04x}" for code in (*_STEERING, *_TURNING)}


del _SPELT[ord("\n")], _SPELT[ord("\t")]


def visible(text: str) -> str:
    r"""A text with control characters and overrides of direction spelt out, ``\x1b`` or ``\u202e``; lines stay."""
    return text if text.isascii() and text.isprintable() else text.translate(_SPELT)
