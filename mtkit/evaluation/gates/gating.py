"""All gates of an evaluation: those for every test set, those of a file, and the baseline that they compare with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mtkit.errors import ConfigError
from mtkit.evaluation.assessment import Method, SetReport
from mtkit.evaluation.gates.baseline import Baseline
from mtkit.evaluation.gates.comparable import check_comparable
from mtkit.evaluation.gates.gate import Gates
from mtkit.evaluation.metrics.metrics import check_metrics
from mtkit.evaluation.sets import EvaluationSet
from mtkit.log import logger
from mtkit.wording import counted

if TYPE_CHECKING:
    from mtkit.evaluation.gates.gate_file import GateFile  # loads pydantic


@dataclass(frozen=True)
class Gating:
    """All gates, and the stored baseline of those that compare."""

    typed: Gates = field(default_factory=Gates)
    """The gates of every test set."""

    file: "GateFile | None" = None
    path: Path | None = None
    """Where the file was read."""

    against: Baseline | None = None

    def gates_for(self, name: str) -> Gates:
        """The gates of one test set."""
        if self.file is None:
            return self.typed
        from mtkit.evaluation.gates.gate_file import gates_for

        return gates_for(name, self.file, self.typed)

    @property
    def metrics(self) -> list[str]:
        """The metrics that any of them needs."""
        of_file = [] if self.file is None else [self.file, *self.file.test_sets.values()]
        return [*self.typed.metrics, *(metric for rules in of_file for metric in rules.metrics)]

    @property
    def significance(self) -> bool:
        """Whether any of them is a test of significance."""
        of_file = [] if self.file is None else [self.file, *self.file.test_sets.values()]
        return bool(self.typed.significance) or any(rules.not_significantly_worse for rules in of_file)

    def check(self, sets: Sequence[EvaluationSet], method: Method) -> None:
        """Check that all can be scored and compared, before anything is translated or scored.

        Raises:
            ConfigError: If the file of gates names another test set, a metric lacks something, or the baseline would
                not be used.
            DataError: If the baseline is not of these test sets.
        """
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

    def tell_passed(self, reports: Sequence[SetReport]) -> None:
        """Log how many gates were passed, and how far from the baseline; called when none was missed."""
        gates = [gate for report in reports for system in report.systems for gate in system.gates]
        n_passed = sum(gate.told for gate in gates)
        if not gates:
            return
        compared = [each for report in reports for each in report.differences(named=len(reports) > 1)]
        against = f"; {', '.join(compared)} against {self.against.path}" if self.against and compared else ""
        untold = f", {counted(len(gates) - n_passed, 'gate')} could not be told" if n_passed < len(gates) else ""
        logger.info("%s passed%s%s", counted(n_passed, "gate"), untold, against)
