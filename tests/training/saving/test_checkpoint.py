import errno
import json
import os
from pathlib import Path

import pytest
import torch

from mtkit.errors import CheckpointError, Interrupted
from mtkit.files.reading import sha256_file
from mtkit.training.saving import checkpoint as checkpoint_module
from mtkit.training.saving.checkpoint import (
    Checkpoint,
    CheckpointStore,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
)


def checkpoint(value: float) -> Checkpoint:
    state = {"train": {"update": int(value)}, "data": {}}
    weights = torch.full((3,), float(value))
    return Checkpoint({"w": weights}, {"w/exp_avg": -weights}, state)


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    store = CheckpointStore(tmp_path)
    for update in (1, 2, 3):
        store.save(update, checkpoint(update))
    return store


def test_what_was_saved_is_loaded(store: CheckpointStore) -> None:
    loaded = store.load_newest()
    assert loaded is not None
    assert torch.equal(loaded.model["w"], torch.full((3,), 3.0))
    assert torch.equal(loaded.optimizer["w/exp_avg"], torch.full((3,), -3.0))
    assert loaded.state == {"train": {"update": 3}, "data": {}}


def test_last_points_at_the_newest(store: CheckpointStore) -> None:
    assert (store.run_dir / "last").resolve() == store.path(3).resolve()
    store.link("best", 2)
    store.link("best", 1)
    assert (store.run_dir / "best").resolve() == store.path(1).resolve()


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    store: CheckpointStore, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = store.path(3) / name
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[-2] ^= 1
        file.write_bytes(content)
    elif damage == "truncate":
        file.write_bytes(content[:-1])
    else:
        file.unlink()
    with caplog.at_level("WARNING", logger="mtkit"):
        loaded = store.load_newest()
    assert loaded is not None
    assert loaded.model["w"][0] == 2.0
    assert str(file) in caplog.text
    assert store.updates() == [1, 2]


@pytest.mark.parametrize(
    "manifest", ["", "{", "[]", '{"format_version": 1}', '{"format_version": 1, "files": {"x": 3}}']
)
def test_a_torn_manifest_is_a_damaged_checkpoint(store: CheckpointStore, manifest: str) -> None:
    (store.path(3) / "manifest.json").write_text(manifest)
    with pytest.raises(CheckpointError, match=r"damaged|missing|not valid"):
        load_checkpoint(store.path(3))


def test_when_none_is_whole_the_error_says_what_to_do(store: CheckpointStore) -> None:
    for update in (1, 2, 3):
        (store.path(update) / "state.json").unlink()
    with pytest.raises(CheckpointError, match=r"no checkpoint is whole; start again with --overwrite"):
        store.load_newest()


def test_a_newer_format_is_refused_by_name(store: CheckpointStore) -> None:
    path = store.path(3) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with pytest.raises(CheckpointError, match=r"newer mtkit \(format 99, this one reads 1\)"):
        load_checkpoint(store.path(3))


def test_a_full_disk_leaves_the_earlier_checkpoints_whole(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint_module, "save_file", full)
    with pytest.raises(CheckpointError, match=r"disk is full; free some space .* earlier checkpoints are intact"):
        store.save(4, checkpoint(4))
    monkeypatch.undo()
    assert store.updates() == [1, 2, 3]
    assert not list(store.run_dir.glob("checkpoints/.*"))
    assert (store.run_dir / "last").resolve() == store.path(3).resolve()
    load_checkpoint(store.path(3))


def test_a_half_written_directory_is_not_a_checkpoint(store: CheckpointStore) -> None:
    (store.run_dir / "checkpoints" / ".update-00000004.partial").mkdir()
    assert store.updates() == [1, 2, 3]
    store.save(4, checkpoint(4))
    assert store.updates() == [1, 2, 3, 4]


def test_prune_keeps_what_it_is_told(store: CheckpointStore) -> None:
    store.prune({1, 3})
    assert store.updates() == [1, 3]


def test_the_optimiser_goes_on_as_if_never_interrupted() -> None:
    def parameter() -> torch.nn.Parameter:
        return torch.nn.Parameter(torch.arange(4.0))

    def update(weight: torch.nn.Parameter, optimizer: torch.optim.Optimizer, n: int) -> None:
        weight.grad = torch.sin(weight.detach() + n)
        optimizer.step()

    straight = parameter()
    optimizer = torch.optim.AdamW([straight], lr=0.1, fused=True)
    for n in range(4):
        update(straight, optimizer, n)

    first = parameter()
    optimizer = torch.optim.AdamW([first], lr=0.1, fused=True)
    for n in range(2):
        update(first, optimizer, n)
    saved = optimizer_tensors(optimizer, {first: "w"})
    second = torch.nn.Parameter(first.detach().clone())
    optimizer = torch.optim.AdamW([second], lr=0.1, fused=True)
    restore_optimizer(optimizer, saved, {second: "w"}, source=Path("x"))
    for n in range(2, 4):
        update(second, optimizer, n)
    assert torch.equal(second, straight)


def test_checkpoints_of_a_newer_mtkit_are_left_where_they_are(store: CheckpointStore) -> None:
    for update in (1, 2, 3):
        path = store.path(update) / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with pytest.raises(CheckpointError, match="newer mtkit"):
        store.load_newest()
    assert store.updates() == [1, 2, 3]


def test_a_second_damage_at_the_same_update_is_put_aside_too(store: CheckpointStore) -> None:
    for _ in range(2):
        store.save(3, checkpoint(3))
        (store.path(3) / "state.json").unlink()
        loaded = store.load_newest()
        assert loaded is not None
        assert loaded.model["w"][0] == 2.0


def test_a_signal_while_checkpoints_are_checked_is_not_taken_for_damage(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Path) -> str:
        raise Interrupted("stopped")

    monkeypatch.setattr(checkpoint_module, "sha256_file", interrupted)
    with pytest.raises(Interrupted):
        load_checkpoint(store.path(3))


def rewrite(store: CheckpointStore, update: int, name: str, content: bytes) -> None:
    """A file of a checkpoint, with the manifest that belongs to it."""
    path = store.path(update)
    (path / name).write_bytes(content)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"][name] = {"size": len(content), "sha256": sha256_file(path / name)}
    (path / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"train": null, "data": {}}',
        b'{"train": {}, "data": {}}',
        b'{"train": {"update": 3}}',
        b'{"train": {"update": 3}, "data": []}',
        b'{"train": {"update": 4}, "data": {}}',
        b'{"train": {"update": "3"}, "data": {}}',
        b'{"train": {"update": 3.5}, "data": {}}',
        b'{"train": {"update": true}, "data": {}}',
        b'{"train": {"update": -3}, "data": {}}',
        b'{"train": {"update": 3, "scores": []}, "data": {}}',
        b'{"train": {"update": 3, "scores": {"1": "x"}}, "data": {}}',
        b'{"train": {"update": 3, "off_schedule": 3}, "data": {}}',
        b'{"train": {"update": 3, "pairs": 1e400}, "data": {}}',
        b'{"train": {"update": 3, "seconds": NaN}, "data": {}}',
        b'{"train": {"update": 3, "tgt_tokens": ' + b"9" * 30 + b'}, "data": {}}',
        b'{"train": {"update": 3}, "train": {"update": 3}, "data": {}}',
        b'{"train": {"update": 3}, "data": ' + b'{"a":' * 50_000,
    ],
    ids=lambda state: str(state[:60]),
)
def test_a_state_that_cannot_be_is_damage_like_any_other(
    store: CheckpointStore, state: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(store, 3, "state.json", state)
    loaded = store.load_newest()
    assert loaded is not None
    assert loaded.state["train"]["update"] == 2
    assert "update-00000003/state.json" in caplog.text


@pytest.mark.parametrize("files", [{}, None, [], {"state.json": {"size": 1, "sha256": ""}}])
def test_a_manifest_that_names_no_files_is_not_of_a_whole_checkpoint(store: CheckpointStore, files: object) -> None:
    path = store.path(3) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": files}))
    with pytest.raises(CheckpointError, match=r"manifest.json: damaged"):
        load_checkpoint(store.path(3))


@pytest.mark.parametrize("version", ["1", None, 0, -1, 1.5, True])
def test_a_version_that_is_none_is_damage(store: CheckpointStore, version: object) -> None:
    path = store.path(3) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": version}))
    with pytest.raises(CheckpointError, match=rf"manifest.json: damaged: format_version is {version!r}, not a number"):
        load_checkpoint(store.path(3))


def test_a_pipe_in_the_place_of_a_file_is_not_opened(store: CheckpointStore) -> None:
    for name in ("manifest.json", "state.json", "model.safetensors"):
        (store.path(3) / name).unlink()
        os.mkfifo(store.path(3) / name)
        with pytest.raises(CheckpointError, match=name):
            load_checkpoint(store.path(3))
        store.save(3, checkpoint(3))


def test_names_that_are_no_updates_are_passed_over(store: CheckpointStore) -> None:
    for name in ("update-0000000²", "update-3", "update-" + "9" * 30, "update-00000004.damaged"):
        (store.run_dir / "checkpoints" / name).mkdir()
    assert store.updates() == [1, 2, 3]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"v/exp_avg": torch.zeros(4)}, "v/exp_avg belongs to another model"),
        ({"w/exp_avg": torch.zeros(5)}, "w/exp_avg belongs to another model"),
        ({"exp_avg": torch.zeros(4)}, "exp_avg belongs to another model"),
        ({"w/exp_avg": torch.zeros(4)}, "not that of all weights"),
    ],
)
def test_the_optimiser_of_another_model_is_refused(tensors: dict[str, torch.Tensor], message: str) -> None:
    weights = [torch.nn.Parameter(torch.zeros(4)) for _ in range(2)]
    optimizer = torch.optim.AdamW(weights, fused=True)
    names: dict[torch.Tensor, str] = dict(zip(weights, ("w", "x"), strict=True))
    with pytest.raises(CheckpointError, match=message):
        restore_optimizer(optimizer, tensors, names, source=Path("there"))
