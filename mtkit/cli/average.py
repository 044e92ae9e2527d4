"""``mtkit average``."""

from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.help import of_model, of_output, of_settings
from mtkit.cli.options import OverwriteOption, RunArgument, needed
from mtkit.errors import ConfigError
from mtkit.files.output_directory import check_output_directory, check_replaceable


def average(
    run: RunArgument = None,
    run_dir: Annotated[Path | None, of_model("--model", "-m", metavar="RUN", help="Run directory.")] = None,
    output: Annotated[
        Path | None, of_output("--output", "-o", metavar="DIR", help="Model bundle to write. Required.")
    ] = None,
    last: Annotated[
        int | None, of_settings("--last", metavar="N", min=1, help="Number of newest checkpoints to average.")
    ] = None,
    best: Annotated[
        int | None, of_settings("--best", metavar="N", min=1, help="Number of best checkpoints to average.")
    ] = None,
    ema: Annotated[
        bool, of_settings("--ema", help="Take the moving averages that the run kept (training.ema), not its weights.")
    ] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Average the weights of checkpoints into a model bundle.

    \b
    mtkit average -m runs/my --last 5 -o averaged
    mtkit average -m runs/my --last 1 --ema -o smoothed
    mtkit translate -m averaged -i FILE
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    run_dir = needed(run_dir, run)
    if output is None:
        raise ConfigError("where to? name the bundle with -o DIR")
    if last is not None and best is not None:
        raise ConfigError("--last and --best do not go together: name one of them")
    if last is None and best is None:
        raise ConfigError("say which checkpoints: --last N or --best N")
    check_output_directory(output)
    check_replaceable(output)
    if output.exists() and not overwrite:
        raise ConfigError(f"{output}: exists; choose another -o, or --overwrite")

    from mtkit.training.finish import average_into_bundle

    updates = average_into_bundle(run_dir, output, n=last or best or 0, by="last" if last else "best", ema=ema)
    typer.echo(f"averaged updates {', '.join(map(str, updates))} into {output}")
