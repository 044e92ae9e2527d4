"""Files that models, runs and prepared corpora are made of: no command's results take their place."""

from pathlib import Path

_OF_ANY = {".safetensors", ".model", ".arrow", ".bin"}
"""Endings of files that mtkit and the libraries below it write, and nobody's results have."""

_OF_MODEL = {"mtkit.json", "conversion.json", "config.json", "shared_vocabulary.json", "source_vocabulary.json"}
_OF_MODEL |= {"target_vocabulary.json", "vocabulary.json"}
_OF_RUN = {".mtkit", ".lock", "config.yaml", "recipe.yaml", "corpus.json", "fitted.json", "machine.json"}
_OF_RUN |= {
    "metrics.jsonl",
    "skipped.jsonl",
    "train.log",
    "state.json",
    "manifest.json",
    "source_lines.json",
    "origin.json",
    "vocabulary.json",
    "base.json",
    "adapter_config.json",
    "before.json",
    "teacher.json",
    "stage.json",
}
_OF_CORPUS = {"manifest.json", "state.json", "dataset_info.json", "report.json", "vocabulary.json"}

_OF_SEEDS = {"seeds.json", "seeds.txt"}

_MARKS = {
    "mtkit.json": ("model", _OF_MODEL),
    ".mtkit": ("run", _OF_RUN),
    "manifest.json": ("corpus", _OF_CORPUS),
    "seeds.json": ("group of runs", _OF_SEEDS),
}
"""By the file that marks the directory of each: what it is, and the names of its other files."""

_WHOLE = ("origin", "translations")
"""Directories of a model or a run in which all is its own: what an imported model came with, translated test sets."""

_DEPTH = 4
"""Directories between such a file and the one that is marked."""


def owner_of(path: Path) -> str | None:
    """The model, run or corpus that an existing file belongs to, in words; None of a file of somebody's own.

    Args:
        path: Whatever a person named; links are followed.
    """
    target = path.resolve()
    if not target.is_file():
        return None
    for directory in list(target.parents)[:_DEPTH]:
        is_kept = any((directory / name) in target.parents for name in _WHOLE)
        for mark, (kind, names) in _MARKS.items():
            is_own = target.name in names or target.suffix in _OF_ANY or (is_kept and kind != "corpus")
            if is_own and (directory / mark).is_file():
                is_checkpoint = kind == "corpus" and (directory / "model.safetensors").is_file()
                return f"the {'checkpoint' if is_checkpoint else kind} in {directory}"
    return None
