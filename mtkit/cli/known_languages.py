"""``mtkit languages``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.help import of_model
from mtkit.cli.options import JsonOption, RunArgument, needed


def languages(
    run: RunArgument = None,
    model: Annotated[
        Path | None, of_model("--model", "-m", metavar="RUN", help="Run directory, checkpoint or model bundle.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the languages that a model translates from and into.

    \b
    mtkit languages RUN
    mtkit translate -m RUN -s en -t German -i FILE

    Options take a language by any usual name: de, deu, deu_Latn, de_DE, >>deu<<, __de__ or German.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    from mtkit.bundle.bundle import with_bundle
    from mtkit.bundle.languages import languages_of
    from mtkit.languages.naming import english_name

    found = with_bundle(needed(model, run), languages_of)
    codes = list(dict.fromkeys((*found.src, *found.tgt)))
    rows = [(code, english_name(code), code in found.src, code in found.tgt) for code in codes]
    if as_json:
        listed = [{"code": code, "name": name, "src": src, "tgt": tgt} for code, name, src, tgt in rows]
        typer.echo(json.dumps({"languages": listed, "default": found.default}, ensure_ascii=False))
        return
    default = "none: name both languages" if found.default is None else " to ".join(found.default)
    typer.echo(f"direction by default: {default}")
    width = max(map(len, codes))
    for code, name, src, tgt in rows:
        sides = "" if src and tgt else "source" if src else "target"
        typer.echo(f"  {code:<{width}}  {name or '':<28}{sides}".rstrip())
