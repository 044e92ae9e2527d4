"""``mtkit average``."""

from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.options import OverwriteOption
from mtkit.errors import ConfigError
from mtkit.output_directory import check_output_directory, check_replaceable


def average(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The bundle to write.")],
    last: Annotated[int | None, typer.Option("--last", min=1, help="Average the newest checkpoints.")] = None,
    best: Annotated[int | None, typer.Option("--best", min=1, help="Average the best checkpoints.")] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Average the weights of checkpoints into a model bundle.

    \b
    mtkit average runs/my --last 5 -o averaged
    mtkit translate -m averaged -i FILE
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    if (last is None) == (best is None):
        raise ConfigError("say which checkpoints: --last N or --best N")
    check_output_directory(output)
    check_replaceable(output)
    if output.exists() and not overwrite:
        raise ConfigError(f"{output}: exists; choose another -o, or --overwrite")

    from mtkit.training.finish import average_into_bundle

    updates = average_into_bundle(run_dir, output, n=last or best or 0, by="last" if last else "best")
    typer.echo(f"averaged updates {', '.join(map(str, updates))} into {output}")
