"""Tensors in the files of other programs: listed first, with their shapes, and read one by one."""

import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from mtkit.errors import CheckpointError, DataError
from mtkit.files.reading import check_regular, parse_json, read_regular
from mtkit.files.tensor_file import read_tensor_file
from mtkit.wording import name_shown

_TYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
FLOATS = tuple(_TYPES.values())
"""Types that weights may have, in torch's words."""

_WHOLE = ("model.safetensors", "pytorch_model.bin")
_INDEX = tuple(f"{name}.index.json" for name in _WHOLE)
_MAX_INDEX_BYTES = 50_000_000
_NEW_PROTOCOL = re.compile(r"pickle protocol ([4-9]|\d\d)")
"""In a warning of torch's, before it fails: of these it reads no tensors without running what else is there."""


@dataclass(frozen=True)
class Stored:
    """A tensor that lies in a file."""

    shape: tuple[int, ...]

    dtype: str
    """In torch's words, such as float16."""

    read: Callable[[], Tensor]
    """Reads its numbers."""

    file: Path
    """Names it in errors."""

    def n_bytes(self) -> int:
        """What its numbers take."""
        size = {"float16": 2, "bfloat16": 2, "float64": 8}.get(self.dtype, 4)
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True)
class Weights:
    """The tensors of a model, and the files that hold them."""

    tensors: Mapping[str, Stored]
    files: tuple[Path, ...]

    def n_bytes(self) -> int:
        """What all of the numbers take."""
        return sum(stored.n_bytes() for stored in self.tensors.values())

    def read(self, name: str) -> Tensor:
        """One of the tensors.

        Raises:
            CheckpointError: If it cannot be read, is not of floating-point numbers, or holds one that is not finite.
        """
        stored = self.tensors[name]
        where = f"{stored.file}: {name_shown(name)}"
        if stored.dtype not in FLOATS:
            raise CheckpointError(f"{where} is of type {stored.dtype}, which weights are not")
        try:
            tensor = stored.read()
        except (OSError, RuntimeError, SafetensorError, ValueError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"{where} cannot be read: {_short(error)}") from None
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(
                f"{where} holds numbers that are not finite: the file is damaged, or the training of the model diverged"
            )
        if stored.dtype == "float64" and not bool(torch.isfinite(tensor.float()).all()):
            raise CheckpointError(f"{where} holds numbers that are too large for float32, in which mtkit computes")
        return tensor


def read_weights(directory: Path) -> Weights:
    """List the tensors of a directory as transformers writes it: safetensors or pickled, whole or in parts.

    Raises:
        CheckpointError: If there are none, a part is missing, a file is damaged, or a pickle holds more than tensors.
    """
    for name in _WHOLE:
        if (directory / name).exists():
            return _joined([directory / name])
        if (index := directory / f"{name}.index.json").exists():
            return _joined(_parts(index))
    others = [name for name in ("tf_model.h5", "flax_model.msgpack", "rust_model.ot") if (directory / name).exists()]
    if others:
        raise CheckpointError(
            f"{directory}: has weights only as {others[0]}, which mtkit does not read; it needs model.safetensors or "
            "pytorch_model.bin"
        )
    raise CheckpointError(f"{directory}: has no weights: neither model.safetensors nor pytorch_model.bin")


def _parts(index: Path) -> list[Path]:
    """The files that an index names, each of which is there."""
    try:
        tree = parse_json(read_regular(index, max_bytes=_MAX_INDEX_BYTES))
        names = sorted(set(tree["weight_map"].values()))
    except DataError as error:
        raise CheckpointError(str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{index}: damaged: it does not say in which file each weight is") from None
    if not names:
        raise CheckpointError(f"{index}: damaged: it names no files")
    if not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise CheckpointError(f"{index}: damaged: it names files outside its directory")
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{index.parent / name_shown(missing[0])}: missing: {index.name} says that {len(names)} files hold the "
            "weights, and "
            f"{len(missing)} of them {'is' if len(missing) == 1 else 'are'} not there; copy the model again"
        )
    return [index.parent / name for name in names]


def _joined(paths: list[Path]) -> Weights:
    tensors: dict[str, Stored] = {}
    for path in paths:
        found = _of_pickle(path) if path.suffix == ".bin" else _of_safetensors(path)
        if twice := tensors.keys() & found.keys():
            raise CheckpointError(f"{path}: has {name_shown(min(twice))}, which another file of the model has too")
        tensors |= found
    return Weights(tensors, tuple(paths))


def _of_safetensors(path: Path) -> dict[str, Stored]:
    infos = read_tensor_file(path).tensors
    try:
        file: Any = safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot read: {_short(error)}") from None

    def reader(name: str) -> Callable[[], Tensor]:
        return lambda: file.get_tensor(name)

    return {
        name: Stored(info.shape, _TYPES.get(info.dtype, info.dtype), reader(name), path) for name, info in infos.items()
    }


def _of_pickle(path: Path) -> dict[str, Stored]:
    """The tensors of what torch has pickled; nothing else is made of it, and nothing in it runs."""
    try:
        check_regular(path)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            read = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except DataError as error:
        raise CheckpointError(str(error)) from None
    except Exception as error:  # garbage fails in many ways
        if any(_NEW_PROTOCOL.search(str(each.message)) for each in warned):
            raise CheckpointError(
                f"{path}: could run code (pickled with protocol 4 or newer, in which tensors cannot be told from it): "
                "refused; ask its author for model.safetensors"
            ) from None
        if found := re.search(r"GLOBAL (\w+(?:\.\w+)*)", str(error)):
            raise CheckpointError(
                f"{path}: holds more than tensors ({found[1]}) and could run code: refused; ask its author for "
                "model.safetensors"
            ) from None
        raise CheckpointError(f"{path}: not a file of weights, or incomplete") from None
    if not isinstance(read, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) and tensor.layout == torch.strided
        for name, tensor in read.items()
    ):
        raise CheckpointError(f"{path}: holds something else than named tensors")

    def reader(tensor: Tensor) -> Callable[[], Tensor]:
        return lambda: tensor.detach().clone()

    return {
        name: Stored(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), reader(tensor), path)
        for name, tensor in read.items()
    }


def _short(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
