"""The command line. Parses and dispatches; every decision is made elsewhere.

Nothing here may import torch, directly or through mtkit: ``mtkit --help`` answers at once.
"""

import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from mtkit.cli.align import align
from mtkit.cli.average import average
from mtkit.cli.bench import bench
from mtkit.cli.compare import compare
from mtkit.cli.describe import describe
from mtkit.cli.doctor import doctor
from mtkit.cli.evaluation.command import evaluate
from mtkit.cli.export import export
from mtkit.cli.forge import forge
from mtkit.cli.help import WIDEST
from mtkit.cli.import_ import import_
from mtkit.cli.inspect import inspect
from mtkit.cli.known_languages import languages
from mtkit.cli.preprocess import preprocess
from mtkit.cli.report import report
from mtkit.cli.score import score
from mtkit.cli.settings import settings
from mtkit.cli.train import train
from mtkit.cli.translate import translate
from mtkit.cli.usage import Command, Commands
from mtkit.errors import Interrupted, MtkitError, Stopped, reason
from mtkit.files import streams
from mtkit.machine import interrupts
from mtkit.machine.memory import keep_few_kernels
from mtkit.machine.safe_path import leave_out_working_directory
from mtkit.machine.signals import heed
from mtkit.machine.threads import let_waiting_threads_sleep, refused_thread
from mtkit.version import __version__

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text, and no time spent on importing rich
    context_settings={
        "max_content_width": WIDEST,
        "help_option_names": ["-h", "--help"],
        "color": True,  # click would leave out what looks like colours, in results too; streams.py sees to terminals
    },
)
for _command in (
    doctor,
    preprocess,
    train,
    translate,
    evaluate,
    compare,
    report,
    score,
    align,
    inspect,
    export,
    average,
    describe,
    languages,
    settings,
    bench,
):
    app.command(cls=Command)(_command)
app.command("import", cls=Command)(import_)
app.add_typer(forge, cls=Commands)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mtkit {__version__}")
        raise typer.Exit


_WITH_OUTPUT = ("translate", "score", "align", "inspect", "report")
"""Commands whose results may all go to a file that -o names."""


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="More messages on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors on stderr.")] = False,
) -> None:
    """Train neural machine translation models, translate with them, and score them."""
    from mtkit.log import set_up_logging

    if context.invoked_subcommand not in _WITH_OUTPUT:
        streams.check_open()
    set_up_logging(verbose=verbose, quiet=quiet)


def main() -> None:
    """Run the app; an error that a user can fix becomes one line on stderr and an exit code."""
    leave_out_working_directory()
    streams.set_up()
    interrupts.install()
    let_waiting_threads_sleep()
    keep_few_kernels()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except MtkitError as error:
        heed(False)
        kind = "" if isinstance(error, (Interrupted, Stopped)) else "error: "
        with suppress(OSError, ValueError):  # nobody listens any more
            typer.echo(f"mtkit: {kind}{error}", err=True, color=True)
        if isinstance(error, (Interrupted, Stopped)):
            interrupts.leave(error.exit_code)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == Stopped.exit_code:
            interrupts.leave(Stopped.exit_code)
        raise
    except OSError as error:  # of a file that nobody foresaw: one may not be read, or is a directory
        if error.filename is None:
            _fail_without_threads(error)
        _fail(f"{error.filename}: {reason(error)}")
    except RuntimeError as error:
        if not str(error).startswith("Symlink loop"):  # what pathlib raises before Python 3.13
            _fail_without_threads(error)
        _fail(str(error))
    finally:
        heed(False)


def _fail_without_threads(error: Exception) -> NoReturn:
    """Say so where the system starts no more threads; any other error is not foreseen."""
    if (refused := refused_thread(error)) is None:
        raise error
    _fail(str(refused))


def _fail(message: str) -> NoReturn:
    with suppress(OSError, ValueError):  # nobody listens any more
        typer.echo(f"mtkit: error: {message}", err=True)
    sys.exit(MtkitError.exit_code)
