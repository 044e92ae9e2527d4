import json
from pathlib import Path

import pytest
import torch

from mtkit.errors import DataError
from mtkit.log import logger
from mtkit.training.saving.checkpoint import Checkpoint, CheckpointStore
from mtkit.training.saving.fitted import fitted, note_machine, remembered

DAMAGED = ["", "[]", '{"accumulate": "4"}', '{"accumulate": 0}', "{"]


def test_the_choice_is_made_once_for_a_run(tmp_path: Path) -> None:
    assert remembered(tmp_path, "accumulate", lambda: 4) == 4
    assert remembered(tmp_path, "batch_tokens", lambda: 500) == 500
    assert remembered(tmp_path, "accumulate", lambda: 8) == 4
    assert json.loads((tmp_path / "fitted.json").read_text()) == {"accumulate": 4, "batch_tokens": 500}


def save(run_dir: Path, update: int, **values: int) -> None:
    state = {"train": {}, "data": {}, **({"fitted": values} if values else {})}
    CheckpointStore(run_dir).save(update, Checkpoint({"w": torch.ones(1)}, {}, state))


@pytest.mark.parametrize("text", [None, *DAMAGED])
def test_what_cannot_be_read_is_taken_from_the_newest_whole_checkpoint(tmp_path: Path, text: str | None) -> None:
    save(tmp_path, 1, accumulate=2)
    save(tmp_path, 2, accumulate=3)
    save(tmp_path, 3, accumulate=9)
    (tmp_path / "checkpoints" / "update-00000003" / "state.json").write_text("{}")
    if text is not None:
        (tmp_path / "fitted.json").write_text(text)
    assert remembered(tmp_path, "accumulate", lambda: 4) == 3
    assert json.loads((tmp_path / "fitted.json").read_text()) == {"accumulate": 3}


@pytest.mark.parametrize("text", DAMAGED)
def test_before_the_first_checkpoint_it_is_chosen_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "fitted.json").write_text(text)
    assert remembered(tmp_path, "accumulate", lambda: 4) == 4


@pytest.mark.parametrize("text", DAMAGED)
def test_what_no_checkpoint_says_is_an_error_with_a_way_out(tmp_path: Path, text: str) -> None:
    save(tmp_path, 1)
    (tmp_path / "fitted.json").write_text(text)
    with pytest.raises(DataError, match=r"fitted\.json: damaged, .* delete it to measure the machine anew"):
        fitted(tmp_path)
    (tmp_path / "fitted.json").unlink()
    assert remembered(tmp_path, "accumulate", lambda: 4) == 4


def test_another_processor_or_torch_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", True)
    cpu = torch.device("cpu")
    for _ in range(2):
        note_machine(tmp_path, cpu)
    assert caplog.text == ""
    note = json.loads((tmp_path / "machine.json").read_text())
    (tmp_path / "machine.json").write_text(json.dumps(note | {"processor": "Abacus"}))
    note_machine(tmp_path, cpu)
    assert f"the run began elsewhere (Abacus then, {note['processor']} now): its bits may differ" in caplog.text
    (tmp_path / "machine.json").write_text("")
    note_machine(tmp_path, cpu)
    assert json.loads((tmp_path / "machine.json").read_text()) == note
