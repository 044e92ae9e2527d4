"""Training without a recipe: hold out lines, write the recipe, go on as with any other."""

from pathlib import Path
from typing import cast

import yaml

from mtkit.data.holdout import ORIGIN_FILE, hold_out, split_files
from mtkit.data.prepared import MANIFEST_FILE
from mtkit.data.sources import language_of
from mtkit.errors import ConfigError, DataError
from mtkit.files import atomic_file, delete_directory
from mtkit.training.checkpoint import disk_errors
from mtkit.training.run_directory import is_marked, sole_user, visible_names

_HEAD = "# Written by mtkit train --src"
_CORPUS, _PREPARED = "corpus", "prepared"


def recipe_for(src: Path, tgt: Path, run_dir: Path, *, src_lang: str | None, tgt_lang: str | None) -> dict[str, object]:
    """The recipe for two aligned files, as ``write_recipe`` writes it. Nothing is cut or written here.

    Raises:
        ConfigError: If a language is not given and the file's name does not tell it.
        DataError: If a file is missing.
    """
    src_lang, tgt_lang = src_lang or language_of(src, "--src-lang"), tgt_lang or language_of(tgt, "--tgt-lang")
    if src_lang == tgt_lang:
        raise ConfigError(f"source and target are both {src_lang}; give --src-lang and --tgt-lang")
    for path in (src, tgt):
        if not path.is_file():
            raise DataError(f"{path}: no such file")
    data: dict[str, object] = {"src_lang": src_lang, "tgt_lang": tgt_lang}
    for name, split in split_files(run_dir / _CORPUS, src_lang=src_lang, tgt_lang=tgt_lang).items():
        data[name] = [{"src": str(split.src), "tgt": str(split.tgt)}]
    data["prepared"] = str(run_dir / _PREPARED)
    return {"name": run_dir.resolve().name, "data": data}


def write_recipe(
    src: Path, tgt: Path, run_dir: Path, *, src_lang: str | None, tgt_lang: str | None, overwrite: bool = False
) -> Path:
    """Cut two aligned files into train, valid and test below the run directory and write the recipe for them.

    Args:
        src: Source lines.
        tgt: Target lines.
        run_dir: Receives ``recipe.yaml`` and ``corpus/``; the prepared corpus will lie in ``prepared/``.
        src_lang: Language code; by default the ending of the file's name.
        tgt_lang: Likewise.
        overwrite: Cut anew where that has been done with other files.

    Returns:
        The recipe.

    Raises:
        ConfigError: As ``recipe_for`` raises it.
        DataError: As ``recipe_for`` and ``hold_out`` raise it, or if the run directory holds anything else.
        CheckpointError: If a run is being trained there, or the directory cannot be written.
    """
    tree = recipe_for(src, tgt, run_dir, src_lang=src_lang, tgt_lang=tgt_lang)
    _check_own(run_dir)
    with disk_errors(run_dir), sole_user(run_dir):
        if overwrite:
            for name in (_CORPUS, _PREPARED):
                delete_directory(run_dir / name)
        data = cast(dict[str, str], tree["data"])
        hold_out(src, tgt, run_dir / _CORPUS, src_lang=data["src_lang"], tgt_lang=data["tgt_lang"])
        head = f"{_HEAD} {src} --tgt {tgt}; what is not given here follows the size of the corpus.\n"
        with atomic_file(run_dir / "recipe.yaml") as file:
            file.write((head + yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)).encode())
    return run_dir / "recipe.yaml"


def _check_own(run_dir: Path) -> None:
    """Refuse a directory that holds anything but a run of this command, or what is left of one that was killed."""
    if not run_dir.exists():
        return
    if not run_dir.is_dir():
        raise DataError(f"{run_dir}: not a directory; choose another -o")
    recipe = run_dir / "recipe.yaml"
    if is_marked(run_dir) and (run_dir / _CORPUS).is_dir():
        own = True  # whatever has become of the recipe, which is written anew
    elif recipe.exists():
        own = recipe.is_file() and recipe.read_bytes().startswith(_HEAD.encode())
    else:
        own = visible_names(run_dir) <= {_CORPUS}
    made = {_CORPUS: ORIGIN_FILE, _PREPARED: MANIFEST_FILE}
    if not own or any(
        (run_dir / name).exists() and not (run_dir / name / file).is_file() for name, file in made.items()
    ):
        raise DataError(f"{run_dir}: not empty, and not a run of mtkit; choose another -o")
