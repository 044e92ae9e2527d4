"""``mtkit preprocess``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.options import ConfigOption, OverwriteOption, PrintConfigOption, SetOption
from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.data.prepared import Manifest


def preprocess(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="RECIPE", help="YAML recipe; the same as -c FILE.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Prepared corpus. Default: data.prepared or prepared/NAME."),
    ] = None,
    overrides: SetOption = None,
    overwrite: OverwriteOption = False,
    print_config: PrintConfigOption = False,
) -> None:
    """Check and clean a corpus, train its tokenizer, and write it as token ids.

    \b
    mtkit preprocess recipe.yaml           what mtkit train does first, when it has not been done
    mtkit preprocess ...the same again     does nothing, when neither the inputs nor the settings have changed
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    if (recipe is None) == (config is None):
        raise ConfigError("give one recipe: mtkit preprocess RECIPE, or -c RECIPE")

    from mtkit.settings import Settings

    flags = {"data.prepared": None if output is None else str(output)}
    settings = Settings.load(recipe or config, overrides=overrides or (), flags=flags)
    if print_config:
        typer.echo(settings.before_corpus().explain())
        return

    from mtkit.data.prepare import prepare

    resolved = settings.before_corpus().config()
    directory = resolved.prepared_directory
    prepared = prepare(resolved.data, resolved.tokenizer, directory, overwrite=overwrite)
    for line in _report(prepared.manifest):
        typer.echo(line)
    typer.echo(f"prepared corpus: {directory}")


def _report(manifest: "Manifest") -> list[str]:
    """A line for each source, then the vocabulary."""
    lines = []
    for source in manifest.sources:
        line = f"{source['place']} {source['name']}: {source['n_kept']:,} pairs"
        if source["dropped"]:
            dropped = ", ".join(f"{n:,} {reason}" for reason, n in source["dropped"].items())
            line += f" of {source['n_pairs']:,} (dropped: {dropped})"
        lines.append(f"{line}, {source['n_src_tokens']:,} + {source['n_tgt_tokens']:,} tokens")
    if manifest.settings["tokenizer"]["joint"]:
        sizes = f"{manifest.src_vocab_size:,} pieces for both languages"
    else:
        sizes = f"{manifest.src_vocab_size:,} + {manifest.tgt_vocab_size:,} pieces"
    return [*lines, f"vocabulary: {sizes}, {manifest.settings['tokenizer']['type']}"]
