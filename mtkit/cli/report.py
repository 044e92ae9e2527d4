"""``mtkit report``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.evaluation.inputs import Inputs
from mtkit.cli.help import of_certainty, of_input, of_metrics, of_output
from mtkit.cli.languages import NamedLanguages, PairOption, SrcOption, TgtOption
from mtkit.cli.options import check_stdin
from mtkit.errors import ConfigError, DataError
from mtkit.files.outputs import STANDARD_OUTPUT, check_outputs


def report(
    hyps: Annotated[
        list[str] | None,
        of_input("--hyp", metavar="FILE", help="Output to report on; a second one is compared with the first."),
    ] = None,
    refs: Annotated[
        list[str] | None, of_input("--ref", "-r", metavar="FILE", help="Reference translations. Repeatable.")
    ] = None,
    src: Annotated[
        str | None,
        of_input("--src", "--input", "-i", metavar="FILE", help="Source text; finds untranslated copies."),
    ] = None,
    names: Annotated[
        list[str] | None,
        of_input("--name", metavar="NAME", help="Name of each --hyp, in the same order. Default: its file name."),
    ] = None,
    language_pair: PairOption = None,
    src_lang: SrcOption = None,
    tgt_lang: TgtOption = None,
    docs: Annotated[str | None, of_input("--docs", metavar="FILE", help="Document of each line.")] = None,
    runs: Annotated[
        list[Path] | None,
        of_input(
            "--run",
            metavar="RUN",
            help="Run to draw learning curves of, and before and after. Repeatable.",
        ),
    ] = None,
    train_tgt: Annotated[
        str | None,
        of_input("--train-tgt", metavar="FILE", help="Text that word frequencies are from. Default: the references."),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        of_metrics(
            "--metrics",
            metavar="METRICS",
            help="Metrics, as of mtkit evaluate, with commas or repeated. Default: bleu,chrf.",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        of_certainty("--samples", metavar="N", min=1, help="Number of bootstrap resamples. Default: 1,000."),
    ] = None,
    output: Annotated[Path | None, of_output("--output", "-o", metavar="FILE", help="The page, one HTML file.")] = None,
    as_json: Annotated[bool, of_output("--json", help="Print the numbers as one JSON object.")] = False,
) -> None:
    """Write an HTML report on one system, or comparing two.

    \b
    mtkit report --hyp out.de -r test.de -i test.en -l en-de -o page.html
    mtkit report --hyp a.de --hyp b.de -r test.de -l en-de -o page.html

    The page needs no network: scores and their uncertainty, strong and weak spots, typical errors, and every sentence
    to look up.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    inputs = Inputs(hyps or [], names or [], refs or [], src, docs, None, None, None)
    _check(inputs, train_tgt, output, as_json=as_json)

    from mtkit.evaluation.assessment import Method
    from mtkit.evaluation.certainty.comparison import warn_of_few_samples
    from mtkit.evaluation.metrics.metrics import DEFAULT_METRICS, check_metrics
    from mtkit.evaluation.sets import system_names
    from mtkit.files.outputs import write_output
    from mtkit.files.text import read_lines
    from mtkit.report.collect import collect
    from mtkit.report.curves import read_curves
    from mtkit.report.names import short_names
    from mtkit.report.page import page
    from mtkit.report.tunings import read_tunings

    pair = NamedLanguages(language_pair, src_lang, tgt_lang).pair()
    wanted = [name.strip().lower() for given in metrics or DEFAULT_METRICS for name in given.split(",")]
    tgt_lang = pair[1] if pair else None
    method = Method(check_metrics(wanted, tgt_lang=tgt_lang), confidence=True, n_samples=samples)
    warn_of_few_samples(samples)
    if len(inputs.hyps) > 1:
        method = replace(method, paired="bs")
    curves = read_curves(runs or [])
    inputs = replace(inputs, names=inputs.names or short_names(system_names(inputs.hyps)))
    read = inputs.read(pair)
    assert read is not None  # checked: there are references
    counted_in = (train_tgt, read_lines(train_tgt)) if train_tgt else None
    found = collect(read[0], method, train_tgt=counted_in, curves=curves, tunings=read_tunings(runs or []))
    if output is not None:
        write_output(output, (part.encode() for part in page(found)))
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, allow_nan=False))


def _check(inputs: Inputs, train_tgt: str | None, output: Path | None, *, as_json: bool) -> None:
    """Refuse what does not say one thing, before anything is read."""
    if not inputs.hyps:
        raise ConfigError("nothing to report on: give an output with --hyp FILE")
    if len(inputs.hyps) > 2:
        raise ConfigError(f"{len(inputs.hyps)} --hyp: a report is on one output or on two; mtkit evaluate takes more")
    inputs.check()
    check_stdin(train_tgt, *inputs.files)
    if output is None and not as_json:
        raise ConfigError("nowhere to write to: name the page with -o page.html, or print the numbers with --json")
    if output is None:
        return
    if str(output) == "-":
        raise ConfigError("-o -: name a file for the page; --json prints the numbers")
    if output.is_dir():
        raise DataError(f"{output}: is a directory; name a file")
    printed = STANDARD_OUTPUT if as_json else None
    check_outputs({"standard output": printed, "-o": output}, train_tgt, *inputs.files)
