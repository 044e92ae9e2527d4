"""What training changed: the same lines translated before and after it, scored, with how certain the differences are.

Before and after are two systems on one test set, so that the paired bootstrap (Koehn, 2004) says more than the
intervals of each: where the interval of the difference holds zero, nothing is known to have changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mtkit.evaluation.certainty.comparison import LEAST_SEGMENTS, SIGNIFICANT
from mtkit.evaluation.certainty.significance import measure_certainty
from mtkit.evaluation.metrics.metrics import DEFAULT_METRICS, decimals_of, score_and_count
from mtkit.evaluation.metrics.scorers import ScoringSettings
from mtkit.files.shapes import shaped
from mtkit.machine.workers import Workers

Kind = Literal["new", "validation", "old"]
"""A test set of the new corpus, its validation set, or a test set that the model had before."""

_KINDS: dict[Kind, str] = {"new": "test set", "validation": "validation set", "old": "old test set"}


MARK = "(*)"
"""Behind a set of few lines."""


@dataclass(frozen=True)
class Difference:
    """One metric before and after, over one set."""

    metric: str
    name: str
    """Published name of the metric."""

    before: float
    after: float
    low: float
    """2.5 % of the resampled differences are lower."""

    high: float
    """2.5 % of them are higher."""

    p_value: float
    signature: str

    @property
    def difference(self) -> float:
        """Points gained; lost where negative."""
        return self.after - self.before


@dataclass(frozen=True)
class SetDifference:
    """What changed on one set."""

    set: str
    """Its name."""

    kind: Kind
    n_lines: int
    """Lines that were translated both before and after."""

    n_lines_of_set: int
    differences: list[Difference]

    @property
    def is_rough(self) -> bool:
        """Whether there are so few lines that the intervals are rough."""
        return self.n_lines < LEAST_SEGMENTS

    def lost(self) -> bool:
        """Whether a metric is lower than before by more than chance, and none higher, however few the lines are."""
        certain = [each.difference for each in self.differences if each.p_value < SIGNIFICANT]
        return min(certain, default=0) < 0 and max(certain, default=0) <= 0

    def title(self) -> str:
        """What set it is, such as ``old test set flickr, 500 of 1,000 lines``."""
        name = "" if self.kind == "validation" else f" {self.set}"
        of_all = "" if self.n_lines == self.n_lines_of_set else f" of {self.n_lines_of_set:,}"
        mark = f" {MARK}" if self.is_rough else ""
        return f"{_KINDS[self.kind]}{name}, {self.n_lines:,}{of_all} lines{mark}"


@dataclass(frozen=True)
class BeforeAfter:
    """What training changed in a model that existed."""

    base: str
    """The model before, as it was named."""

    weights: str
    """Sha256 of its weights."""

    sets: list[SetDifference]

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Any) -> "BeforeAfter":
        """Inverse of ``as_json``.

        Raises:
            ValueError: If it is something else.
        """
        return shaped(cls, plain)

    def lines(self) -> Iterator[str]:
        """The table, for a terminal."""
        rows = [(each.title(), each.differences) for each in self.sets]
        width = max((len(title) for title, _ in rows), default=0)
        yield f"before and after, from {self.base}:"
        yield f"  {'':{width}}  {'':6} {'before':>8} {'after':>8}   difference (95 % interval)"
        for title, differences in rows:
            for number, each in enumerate(differences):
                n = decimals_of(each.metric)
                change = f"{each.difference:+.{n}f} ({each.low:+.{n}f} to {each.high:+.{n}f})"
                values = f"{each.before:8.{n}f} {each.after:8.{n}f}   {change}"
                yield f"  {title * (number == 0):{width}}  {each.name:6} {values}"
        if (note := self.footnote()) is not None:
            yield f"  {note}"

    def footnote(self) -> str | None:
        """What the mark behind small sets means; None where there are none."""
        if not any(each.is_rough for each in self.sets):
            return None
        return f"{MARK} fewer than {LEAST_SEGMENTS} lines: the interval is rough"


def comparison_in(metadata: Mapping[str, Any]) -> BeforeAfter | None:
    """The comparison that a model's manifest holds; None where it holds none, or not one of this version."""
    try:
        return None if metadata.get(KEY) is None else BeforeAfter.from_json(metadata[KEY])
    except ValueError:
        return None


KEY = "comparison"
"""Where it stands in a model's manifest."""


def differences_of(
    before: Sequence[str], after: Sequence[str], ref_text: Sequence[str], *, tgt_lang: str
) -> list[Difference]:
    """Score two translations of the same lines, and resample their difference.

    Args:
        before: One translation per line.
        after: As many.
        ref_text: The references of the lines.
        tgt_lang: Code of their language; chooses BLEU's tokenizer.
    """
    settings = ScoringSettings(DEFAULT_METRICS, tgt_lang)
    with Workers(1) as workers:
        counts = [score_and_count(hyp, [ref_text], settings, workers)[1] for hyp in (before, after)]
    certainty = measure_certainty(
        [("before", counts[0]), ("after", counts[1])], settings.scorers(1), test="bs", confidence=False
    )
    found = []
    for each in certainty.comparisons:
        assert each.interval is not None
        values = each.baseline_value, each.value, each.interval.low, each.interval.high, each.p_value
        found.append(Difference(each.metric, each.name, *values, certainty.signatures[each.metric]))
    return found
