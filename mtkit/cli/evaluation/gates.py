"""The gates of ``mtkit evaluate`` as they are typed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.evaluation.assessment import Method
    from mtkit.evaluation.gates.gate import DropGate
    from mtkit.evaluation.gates.gating import Gating
    from mtkit.evaluation.sets import LanguagePair


def read_gating(
    path: Path | None,
    thresholds: Mapping[str, float | None],
    max_drops: Sequence[str],
    significance: bool,
    against: Path | None,
) -> "Gating":
    """The gates that the options name, with the files that they name read.

    Args:
        path: A file of gates.
        thresholds: By metric: minima, for TER a maximum; None where none was typed.
        max_drops: As typed: ``0.5`` or ``chrf=0.5``.
        significance: Whether BLEU must not be significantly worse than the baseline's.
        against: The stored baseline.
    """
    from mtkit.evaluation.gates.baseline import load_baseline
    from mtkit.evaluation.gates.gate import Gate, Gates
    from mtkit.evaluation.gates.gating import Gating

    given = [Gate(metric, value) for metric, value in thresholds.items() if value is not None]
    typed = Gates(given, [_parse_max_drop(each) for each in max_drops], ["bleu"] if significance else [])
    file = None
    if path is not None:
        from mtkit.evaluation.gates.gate_file import read_gate_file

        file = read_gate_file(path)
    return Gating(typed, file, path, None if against is None else load_baseline(against))


def check_method(method: "Method", gating: "Gating", pair: "LanguagePair | None", *, with_comet: bool) -> None:
    """Refuse options that contradict each other, before any text is read."""
    from mtkit.evaluation.metrics.comet import NAME
    from mtkit.evaluation.metrics.metrics import check_metrics
    from mtkit.evaluation.metrics.scorers import COUNTED_METRICS

    if NAME in method.metrics:
        raise ConfigError("COMET is asked for by its model: --comet-model PATH, not --metrics comet")
    metrics = [*method.metrics, *gating.typed.metrics]
    check_metrics(
        [metric for metric in metrics if metric != NAME], tgt_lang=pair[1] if pair else None, tokenize=method.tokenize
    )
    if gating.typed.need_baseline and gating.against is None:
        raise ConfigError("--max-drop and --fail-if-significantly-worse compare with a baseline: add --against FILE")
    if (method.confidence or method.paired) and not set(metrics) & set(COUNTED_METRICS):
        known = ", ".join(COUNTED_METRICS)
        raise ConfigError(f"--confidence and --paired need a metric that counts segment by segment: {known}")
    if method.baseline_system is not None and method.paired is None:
        raise ConfigError("--baseline names the system that --paired compares with: add --paired bs or --paired ar")
    if method.runs and method.paired is not None:
        raise ConfigError("--runs takes the outputs for one system, --paired for several: leave one out")
    resampled = method.confidence or method.paired is not None or gating.significance
    if method.n_samples is not None and not resampled:
        raise ConfigError("--samples belongs to --confidence, --paired and --fail-if-significantly-worse")
    if NAME in metrics and not with_comet:
        raise ConfigError("a gate asks for COMET: name its model with --comet-model PATH")


def _parse_max_drop(typed: str) -> "DropGate":
    """``0.5`` (of BLEU) or ``chrf=0.5``."""
    from mtkit.evaluation.gates.gate import DropGate
    from mtkit.files.numbers import number_in

    metric, _, points = typed.rpartition("=")
    try:
        return DropGate(metric.lower() or "bleu", number_in(points))
    except ValueError:
        raise ConfigError(f"--max-drop {typed}: expected points, such as 0.5 (of BLEU) or chrf=0.5") from None
