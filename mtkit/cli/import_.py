"""``mtkit import``."""

from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.help import of_input, of_output
from mtkit.cli.options import OverwriteOption
from mtkit.errors import ConfigError
from mtkit.files.output_directory import check_output_directory, check_replaceable


def import_(
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="Directory of the model, or its name on the Hugging Face hub."),
    ] = None,
    output: Annotated[
        Path | None, of_output("--output", "-o", metavar="DIR", help="Model bundle to write. Required.")
    ] = None,
    src_lang: Annotated[
        str | None,
        of_input(
            "--src-lang",
            "-s",
            metavar="CODE",
            help="Source language by default. Default: what the files of the model say.",
        ),
    ] = None,
    tgt_lang: Annotated[
        str | None, of_input("--tgt-lang", "-t", metavar="CODE", help="Target language by default.")
    ] = None,
    revision: Annotated[
        str | None, of_input("--revision", metavar="NAME", help="Branch, tag or commit on the hub.")
    ] = None,
    licence: Annotated[
        str | None,
        of_output("--licence", "--license", metavar="NAME", help="Licence, where the files name none."),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Make a model bundle of a model of another program.

    \b
    mtkit import Helsinki-NLP/opus-mt-en-de -o opus
    mtkit import facebook/nllb-200-distilled-600M -s en -t de -o nllb
    mtkit import path/to/firefox-model -o student
    mtkit translate -m opus -i FILE

    Reads Marian (OPUS-MT, and the models of Firefox), M2M-100, NLLB-200, mBART-50, T5, mT5, ByT5 and MADLAD-400, from
    Hugging Face's layout or Marian's. Nothing in them is run. The bundle is used as any other one.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    if source is None:
        raise ConfigError("no model; give its directory, or its name on the Hugging Face hub")
    if not source.strip():
        raise ConfigError("SOURCE is empty; give the directory of a model, or its name on the Hugging Face hub")
    if licence is not None and not licence.strip():
        raise ConfigError("--licence is empty; name the licence, or leave it out")
    if output is None:
        raise ConfigError("where to? name the bundle with -o DIR")
    if Path(source).is_dir() and output.resolve().is_relative_to(Path(source).resolve()):
        raise ConfigError(f"{output}: lies in the model that is imported; choose another -o")
    check_output_directory(output)
    check_replaceable(output)
    if output.exists() and not overwrite:
        raise ConfigError(f"{output}: exists; choose another -o, or --overwrite")
    if output.exists() and not _is_model(output):
        raise ConfigError(f"{output}: exists and is not a model; choose another -o")

    from mtkit.exchange.hub import locate
    from mtkit.exchange.importing import import_model
    from mtkit.exchange.languages import choose_direction
    from mtkit.exchange.licence import licence_of
    from mtkit.exchange.reading import read_model
    from mtkit.exchange.told import told

    place = locate(source, revision)
    found = read_model(place.directory)
    direction = choose_direction(found, src_lang, tgt_lang)
    imported = import_model(found, place, output, direction, licence or licence_of(place.directory))
    typer.echo("\n".join(told(imported, output)))


def _is_model(path: Path) -> bool:
    """Whether there is nothing but a bundle, or nothing at all."""
    return path.is_dir() and ((path / "mtkit.json").exists() or not any(path.iterdir()))
