"""``mtkit forge backtranslate`` and ``mtkit forge distill``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.options import (
    DeviceOption,
    Engine,
    EngineOption,
    OverwriteOption,
    SetOption,
    ThreadsOption,
    TranslationPrecisionOption,
)
from mtkit.cli.usage import Command

if TYPE_CHECKING:
    from mtkit.forge.corpus import Kind, Work

forge = typer.Typer(
    name="forge", no_args_is_help=True, rich_markup_mode=None, help="Make training pairs with a model, for a recipe."
)

RecipeArgument = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe that the pairs are for.")]
OutputOption = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Directory for the new pairs.")]
BeamOption = Annotated[
    int | None, typer.Option("--beam-size", "-b", min=1, help="1 is greedy. Default: the model's own.")
]
ShardOption = Annotated[int, typer.Option(min=1, help="Lines that are lost at most when the process ends.")]


@forge.command(cls=Command)
def backtranslate(
    recipe: RecipeArgument,
    model: Annotated[
        Path, typer.Option("--model", "-m", help="Translates from the recipe's target language to its source language.")
    ],
    inputs: Annotated[
        list[Path], typer.Option("--input", "-i", metavar="FILE", help="Text in the target language; repeatable.")
    ],
    output: OutputOption,
    tag: Annotated[str, typer.Option(help="Marks the new source segments; '' for none.")] = "<bt>",
    beam_size: BeamOption = None,
    shard_lines: ShardOption = 10_000,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = "auto",
    precision: TranslationPrecisionOption = "auto",
    threads: ThreadsOption = None,
    overrides: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Make pairs of target-language text, translated back (Sennrich et al. 2016).

    \b
    mtkit forge backtranslate recipe.yaml -m runs/de-en -i news.de.gz -o forged/news

    The target side is what people wrote, the source side what the model made of it, marked with a tag (Caswell et
    al. 2019). The same command goes on where it was interrupted.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    from mtkit.forge.corpus import Work

    work = Work(model, beam_size, engine.value, device, precision, threads, shard_lines)
    _forge("backtranslate", recipe, inputs, output, [tag] if tag else [], work, overrides, overwrite=overwrite)


@forge.command(cls=Command)
def distill(
    recipe: RecipeArgument,
    model: Annotated[Path, typer.Option("--model", "-m", help="The teacher: translates in the recipe's direction.")],
    output: OutputOption,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--input", "-i", metavar="FILE", help="Text in the source language; by default the recipe's training text."
        ),
    ] = None,
    beam_size: BeamOption = None,
    shard_lines: ShardOption = 10_000,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = "auto",
    precision: TranslationPrecisionOption = "auto",
    threads: ThreadsOption = None,
    overrides: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Make a teacher's pairs for a small model (Kim and Rush 2016).

    \b
    mtkit forge distill recipe.yaml -m runs/big -o forged/taught

    The source side is the training text, the target side what the teacher makes of it. The same command goes on
    where it was interrupted.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    from mtkit.forge.corpus import Work

    work = Work(model, beam_size, engine.value, device, precision, threads, shard_lines)
    _forge("distill", recipe, inputs or [], output, [], work, overrides, overwrite=overwrite)


def _forge(
    kind: "Kind",
    recipe: Path,
    inputs: list[Path],
    output: Path,
    tags: list[str],
    work: "Work",
    overrides: list[str] | None,
    *,
    overwrite: bool,
) -> None:
    from mtkit.errors import Interrupted
    from mtkit.forge.corpus import forge as make
    from mtkit.forge.corpus import train_lines
    from mtkit.forge.shards import JOB_FILE, n_shards
    from mtkit.settings.resolve import Settings
    from mtkit.wording import counted

    settings = Settings.load(recipe, overrides=overrides or ())
    data = settings.before_corpus().config().data
    try:
        manifest = make(kind, data, inputs, work, output, tags=tags, overwrite=overwrite)
    except KeyboardInterrupt:
        if not (output / JOB_FILE).exists():
            raise
        done = counted(n_shards(output), "shard")
        again = f"the same command{' without --overwrite' * overwrite} goes on"
        raise Interrupted(f"{output}: {done} done; {again}") from None
    typer.echo(f"{counted(manifest['n_pairs'], 'pair')} in {output}; below data: in the recipe, in place of its train:")
    typer.echo("\n".join(train_lines(kind, data, manifest["source"])))
