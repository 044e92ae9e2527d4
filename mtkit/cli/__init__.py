"""The command line. Parses and dispatches; every decision is made elsewhere.

Nothing here may import torch, directly or through mtkit: ``mtkit --help`` answers at once.
"""

import sys
from contextlib import suppress
from typing import Annotated

import typer

from mtkit import __version__
from mtkit.cli import interrupts
from mtkit.cli.align import align
from mtkit.cli.average import average
from mtkit.cli.bench import bench
from mtkit.cli.describe import describe
from mtkit.cli.doctor import doctor
from mtkit.cli.evaluate import evaluate
from mtkit.cli.export import export
from mtkit.cli.forge import forge
from mtkit.cli.inspect import inspect
from mtkit.cli.preprocess import preprocess
from mtkit.cli.report import report
from mtkit.cli.score import score
from mtkit.cli.train import train
from mtkit.cli.translate import translate
from mtkit.cli.usage import Commands
from mtkit.device import let_waiting_threads_sleep
from mtkit.errors import Interrupted, MtkitError, Stopped
from mtkit.signals import heed

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text, and no time spent on importing rich
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    doctor,
    preprocess,
    train,
    translate,
    evaluate,
    report,
    score,
    align,
    inspect,
    export,
    average,
    describe,
    bench,
):
    app.command()(_command)
app.add_typer(forge, cls=Commands)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mtkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell more on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors on stderr.")] = False,
) -> None:
    """Train neural machine translation models, translate with them, and score them."""
    from mtkit.log import set_up_logging

    set_up_logging(verbose=verbose, quiet=quiet)


def main() -> None:
    """Run the app; an error that a user can fix becomes one line on stderr and an exit code."""
    interrupts.install()
    let_waiting_threads_sleep()
    try:
        app()
    except MtkitError as error:
        heed(False)
        kind = "" if isinstance(error, (Interrupted, Stopped)) else "error: "
        with suppress(OSError, ValueError):  # nobody listens any more
            typer.echo(f"mtkit: {kind}{error}", err=True)
        sys.exit(error.exit_code)
    finally:
        heed(False)
