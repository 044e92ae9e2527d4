"""Training without a recipe: hold out lines, write the recipe, go on as with any other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from mtkit.data.corpus.prepared import MANIFEST_FILE
from mtkit.data.sources.holdout import ORIGIN_FILE, hold_out, split_files
from mtkit.data.sources.named_corpus import NamedCorpus, named_corpus
from mtkit.errors import ConfigError
from mtkit.files.whole import atomic_file, delete_directory
from mtkit.training.saving.checkpoint import disk_errors
from mtkit.training.saving.run_directory import is_marked, sole_user, visible_names

_HEAD = "# Written by mtkit train --src"
_CORPUS, _PREPARED = "corpus", "prepared"


@dataclass(frozen=True)
class Given:
    """What is named instead of a recipe."""

    corpus: NamedCorpus
    valid: NamedCorpus | None = None
    """By default cut out of the corpus."""

    test: NamedCorpus | None = None
    """By default cut out of the corpus."""

    @classmethod
    def of_files(
        cls,
        src_files: Sequence[Path],
        tgt_files: Sequence[Path],
        languages: tuple[str | None, str | None] = (None, None),
        sets: Mapping[str, tuple[Path | None, Path | None]] = MappingProxyType({}),
    ) -> "Given":
        """What the files of a corpus and of its held-out sets are.

        Args:
            src_files: Source lines, or files of pairs.
            tgt_files: Target lines, as many; none with files of pairs.
            languages: Codes of source and target; by default what the files name.
            sets: Source and target file by place, valid or test; the target is None of a file of pairs.
        """
        corpus = named_corpus(src_files, tgt_files, *languages)
        of_sets = {
            place: named_corpus([src], [tgt] if tgt else [], *corpus.languages)
            for place, (src, tgt) in sets.items()
            if src is not None
        }
        return cls(corpus, **of_sets)

    @property
    def sets(self) -> dict[str, NamedCorpus | None]:
        """The sets that are held out, by their places."""
        return {"valid": self.valid, "test": self.test}

    @property
    def cut(self) -> list[str]:
        """The places of the sets that are cut out of the corpus."""
        return [place for place, given in self.sets.items() if given is None]


def recipe_for(given: Given, run_dir: Path) -> dict[str, object]:
    """The recipe for a corpus, as ``write_recipe`` writes it. Nothing is cut or written here."""
    src_lang, tgt_lang = given.corpus.languages
    data: dict[str, object] = {"src_lang": src_lang, "tgt_lang": tgt_lang}
    files = split_files(run_dir / _CORPUS, src_lang=src_lang, tgt_lang=tgt_lang)
    for name, of_place in {"train": None if given.cut else given.corpus, **given.sets}.items():
        split = {"src": str(files[name].src), "tgt": str(files[name].tgt)}
        data[name] = [split] if of_place is None else of_place.in_recipe()
    if len(given.cut) < len(given.sets):  # what is cut is kept apart from training already
        data["cleaning"] = {"steps": ["leakage"]}
    data["prepared"] = str(run_dir / _PREPARED)
    return {"name": run_dir.resolve().name, "data": data}


def write_recipe(given: Given, run_dir: Path, *, overwrite: bool = False) -> Path:
    """Cut a corpus into train, valid and test below the run directory and write the recipe for them.

    Args:
        given: The corpus, and the sets that are not to be cut out of it.
        run_dir: Receives ``recipe.yaml`` and ``corpus/``; the prepared corpus will lie in ``prepared/``.
        overwrite: Cut anew where that has been done with other files.

    Returns:
        The recipe.

    Raises:
        DataError: As ``hold_out`` raises it, or if the run directory holds anything else.
        CheckpointError: If a run is being trained there, or the directory cannot be written.
    """
    tree = recipe_for(given, run_dir)
    _check_own(run_dir)
    with disk_errors(run_dir), sole_user(run_dir):
        if overwrite:
            for name in (_CORPUS, _PREPARED):
                delete_directory(run_dir / name)
        if given.cut:
            src_lang, tgt_lang = given.corpus.languages
            directory = run_dir / _CORPUS
            hold_out(given.corpus.open(), directory, src_lang=src_lang, tgt_lang=tgt_lang, places=given.cut)
        names = " --src ".join(" --tgt ".join(pair) for pair in given.corpus.shown())
        head = f"{_HEAD} {names}; what is not given here follows the size of the corpus.\n"
        with atomic_file(run_dir / "recipe.yaml") as file:
            file.write((head + yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)).encode())
    return run_dir / "recipe.yaml"


def _check_own(run_dir: Path) -> None:
    """Refuse a directory that holds anything but a run of this command, or what is left of one that was killed."""
    if not run_dir.exists():
        return
    if not run_dir.is_dir():
        raise ConfigError(f"{run_dir}: not a directory; choose another -o")
    recipe = run_dir / "recipe.yaml"
    if recipe.exists():
        head = recipe.read_bytes()[: len(_HEAD)] if recipe.is_file() else b"?"
        own = _HEAD.encode().startswith(head) and (len(head) == len(_HEAD) or is_marked(run_dir))  # or a damaged one
    else:
        own = visible_names(run_dir) <= {_CORPUS}
    made = {_CORPUS: ORIGIN_FILE, _PREPARED: MANIFEST_FILE}
    if not own or any(
        (run_dir / name).exists() and not (run_dir / name / file).is_file() for name, file in made.items()
    ):
        raise ConfigError(f"{run_dir}: not empty, and not a run of mtkit; choose another -o")
