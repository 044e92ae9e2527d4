"""Word alignments in ``mtkit evaluate``: which options belong to them, what is printed, and their gate."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from mtkit.cli.options import check_stdin
from mtkit.cli.typed import typed_options
from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.evaluation.metrics.alignment import AlignmentScore

_OPTIONS = {"hyps", "alignments", "max_aer", "as_json", "width"}


def check_alignment_options(context: typer.Context) -> None:
    """Refuse what would be ignored beside ``--alignments``: a gate that is not looked at would always pass.

    Raises:
        ConfigError: Naming the options that were typed and do nothing.
    """
    typed = typed_options(context)
    if "alignments" not in typed:
        if "max_aer" in typed:
            raise ConfigError("--max-aer is of word alignments: add --alignments GOLD")
        return
    idle = [flag for name, flag in typed.items() if name not in _OPTIONS]
    if idle:
        raise ConfigError(
            "--alignments GOLD scores the alignments in --hyp FILE, and nothing else besides: "
            f"leave out {', '.join(idle)}"
        )


def evaluate_alignments(hyps: list[str], gold: str, max_aer: float | None, decimals: int, *, as_json: bool) -> None:
    """Print how good the alignments in a file are, and hold them against the gate.

    Raises:
        ConfigError: If there is not one file of alignments.
        DataError: If a file cannot be read, or they do not belong together.
        GateError: If the alignment error rate is above ``max_aer`` percent.
    """
    from mtkit.evaluation.gates.gate import Gate, check_gates, enforce
    from mtkit.evaluation.metrics.alignment import read_gold, read_links, score_alignments, seem_to_count_from_one
    from mtkit.evaluation.metrics.metrics import Score
    from mtkit.evaluation.sets import read_texts
    from mtkit.log import logger
    from mtkit.wording import counted

    if len(hyps) != 1:
        raise ConfigError("--alignments GOLD scores the alignments in --hyp FILE: give one --hyp")
    gates = [] if max_aer is None else [Gate("aer", max_aer, "max")]
    warnings = [gate.doubt for gate in gates if gate.doubt is not None]
    check_stdin(hyps[0], gold)
    hyp_text, gold_text = read_texts([hyps[0], gold])
    found = read_links(hyp_text)
    if seem_to_count_from_one(found):
        warnings.append(
            f"{hyp_text.name} seems to count words from 1, as no link has a 0: an output counts from 0, "
            "only GOLD from 1"
        )
    for warning in warnings:
        logger.warning("%s", warning)
    score = score_alignments(found, read_gold(gold_text))
    results = check_gates([Score("aer", "AER", 100 * score.error_rate, "")], gates)
    if as_json:
        gates_told = [result.as_json() for result in results]
        typer.echo(json.dumps(asdict(score) | {"gates": gates_told, "warnings": warnings}, ensure_ascii=False))
    else:
        typer.echo(_shown(score, decimals))
    enforce([str(result) for result in results if not result.passed])
    if results:
        logger.info("%s passed", counted(len(results), "gate"))


def _shown(score: "AlignmentScore", decimals: int) -> str:
    from mtkit.wording import counted

    rates = (f"{100 * rate:.{decimals}f} %" for rate in (score.error_rate, score.precision, score.recall))
    error_rate, precision, recall = rates
    return (
        f"AER {error_rate}  lower is better  precision {precision}  recall {recall}  "
        f"{counted(score.n_links, 'link')}; gold: {score.n_sure:,} sure, {score.n_possible:,} in all"
    )
