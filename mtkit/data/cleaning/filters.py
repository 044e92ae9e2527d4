"""Steps that drop pairs: each says of every pair of a chunk whether it stays."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

import numpy as np
import xxhash
from numpy.typing import NDArray

from mtkit.data.cleaning import traits
from mtkit.data.sources.pairs import Pairs
from mtkit.errors import ConfigError, DataError
from mtkit.languages.identification import is_known, languages, same_language
from mtkit.languages.scripts import script_of, scripts_of
from mtkit.settings.cleaning import (
    By,
    CharactersStep,
    LanguageStep,
    LengthStep,
    RatioStep,
    RepeatedStep,
    ScoreStep,
    ScriptStep,
    StepConfig,
)

Filter = Callable[[Pairs], list[bool]]
"""True for each pair that stays."""

_TRAITS = {
    "numbers": traits.numbers,
    "urls": traits.urls,
    "placeholders": traits.placeholders,
    "tags": traits.tags,
}
"""What both sides must have in common, by the name of the step."""

_SIDES: tuple[By, By, By] = ("src", "tgt", "pair")


def pair_filter(step: StepConfig, src_lang: str, tgt_lang: str) -> Filter:
    """The step of a configuration, where it needs nothing but the pairs themselves.

    Raises:
        ConfigError: If it does not know a language.
        DataError: If it needs a library that is not installed.
    """
    match step.parameters:
        case LengthStep() as limits:
            return partial(length, limits=limits)
        case RatioStep() as limits:
            return partial(ratio, limits=limits)
        case LanguageStep() as limits:
            for code in (src_lang, tgt_lang):
                if not is_known(code):
                    raise ConfigError(f"the step language cannot identify {code}; leave it out, or use script instead")
            return partial(language, limits=limits, src_lang=src_lang, tgt_lang=tgt_lang)
        case ScriptStep() as limits:
            src_scripts = _scripts(limits.src_scripts, src_lang, "src_scripts")
            return partial(
                script, src_scripts=src_scripts, tgt_scripts=_scripts(limits.tgt_scripts, tgt_lang, "tgt_scripts")
            )
        case CharactersStep() as limits:
            return partial(characters, limits=limits)
        case RepeatedStep() as limits:
            return partial(repeated, limits=limits)
        case ScoreStep() as limits:
            return partial(score, limits=limits)
    if step.name == "identical":
        return identical
    return partial(alike, trait=_TRAITS[step.name])


def not_empty(pairs: Pairs) -> list[bool]:
    """Pairs with something other than white space on both sides."""
    return [bool(s and t and not s.isspace() and not t.isspace()) for s, t in zip(pairs.src, pairs.tgt, strict=True)]


def length(pairs: Pairs, limits: LengthStep) -> list[bool]:
    """Pairs with both sides within the limits; a side exactly at one is kept."""
    most_characters, most_words = limits.max_characters or float("inf"), limits.max_words or float("inf")
    fits = [
        [
            limits.min_characters <= len(segment) <= most_characters
            and limits.min_words <= len(segment.split()) <= most_words
            for segment in side
        ]
        for side in (pairs.src, pairs.tgt)
    ]
    return [s and t for s, t in zip(*fits, strict=True)]


def ratio(pairs: Pairs, limits: RatioStep) -> list[bool]:
    """Pairs whose longer side is at most so many times as long as the shorter."""
    size = {"characters": len, "words": _n_words}[limits.unit]
    sizes = zip(map(size, pairs.src), map(size, pairs.tgt), strict=True)
    return [max(s, t) <= limits.max * min(s, t) for s, t in sizes]


def identical(pairs: Pairs) -> list[bool]:
    """Pairs whose sides differ in more than case and the white space around them."""
    return [s.strip().casefold() != t.strip().casefold() for s, t in zip(pairs.src, pairs.tgt, strict=True)]


def language(pairs: Pairs, limits: LanguageStep, src_lang: str, tgt_lang: str) -> list[bool]:
    """Pairs without a side that is surely in another language."""
    keep = _in_language(pairs.src, src_lang, limits.min_probability)
    so_far = [i for i, kept in enumerate(keep) if kept]
    for i, kept in zip(
        so_far, _in_language([pairs.tgt[i] for i in so_far], tgt_lang, limits.min_probability), strict=True
    ):
        keep[i] = kept
    return keep


def script(pairs: Pairs, src_scripts: set[str], tgt_scripts: set[str]) -> list[bool]:
    """Pairs whose sides are mostly in these scripts, as far as they have letters."""
    return [
        (script_of(s) or "") in src_scripts | {""} and (script_of(t) or "") in tgt_scripts | {""}
        for s, t in zip(pairs.src, pairs.tgt, strict=True)
    ]


def characters(pairs: Pairs, limits: CharactersStep) -> list[bool]:
    """Pairs with both sides made of what is allowed."""
    forbidden = set(limits.forbidden)
    return [_allowed(s, limits, forbidden) and _allowed(t, limits, forbidden) for s, t in _zipped(pairs)]


def repeated(pairs: Pairs, limits: RepeatedStep) -> list[bool]:
    """Pairs without a phrase that stands too often in a row."""
    return [
        traits.repetitions(s, limits.max_words) <= limits.max and traits.repetitions(t, limits.max_words) <= limits.max
        for s, t in _zipped(pairs)
    ]


def alike(pairs: Pairs, trait: Callable[[str], list[str]]) -> list[bool]:
    """Pairs whose sides have something in common."""
    return [trait(s) == trait(t) for s, t in _zipped(pairs)]


def score(pairs: Pairs, limits: ScoreStep) -> list[bool]:
    """Pairs whose score is within the limits; one that is not a number is within none.

    Raises:
        DataError: If the source gives no scores.
    """
    if pairs.scores is None:
        raise DataError(
            "the step score needs the score of each pair; say where it is with score:, or leave the step out"
        )
    least = -float("inf") if limits.min is None else limits.min
    most = float("inf") if limits.max is None else limits.max
    return [least <= value <= most for value in pairs.scores]


@dataclass(frozen=True)
class HeldOut:
    """What stands in validation and test sets: sorted 64-bit hashes of sources, targets and pairs."""

    src: NDArray[np.uint64]
    tgt: NDArray[np.uint64]
    pair: NDArray[np.uint64]
    near: bool
    """Whether the hashes are of the letters alone."""

    @classmethod
    def of(cls, chunks: Iterable[Pairs], *, near: bool) -> "HeldOut":
        """Hash some pairs; those with an empty side are left out, as they are in training."""
        found: list[list[NDArray[np.uint64]]] = [[], [], []]
        for pairs in chunks:
            full = np.array(not_empty(pairs), dtype=bool)
            for hashes, side in zip(found, _SIDES, strict=True):
                hashes.append(hashes_of(pairs, side, near=near)[full])
        src, tgt, pair = (np.unique(np.concatenate([*hashes, np.empty(0, np.uint64)])) for hashes in found)
        return cls(src, tgt, pair, near)

    def of_side(self, side: By) -> NDArray[np.uint64]:
        """The hashes of one side, or of both together."""
        return (self.src, self.tgt, self.pair)[_SIDES.index(side)]


@dataclass(frozen=True)
class Leakage:
    """Keeps pairs that are not among those held out."""

    by: Literal["either", "pair", "src", "tgt"]
    held_out: HeldOut

    def __call__(self, pairs: Pairs) -> list[bool]:
        """Which pairs stay."""
        sides: tuple[By, ...] = ("src", "tgt") if self.by == "either" else (self.by,)
        leaked = np.zeros(len(pairs.src), dtype=bool)
        for side in sides:
            leaked |= np.isin(hashes_of(pairs, side, near=self.held_out.near), self.held_out.of_side(side))
        return (~leaked).tolist()


def keys(pairs: Pairs, by: By, *, near: bool) -> Iterator[bytes]:
    """What must be alike for pairs to count as the same, as bytes."""
    if by != "pair":
        side = pairs.of_side(0 if by == "src" else 1)
        return (segment.encode() for segment in (map(traits.near_key, side) if near else side))
    if near:
        return (f"{traits.near_key(s)}\n{traits.near_key(t)}".encode() for s, t in _zipped(pairs))
    # A segment holds no line feed, so that joining the sides with one is unambiguous.
    return (f"{s}\n{t}".encode() for s, t in _zipped(pairs))


def hashes_of(pairs: Pairs, by: By, *, near: bool) -> NDArray[np.uint64]:
    """64-bit hashes of what must be alike for pairs to count as the same, uint64 (n,)."""
    digest = xxhash.xxh3_64_intdigest
    return np.fromiter(map(digest, keys(pairs, by, near=near)), dtype=np.uint64, count=len(pairs.src))


def _zipped(pairs: Pairs) -> Iterator[tuple[str, str]]:
    return zip(pairs.src, pairs.tgt, strict=True)


def _n_words(segment: str) -> int:
    return len(segment.split())


def _in_language(segments: list[str], code: str, min_probability: float) -> list[bool]:
    return [probability < min_probability or same_language(found, code) for found, probability in languages(segments)]


def _scripts(given: list[str] | None, code: str, setting: str) -> set[str]:
    scripts = scripts_of(code) if given is None else {name.upper() for name in given}
    if scripts is None:
        raise ConfigError(f"the step script does not know how {code} is written; add {setting}: [LATIN], or another")
    return scripts


def _allowed(text: str, limits: CharactersStep, forbidden: set[str]) -> bool:
    if forbidden and not forbidden.isdisjoint(text):
        return False
    if text.isascii() and text.isalpha():
        return limits.min_letters <= 1
    counts: Counter[str] = Counter()
    for character, n in Counter(text).items():
        counts[_kind(character)] += n
    n = counts.total() - counts[" "]
    return (
        counts["L"] >= limits.min_letters * n
        and counts["N"] <= limits.max_digits * n
        and counts["P"] <= limits.max_punctuation * n
    )


@lru_cache(maxsize=1 << 16)
def _kind(character: str) -> str:
    """L for letters and their marks, N for digits, P for punctuation and symbols, a space for white space."""
    if character.isspace():
        return " "
    major = unicodedata.category(character)[0]
    return {"M": "L", "S": "P"}.get(major, major)
