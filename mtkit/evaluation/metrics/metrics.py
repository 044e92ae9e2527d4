"""Corpus scores, nearly all of them sacreBLEU's, each with the signature that makes it comparable (Post, 2018).

Polarity: BLEU, spBLEU, chrF, chrF++, exact match and ROUGE run from 0 to 100, higher is better. TER counts edits per
100 reference words: 0 is perfect, lower is better, and it can exceed 100. The length ratio is best near 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEUScore
from sacrebleu.metrics.ter import TERScore

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics.counting import Counts, count
from mtkit.evaluation.metrics.line_means import ROUGE_METRICS, each_of
from mtkit.evaluation.metrics.scorers import COUNTED_METRICS, ScoringSettings, bleu_tokenizer, make_scorer, meant
from mtkit.evaluation.pitfalls.checks import Text, check_aligned
from mtkit.files.shapes import shaped
from mtkit.machine.workers import Workers
from mtkit.settings.evaluation import EvaluationConfig
from mtkit.version import __version__

METRICS = (*COUNTED_METRICS, "length")
DEFAULT_METRICS: Sequence[str] = tuple(EvaluationConfig().metrics)
"""Metrics used by default: not TER, which takes minutes on long segments and on the output of untrained models."""


@dataclass(frozen=True)
class BleuDetails:
    """What BLEU is made of: BLEU = brevity_penalty * geometric mean of the precisions (Papineni et al., 2002)."""

    brevity_penalty: float
    """exp(1 - ref_length / hyp_length) where the output is shorter than the reference, else 1."""

    length_ratio: float
    """hyp_length / ref_length; 0 where the references are empty."""

    hyp_length: int
    """Words, as BLEU's tokenizer cuts them."""

    ref_length: int
    """Words; with several references, of the one closest in length to each output line."""

    precisions: tuple[float, ...]
    """Precisions of 1- to 4-grams, in percent."""


@dataclass(frozen=True)
class TerDetails:
    """What TER is made of: TER = 100 * n_edits / ref_length (Snover et al., 2006)."""

    n_edits: float
    """Insertions, deletions, substitutions and shifts that turn the output into the closest reference."""

    ref_length: float
    """Words, averaged over the references."""


@dataclass(frozen=True)
class Interval:
    """The 95 % confidence interval of a score, by bootstrap over the segments (Koehn, 2004)."""

    low: float
    """2.5 % of the samples score lower."""

    high: float
    """2.5 % of the samples score higher."""

    mean: float
    """Mean of the score over the samples; sacreBLEU's μ."""

    n_samples: int

    @property
    def half_width(self) -> float:
        """What sacreBLEU prints after ±."""
        return (self.high - self.low) / 2

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self) | {"half_width": self.half_width}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Interval":
        """Inverse of ``as_json``."""
        return cls(plain["low"], plain["high"], plain["mean"], plain["n_samples"])


@dataclass(frozen=True)
class Score:
    """One metric's value over a corpus."""

    metric: str
    """Name on the command line: one of ``METRICS``, or comet."""

    name: str
    """Published name, such as BLEU, chrF2, chrF2++, TER, spBLEU, exact match, ROUGE-L, length ratio, COMET."""

    value: float
    """Value in the metric's polarity: see ``higher_is_better``."""

    signature: str
    """sacreBLEU's, at full length, or of its kind."""

    details: BleuDetails | TerDetails | None = None
    interval: Interval | None = None

    @property
    def higher_is_better(self) -> bool | None:
        """False for TER; None for the length ratio, which is neither."""
        return None if self.metric == "length" else self.metric != "ter"

    def as_json(self) -> dict[str, object]:
        """Plain values: metric, name, value, signature, polarity, and the details beside them."""
        plain: dict[str, object] = {
            "metric": self.metric,
            "name": self.name,
            "value": self.value,
            "signature": self.signature,
            "higher_is_better": self.higher_is_better,
        }
        plain |= asdict(self.details) if self.details else {}
        return plain | ({"confidence": self.interval.as_json()} if self.interval else {})

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Score":
        """Inverse of ``as_json``.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: If it is something else.
        """
        kinds: dict[str, type[BleuDetails | TerDetails]] = {
            "bleu": BleuDetails,
            "spbleu": BleuDetails,
            "ter": TerDetails,
        }
        kind = kinds.get(plain["metric"])
        values = {f.name: plain[f.name] for f in fields(kind)} if kind else {}
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        details = kind(**values) if kind else None
        confidence = plain.get("confidence", {})
        interval = Interval.from_json(confidence) if "low" in confidence else None  # of an older mtkit: no bounds
        found = cls(plain["metric"], plain["name"], plain["value"], plain["signature"], details, interval)
        return shaped(cls, asdict(found))


def decimals_of(metric: str, decimals: int = 2) -> int:
    """How many decimals a value is shown with: the length ratio and COMET, which are near 1, get four at least."""
    return max(decimals, 4) if metric in ("length", "comet") else decimals


def score(
    hyp_text: Sequence[str],
    ref_texts: Sequence[Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    tgt_lang: str | None = None,
    tokenize: str | None = None,
    lowercase: bool = False,
) -> list[Score]:
    """Score a corpus against one or more references, in this process.

    Args:
        hyp_text: One translation per segment, detokenised, without line ends.
        ref_texts: One list per reference, each as long as ``hyp_text``. Of references that fit equally well chrF takes
            the first, so that their order can move it by some thousandths.
        metrics: Names out of ``METRICS``.
        tgt_lang: Code of the target language (``zh``, ``zh-TW``); chooses the tokenizer.
        tokenize: sacreBLEU tokenizer for BLEU, over the choice by language.
        lowercase: Ignore case in BLEU and chrF. TER always does, as TERCOM did.

    Returns:
        One score per metric, in the order of ``metrics``.

    Raises:
        ConfigError: If a metric or a tokenizer is unknown or lacks its package.
        DataError: If there is nothing to score or the numbers of segments differ.
    """
    with Workers(1) as workers:
        return score_and_count(hyp_text, ref_texts, ScoringSettings(metrics, tgt_lang, tokenize, lowercase), workers)[0]


def score_and_count(
    hyp_text: Sequence[str], ref_texts: Sequence[Sequence[str]], settings: ScoringSettings, workers: Workers
) -> tuple[list[Score], dict[str, Counts]]:
    """The scores, as ``score`` gives them, and their counts; in several processes where that is faster.

    Returns:
        The scores, and by metric the counts of every segment; the length ratio has none.
    """
    check_aligned(
        [Text("the output", hyp_text), *(Text(f"reference {n}", lines) for n, lines in enumerate(ref_texts, 1))]
    )
    if not ref_texts:
        raise DataError("nothing to score against: no reference was given")
    chosen = _known(settings.metrics)
    if not hyp_text:
        raise DataError("nothing to score: the test set has no lines")
    scorers = settings.scorers(len(ref_texts))
    counts = {metric: count(scorer, hyp_text, ref_texts, workers) for metric, scorer in scorers.items()}
    scores = []
    for metric in chosen:
        if metric == "length":
            scores.append(_length_ratio(hyp_text, ref_texts))
        else:
            scores.append(_score(metric, scorers[metric], counts[metric]))
    return scores, counts


def check_metrics(
    metrics: Sequence[str], *, tgt_lang: str | None = None, tokenize: str | None = None
) -> tuple[str, ...]:
    """Make sure that the metrics can be computed, before hours are spent on what they should score.

    ``score`` counts characters where the tokenizer of a language is not installed. Here that is an error: what is
    compared with a number from elsewhere, or must reach one, needs the tokenizer that the other number had.

    Returns:
        The metrics, each once.

    Raises:
        ConfigError: If a metric or a tokenizer is unknown or lacks its package.
    """
    for metric in _known(metrics):
        if metric in ("bleu", "spbleu", *ROUGE_METRICS):  # the only ones that can lack something
            make_scorer(metric, tgt_lang=tgt_lang, tokenize=bleu_tokenizer(tgt_lang, tokenize), lowercase=False)
    return _known(metrics)


def _known(metrics: Sequence[str]) -> tuple[str, ...]:
    """The metrics, as ``each_of`` has them."""
    for metric in (metrics := each_of(metrics)):
        if metric not in METRICS:
            raise ConfigError(f"unknown metric {metric!r}{meant(metric, METRICS)} There are {', '.join(METRICS)}")
    return tuple(metrics)


def _score(metric: str, scorer: Metric, counts: Counts) -> Score:
    """A metric that counts line by line, by what it counted."""
    result = scorer._aggregate_and_compute(counts)
    details: BleuDetails | TerDetails | None = None
    if isinstance(result, BLEUScore):
        details = BleuDetails(result.bp, result.ratio, result.sys_len, result.ref_len, tuple(result.precisions))
    elif isinstance(result, TERScore):
        details = TerDetails(result.num_edits, result.ref_length)
    name = "spBLEU" if metric == "spbleu" else result.name
    return Score(metric, name, float(result.score), str(scorer.get_signature()), details)


def _length_ratio(hyp_text: Sequence[str], ref_texts: Sequence[Sequence[str]]) -> Score:
    """Characters of the output per character of the reference, the references' mean where there are several."""
    n_ref = sum(sum(map(len, lines)) for lines in ref_texts) / len(ref_texts)
    ratio = sum(map(len, hyp_text)) / n_ref if n_ref else 0.0
    return Score("length", "length ratio", ratio, f"nrefs:{len(ref_texts)}|unit:char|version:mtkit-{__version__}")
