"""All that is found out about a test set: scores, how certain they are, gates, and what makes them misleading."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mtkit.errors import ConfigError
from mtkit.evaluation.certainty.comparison import Comparison, Test
from mtkit.evaluation.certainty.runs import RunSummary, summarise_runs
from mtkit.evaluation.gates.baseline import Baseline
from mtkit.evaluation.gates.gate import GateOutcome, GateResult, Gates, check_drops, check_gates, check_significance
from mtkit.evaluation.metrics.comet import CometModel
from mtkit.evaluation.metrics.counting import Counts
from mtkit.evaluation.metrics.metrics import Interval, Score, decimals_of, score_and_count
from mtkit.evaluation.metrics.scorers import ScoringSettings, bleu_tokenizer, meant
from mtkit.evaluation.pitfalls.checks import find_pitfalls
from mtkit.evaluation.pitfalls.languages import find_untranslated
from mtkit.evaluation.pitfalls.seen import SeenSources
from mtkit.evaluation.pitfalls.suitability import find_unsuited
from mtkit.evaluation.sets import EvaluationSet, System
from mtkit.languages.codes import language_mistake
from mtkit.log import logger
from mtkit.machine.threads import count_threads
from mtkit.machine.workers import Workers


@dataclass(frozen=True)
class Method:
    """How test sets are assessed, the same for all of them."""

    metrics: Sequence[str]
    tokenize: str | None = None
    lowercase: bool = False
    confidence: bool = False
    """Give 95 % confidence intervals."""

    paired: Test | None = None
    """Compare the systems by this test. A stored baseline is compared with by it too, or else by paired bootstrap."""

    n_samples: int | None = None
    baseline_system: str | None = None
    """Which system the others are compared with; by default the first."""

    runs: bool = False
    """The outputs are runs of one system."""

    comet: CometModel | None = None
    seen: SeenSources | None = None
    """What the model was trained on."""

    against: Baseline | None = None
    threads: int | None = None
    """Cores that may count; by default as many as ``count_threads`` says."""

    def settings(self, material: EvaluationSet, metrics: Sequence[str] | None = None) -> ScoringSettings:
        """Settings of sacreBLEU's metrics for one test set."""
        tgt_lang = material.language_pair[1] if material.language_pair else None
        chosen = self.metrics if metrics is None else metrics
        return ScoringSettings(tuple(dict.fromkeys(chosen)), tgt_lang, self.tokenize, self.lowercase)


@dataclass(frozen=True)
class SystemReport:
    """All that is told of one output."""

    system: System
    scores: list[Score]
    warnings: list[str]
    gates: list[GateOutcome]
    counts: dict[str, Counts] = field(default_factory=dict)
    """Counts of every segment, by metric."""

    comet_of_segments: list[float] | None = None

    def score_of(self, metric: str) -> Score | None:
        """The score by one metric; None without it."""
        return next((score for score in self.scores if score.metric == metric), None)


@dataclass(frozen=True)
class SetReport:
    """All that is told of one test set."""

    material: EvaluationSet
    systems: list[SystemReport]
    comparisons: list[Comparison] = field(default_factory=list)
    runs: list[RunSummary] = field(default_factory=list)

    def failures(self, *, named: bool) -> list[str]:
        """A line for each gate that was not passed.

        Args:
            named: Whether to say which test set it was.
        """
        return [f"{place}{gate}" for place, gate in self._gates(named) if not gate.passed]

    def differences(self, *, named: bool) -> list[str]:
        """Points above the stored baseline, such as ``BLEU +0.25``, for what was held against it.

        Args:
            named: Whether to say which test set it was.
        """
        return [
            f"{place}{gate.name} {gate.difference:+z.{decimals_of(gate.metric)}f}"
            for place, gate in self._gates(named)
            if not isinstance(gate, GateResult)
        ]

    def _gates(self, named: bool) -> Iterator[tuple[str, GateOutcome]]:
        """All gates, each with the test set and the system that it belongs to."""
        for report in self.systems:
            place = f"{self.material.name}: " if named else ""
            place += f"{report.system.name}: " if len(self.systems) > 1 else ""
            yield from ((place, gate) for gate in report.gates)

    def as_json(self) -> list[dict[str, object]]:
        """Plain values, one object for each output."""
        return [
            {
                "name": self.material.name,
                "system": report.system.name,
                "hyp": report.system.hyp.name,
                "engine": report.system.engine,
                "refs": [ref.name for ref in self.material.refs],
                "n_lines": self.material.n_lines,
                "scores": {score.metric: score.as_json() for score in report.scores},
                "gates": [gate.as_json() for gate in report.gates],
                "warnings": report.warnings,
            }
            for report in self.systems
        ]


def assess(material: EvaluationSet, method: Method, gates: Gates, *, only: bool) -> SetReport:
    """Score the outputs of a test set, compare them, hold them against the gates, and warn of what misleads.

    Args:
        material: With at least one output.
        method: How.
        gates: What every output must reach.
        only: Whether it is the only test set; its name then need not be the baseline's.

    Raises:
        ConfigError: If a metric lacks something, or there is no system of the baseline's name.
        DataError: If there is nothing to score, or a baseline cannot be compared with.
    """
    systems = _baseline_first(material, method)
    method = replace(method, metrics=list(dict.fromkeys([*method.metrics, *gates.metrics])))
    _say_tokenizer(material, method)
    with Workers(count_threads(method.threads), alone="OMP_NUM_THREADS=1") as workers:
        reports = [_scored(system, material, method, workers) for system in systems]
        of_baseline = _counts_of_baseline(reports, material, method, gates, workers, only=only)
    comparisons: list[Comparison] = []
    scorers = method.settings(material).scorers(len(material.refs))
    if (method.confidence or method.paired) and scorers:
        from mtkit.evaluation.certainty.significance import measure_certainty

        certainty = measure_certainty(
            [(report.system.name, report.counts) for report in reports],
            scorers,
            test=method.paired,
            n_samples=method.n_samples,
            confidence=method.confidence,
        )
        comparisons = certainty.comparisons
        reports = [
            replace(report, scores=_with_certainty(report.scores, intervals, certainty.signatures))
            for report, intervals in zip(reports, certainty.intervals, strict=True)
        ]
    of_all = _warnings_of_all(reports, material, method, gates)
    reports = [
        replace(
            report,
            gates=_gates(report, material, method, gates, of_baseline, only=only),
            warnings=[*_warnings(report.system, material, method), *of_all, *gates.doubts],
        )
        for report in reports
    ]
    for warning in dict.fromkeys(warning for report in reports for warning in report.warnings):
        if warning not in gates.doubts:  # of which the user was told before anything was scored
            logger.warning("%s", warning)
    runs = summarise_runs([report.scores for report in reports]) if method.runs else []
    return SetReport(material, reports, comparisons, runs)


def _scored(system: System, material: EvaluationSet, method: Method, workers: Workers) -> SystemReport:
    """An output with its scores alone."""
    ref_texts = [ref.lines for ref in material.refs]
    settings = method.settings(material, [metric for metric in method.metrics if metric != "comet"])
    scores, counts = score_and_count(system.hyp.lines, ref_texts, settings, workers)
    if method.comet is None:
        return SystemReport(system, scores, [], [], counts)
    if material.src is None:
        raise ConfigError(f"COMET reads the source too: {material.name} has none; name it with --src FILE")
    comet_score, of_segments = method.comet.score(material.src.lines, system.hyp.lines, ref_texts)
    return SystemReport(system, [*scores, comet_score], [], [], counts, of_segments)


def _counts_of_baseline(
    reports: Sequence[SystemReport],
    material: EvaluationSet,
    method: Method,
    gates: Gates,
    workers: Workers,
    *,
    only: bool,
) -> dict[str, Counts]:
    """By metric, those of the stored baseline that the gates compare with; its scores must be those of its output.

    COMET's is believed: computing it again would double the time of the evaluation.
    """
    if method.against is None or not gates.need_baseline:
        return {}
    stored = method.against.find(material.name, only=only)
    method.against.check_signatures(stored, reports[0].scores, gates.compared)
    settings = method.settings(material, [metric for metric in gates.compared if metric != "comet"])
    scores, counts = score_and_count(stored.hyp_text, [ref.lines for ref in material.refs], settings, workers)
    method.against.check_scores(stored, scores)
    return counts


def _say_tokenizer(material: EvaluationSet, method: Method) -> None:
    """Tell which tokenizer the target language chose, where it is not the one that nearly all have."""
    tgt_lang = method.settings(material).tgt_lang
    tokenizer = bleu_tokenizer(tgt_lang)
    if "bleu" in method.metrics and method.tokenize is None and tokenizer != bleu_tokenizer(None):
        logger.info("BLEU's tokenizer for %s is %s; --tok chooses another", tgt_lang, tokenizer)


def _baseline_first(material: EvaluationSet, method: Method) -> list[System]:
    """The systems as they are, but for the baseline of the paired tests."""
    names = [system.name for system in material.systems]
    if method.baseline_system is None:
        return material.systems
    if method.baseline_system not in names:
        raise ConfigError(
            f"--baseline {method.baseline_system}: {material.name} has no such system"
            f"{meant(method.baseline_system, names)} There are {', '.join(names)}"
        )
    return sorted(material.systems, key=lambda system: system.name != method.baseline_system)


def _with_certainty(scores: list[Score], intervals: dict[str, Interval], signatures: dict[str, str]) -> list[Score]:
    """A test of randomisation gives no intervals, but stands in the signatures all the same."""
    return [
        replace(each, interval=intervals.get(each.metric), signature=signatures.get(each.metric, each.signature))
        for each in scores
    ]


def _gates(
    report: SystemReport,
    material: EvaluationSet,
    method: Method,
    gates: Gates,
    of_baseline: Mapping[str, Counts],
    *,
    only: bool,
) -> list[GateOutcome]:
    """What became of all gates, in the order minimum and maximum, drop, significance."""
    outcomes: list[GateOutcome] = [*check_gates(report.scores, gates.thresholds)]
    if method.against is None or not gates.need_baseline:
        return outcomes
    stored = method.against.find(material.name, only=only)
    method.against.check_signatures(stored, report.scores, gates.compared)
    remark = stored.other_engine(report.system.engine)
    outcomes += check_drops(report.scores, stored.scores, gates.drops, remark)
    if gates.significance:
        from mtkit.evaluation.certainty.significance import measure_certainty

        certainty = measure_certainty(
            [("the stored baseline", of_baseline), (report.system.name, report.counts)],
            method.settings(material, gates.significance).scorers(len(material.refs)),
            test=method.paired or "bs",
            n_samples=method.n_samples,
            confidence=False,
        )
        outcomes += check_significance(certainty.comparisons, remark)
    return outcomes


def _warnings_of_all(
    reports: Sequence[SystemReport], material: EvaluationSet, method: Method, gates: Gates
) -> list[str]:
    """What is wrong with the test set rather than with an output."""
    settings = method.settings(material)
    counts = [reports[0].counts[metric] for metric in ("bleu", "spbleu") if metric in reports[0].counts]
    return find_unsuited(
        material,
        counts,
        settings.metrics,
        tokenizer=bleu_tokenizer(settings.tgt_lang, method.tokenize),
        compared=method.paired is not None,
        gated=bool(gates.significance),
        confidence=method.confidence,
    )


def _warnings(system: System, material: EvaluationSet, method: Method) -> Iterator[str]:
    tgt_lang = method.settings(material).tgt_lang
    tokenizer = bleu_tokenizer(tgt_lang, method.tokenize)
    pair = material.language_pair
    yield from filter(None, map(language_mistake, pair or ()))
    yield from find_pitfalls(
        system.hyp, material.refs, tokenizer=tokenizer, language_pair=pair, lowercase=method.lowercase
    )
    yield from find_untranslated(system.hyp, material.refs, src=material.src, language_pair=pair)
    if method.seen is not None and material.src is not None:
        overlap = method.seen.overlap(material.src.lines)
        if overlap.is_real:
            yield (
                f"{material.src.name}: {overlap} were among the sources that the model was trained on: it may have "
                "memorised their translations"
            )
