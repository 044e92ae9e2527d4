"""``mtkit forge backtranslate`` and ``mtkit forge distill``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.help import of_input, of_model, of_output, of_search, of_settings
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
    name="forge", no_args_is_help=True, rich_markup_mode=None, help="Make training pairs for a recipe with a model."
)

RecipeArgument = Annotated[Path, typer.Argument(metavar="RECIPE", help="Recipe that the pairs are for.")]
OutputOption = Annotated[Path, of_output("--output", "-o", metavar="DIR", help="Directory for the new pairs.")]
BeamOption = Annotated[
    int | None,
    of_search("--beam-size", "-b", metavar="N", min=1, help="Beam size; 1 is greedy. Default: the model's."),
]
ShardOption = Annotated[
    int,
    of_output(
        "--shard-lines", metavar="LINES", min=1, help="Lines per shard; an interruption loses at most one shard."
    ),
]


@forge.command(cls=Command)
def backtranslate(
    recipe: RecipeArgument,
    model: Annotated[
        Path,
        of_model(
            "--model",
            "-m",
            metavar="RUN",
            help="Model that translates the recipe's target into its source language.",
        ),
    ],
    inputs: Annotated[
        list[Path], of_input("--input", "-i", metavar="FILE", help="Text in the target language. Repeatable.")
    ],
    output: OutputOption,
    tag: Annotated[
        str, of_settings("--tag", metavar="TAG", help="Tag at the start of the new source segments; '' for none.")
    ] = "<bt>",
    beam_size: BeamOption = None,
    shard_lines: ShardOption = 10_000,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = "auto",
    precision: TranslationPrecisionOption = "auto",
    threads: ThreadsOption = None,
    overrides: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Back-translate target-language text into training pairs.

    \b
    mtkit forge backtranslate recipe.yaml -m runs/de-en -i news.de -o forged

    Sennrich et al. 2016: the target side is the text, the source side its machine translation, marked with a tag
    (Caswell et al. 2019). The same command again resumes an interrupted one.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    from mtkit.forge.corpus import Work

    work = Work(model, beam_size, engine.value, device, precision, threads, shard_lines)
    _forge("backtranslate", recipe, inputs, output, [tag] if tag else [], work, overrides, overwrite=overwrite)


@forge.command(cls=Command)
def distill(
    recipe: RecipeArgument,
    model: Annotated[
        Path, of_model("--model", "-m", metavar="RUN", help="Teacher: a model in the recipe's direction.")
    ],
    output: OutputOption,
    inputs: Annotated[
        list[Path] | None,
        of_input(
            "--input",
            "-i",
            metavar="FILE",
            help="Text in the source language. Repeatable. Default: the recipe's training text.",
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
    """Translate training text with a teacher, for a small model.

    \b
    mtkit forge distill recipe.yaml -m runs/big -o forged/taught

    Sequence-level distillation (Kim and Rush 2016): the source side is the training text, the target side the
    teacher's translation. The same command again resumes an interrupted one.
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
