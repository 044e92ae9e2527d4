"""Text as a person may see it: what would steer a terminal, or show letters in another order, is spelt out."""

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
