"""``mtkit compare``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.help import of_certainty, of_output
from mtkit.cli.options import JsonOption
from mtkit.errors import ConfigError, DataError
from mtkit.files.outputs import STANDARD_OUTPUT, check_outputs


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run directories of mtkit train, or bundles.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        of_output(
            "--output",
            "-o",
            metavar="FILE",
            help="Page with the same and the learning curves drawn, one HTML file.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    samples: Annotated[
        int | None,
        of_certainty("--samples", metavar="N", min=1, help="Number of bootstrap resamples. Default: 1,000."),
    ] = None,
) -> None:
    """Compare training runs by settings, course and scores.

    \b
    mtkit compare runs/a runs/b                 a table
    mtkit compare runs/a runs/b -o page.html    a page with learning curves

    The first run is what the others are compared with. Scores of test sets have 95 % intervals and paired tests by
    bootstrap. Directories of mtkit train --seeds are compared by mean and spread, and by Welch's t-test.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    _check(output, as_json=as_json)

    from mtkit.evaluation.certainty.comparison import warn_of_few_samples
    from mtkit.files.outputs import write_output
    from mtkit.report.runs.comparing import compare_runs
    from mtkit.report.runs.page import page
    from mtkit.report.runs.text import comparison_lines

    warn_of_few_samples(samples)
    found = compare_runs(runs, n_samples=samples)
    if output is not None:
        write_output(output, (part.encode() for part in page(found)))
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, allow_nan=False))
        return
    for line in comparison_lines(found):
        typer.echo(line)


def _check(output: Path | None, *, as_json: bool) -> None:
    """Refuse what cannot be written to, before anything is read."""
    if output is None:
        return
    if str(output) == "-":
        raise ConfigError("-o -: name a file for the page; --json prints the numbers")
    if output.is_dir():
        raise DataError(f"{output}: is a directory; name a file")
    check_outputs({"standard output": STANDARD_OUTPUT if as_json else None, "-o": output})
