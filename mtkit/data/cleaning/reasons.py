"""Why training pairs are dropped: the verdicts, what they are called, and those that need the numbers of tokens.

Each pair has one verdict, one byte: 0 keeps it, any other is the first reason that applies. Up to ``len(REASONS)`` they
are the reasons of every recipe, counted from 1; from ``FIRST_STEP`` on, the steps of this one.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtkit.settings.cleaning import CleaningConfig

REASONS = ("empty", "duplicate", "too_long", "length_ratio")
EMPTY, DUPLICATE, TOO_LONG, LENGTH_RATIO, FIRST_STEP = range(1, 6)
N_VERDICTS = 256

N_SAMPLES = 3
"""Dropped pairs that are kept for the report, for each reason and source."""

_SHOWN = 300
"""Characters of a segment that a sample shows."""

Verdicts = NDArray[np.uint8]


class Sample(NamedTuple):
    """A pair that was dropped."""

    row: int
    """Place of the pair, counted from 0."""

    src: str
    tgt: str

    @classmethod
    def of(cls, row: int, src: str, tgt: str) -> "Sample":
        """A sample for a person to read: long segments are cut."""
        return cls(row, *(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…" for text in (src, tgt)))


def length_verdicts(src_lengths: NDArray[np.int32], tgt_lengths: NDArray[np.int32], config: CleaningConfig) -> Verdicts:
    """Verdicts that need the numbers of tokens.

    Args:
        src_lengths: Source tokens of each pair, (n,), without begin and end of sentence.
        tgt_lengths: Target tokens.
        config: The limits; a pair exactly at one is kept.

    Returns:
        uint8 (n,).
    """
    longer, shorter = np.maximum(src_lengths, tgt_lengths), np.minimum(src_lengths, tgt_lengths)
    return np.select(
        [shorter == 0, longer > config.max_tokens, longer > config.max_ratio * shorter],
        [np.uint8(EMPTY), np.uint8(TOO_LONG), np.uint8(LENGTH_RATIO)],
        default=np.uint8(0),
    )


def drop_report(counts: NDArray[np.int64], labels: Mapping[int, str]) -> dict[str, int]:
    """Pairs that each reason dropped, from the number of pairs with each verdict; unused reasons are left out.

    Args:
        counts: Pairs with each verdict, (``N_VERDICTS``,).
        labels: What the verdicts of the steps are called.
    """
    dropped: dict[str, int] = {}
    for verdict, label in (dict(enumerate(REASONS, start=1)) | dict(labels)).items():
        if counts[verdict]:
            dropped[label] = dropped.get(label, 0) + int(counts[verdict])
    return dropped
