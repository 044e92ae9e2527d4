import json
from pathlib import Path
from typing import Any

import pytest

from mtkit.bundle.run_note import CALLED_FROM, DIRECTORY, NOTE, noted_hashes, noted_place
from mtkit.errors import DataError


def note(run_dir: Path, content: Any) -> Path:
    path = run_dir / NOTE
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_places_are_no_hashes(tmp_path: Path) -> None:
    hashes = {"train": ["a", "b"], "valid": ["c"], "tokenizer": ["d"]}
    path = note(tmp_path, hashes | {DIRECTORY: "prepared", CALLED_FROM: ".."})
    assert noted_hashes(path) == hashes
    assert noted_place(tmp_path, DIRECTORY) == "prepared"
    assert noted_place(tmp_path, CALLED_FROM) == ".."


@pytest.mark.parametrize("content", [{"train": "a"}, {"train": [1]}, [], {"train": {"a": "b"}}])
def test_hashes_of_another_shape_are_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ValueError, match=r"Input should be|train"):
        noted_hashes(note(tmp_path, content))


def test_a_note_that_is_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{NOTE}: not valid JSON"):
        noted_hashes(note(tmp_path, "{"))


@pytest.mark.parametrize("content", ["{", "[]", {}, {DIRECTORY: ["prepared"]}])
def test_a_place_that_is_not_noted_is_none(tmp_path: Path, content: Any) -> None:
    assert noted_place(tmp_path, DIRECTORY) is None
    note(tmp_path, content)
    assert noted_place(tmp_path, DIRECTORY) is None
