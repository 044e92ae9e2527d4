"""The gates of ``mtkit evaluate``: what was typed and what a file says, together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.evaluation.assessment import Method, SetReport
    from mtkit.evaluation.gates.baseline import Baseline
    from mtkit.evaluation.gates.gate import DropGate, Gates
    from mtkit.evaluation.gates.gate_file import GateFile
    from mtkit.evaluation.sets import EvaluationSet, LanguagePair


@dataclass(frozen=True)
class Gating:
    """All gates, and the stored baseline of those that compare."""

    typed: "Gates"
    file: "GateFile | None"
    path: Path | None
    against: "Baseline | None"

    @classmethod
    def read(
        cls,
        path: Path | None,
        thresholds: Mapping[str, float | None],
        max_drops: Sequence[str],
        significance: bool,
        against: Path | None,
    ) -> "Gating":
        """Read the files that the options name.

        Args:
            path: A file of gates.
            thresholds: By metric: minima, for TER a maximum; None where none was typed.
            max_drops: As typed: ``0.5`` or ``chrf=0.5``.
            significance: Whether BLEU must not be significantly worse than the baseline's.
            against: The stored baseline.
        """
        from mtkit.evaluation.gates.baseline import load_baseline
        from mtkit.evaluation.gates.gate import Gate, Gates

        given = [Gate(metric, value) for metric, value in thresholds.items() if value is not None]
        typed = Gates(given, [_parse_max_drop(each) for each in max_drops], ["bleu"] if significance else [])
        file = None
        if path is not None:
            from mtkit.evaluation.gates.gate_file import read_gate_file

            file = read_gate_file(path)
        return cls(typed, file, path, None if against is None else load_baseline(against))

    def gates_for(self, name: str) -> "Gates":
        """The gates of one test set."""
        if self.file is None:
            return self.typed
        from mtkit.evaluation.gates.gate_file import gates_for

        return gates_for(name, self.file, self.typed)

    @property
    def metrics(self) -> list[str]:
        """All that any of them needs."""
        of_file = [] if self.file is None else [self.file, *self.file.test_sets.values()]
        return [*self.typed.metrics, *(metric for rules in of_file for metric in rules.metrics)]

    @property
    def significance(self) -> bool:
        """Whether any of them is a test of significance."""
        of_file = [] if self.file is None else [self.file, *self.file.test_sets.values()]
        return bool(self.typed.significance) or any(rules.not_significantly_worse for rules in of_file)

    def check(self, sets: "Sequence[EvaluationSet]", method: "Method") -> None:
        """Refuse what cannot be scored or compared, before anything is translated or scored."""
        from mtkit.evaluation.gates.comparable import check_comparable
        from mtkit.evaluation.metrics.metrics import check_metrics
        from mtkit.log import logger

        names = [each.name for each in sets]
        for name in self.file.test_sets if self.file else ():
            if name not in names:
                raise ConfigError(f"{self.path}: test_sets.{name}: no such test set; there is {', '.join(names)}")
        if self.against is not None and not any(self.gates_for(name).need_baseline for name in names):
            raise ConfigError("--against says nothing by itself: add --max-drop or --fail-if-significantly-worse")
        for each in sets:
            gates = self.gates_for(each.name)
            tgt_lang = each.language_pair[1] if each.language_pair else None
            needed = [metric for metric in (*method.metrics, *gates.metrics) if metric != "comet"]
            check_metrics(needed, tgt_lang=tgt_lang, tokenize=method.tokenize)
            if "comet" in gates.metrics and method.comet is None:
                raise ConfigError("a gate asks for COMET: name its model with --comet-model PATH")
            check_comparable(each, method, gates, only=len(sets) == 1)
        for doubt in dict.fromkeys(doubt for name in names for doubt in self.gates_for(name).doubts):
            logger.warning("%s", doubt)

    def tell_passed(self, reports: "Sequence[SetReport]") -> None:
        """Say how many gates were passed, and how far from the baseline; called when none was missed."""
        from mtkit.log import logger
        from mtkit.wording import counted

        gates = [gate for report in reports for system in report.systems for gate in system.gates]
        n_passed = sum(gate.told for gate in gates)
        if not gates:
            return
        compared = [each for report in reports for each in report.differences(named=len(reports) > 1)]
        against = f"; {', '.join(compared)} against {self.against.path}" if self.against and compared else ""
        untold = f", {counted(len(gates) - n_passed, 'gate')} could not be told" if n_passed < len(gates) else ""
        logger.info("%s passed%s%s", counted(n_passed, "gate"), untold, against)


def check_method(method: "Method", gating: Gating, pair: "LanguagePair | None", *, with_comet: bool) -> None:
    """Refuse options that contradict each other, before any text is read."""
    from mtkit.evaluation.metrics.comet import NAME
    from mtkit.evaluation.metrics.metrics import check_metrics
    from mtkit.evaluation.metrics.scorers import SACREBLEU_METRICS

    if NAME in method.metrics:
        raise ConfigError("COMET is asked for by its model: --comet-model PATH, not --metrics comet")
    metrics = [*method.metrics, *gating.typed.metrics]
    check_metrics(
        [metric for metric in metrics if metric != NAME], tgt_lang=pair[1] if pair else None, tokenize=method.tokenize
    )
    if gating.typed.need_baseline and gating.against is None:
        raise ConfigError("--max-drop and --fail-if-significantly-worse compare with a baseline: add --against FILE")
    if (method.confidence or method.paired) and not set(metrics) & set(SACREBLEU_METRICS):
        known = ", ".join(SACREBLEU_METRICS)
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
