"""``mtkit bench``."""

import json
from typing import Annotated

import typer

from mtkit.cli.help import of_input, of_settings, of_speed
from mtkit.cli.options import (
    AdapterOption,
    ConfigOption,
    JsonOption,
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
    adapter: AdapterOption = None,
    input_file: Annotated[
        str | None,
        of_input(
            "--input", "-i", metavar="FILE", help="Text to translate, with -m. Default: the test set of the model."
        ),
    ] = None,
    preset: PresetOption = None,
    overrides: SetOption = None,
    seconds: Annotated[
        float,
        of_settings(
            "--seconds",
            parser=number(BENCH_SECONDS),
            metavar="SECONDS",
            help="Approximate measuring time in seconds.",
        ),
    ] = 30,
    as_json: JsonOption = False,
    device: Annotated[
        str | None,
        of_speed("--device", metavar="auto|cpu|cuda", help="Device. Default: the recipe's, or auto."),
    ] = None,
    precision: Annotated[
        str | None,
        of_speed(
            "--precision",
            metavar="PRECISION",
            help="auto, fp32 or bf16; with -m also int8, and auto measures each that translate may use. "
            "Default: the recipe's, or auto.",
        ),
    ] = None,
    threads: ThreadsOption = None,
) -> None:
    """Measure the speed of training and translation here.

    \b
    mtkit bench                  sizes of a preset, random tokens, no corpus
    mtkit bench recipe.yaml      a recipe, on its corpus where it is prepared
    mtkit bench -m RUN           translation with a trained model

    Also shown: how close this machine comes to its limit, and where the time goes. The preset is small, on a GPU base.
    Shares of peak are the model's matrix products on real tokens, per second, relative to the machine's maximum: the
    published bf16 figure of a well-known GPU, measured everywhere else.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    changes = preset is not None or bool(overrides)
    config, model = recipe_or_model(recipe, config, model, changes=changes, verb="measures")
    if model is None and adapter is not None:
        raise ConfigError("--adapter belongs to -m RUN, the model that the adapters are to")
    if model is None and input_file is not None:
        raise ConfigError("-i belongs to -m RUN: without a trained model random tokens are translated")

    from mtkit.bench.run import bench_model, bench_recipe, settings_of_preset
    from mtkit.bench.table import table
    from mtkit.exchange.opening import opened
    from mtkit.files.text import read_lines
    from mtkit.settings.resolve import Settings

    if model is not None:
        text = None if input_file is None else list(read_lines(input_file))
        choice = {"device": device or "auto", "precision": precision or "auto"}
        with opened(model, adapter) as bundle:
            measured = bench_model(bundle, str(model), text, **choice, threads=threads, seconds=seconds)
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
