"""What the doctor says: findings, how serious each is, and what would cure it."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How much a finding matters for training."""

    INFO = "info"
    """Normal, and good to know."""

    NOTABLE = "notable"
    """Costs quality; worth curing."""

    SERIOUS = "serious"
    """Do not train before looking at it."""


class Kind(NamedTuple):
    """One sort of finding."""

    what: str
    """What was counted, in words."""

    cure: str
    """The setting, or what to do by hand."""

    notable: float
    """Share of the pairs from which on it is notable; 0 is any, 2 never."""

    serious: float
    """Share from which on it is serious."""


STEPS = "data.cleaning.steps: "
"""How a cure by steps of cleaning begins; a list follows."""

COVERAGE = "tokenizer.character_coverage: 1.0, or, where they are noise, the step characters with forbidden: ..."


def step(name: str) -> str:
    """The setting that cures a finding by a step of cleaning."""
    return f"{STEPS}[{name}]"


_NEVER = 2.0
_BY_HAND = "by hand: "

KINDS: dict[str, Kind] = {
    "unequal_counts": Kind(
        "lines that only one of the two files has",
        f"{_BY_HAND}look where the alignment drifts first, and restore the line that is missing or remove the other",
        0,
        0,
    ),
    "drift": Kind(
        "pairs in a stretch where the lines do not seem to translate each other",
        f"{_BY_HAND}look at the first pair named and around it; a line was lost, split or added there",
        0,
        0.005,
    ),
    "empty": Kind("pairs with an empty side", "none needed: mtkit always drops them", 0.005, 0.1),
    "copied": Kind("pairs whose target is the source, copied", step("identical"), 0.01, 0.1),
    "mojibake": Kind("pairs with text that was decoded wrongly (Ã¼ for ü)", step("mojibake"), 0.0005, 0.02),
    "replacement": Kind(
        "pairs in which a character was lost (U+FFFD)", step('{characters: {forbidden: "\ufffd"}}'), 0.0005, 0.02
    ),
    "entities": Kind("pairs with HTML entities (&amp;)", step("entities"), 0.001, 0.02),
    "zero_width": Kind("pairs with invisible characters", step("invisible"), 0.001, _NEVER),
    "control": Kind("pairs with control characters or stray line separators", step("invisible"), 0.001, 0.1),
    "mixed_line_ends": Kind(
        r"lines that end in \r\n, in files that have both kinds of line ends",
        r"none needed: mtkit takes both; sed -i 's/\r$//' FILE makes them one kind",
        0,
        _NEVER,
    ),
    "byte_order_mark": Kind("files that begin with a byte order mark", "none needed: mtkit skips it", _NEVER, _NEVER),
    "duplicates": Kind("pairs that occurred before, exactly", step("duplicate"), 0.1, 0.5),
    "near_duplicates": Kind(
        "pairs that occurred before except for case, digits, spaces and punctuation",
        step("near_duplicate"),
        0.1,
        _NEVER,
    ),
    "long": Kind("pairs with a side of more than 1,000 characters", step("length"), 0.01, 0.1),
    "ratio": Kind("pairs whose lengths do not fit each other", step("ratio"), 0.01, 0.05),
    "wrong_language_src": Kind("sources in another language", step("language"), 0.005, 0.05),
    "wrong_language_tgt": Kind("targets in another language", step("language"), 0.005, 0.05),
    "wrong_script_src": Kind("sources in another script", step("script"), 0.002, 0.02),
    "wrong_script_tgt": Kind("targets in another script", step("script"), 0.002, 0.02),
    "numbers": Kind("pairs whose numbers differ", step("numbers"), 0.08, _NEVER),
    "urls": Kind("pairs whose web or mail addresses differ", step("urls"), 0.01, _NEVER),
    "placeholders": Kind("pairs whose placeholders ({name}, %s) differ", step("placeholders"), 0.005, 0.1),
    "tags": Kind("pairs whose markup tags differ", step("tags"), 0.005, 0.1),
    "repeated": Kind("pairs with a phrase repeated four times or more in a row", step("repeated"), 0.001, 0.05),
    "leaked_pairs": Kind("pairs of a held-out set that are in training, exactly", step("leakage"), 0, 0.01),
    "leaked_near_pairs": Kind(
        "more pairs of a held-out set that are in training except for case, digits, spaces and punctuation",
        step("{leakage: {near: true}}"),
        0.005,
        0.05,
    ),
    "leaked_sources": Kind(
        "more sources of a held-out set that are in training with other targets", step("leakage"), 0.02, 0.2
    ),
    "leaked_near_sources": Kind(
        "more sources of a held-out set that are in training with other targets, except for case, digits, spaces and "
        "punctuation",
        step("{leakage: {near: true}}"),
        0.05,
        _NEVER,
    ),
    "uncovered_src": Kind(
        "source characters that the tokenizer has no piece for",
        COVERAGE,
        0.001,
        0.02,
    ),
    "uncovered_tgt": Kind(
        "target characters that the tokenizer has no piece for",
        COVERAGE,
        0.001,
        0.02,
    ),
}


@dataclass(frozen=True)
class Sample:
    """A pair that shows a finding."""

    source: str
    """Name of the source."""

    pair: int
    """Number of the pair in that source, counted from 1."""

    src: str
    tgt: str
    """Shortened; what cannot be seen is spelt out."""

    note: str = ""
    """What is wrong with it, where that is not plain to see."""


@dataclass(frozen=True)
class Finding:
    """Something seen in the corpus."""

    name: str
    """A key of ``KINDS``."""

    count: int
    share: float
    """Share of the pairs of training, or of what ``of`` names; 0 to 1."""

    of: str
    samples: list[Sample] = field(default_factory=list)
    by_source: dict[str, int] = field(default_factory=dict)
    """Count in each source that has any, where that is known."""

    remark: str = ""
    """What else there is to say of it: how it was counted, or where it lies."""

    by_hand: str = ""
    """What to do instead of the usual cure."""

    places: list[tuple[str, str]] = field(default_factory=list)
    """Leaked pairs: that of training and that of the held-out set, as NAME:PAIR, counted from 1."""

    @property
    def severity(self) -> Severity:
        """Severity by the share."""
        kind = KINDS[self.name]
        if self.share >= kind.serious:
            return Severity.SERIOUS
        return Severity.NOTABLE if self.share >= kind.notable else Severity.INFO

    @property
    def what(self) -> str:
        """What was counted."""
        return KINDS[self.name].what

    @property
    def cure(self) -> str:
        """The setting that would cure it, or what to do by hand."""
        return f"{_BY_HAND}{self.by_hand}" if self.by_hand else KINDS[self.name].cure


_MAX_SHOWN = 160
_CODE = re.compile(r"\\u[0-9a-f]{4}|\\U[0-9a-f]{8}")  # as Python spells them: what follows is text


def shown(text: str) -> str:
    """A segment as it is shown: at most a line or two long, with what cannot be seen spelt out.

    A no-break space between words is seen as a space, and French has many; alone it is spelt out.
    """
    text = text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or (_is_space(c) and c != text) else _spelt(c) for c in text)


def names_of_unseen(samples: Sequence[Sample]) -> list[str]:
    r"""What the codes in samples stand for, such as ``\u200b is a zero width space``, each once."""
    codes = dict.fromkeys(code for sample in samples for code in _CODE.findall(f"{sample.src} {sample.tgt}"))
    named = ((code, unicodedata.name(chr(int(code[2:], 16)), "")) for code in codes)
    return [f"{code} is {_with_article(name.lower() or 'control character')}" for code, name in named]


def _spelt(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """The most serious first, within that those with the largest share."""
    rank = list(reversed(Severity))
    return sorted(findings, key=lambda finding: (rank.index(finding.severity), -finding.share, finding.name))
