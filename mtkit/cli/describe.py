"""``mtkit describe``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.options import ConfigOption, SetOption
from mtkit.errors import ConfigError


def describe(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="RECIPE", help="YAML recipe; the same as -c FILE.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    preset: Annotated[str | None, typer.Option(help="Without a recipe: a preset, such as small or rnn-luong.")] = None,
    overrides: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a model in numbers, without training it: layers, parameters, memory, arithmetic.

    \b
    mtkit describe recipe.yaml
    mtkit describe recipe.yaml --set model.decoder_attention=ssru
    mtkit describe --preset deep-shallow
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    if recipe is not None and config is not None:
        raise ConfigError(f"two recipes, {recipe} and {config}: name one")
    config = config or recipe
    if (config is None) == (preset is None):
        raise ConfigError(
            "give a recipe, or a preset with --preset NAME, not both or neither; with a recipe --set model.preset=NAME"
        )

    from mtkit.bench.description import describe as description_of
    from mtkit.bench.description import table
    from mtkit.bench.run import settings_of_preset
    from mtkit.bench.sizes import sizes_of
    from mtkit.settings import Settings

    if config is not None:
        settings = Settings.load(config, overrides=overrides or ())
    else:
        settings = settings_of_preset(preset, overrides=overrides or (), flags={})
    sizes = sizes_of(settings)
    described = description_of(sizes)
    if as_json:
        typer.echo(json.dumps(described.as_json()))
    else:
        name = f"Preset {preset}" if config is None else f"Recipe {sizes.config.name}"
        typer.echo("\n".join(table(name, described)))
