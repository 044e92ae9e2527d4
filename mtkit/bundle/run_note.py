"""What a run directory notes of its corpus: the hashes of what it began with, and where that lies."""

from pathlib import Path

from mtkit.errors import DataError
from mtkit.files.reading import read_json
from mtkit.files.shapes import shaped

NOTE = "corpus.json"

PRETRAINING = "pretraining"
"""In the directory of a run in two stages: the first one, a run by itself."""

DIRECTORY = "directory"
"""Key: where the prepared corpus lies, as seen from the run directory."""

CALLED_FROM = "called_from"
"""Key: where the command was called, as seen from the run directory."""


def noted_hashes(path: Path) -> dict[str, list[str]]:
    """The hashes of a note; those of older versions do not name the tokenizer.

    Raises:
        DataError: If it is not JSON.
        ValueError: If it has another shape.
    """
    noted = shaped(dict[str, list[str] | str], read_json(path))
    return shaped(dict[str, list[str]], {key: noted[key] for key in noted if key not in (DIRECTORY, CALLED_FROM)})


def noted_place(run_dir: Path, key: str) -> str | None:
    """A place as a run noted it; None where it noted none, or the note is damaged, of which other checks speak."""
    try:
        noted = read_json(run_dir / NOTE) if (run_dir / NOTE).is_file() else {}
    except DataError:
        return None
    place = noted.get(key) if isinstance(noted, dict) else None
    return place if isinstance(place, str) else None
