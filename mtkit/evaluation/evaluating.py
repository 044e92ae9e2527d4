"""The evaluation of test sets, one after the other, against gates."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtkit.evaluation.assessment import Method, SetReport, assess
from mtkit.evaluation.gates.baseline import BaselineSet, save_baseline, sha256_lines
from mtkit.evaluation.gates.gating import Gating
from mtkit.evaluation.sets import EvaluationSet


@dataclass(frozen=True)
class PlannedEvaluation:
    """Test sets that have been checked and are scored when they are asked for."""

    sets: Sequence[EvaluationSet]
    method: Method
    gating: Gating
    outputs: Iterable[EvaluationSet]
    """The same test sets with all outputs: those of a model are translated as this is iterated over."""

    @classmethod
    def of(cls, sets: Sequence[EvaluationSet], method: Method, gating: Gating | None = None) -> "PlannedEvaluation":
        """The evaluation of test sets that have their outputs; it raises what ``Gating.check`` raises."""
        gating = gating or Gating()
        gating.check(sets, method)
        return cls(sets, method, gating, sets)

    @property
    def only(self) -> bool:
        """Whether there is one test set."""
        return len(self.sets) == 1

    def reports(self) -> Iterator[SetReport]:
        """The scores of each test set, and which gates it passes."""
        for each in self.outputs:
            yield assess(each, self.method, self.gating.gates_for(each.name), only=self.only)


def store_baseline(path: Path, reports: Sequence[SetReport]) -> None:
    """Store the outputs and scores of the one system of each test set, for later systems to be compared with."""
    sets = []
    for report in reports:
        material, (system,) = report.material, report.systems
        sets.append(
            BaselineSet(
                material.name,
                material.n_lines,
                [sha256_lines(ref.lines) for ref in material.refs],
                sha256_lines(material.src.lines) if material.src else None,
                sha256_lines(system.system.hyp.lines),
                list(system.system.hyp.lines),
                system.scores,
                system.system.engine,
            )
        )
    save_baseline(path, sets)
