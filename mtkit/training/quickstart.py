"""Training without a recipe: hold out lines, write the recipe, go on as with any other."""

import re
import shutil
from pathlib import Path

import yaml

from mtkit.data.holdout import hold_out
from mtkit.errors import ConfigError, DataError
from mtkit.io import atomic_file

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


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
        ConfigError: If a language is not given and the file's name does not tell it.
        DataError: As ``hold_out`` raises it.
    """
    src_lang, tgt_lang = src_lang or _language_of(src, "--src-lang"), tgt_lang or _language_of(tgt, "--tgt-lang")
    if src_lang == tgt_lang:
        raise ConfigError(f"source and target are both {src_lang}; give --src-lang and --tgt-lang")
    for path in (src, tgt):
        if not path.is_file():
            raise DataError(f"{path}: no such file")
    recipe = run_dir / "recipe.yaml"
    if run_dir.exists() and not recipe.exists() and any(run_dir.iterdir()):
        raise DataError(f"{run_dir}: not empty, and not a run of mtkit; choose another -o")
    if overwrite:
        for name in ("corpus", "prepared"):
            shutil.rmtree(run_dir / name, ignore_errors=True)
    splits = hold_out(src, tgt, run_dir / "corpus", src_lang=src_lang, tgt_lang=tgt_lang)
    data: dict[str, object] = {"src_lang": src_lang, "tgt_lang": tgt_lang}
    data |= {name: [{"src": str(split.src), "tgt": str(split.tgt)}] for name, split in splits.items()}
    data["prepared"] = str(run_dir / "prepared")
    text = f"# Written by mtkit train --src {src} --tgt {tgt}; what is not given here follows the size of the corpus.\n"
    with atomic_file(recipe) as file:
        tree = {"name": run_dir.resolve().name, "data": data}
        file.write((text + yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)).encode())
    return recipe


def _language_of(path: Path, flag: str) -> str:
    """``corpus.en.gz`` -> ``en``."""
    ending = path.name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]
    if ending == path.name or ending in ("txt", "tok", "src", "tgt") or not _LANGUAGE.fullmatch(ending):
        raise ConfigError(f"{path}: the name does not end in a language code such as .en; say which with {flag}")
    return ending
