"""Options of ``mtkit evaluate`` that would do nothing beside the others, which are refused."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import typer

from mtkit.cli.typed import refuse_idle

if TYPE_CHECKING:
    from mtkit.cli.evaluation.inputs import Inputs
    from mtkit.cli.evaluation.outputs import Outputs

_OF_SEARCH = ("adapter", "beam_size", "batch_size", "engine", "device", "precision")
_OF_CASE = {"bleu", "spbleu", "chrf", "chrf++", "exact"}


def check_options(context: typer.Context, inputs: "Inputs", outputs: "Outputs") -> None:
    """Refuse what says how a model translates where none does, and how numbers are shown that are not.

    Raises:
        ConfigError: Naming the options that were typed and do nothing.
    """
    if inputs.model is None:
        refuse_idle(context, _OF_SEARCH, "only for -m RUN, which translates; leave it out to score an output")
    if outputs.as_json:
        refuse_idle(context, ["score_only"], "does nothing beside --json; leave one out")
    written = outputs.markdown is not None or outputs.junit is not None
    if outputs.as_json and not written:
        refuse_idle(context, ["width"], "does nothing beside --json, which has all decimals; leave it out")
    if outputs.score_only and not written:
        unseen = ("confidence", "paired", "runs")
        refuse_idle(context, unseen, "not shown beside -S, which prints the scores alone; leave one out")


def check_metric_options(context: typer.Context, metrics: Collection[str]) -> None:
    """Refuse what belongs to metrics that are not scored.

    Args:
        context: Of the command.
        metrics: All that are.

    Raises:
        ConfigError: Naming the options that were typed and do nothing.
    """
    if "bleu" not in metrics:
        refuse_idle(context, ["tokenize"], "of BLEU, which --metrics does not name; leave it out")
    if not _OF_CASE & set(metrics):
        refuse_idle(
            context, ["lowercase"], "of BLEU, chrF and exact match, of which --metrics names none; leave it out"
        )
