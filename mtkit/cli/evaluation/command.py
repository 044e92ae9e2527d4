"""``mtkit evaluate``."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.evaluation.alignments import check_alignment_options, evaluate_alignments
from mtkit.cli.evaluation.gates import Gating
from mtkit.cli.evaluation.inputs import Inputs, model_of
from mtkit.cli.evaluation.outputs import Outputs
from mtkit.cli.evaluation.run import Scoring, evaluate_sets
from mtkit.cli.languages import NamedLanguages, PairOption, SrcOption, TgtOption
from mtkit.cli.options import (
    DeviceOption,
    Engine,
    EngineOption,
    ModelOption,
    ScoringPrecisionOption,
    ThreadsOption,
)
from mtkit.translation.searching import Searching  # noqa: TID253  # light


class Paired(StrEnum):
    """How systems are compared."""

    BOOTSTRAP = "bs"
    RANDOMISATION = "ar"


def evaluate(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]", help="The same as -m RUN.", show_default=False)
    ] = None,
    hyps: Annotated[
        list[str] | None,
        typer.Option(
            "--hyp", metavar="FILE", help="Output to score, one line per segment; - is stdin. Repeat it for several."
        ),
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--name", help="Name of an output, in their order; by default its file's.")
    ] = None,
    refs: Annotated[
        list[str] | None, typer.Option("--ref", "-r", metavar="FILE", help="Reference; repeat it for several.")
    ] = None,
    alignments: Annotated[
        str | None,
        typer.Option(
            metavar="GOLD",
            help="Score the alignments in --hyp (0-0 1-2, words counted from 0) against these (1-1 sure, 1p2 possible, "
            "counted from 1).",
        ),
    ] = None,
    model: ModelOption = None,
    src: Annotated[
        str | None,
        typer.Option("--src", "--input", "-i", metavar="FILE", help="Source: what a model translates, or checks need."),
    ] = None,
    docs: Annotated[
        str | None, typer.Option("--docs", metavar="FILE", help="The document of each line, for --segments.")
    ] = None,
    sets: Annotated[
        Path | None, typer.Option("--sets", metavar="FILE", help="YAML list of test sets: name, refs, hyps, src, ...")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Keep the model's translations here.")
    ] = None,
    language_pair: PairOption = None,
    src_lang: SrcOption = None,
    tgt_lang: TgtOption = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            help="bleu, chrf, chrf++, ter, spbleu, exact, length; with commas or repeated. Default: bleu,chrf.",
        ),
    ] = None,
    comet_model: Annotated[
        Path | None, typer.Option("--comet-model", metavar="PATH", help="Also COMET, by this model; needs --src.")
    ] = None,
    tokenize: Annotated[
        str | None, typer.Option("--tokenize", "--tok", "-tok", help="BLEU's tokenizer, over the language's own.")
    ] = None,
    lowercase: Annotated[bool, typer.Option("--lowercase", "-lc", help="Ignore case in BLEU and chrF.")] = False,
    confidence: Annotated[bool, typer.Option("--confidence", help="95 % confidence intervals, by bootstrap.")] = False,
    paired: Annotated[
        Paired | None,
        typer.Option("--paired", help="Compare systems: paired bootstrap or approximate randomisation."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, help="By default 1,000 of bootstrap, 10,000 of randomisation.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="NAME", help="System to compare with; by default the first.")
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="The outputs are runs of one system: mean and spread.")] = False,
    segments: Annotated[
        Path | None, typer.Option("--segments", metavar="FILE", help="Scores of every line (and document) as JSONL.")
    ] = None,
    score_only: Annotated[
        bool, typer.Option("--score-only", "-b", help="Print the values alone; of several systems, their names too.")
    ] = False,
    width: Annotated[int, typer.Option("--width", "-w", min=0, max=10, help="Decimals.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="JUnit report of the gates.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Markdown, for a job's summary.")
    ] = None,
    min_bleu: Annotated[float | None, typer.Option(help="Exit with 3 if BLEU is lower.")] = None,
    min_chrf: Annotated[float | None, typer.Option(help="Exit with 3 if chrF is lower.")] = None,
    max_ter: Annotated[float | None, typer.Option(help="Exit with 3 if TER is higher.")] = None,
    max_aer: Annotated[
        float | None, typer.Option(help="Exit with 3 if the AER of --alignments is higher, in percent.")
    ] = None,
    gate: Annotated[
        Path | None, typer.Option("--gate", metavar="FILE", help="YAML of gates; exit with 3 if one is missed.")
    ] = None,
    against: Annotated[Path | None, typer.Option("--against", metavar="FILE", help="A stored baseline.")] = None,
    max_drop: Annotated[
        list[str] | None,
        typer.Option(
            "--max-drop",
            metavar="[METRIC=]POINTS",
            help="Exit with 3 if METRIC (by default bleu) is worse than the baseline's by more than POINTS.",
        ),
    ] = None,
    fail_if_significantly_worse: Annotated[
        bool,
        typer.Option(
            "--fail-if-significantly-worse", help="Exit with 3 if BLEU is significantly below the baseline's."
        ),
    ] = False,
    save_baseline: Annotated[
        Path | None, typer.Option("--save-baseline", metavar="FILE", help="Store this for --against, if gates pass.")
    ] = None,
    beam_size: Annotated[
        int | None, typer.Option("--beam-size", min=1, help="1 is greedy search. Default: the model's.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1, help="Sentences searched at once.")] = None,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = "auto",
    precision: ScoringPrecisionOption = "fp32",
    threads: ThreadsOption = None,
) -> None:
    """Score translations against references, or translate a test set and score that.

    \b
    mtkit evaluate --hyp out.de --ref test.de -l en-de    score an output
    mtkit evaluate --hyp a --hyp b --ref test.de --paired bs    compare systems
    mtkit evaluate -m RUN -i test.en --ref test.de        translate and score
    mtkit evaluate -m RUN                                 the run's own test sets
    mtkit evaluate --hyp links --alignments gold          word alignments: AER

    BLEU, chrF and chrF++: higher is better. TER: lower is better; takes long
    for long segments. They are sacreBLEU's, each beside its signature.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    model = model_of(context, model, arguments or [], hyps or [])
    check_alignment_options(context)
    if alignments is not None:
        evaluate_alignments(hyps or [], alignments, max_aer, width, as_json=as_json)
        return
    thresholds = {"bleu": min_bleu, "chrf": min_chrf, "ter": max_ter}
    evaluate_sets(
        context,
        Inputs(hyps or [], names or [], refs or [], src, docs, sets, model, output, gate, against),
        NamedLanguages(language_pair, src_lang, tgt_lang),
        Scoring(
            metrics or [], comet_model, tokenize, lowercase, confidence, paired.value if paired else None, samples,
            baseline, runs, threads,
        ),
        partial(Gating.read, gate, thresholds, max_drop or [], fail_if_significantly_worse, against),
        Searching(beam_size, batch_size, engine.value, device, precision, threads),
        Outputs(width, score_only, as_json, segments, junit, markdown, save_baseline),
    )  # fmt: skip
