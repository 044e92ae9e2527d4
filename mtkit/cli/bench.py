"""``mtkit bench``."""

import json
from typing import Annotated

import typer

from mtkit.cli.options import (
    ConfigOption,
    ModelOption,
    PresetOption,
    RecipeArgument,
    SetOption,
    ThreadsOption,
    number,
    recipe_or_model,
)
from mtkit.errors import ConfigError
from mtkit.settings.bounds import BENCH_SECONDS


def bench(
    recipe: RecipeArgument = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    input_file: Annotated[
        str | None,
        typer.Option("--input", "-i", metavar="FILE", help="With -m: text to translate. Default: its test set."),
    ] = None,
    preset: PresetOption = None,
    overrides: SetOption = None,
    seconds: Annotated[
        float, typer.Option(parser=number(BENCH_SECONDS), metavar="SECONDS", help="How long to measure, about.")
    ] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto, fp32 or bf16; with -m int8 too, and auto is each that translate may use.")
    ] = None,
    threads: ThreadsOption = None,
) -> None:
    """Measure this machine: how fast it trains and translates, how close to its limit, and where the time goes.

    \b
    mtkit bench                  the sizes of a preset (small, on a GPU base), random tokens: needs no corpus
    mtkit bench recipe.yaml      a recipe's sizes, on its corpus where that is prepared
    mtkit bench -m RUN           translation with a trained model

    Shares of peak are the model's matrix products on real tokens, per second, over
    the most that the machine does: as published for a well-known GPU in bf16, and
    measured everywhere else.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    changes = preset is not None or bool(overrides)
    config, model = recipe_or_model(recipe, config, model, changes=changes, verb="measures")
    if model is None and input_file is not None:
        raise ConfigError("-i belongs to -m RUN: without a trained model random tokens are translated")

    from mtkit.bench.run import bench_model, bench_recipe, settings_of_preset
    from mtkit.bench.table import table
    from mtkit.files.text import read_lines
    from mtkit.settings.resolve import Settings

    if model is not None:
        text = None if input_file is None else list(read_lines(input_file))
        choice = {"device": device or "auto", "precision": precision or "auto"}
        measured = bench_model(model, text, **choice, threads=threads, seconds=seconds)
    else:
        flags: dict[str, object] = {
            "training.device": device,
            "training.precision": precision,
            "training.threads": threads,
        }
        if config is not None:
            settings = Settings.load(config, overrides=overrides or (), flags=flags | {"model.preset": preset})
        else:
            settings = settings_of_preset(preset, overrides=overrides or (), flags=flags)
        measured = bench_recipe(settings, seconds=seconds)
    if as_json:
        typer.echo(json.dumps(measured.as_json(), ensure_ascii=False))
    else:
        typer.echo("\n".join(table(measured)))
