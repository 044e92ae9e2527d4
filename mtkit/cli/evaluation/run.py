"""``mtkit evaluate`` from its options to its output: check, read, translate, score, tell."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from mtkit.cli.evaluation.gates import check_method
from mtkit.cli.evaluation.inputs import Inputs, check_one_output
from mtkit.cli.evaluation.options import check_metric_options, check_options
from mtkit.cli.evaluation.outputs import Outputs
from mtkit.cli.languages import NamedLanguages
from mtkit.translation.searching import Searching  # noqa: TID253  # light

if TYPE_CHECKING:
    from mtkit.evaluation.assessment import Method
    from mtkit.evaluation.gates.gating import Gating
    from mtkit.evaluation.sets import LanguagePair


@dataclass(frozen=True)
class Scoring:
    """The options that say how it is scored."""

    metrics: list[str]
    """As typed: with commas, in any case; empty for the default ones."""

    comet_model: Path | None
    tokenize: str | None
    lowercase: bool
    confidence: bool
    paired: Literal["bs", "ar"] | None
    samples: int | None
    baseline: str | None
    runs: bool
    threads: int | None

    def method(self, gating: "Gating", pair: "LanguagePair | None") -> "Method":
        """The scoring method, once the options are known not to contradict each other; loads a COMET model."""
        from mtkit.evaluation.assessment import Method
        from mtkit.evaluation.certainty.comparison import warn_of_few_samples
        from mtkit.evaluation.metrics.comet import load_comet
        from mtkit.evaluation.metrics.line_means import each_of
        from mtkit.evaluation.metrics.metrics import DEFAULT_METRICS

        wanted = each_of([x.strip().lower() for given in self.metrics or DEFAULT_METRICS for x in given.split(",")])
        method = Method(
            wanted, self.tokenize, self.lowercase, self.confidence, self.paired, self.samples, self.baseline, self.runs,
            against=gating.against, threads=self.threads,
        )  # fmt: skip
        warn_of_few_samples(self.samples)
        check_method(method, gating, pair, with_comet=self.comet_model is not None)
        return method if self.comet_model is None else replace(method, comet=load_comet(self.comet_model))


def evaluate_sets(
    context: typer.Context,
    inputs: Inputs,
    languages: NamedLanguages,
    scoring: Scoring,
    read_gates: Callable[[], "Gating"],
    searching: Searching,
    outputs: Outputs,
) -> None:
    """Score test sets, one after the other, tell what was found, and hold it against the gates.

    Args:
        context: The command as it was typed, of which nothing may be in vain.
        inputs: What is scored.
        languages: As they were named.
        scoring: How.
        read_gates: Reads what must be reached.
        searching: How a model translates.
        outputs: What is told, and where.

    Raises:
        GateError: If a gate was missed.
        MtkitError: For everything that a user can fix.
    """
    with outputs.telling_errors(inputs), ExitStack() as models:
        inputs.check()
        outputs.check(inputs)
        check_options(context, inputs, outputs)

        from mtkit.evaluation.evaluating import PlannedEvaluation
        from mtkit.evaluation.gates.gate import enforce

        gating = read_gates()
        pair = languages.pair()
        method = scoring.method(gating, pair)
        check_metric_options(context, {*method.metrics, *gating.metrics})
        material = inputs.read(pair if inputs.model is None else None)  # a model knows its own languages
        outputs.check_read(inputs, material or [])
        if inputs.model is None:
            assert material is not None
            outputs.check_sets(material)
            evaluation = PlannedEvaluation.of(material, method, gating)
        else:
            from mtkit.exchange.opening import opened
            from mtkit.translation.evaluating import evaluation_of_model

            evaluation, pair = evaluation_of_model(
                models.enter_context(opened(inputs.model, inputs.adapter)),
                method,
                sets=material,
                pair_of=languages.of_model,
                gating=gating,
                searching=searching,
                output=inputs.output,
            )
            check_one_output(inputs.output, evaluation.sets)
        reports = []
        for report in evaluation.reports():
            reports.append(report)
            outputs.show(report, heading=not evaluation.only or inputs.own_sets)
        outputs.write(reports, method, inputs.model, pair)
        enforce([failure for report in reports for failure in report.failures(named=not evaluation.only)])
        gating.tell_passed(reports)
        outputs.save_baseline(reports)
