"""Whether a translation holds all that its source does, as far as that can be told without understanding either."""

import unicodedata
from collections import Counter
from collections.abc import Sequence

from mtkit.data.cleaning.traits import placeholders, tags, urls
from mtkit.data.corpus.source_lines import SourceLines

_SHORT = 0.5  # of the usual length: less than that and something is missing
_LONG_ENOUGH = 10  # source tokens from which on lengths tell that


def is_short(n_src_tokens: int, n_tgt_tokens: int, lines: SourceLines | None) -> bool:
    """Whether so few target tokens are hardly all that the source says.

    Args:
        n_src_tokens: Tokens of the source.
        n_tgt_tokens: Tokens of its translation.
        lines: What the model was trained on; None where that is not known.
    """
    usual = 1.0 if lines is None else lines.tgt_per_src
    return n_src_tokens >= _LONG_ENOUGH and n_tgt_tokens < _SHORT * usual * n_src_tokens


def missing(source: str, translation: str, unread: Sequence[str] = ()) -> list[str]:
    """What of a source has to stand in its translation as it is, and does not.

    That is placeholders, markup, addresses, symbols such as emoji, and what the model cannot read.

    Args:
        source: The source.
        translation: Its translation.
        unread: Characters of the source that are unknown to the model.

    Returns:
        Each once; of each kind in alphabetical order.
    """
    # 50 % d'accord: where a space follows the sign it is most often a percentage.
    literal = [item for item in placeholders(source) if not item.startswith("% ")]
    literal += [*tags(source), *urls(source), *_symbols(source)]
    if not literal and not unread:
        return literal
    lacking = [item for item, n in Counter(literal).items() if translation.count(item) < n]
    unseen = [item for item in unread if item not in translation and not any(item in each for each in lacking)]
    return lacking + unseen


def _symbols(text: str) -> list[str]:
    """Signs that are not letters, digits, punctuation, currencies or operators: emoji, arrows, hearts."""
    if text.isascii():
        return []
    return sorted(character for character in text if unicodedata.category(character) == "So")
