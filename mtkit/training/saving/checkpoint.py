"""Checkpoints on disk: whole or absent, checked by hash, the newest whole one found again.

``checkpoints/update-00002000/`` holds model.safetensors, optimizer.safetensors, state.json, other tensors where a run
carries more and, written last, manifest.json with the size and sha256 of each. ``best`` and ``last`` are links into
``checkpoints/``.
"""

import errno
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from mtkit.errors import CheckpointError, DataError
from mtkit.files.reading import read_json, sha256_file, version_in
from mtkit.files.whole import atomic_directory, delete_directory, write_json
from mtkit.log import logger
from mtkit.model.weights import load_tensors
from mtkit.training.state import TrainState

FORMAT_VERSION = 1
_FILES = ("model.safetensors", "optimizer.safetensors", "state.json")


class NewerFormatError(CheckpointError):
    """A checkpoint was written by a newer mtkit: whole, but not for this one to read."""


@dataclass
class Checkpoint:
    """What a checkpoint holds, in memory."""

    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]
    """JSON values: ``train`` (TrainState), ``data`` (BatchPlan) and ``fitted`` (what the run computes with)."""

    extra: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    """What else a run carries: tensors by name, by the name of their file, which ends in .safetensors."""


class CheckpointStore:
    """The checkpoints of one run directory."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._directory = run_dir / "checkpoints"

    def path(self, update: int) -> Path:
        """Where the checkpoint of an update lies, whether or not it exists."""
        return self._directory / f"update-{update:08d}"

    def updates(self) -> list[int]:
        """Updates that have a checkpoint, oldest first."""
        names = (path.name for path in self._directory.glob("update-*") if path.is_dir())
        numbers = (int(name[7:]) for name in names if re.fullmatch(r"update-[0-9]{8,18}", name))
        return sorted(update for update in numbers if self.path(update).is_dir())

    def save(self, update: int, checkpoint: Checkpoint) -> None:
        """Write the checkpoint of an update and point ``last`` at it.

        Raises:
            CheckpointError: If the disk is full or cannot be written; earlier checkpoints stay as they are.
        """
        path = self.path(update)
        with disk_errors(path), atomic_directory(path) as work:
            save_file(checkpoint.model, work / "model.safetensors")
            save_file(checkpoint.optimizer, work / "optimizer.safetensors")
            for name, tensors in checkpoint.extra.items():
                save_file(tensors, work / name)
            write_json(work / "state.json", checkpoint.state)
            files = {
                name: {"size": (work / name).stat().st_size, "sha256": sha256_file(work / name)}
                for name in (*_FILES, *checkpoint.extra)
            }
            write_json(work / "manifest.json", {"format_version": FORMAT_VERSION, "update": update, "files": files})
        self.link("last", update)

    def link(self, name: str, update: int) -> None:
        """Point ``best`` or ``last`` at a checkpoint."""
        with disk_errors(self.run_dir / name):
            work = self.run_dir / f".{name}.partial"
            work.unlink(missing_ok=True)
            work.symlink_to(self.path(update).relative_to(self.run_dir))
            work.replace(self.run_dir / name)

    def load_newest(self) -> Checkpoint | None:
        """The newest whole checkpoint; damaged ones are named in a warning and put aside.

        Raises:
            CheckpointError: If there are checkpoints but none is whole, or the newest is from a newer mtkit.
        """
        updates = self.updates()
        for update in reversed(updates):
            try:
                return load_checkpoint(self.path(update))
            except NewerFormatError:
                raise
            except CheckpointError as error:
                logger.warning("%s; going back to the checkpoint before it", error)
                aside = self.path(update).with_suffix(".damaged")
                rmtree(aside, ignore_errors=True)
                self.path(update).replace(aside)
        if updates:
            raise CheckpointError(f"{self._directory}: no checkpoint is whole; start again with --overwrite")
        return None

    def prune(self, keep: set[int]) -> None:
        """Delete every checkpoint whose update is not to be kept."""
        for update in self.updates():
            if update not in keep:
                self.delete(update)

    def delete_after(self, update: int) -> None:
        """Delete every checkpoint of a later update, the newest first, and a link to one of them."""
        for later in reversed([each for each in self.updates() if each > update]):
            self.delete(later)
        for name in ("best", "last"):
            link = self.run_dir / name
            if link.is_symlink() and not link.exists():
                link.unlink()

    def delete(self, update: int) -> None:
        """Delete the checkpoint of an update, if there is one; a kill half-way does not leave half of it there."""
        delete_directory(self.path(update))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint after checking its files against its manifest.

    Raises:
        CheckpointError: Naming the file that is missing, damaged or from a newer mtkit.
    """
    names = verify(path)
    state = read_state(path)
    return Checkpoint(
        load_tensors(path / "model.safetensors"),
        load_tensors(path / "optimizer.safetensors"),
        state,
        {name: load_tensors(path / name) for name in names if name not in _FILES and name.endswith(".safetensors")},
    )


def read_state(path: Path) -> dict[str, Any]:
    """What ``state.json`` of a checkpoint holds: ``train``, which is a whole ``TrainState``, and ``data``.

    Raises:
        CheckpointError: If it is missing or damaged.
    """
    file = path / "state.json"
    try:
        state = read_json(file)
        if not isinstance(state, dict) or not isinstance(state.get("data"), dict):
            raise ValueError("it has no data")
        update = TrainState.from_dict(state.get("train")).update
    except (DataError, ValueError) as error:
        raise CheckpointError(f"{file}: damaged: {error}" if isinstance(error, ValueError) else str(error)) from None
    if path.resolve().name != f"update-{update:08d}":
        raise CheckpointError(f"{file}: damaged: it is that of update {update}")
    return state


def verify(path: Path) -> list[str]:
    """Check the files of a checkpoint against its manifest; returns their names.

    Raises:
        CheckpointError: As ``load_checkpoint`` does.
    """
    note = path / "manifest.json"
    try:
        manifest = read_json(note)
        version = version_in(manifest)
        files = manifest["files"]
        if version > FORMAT_VERSION:
            raise NewerFormatError(
                f"{path}: written by a newer mtkit (format {version}, this one reads {FORMAT_VERSION})"
            )
        if not files.keys() >= set(_FILES):
            raise CheckpointError(f"{note}: damaged: it does not name the files of a checkpoint")
        for name, expected in files.items():
            file = path / name
            if Path(name).name != name or not file.is_file():
                raise CheckpointError(f"{file}: missing")
            if file.stat().st_size != expected["size"] or sha256_file(file) != expected["sha256"]:
                raise CheckpointError(f"{file}: damaged (its sha256 is not the one in manifest.json)")
        return list(files)
    except CheckpointError:
        raise
    except DataError as error:
        raise CheckpointError(f"damaged checkpoint: {error}") from None
    except ValueError as error:
        raise CheckpointError(f"{note}: damaged: {error}") from None
    except (KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{note}: damaged") from None


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str]) -> dict[str, Tensor]:
    """The optimiser's state as ``parameter name/key`` -> tensor, on the CPU; empty before the first step."""
    return {
        f"{names[parameter]}/{key}": value.detach().cpu().contiguous()
        for parameter, state in optimizer.state.items()
        for key, value in state.items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], names: Mapping[Tensor, str], *, source: Path
) -> None:
    """Inverse of ``optimizer_tensors``.

    Raises:
        CheckpointError: If the state is that of another model.
    """
    parameters = {name: parameter for parameter, name in names.items()}
    optimizer.state.clear()
    for name, tensor in tensors.items():
        parameter_name, _, key = name.rpartition("/")
        parameter = parameters.get(parameter_name)
        if parameter is None or (tensor.dim() and not _may_be_of(parameter, tensor)):
            raise CheckpointError(f"{source}: the optimiser's state {name} belongs to another model")
        optimizer.state[parameter][key] = tensor.clone().to(parameter.device)
    of_groups = [
        {frozenset(optimizer.state.get(each, {})) for each in group["params"]} for group in optimizer.param_groups
    ]
    if tensors and (max(map(len, of_groups)) > 1 or len(optimizer.state) != len(parameters)):
        raise CheckpointError(f"{source}: the optimiser's state is not that of all weights")


def _may_be_of(parameter: Tensor, state: Tensor) -> bool:
    """Whether a state has the shape of the parameter, or is the mean over its rows or columns."""
    shape = parameter.shape
    return state.shape == shape or (len(shape) > 1 and state.shape in (shape[:-1], shape[:-2] + shape[-1:]))


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a failed write into an error that says what to do."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "No space" in str(error)
        reason = (
            "the disk is full; free some space and run the same command again, without --overwrite"
            if full
            else str(error)
        )
        raise CheckpointError(f"{path}: cannot write: {reason}; earlier checkpoints are intact") from None
