"""How certain scores are: confidence intervals, and paired tests between systems, all sacreBLEU's own.

Paired bootstrap (Koehn, 2004) and paired approximate randomisation (Riezler and Maxwell, 2005) both ask how often
chance alone would set two systems as far apart as they are; a small p-value says: hardly ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sacrebleu.metrics.base import Metric
from sacrebleu.significance import PairedTest, Result

from mtkit.evaluation.comparison import DEFAULT_SAMPLES, Comparison, Test
from mtkit.evaluation.metrics import Interval
from mtkit.log import bytes_shown, logger

# Of what sacreBLEU counts in a segment: BLEU four orders twice and two lengths, chrF six or eight orders three times.
_NUMBERS_PER_SEGMENT = 24
_MUCH_MEMORY = 4e9


@dataclass(frozen=True)
class Certainty:
    """What resampling says of several systems on one test set."""

    intervals: list[dict[str, Interval]]
    """Of each system, by metric; empty where none were asked for."""

    signatures: dict[str, str]
    """By metric, with the number of samples and the seed."""

    comparisons: list[Comparison]


def measure_certainty(
    systems: Sequence[tuple[str, Sequence[str]]],
    ref_texts: Sequence[Sequence[str]],
    scorers: Mapping[str, Metric],
    *,
    test: Test | None = None,
    n_samples: int | None = None,
    confidence: bool = True,
) -> Certainty:
    """Resample the segments of a test set.

    Args:
        systems: Name and output of each; the first is the baseline of the paired test.
        ref_texts: One list per reference.
        scorers: sacreBLEU's metrics, by mtkit's names.
        test: The paired test; None for confidence intervals alone.
        n_samples: Samples of the bootstrap, or trials of the randomisation; by default ``DEFAULT_SAMPLES``.
        confidence: Whether confidence intervals are wanted; bootstrap gives them in any case.
    """
    n_samples = n_samples or DEFAULT_SAMPLES[test or "bs"]
    _mind_memory(n_samples, len(ref_texts[0]))
    if test is None:  # each system by itself is a test without a rival
        certainties = [_resample([system], ref_texts, scorers, "bs", n_samples) for system in systems]
        intervals = [each for certainty in certainties for each in certainty.intervals]
        return Certainty(intervals, certainties[0].signatures, [])
    n_for_intervals = DEFAULT_SAMPLES["bs"] if confidence else -1
    return _resample(systems, ref_texts, scorers, test, n_samples, n_for_intervals if test == "ar" else n_samples)


def _resample(
    systems: Sequence[tuple[str, Sequence[str]]],
    ref_texts: Sequence[Sequence[str]],
    scorers: Mapping[str, Metric],
    test: Test,
    n_samples: int,
    n_for_intervals: int | None = None,
) -> Certainty:
    """One metric after the other, so that no two hold their counts in memory."""
    intervals: list[dict[str, Interval]] = [{} for _ in systems]
    signatures: dict[str, str] = {}
    comparisons = []
    n_for_intervals = n_for_intervals or n_samples
    for metric, scorer in scorers.items():
        paired = PairedTest(
            list(systems),
            {metric: scorer},
            ref_texts,
            test_type=test,
            n_samples=n_samples,
            n_ar_confidence=n_for_intervals if test == "ar" else -1,
        )
        signature_of, results_of = paired()
        ((name, signature),) = signature_of.items()
        signatures[metric] = str(signature)
        results = [result for result in results_of[name] if isinstance(result, Result)]
        for place, result in zip(intervals, results, strict=True):
            if result.mean is not None and result.ci is not None:
                place[metric] = Interval(float(result.mean), float(result.ci), n_for_intervals)
        shown = "spBLEU" if metric == "spbleu" else name
        for (system, _), result in list(zip(systems, results, strict=True))[1:]:
            values = float(results[0].score), float(result.score)
            comparisons.append(
                Comparison(metric, shown, systems[0][0], system, *values, _p_value(result, *values), test, n_samples)
            )
    return Certainty(intervals, signatures, comparisons)


def _p_value(result: Result, baseline_value: float, value: float) -> float:
    """sacreBLEU's, but for equal scores: no sample can set those less far apart than they are.

    It counts the samples that lie further apart, not those that lie as far, so that its p-value would be the smallest
    there is.
    """
    assert result.p_value is not None
    return 1.0 if value == baseline_value else float(result.p_value)


def _mind_memory(n_samples: int, n_lines: int) -> None:
    """Say beforehand where sacreBLEU, which draws all samples at once, will want much memory."""
    wanted = 2 * 4 * n_samples * n_lines * _NUMBERS_PER_SEGMENT
    if wanted > _MUCH_MEMORY:
        logger.warning(
            "%s samples of %s lines take up to %s of memory; lower --samples where that is too much",
            f"{n_samples:,}",
            f"{n_lines:,}",
            bytes_shown(wanted),
        )
