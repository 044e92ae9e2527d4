"""What can be seen of some pairs by themselves; pure, so that chunks can be looked at side by side in any order."""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtkit.data.cleaning import traits
from mtkit.data.sources.pairs import Pairs
from mtkit.doctor.leakage import Leaks, load_held_out, pair_hashes
from mtkit.languages.scripts import script_of

N_SAMPLES = 3
"""Pairs that show each finding."""

FEATURES = np.dtype([("src", "<u2"), ("tgt", "<u2"), ("src_mask", "<u8"), ("tgt_mask", "<u8")])
"""Characters of both sides, up to 65,535, and the signs of both sides: what alignment and lengths are judged by."""

MAX_LENGTH = int(np.iinfo(np.uint16).max)
LONG = 1_000
MANY_REPETITIONS = 4

_LEAF = 16
_SIGN = re.compile(r"[A-ZÀ-ÖØ-Þ\u0386-\u03ab\u0400-\u042f]\w*|\d+")
# Any script but Latin: a text without these is Latin where it has letters at all.
_BEYOND_LATIN = re.compile("[\u0370-\u1dff\u2c00-\ua71f\ua800-\ufaff\ufb07-\U0001d3ff\U0001d800-\U0010ffff]")


@dataclass(frozen=True)
class Chunk:
    """Some pairs of one source, in order."""

    source: int
    """Number of the source."""

    first: int
    """Pairs of that source before these."""

    src: list[str]
    tgt: list[str]

    rows: NDArray[np.int64] | None = None
    """Where they stand in the files of the source, counted from 0; None where that is one behind the other."""

    def place(self, row: int) -> int:
        """Where a pair of the chunk stands in the files of the source, counted from 0."""
        return self.first + row if self.rows is None else int(self.rows[row])


@dataclass
class Hits:
    """The pairs that show one finding."""

    count: int = 0
    pairs: list[tuple[int, str]] = field(default_factory=list)
    """The first of them: row of the chunk, and what is wrong there."""


@dataclass
class Seen:
    """What was seen in a chunk."""

    chunk: Chunk
    hits: dict[str, Hits]
    features: NDArray[np.void]
    """(n,) of ``FEATURES``."""

    n_words: NDArray[np.uint16]
    """Words of both sides, (2, n)."""

    hashes: NDArray[np.uint64]
    """(n, 2): of what is alike in near duplicates, and of the pair exactly."""

    leaks: Leaks | None
    """Pairs that stand in held-out sets too."""


@dataclass(frozen=True)
class Inspection:
    """Looks at chunks."""

    scripts: tuple[frozenset[str] | None, frozenset[str] | None]
    """What source and target are written in; None where that is not known."""

    held_out: Path | None = None
    """Directory of the hashes of held-out pairs."""

    def __call__(self, chunk: Chunk) -> Seen:
        """See what there is to see."""
        hits = {name: _hits(rows) for name, rows in _rows(chunk.src, chunk.tgt).items()}
        for side, (name, scripts) in enumerate(zip(("src", "tgt"), self.scripts, strict=True)):
            if scripts is not None:
                segments = chunk.tgt if side else chunk.src
                hits[f"wrong_script_{name}"] = _hits(_wrong_script(segments, scripts))
        pairs = Pairs(chunk.src, chunk.tgt)
        hashes = pair_hashes(pairs)
        return Seen(
            chunk,
            {name: found for name, found in hits.items() if found.count},
            features=features(chunk.src, chunk.tgt),
            n_words=np.array([_n_words(chunk.src), _n_words(chunk.tgt)]),
            hashes=hashes,
            leaks=None if self.held_out is None else load_held_out(self.held_out).leaks(hashes, pairs),
        )


def _hits(rows: Sequence[tuple[int, str]]) -> Hits:
    return Hits(len(rows), list(rows[:N_SAMPLES]))


def _rows(src: list[str], tgt: list[str]) -> dict[str, list[tuple[int, str]]]:
    """Rows that show each finding that needs no more than the pair."""
    pairs = list(enumerate(zip(src, tgt, strict=True)))
    rows = {
        "empty": [(row, "") for row, (s, t) in pairs if not s or not t or s.isspace() or t.isspace()],
        "copied": [(row, "") for row, (s, t) in pairs if s == t and any(map(str.isalpha, s))],
        "long": [(row, f"{len(s):,} and {len(t):,}") for row, (s, t) in pairs if len(s) > LONG or len(t) > LONG],
    }
    for name, holds in _DAMAGE.items():
        rows[name] = [(row, "") for row in sorted({*_holding(holds, src), *_holding(holds, tgt)})]
    for name, extract in _SAME_ON_BOTH_SIDES.items():
        found = ((row, extract(s), extract(t)) for row, (s, t) in pairs)
        rows[name] = [(row, _difference(one, other)) for row, one, other in found if one != other]
    rows["repeated"] = [(row, "") for row, (s, t) in pairs if _is_repeated(s) or _is_repeated(t)]
    return rows


_DAMAGE: dict[str, Callable[[str], bool]] = {
    "mojibake": traits.has_mojibake,
    "replacement": traits.has_replacement,
    "entities": lambda text: bool(traits.entities(text)),
    "zero_width": traits.has_zero_width,
    "control": traits.has_control,
}
_SAME_ON_BOTH_SIDES: dict[str, Callable[[str], list[str]]] = {
    "numbers": traits.numbers,
    "urls": traits.urls,
    "placeholders": traits.placeholders,
    "tags": traits.tags,
}


def _holding(holds: Callable[[str], bool], segments: list[str]) -> list[int]:
    """The rows of which something holds that holds of a text when it holds of a line of it.

    Asked of all lines at once first, then of halves: most chunks have none, and one question tells.
    """
    found: list[int] = []
    stretches = [(0, len(segments))]
    while stretches:
        start, stop = stretches.pop()
        if stop - start <= _LEAF:
            found += [row for row in range(start, stop) if holds(segments[row])]
        elif holds("\n".join(segments[start:stop])):
            middle = (start + stop) // 2
            stretches += [(start, middle), (middle, stop)]
    return found


def _difference(one: list[str], other: list[str]) -> str:
    """What only the source has, and what only the target has."""
    only = [sorted((Counter(mine) - Counter(theirs)).elements()) for mine, theirs in ((one, other), (other, one))]
    return " / ".join(", ".join(side[:3]) or "-" for side in only)


def _is_repeated(text: str) -> bool:
    words = text.split()
    return len(words) - len(set(words)) >= MANY_REPETITIONS - 1 and traits.repetitions(text) >= MANY_REPETITIONS


def _wrong_script(segments: list[str], expected: frozenset[str]) -> list[tuple[int, str]]:
    """Rows whose letters are mostly of a script that the language is not written in."""
    suspects = _holding(lambda text: _BEYOND_LATIN.search(text) is not None, segments) if "LATIN" in expected else None
    rows = []
    for row in range(len(segments)) if suspects is None else sorted(suspects):
        script = script_of(segments[row])
        if script is not None and script not in expected:
            rows.append((row, script))
    return rows


def features(src: list[str], tgt: list[str]) -> NDArray[np.void]:
    """What alignment and lengths are judged by, (n,) of ``FEATURES``."""
    rows = np.empty(len(src), dtype=FEATURES)
    for name, segments in (("src", src), ("tgt", tgt)):
        rows[name] = [min(len(segment), MAX_LENGTH) for segment in segments]
        rows[f"{name}_mask"] = [_signs(segment) for segment in segments]
    return rows


def _signs(text: str) -> int:
    """The numbers and capitalised words of a segment as bits of a mask; a shared word is a shared bit."""
    mask = 0
    for word in _SIGN.findall(text):
        mask |= _bit(word)
    return mask


@lru_cache(maxsize=1 << 16)
def _bit(word: str) -> int:
    # Python's own hash of a string differs from process to process.
    return 1 << (zlib.crc32(word.encode()) & 63)


def _n_words(segments: list[str]) -> NDArray[np.uint16]:
    return np.array([min(len(segment.split()), MAX_LENGTH) for segment in segments], dtype=np.uint16)
