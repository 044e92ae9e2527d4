"""How certain scores are: confidence intervals, and paired tests between systems, number for number as sacreBLEU's.

Paired bootstrap (Koehn, 2004) and paired approximate randomisation (Riezler and Maxwell, 2005) both ask how often
chance alone would set two systems as far apart as they are; a small p-value says: hardly ever.

Only the metrics are sacreBLEU's code. Its own tests hold all samples in memory, count every text again for every test,
and keep of an interval no more than its mean and its width.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric

from mtkit.errors import ConfigError
from mtkit.evaluation.certainty.comparison import DEFAULT_SAMPLES, Comparison, Test
from mtkit.evaluation.metrics.counting import Counts
from mtkit.evaluation.metrics.metrics import Interval

Floats = NDArray[np.float64]

_MAX_DIGITS = 18  # of a seed: far below what a generator takes, and no number that takes time to read

_TRIALS_AT_ONCE = 32  # a multiple of 32, as NumPy draws the coins: any other draws others than sacreBLEU, all at once


@dataclass(frozen=True)
class Certainty:
    """What resampling says of several systems on one test set."""

    intervals: list[dict[str, Interval]]
    """Intervals of each system, by metric; empty where none were asked for."""

    signatures: dict[str, str]
    """Signatures by metric, with the number of samples and the seed."""

    comparisons: list[Comparison]


def measure_certainty(
    systems: Sequence[tuple[str, Mapping[str, Counts]]],
    scorers: Mapping[str, Metric],
    *,
    test: Test | None = None,
    n_samples: int | None = None,
    confidence: bool = True,
) -> Certainty:
    """Resample the segments of a test set, by the seed in ``SACREBLEU_SEED``, or sacreBLEU's own.

    Args:
        systems: Name of each, and by metric what was counted in its output; the first is the baseline of the paired
            test.
        scorers: sacreBLEU's metrics, by mtkit's names, that know how many references there are.
        test: The paired test; None for confidence intervals alone.
        n_samples: Samples of the bootstrap, or trials of the randomisation; by default ``DEFAULT_SAMPLES``.
        confidence: Whether confidence intervals are wanted; bootstrap gives them in any case.

    Returns:
        The interval of a system does not depend on the test, nor on the systems beside it.

    Raises:
        ConfigError: If ``SACREBLEU_SEED`` is not a seed.
    """
    n_samples = n_samples or DEFAULT_SAMPLES[test or "bs"]
    n_for_intervals = n_samples
    if test == "ar":
        n_for_intervals = DEFAULT_SAMPLES["bs"] if confidence else 0
    names = [name for name, _ in systems]
    intervals: list[dict[str, Interval]] = [{} for _ in systems]
    signatures: dict[str, str] = {}
    comparisons = []
    for metric, scorer in scorers.items():
        results = [scorer._aggregate_and_compute(of_system[metric]) for _, of_system in systems]
        counts = [np.array(of_system[metric], dtype=np.float64) for _, of_system in systems]
        sampled = _bootstrap(scorer, counts, n_for_intervals)
        for place, scores in zip(intervals, sampled if n_for_intervals else (), strict=False):
            place[metric] = _interval(scores)
        signatures[metric] = _signature(scorer, {test or "bs": n_samples, "bs": n_for_intervals})
        shown = "spBLEU" if metric == "spbleu" else str(results[0].name)
        for n in range(1, len(systems) if test is not None else 0):
            assert test is not None
            values = float(results[0].score), float(results[n].score)
            interval = None
            if test == "bs":
                interval = _interval(sampled[n] - sampled[0])
                differences = np.abs(sampled[n] - sampled[0])
                by_chance = differences - differences.mean()
            else:
                by_chance = _randomise(scorer, counts[0], counts[n], n_samples)
            p_value = _p_value(by_chance, abs(values[1] - values[0]))
            between = metric, shown, names[0], names[n], *values
            comparisons.append(Comparison(*between, p_value, test, n_samples, len(counts[0]), interval))
    return Certainty(intervals, signatures, comparisons)


def _seed() -> int | None:
    """The seed that sacreBLEU takes; None for another one each time.

    Raises:
        ConfigError: If the environment's is not a number that a generator can be seeded with.
    """
    seed = os.environ.get("SACREBLEU_SEED", "12345").strip().lower()
    if seed == "none":
        return None
    if not (seed.isascii() and seed.isdecimal() and len(seed) <= _MAX_DIGITS):
        raise ConfigError(f"SACREBLEU_SEED {seed}: must be a whole number of up to {_MAX_DIGITS} digits, or none")
    return int(seed)


def _signature(scorer: Metric, samples: Mapping[str, int]) -> str:
    """The metric's, with the seed and the numbers of samples by the names of their tests."""
    signature = scorer.get_signature()
    signature.update("seed", str(_seed()).lower())
    for test, n_samples in samples.items():
        if n_samples:
            signature.update(test, n_samples)
    return str(signature)


def _bootstrap(scorer: Metric, counts: Sequence[Floats], n_samples: int) -> Floats:
    """Scores of samples drawn with replacement, the same for all systems: (systems, samples)."""
    draw = np.random.default_rng(_seed())
    n_segments = len(counts[0])
    narrow = [each.astype(np.float32) for each in counts]  # as sacreBLEU adds them up
    sampled = np.empty((len(counts), n_samples))
    for sample in range(n_samples):
        segments = draw.choice(n_segments, size=n_segments)
        for system, each in enumerate(narrow):
            sampled[system, sample] = scorer._compute_score_from_stats(each[segments].sum(0)).score
    return sampled


def _randomise(scorer: Metric, baseline: Floats, system: Floats, n_trials: int) -> Floats:
    """How far apart two systems are that have swapped segments at random: (trials,)."""
    draw = np.random.default_rng(_seed())
    apart: list[float] = []
    while len(apart) < n_trials:
        n = min(_TRIALS_AT_ONCE, n_trials - len(apart))
        kept = draw.integers(2, size=(n, len(baseline)), dtype=bool).astype(np.float64)
        first = kept @ baseline + (1 - kept) @ system
        second = (1 - kept) @ baseline + kept @ system
        for one, other in zip(first, second, strict=True):
            scores = [scorer._compute_score_from_stats(each).score for each in (one, other)]
            apart.append(abs(scores[0] - scores[1]))
    return np.array(apart)


def _interval(scores: Floats) -> Interval:
    """Where the middle 95 % of the samples lie."""
    ordered = np.sort(scores)
    tail = len(ordered) // 40
    return Interval(float(ordered[tail]), float(ordered[-1 - tail]), float(scores.mean()), len(ordered))


def _p_value(by_chance: Floats, difference: float) -> float:
    """How often chance sets systems further apart than they are.

    Nothing can set them less far apart than not at all. sacreBLEU counts the samples that lie further apart, not those
    that lie as far, so that equal scores would have the smallest p-value there is.
    """
    if difference == 0:
        return 1.0
    return (int((by_chance > difference).sum()) + 1) / (len(by_chance) + 1)
