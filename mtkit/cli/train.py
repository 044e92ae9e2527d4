"""``mtkit train``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.options import ConfigOption, OverwriteOption, PresetOption, PrintConfigOption, SetOption, ThreadsOption
from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.settings import Settings


def train(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="RECIPE", help="YAML recipe; the same as -c FILE.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    run_dir: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Run directory: checkpoints, logs and the model. Default: runs/NAME."),
    ] = None,
    src: Annotated[
        Path | None, typer.Option("--src", "-src", metavar="FILE", help="Without a recipe: the source lines.")
    ] = None,
    tgt: Annotated[
        Path | None, typer.Option("--tgt", "-tgt", metavar="FILE", help="Without a recipe: the target lines.")
    ] = None,
    src_lang: Annotated[
        str | None, typer.Option("--src-lang", "-s", help="Without a recipe: default is the ending of the file's name.")
    ] = None,
    tgt_lang: Annotated[str | None, typer.Option("--tgt-lang", "-t", help="Likewise.")] = None,
    preset: PresetOption = None,
    overrides: SetOption = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            help="End after this much time, everything included, with the learning rate decayed to zero.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides initial weights, order of the data and dropout.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.")] = None,
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
    print_config: PrintConfigOption = False,
) -> None:
    """Train a model: from a recipe, or from two text files alone.

    \b
    mtkit train recipe.yaml                        prepare the corpus, train, score the test sets
    mtkit train --src my.en --tgt my.de -o runs/my hold out validation and test lines, choose the rest
    mtkit train recipe.yaml --minutes 10           the same within ten minutes, as well as they allow
    mtkit train ...the same again                  go on where it stopped

    SIGINT (Ctrl-C), SIGTERM and a closed terminal finish the update, save, and exit
    with 75.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    started = time.monotonic()
    if recipe is not None and config is not None:
        raise ConfigError(f"two recipes, {recipe} and {config}: name one")
    config = config or recipe
    if (config is None) == (src is None and tgt is None):
        raise ConfigError(
            "give a recipe with -c FILE, or two text files with --src FILE --tgt FILE, not both or neither"
        )
    if (src is None) != (tgt is None):
        raise ConfigError("--src and --tgt go together: name both files")
    if run_dir is None and config is None:
        raise ConfigError("name a directory for the run with -o DIR")

    from mtkit.settings import Settings, recipe_name

    flags = {
        "model.preset": preset,
        "training.max_minutes": minutes,
        "training.seed": seed,
        "training.device": device,
        "training.precision": precision,
        "training.threads": threads,
    }
    from mtkit.output_directory import check_output_directory

    if src is not None and tgt is not None:
        assert run_dir is not None
        from mtkit.training.quickstart import recipe_for, write_recipe

        chosen = recipe_for(src, tgt, run_dir, src_lang=src_lang, tgt_lang=tgt_lang)
        settings = Settings.load(None, overrides=overrides or (), flags=flags)
        settings = settings.with_layer("mtkit train --src", chosen)
        if print_config:
            typer.echo(_explain(settings, run_dir))
            return
        settings.before_corpus().config()  # what is mistyped is told before anything is written
        check_output_directory(run_dir)
        config = write_recipe(src, tgt, run_dir, src_lang=src_lang, tgt_lang=tgt_lang, overwrite=overwrite)
    assert config is not None
    settings = Settings.load(config, overrides=overrides or (), flags=flags)
    directory = run_dir or Path("runs") / recipe_name(config)
    if print_config:
        typer.echo(_explain(settings, directory))
        return

    from mtkit.evaluation.report import score_lines
    from mtkit.training.run import train as run_training

    check_output_directory(directory)
    run = run_training(settings, directory, overwrite=overwrite, started=started)
    for name, of_set in run.scores.items():
        extent = f", {of_set.extent()}" if of_set.extent() else ""
        typer.echo(f"test set {name}, beam {settings.before_corpus().config().decoding.beam_size}{extent}")
        for line in score_lines(of_set.scores):
            typer.echo(f"  {line}")
    typer.echo(f"the model: {run.directory / 'model'}")
    typer.echo(f"translate with: mtkit translate -m {run.directory} -i FILE")


def _explain(settings: "Settings", run_dir: Path) -> str:
    """The settings with their origins; what depends on corpus and time is filled in where it has been prepared."""
    from mtkit.data.prepare import open_prepared
    from mtkit.training.run import resolve
    from mtkit.training.size_in_time import begun_size

    before = settings.before_corpus()
    directory = before.config().prepared_directory
    if directory.exists():
        return resolve(settings, open_prepared(directory), begun_size(settings, run_dir))[0].explain()
    return "# before the corpus is prepared; a preset by its size may follow\n" + before.explain()
