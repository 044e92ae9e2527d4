"""``mtkit evaluate``."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.evaluation.alignments import check_alignment_options, evaluate_alignments
from mtkit.cli.evaluation.gates import read_gating
from mtkit.cli.evaluation.inputs import Inputs, model_of
from mtkit.cli.evaluation.outputs import Outputs
from mtkit.cli.evaluation.run import Scoring, evaluate_sets
from mtkit.cli.help import of_certainty, of_gates, of_input, of_metrics, of_output, of_search, of_speed
from mtkit.cli.languages import NamedLanguages, PairOption, SrcOption, TgtOption
from mtkit.cli.options import (
    AdapterOption,
    DeviceOption,
    Engine,
    EngineOption,
    JsonOption,
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
        list[str] | None, typer.Argument(metavar="RUN", help="The same as -m RUN.", show_default=False)
    ] = None,
    hyps: Annotated[
        list[str] | None,
        of_input("--hyp", metavar="FILE", help="Output to score, one line per segment; - is stdin. Repeatable."),
    ] = None,
    names: Annotated[
        list[str] | None,
        of_input("--name", metavar="NAME", help="Name of each --hyp, in the same order. Default: its file name."),
    ] = None,
    refs: Annotated[
        list[str] | None, of_input("--ref", "-r", metavar="FILE", help="Reference translations. Repeatable.")
    ] = None,
    alignments: Annotated[
        str | None,
        of_input(
            "--alignments",
            metavar="GOLD",
            help="Gold alignments (1-1 sure, 1p2 possible, counted from 1), to score those in --hyp (0-0 1-2, counted "
            "from 0).",
        ),
    ] = None,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    src: Annotated[
        str | None,
        of_input(
            "--src",
            "--input",
            "-i",
            metavar="FILE",
            help="Source text: translated with -m; with --hyp used for checks and COMET.",
        ),
    ] = None,
    docs: Annotated[
        str | None, of_input("--docs", metavar="FILE", help="Document of each line, for --segments.")
    ] = None,
    sets: Annotated[
        Path | None, of_input("--sets", metavar="FILE", help="List of test sets (YAML): name, refs, hyps, src, ...")
    ] = None,
    output: Annotated[
        Path | None, of_output("--output", "-o", metavar="FILE", help="File for the model's translations.")
    ] = None,
    language_pair: PairOption = None,
    src_lang: SrcOption = None,
    tgt_lang: TgtOption = None,
    metrics: Annotated[
        list[str] | None,
        of_metrics(
            "--metrics",
            metavar="METRICS",
            help="bleu, chrf, chrf++, ter, spbleu, exact, rouge, length; with commas or repeated. Default: bleu,chrf.",
        ),
    ] = None,
    comet_model: Annotated[
        Path | None,
        of_metrics("--comet-model", metavar="PATH", help="COMET checkpoint to score with too; needs --src."),
    ] = None,
    tokenize: Annotated[
        str | None,
        of_metrics("--tokenize", "--tok", "-tok", metavar="NAME", help="BLEU tokenizer. Default: by target language."),
    ] = None,
    lowercase: Annotated[bool, of_metrics("--lowercase", "-lc", help="Ignore case in BLEU and chrF.")] = False,
    confidence: Annotated[
        bool, of_certainty("--confidence", help="95 % confidence intervals, by bootstrap resampling.")
    ] = False,
    paired: Annotated[
        Paired | None,
        of_certainty(
            "--paired",
            metavar="bs|ar",
            help="Significance test between systems: paired bootstrap or approximate randomisation.",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        of_certainty("--samples", metavar="N", min=1, help="Number of resamples. Default: 1,000 (bs), 10,000 (ar)."),
    ] = None,
    baseline: Annotated[
        str | None,
        of_certainty("--baseline", metavar="NAME", help="System that --paired compares with. Default: the first."),
    ] = None,
    runs: Annotated[bool, of_certainty("--runs", help="Mean and spread: the outputs are runs of one system.")] = False,
    segments: Annotated[
        Path | None,
        of_output("--segments", metavar="FILE", help="File for the scores of every line and document (JSONL)."),
    ] = None,
    score_only: Annotated[
        bool,
        of_output("--score-only", "-S", help="Print the values alone; of several systems, with their names."),
    ] = False,
    width: Annotated[int, of_output("--width", "-w", metavar="N", min=0, max=10, help="Decimals of the scores.")] = 2,
    as_json: JsonOption = False,
    junit: Annotated[
        Path | None, of_output("--junit", metavar="FILE", help="File for a JUnit report of the gates.")
    ] = None,
    markdown: Annotated[
        Path | None, of_output("--markdown", metavar="FILE", help="File for a Markdown summary, such as of a CI job.")
    ] = None,
    min_bleu: Annotated[
        float | None, of_gates("--min-bleu", metavar="POINTS", help="Exit with 3 if BLEU is lower.")
    ] = None,
    min_chrf: Annotated[
        float | None, of_gates("--min-chrf", metavar="POINTS", help="Exit with 3 if chrF is lower.")
    ] = None,
    max_ter: Annotated[
        float | None, of_gates("--max-ter", metavar="POINTS", help="Exit with 3 if TER is higher.")
    ] = None,
    max_aer: Annotated[
        float | None,
        of_gates("--max-aer", metavar="PERCENT", help="Exit with 3 if the AER of --alignments is higher."),
    ] = None,
    gate: Annotated[
        Path | None,
        of_gates("--gate", metavar="FILE", help="File of gates (YAML); exit with 3 if one is missed."),
    ] = None,
    against: Annotated[
        Path | None, of_gates("--against", metavar="FILE", help="Baseline to compare with, from --save-baseline.")
    ] = None,
    max_drop: Annotated[
        list[str] | None,
        of_gates(
            "--max-drop",
            metavar="[METRIC=]POINTS",
            help="Exit with 3 if METRIC (default: bleu) is worse than the baseline's by more than POINTS.",
        ),
    ] = None,
    fail_if_significantly_worse: Annotated[
        bool,
        of_gates("--fail-if-significantly-worse", help="Exit with 3 if BLEU is significantly below the baseline's."),
    ] = False,
    save_baseline: Annotated[
        Path | None,
        of_gates("--save-baseline", metavar="FILE", help="File for a baseline, for --against; written if gates pass."),
    ] = None,
    beam_size: Annotated[
        int | None,
        of_search("--beam-size", "-b", metavar="N", min=1, help="Beam size; 1 is greedy. Default: the model's."),
    ] = None,
    batch_size: Annotated[
        int | None, of_speed("--batch-size", metavar="N", min=1, help="Sentences per batch. Default: 64.")
    ] = None,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = "auto",
    precision: ScoringPrecisionOption = "fp32",
    threads: ThreadsOption = None,
) -> None:
    """Score translations, or translate a test set and score it.

    \b
    mtkit evaluate --hyp out.de --ref test.de -l en-de      score an output
    mtkit evaluate --hyp a --hyp b -r test.de --paired bs   compare systems
    mtkit evaluate -m RUN -i test.en --ref test.de          translate and score
    mtkit evaluate -m RUN                                   the run's test sets
    mtkit evaluate --hyp links --alignments gold            word alignments: AER

    BLEU, chrF and chrF++: higher is better. TER: lower is better; slow for long segments. Scores are sacreBLEU's,
    each with its signature.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    model = model_of(context, model, arguments or [], hyps or [])
    check_alignment_options(context)
    if alignments is not None:
        evaluate_alignments(hyps or [], alignments, max_aer, width, as_json=as_json)
        return
    thresholds = {"bleu": min_bleu, "chrf": min_chrf, "ter": max_ter}
    evaluate_sets(
        context,
        Inputs(hyps or [], names or [], refs or [], src, docs, sets, model, output, gate, against, adapter),
        NamedLanguages(language_pair, src_lang, tgt_lang),
        Scoring(
            metrics or [], comet_model, tokenize, lowercase, confidence, paired.value if paired else None, samples,
            baseline, runs, threads,
        ),
        partial(read_gating, gate, thresholds, max_drop or [], fail_if_significantly_worse, against),
        Searching(beam_size, batch_size, engine.value, device, precision, threads),
        Outputs(width, score_only, as_json, segments, junit, markdown, save_baseline),
    )  # fmt: skip
