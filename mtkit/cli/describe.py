"""``mtkit describe``."""

import json
from typing import Annotated

import typer

from mtkit.cli.help import of_settings
from mtkit.cli.options import (
    ConfigOption,
    JsonOption,
    ModelOption,
    PresetOption,
    RecipeArgument,
    SetOption,
    recipe_or_model,
)
from mtkit.errors import ConfigError


def describe(
    recipe: RecipeArgument = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    preset: PresetOption = None,
    base: Annotated[
        str | None,
        of_settings("--from", metavar="MODEL", help="Model that the recipe's training starts from."),
    ] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the layers, parameters, memory and FLOPs of a model.

    \b
    mtkit describe recipe.yaml
    mtkit describe recipe.yaml --set model.decoder_attention=ssru
    mtkit describe --preset deep-shallow
    mtkit describe -m RUN
    mtkit describe recipe.yaml --from MODEL --set training.lora.rank=16

    Nothing is trained.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    changes = preset is not None or base is not None or bool(overrides)
    config, model = recipe_or_model(recipe, config, model, changes=changes, verb="describes")
    if model is None and config is None and preset is None:
        raise ConfigError("give a recipe, a preset with --preset NAME, or a trained model with -m RUN")

    from mtkit.bench.description import describe_model, describe_recipe, table
    from mtkit.bench.run import settings_of_preset
    from mtkit.settings.resolve import Settings

    if model is not None:
        name, described = f"Model {model}", describe_model(model)
    elif config is not None:
        settings = Settings.load(
            config, overrides=overrides or (), flags={"model.preset": preset, "training.from": base}
        )
        name, described = f"Recipe {config}", describe_recipe(settings)
    else:
        settings = settings_of_preset(preset, overrides=overrides or (), flags={"training.from": base})
        name, described = f"Preset {preset}", describe_recipe(settings)
    if as_json:
        typer.echo(json.dumps(described.as_json()))
    else:
        typer.echo("\n".join(table(name, described)))
