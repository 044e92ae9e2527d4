"""Marian's own files of weights: ``.npz``, and the ``.bin`` of Firefox and Bergamot, whose matrices may be int8.

A ``.bin`` is little-endian: u64 version 1 and number of items; of each item u64 length of its name, type, number of
dimensions and bytes; the names; the shapes as int32; u64 length of what fills up to the data; the data.
"""

import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtkit.errors import CheckpointError, DataError, reason
from mtkit.exchange.weights import Stored, Weights
from mtkit.files.reading import check_regular
from mtkit.wording import name_shown

CONFIG = "special:model.yml"
"""The item that holds the settings, in YAML."""

CONFIG_FILE = "special.model.yml"
"""What the settings are called where they are kept as a file."""

SCALES = "_QuantMultA"
"""Ending of what scales activations for products in int8: of no use in floating point."""

MULTIPLIER = "|multiplier"
"""Ending of what the numbers of an int8 matrix were multiplied by, among the tensors that are kept."""

_VERSION = 1
_FLOAT32, _INT8, _INTGEMM8 = 0x404, 0x101, 0x4101
_MAX_ITEMS, _MAX_NAME, _MAX_DIMENSIONS = 100_000, 1_000, 4
_MAX_CONFIG_BYTES = 1_000_000
_ALIGNMENT = 256
_TRANSPOSED_NOT = "Wemb"
"""Part of the names of embeddings, which lie as they are; all other int8 matrices lie with outputs as rows."""


def read_npz(path: Path) -> tuple[Weights, bytes]:
    """The tensors of a ``.npz``, listed, and its settings; nothing pickled is read.

    Raises:
        CheckpointError: If it is damaged or has no settings.
    """
    tensors: dict[str, Stored] = {}
    config = None
    try:
        check_regular(path)
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                with archive.open(entry) as file:
                    shape, kind = _header(file)
                if int(np.prod(shape, dtype=object)) * kind.itemsize > entry.file_size:
                    raise CheckpointError(f"{path}: damaged: {name_shown(name)} has fewer numbers than it says")
                if name == CONFIG:
                    if entry.file_size > _MAX_CONFIG_BYTES:
                        raise CheckpointError(f"{path}: damaged: its settings have {entry.file_size:,} bytes")
                    config = _read_npy(path, name).astype(np.int8).tobytes()
                    continue
                tensors[name] = Stored(shape, kind.name, _npy_reader(path, name), path)
    except DataError as error:
        raise CheckpointError(str(error)) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        told = reason(error) if isinstance(error, OSError) else "not a file of weights, or incomplete"
        raise CheckpointError(f"{path}: {told}") from None
    if config is None:
        raise CheckpointError(f"{path}: has no {CONFIG}: not a model of Marian's")
    return Weights(tensors, (path,)), config


def _header(file: Any) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    if kind.hasobject:
        raise ValueError("a pickled object")
    return shape, kind


def _read_npy(path: Path, name: str) -> "np.ndarray[Any, Any]":
    with np.load(path, allow_pickle=False) as archive:
        found: np.ndarray[Any, Any] = archive[name]
        return found


def _npy_reader(path: Path, name: str) -> Callable[[], Tensor]:
    return lambda: torch.from_numpy(_read_npy(path, name).copy())


def read_bin(path: Path) -> tuple[Weights, bytes]:
    """The tensors of a ``.bin``, listed, and its settings. int8 matrices are read as the float32 that they stand for.

    Raises:
        CheckpointError: If it is damaged, has no settings, or holds matrices that are packed for one processor.
    """
    items = _items(path)
    tensors: dict[str, Stored] = {}
    config = None
    for name, (kind, shape, start, n_bytes) in items.items():
        n = int(np.prod(shape, dtype=object))
        if name == CONFIG:
            config = _bytes(path, start, min(n_bytes, _MAX_CONFIG_BYTES))
        elif kind == _FLOAT32 and 4 * n <= n_bytes:
            tensors[name] = Stored(shape, "float32", _float_reader(path, shape, start), path)
        elif kind == _INTGEMM8 and len(shape) == 2 and n + 4 <= n_bytes:
            tensors[name] = Stored(shape, "float32", _int8_reader(path, name, shape, start), path)
            tensors[name + MULTIPLIER] = Stored((1, 1), "float32", _scale_reader(path, start + n), path)
        elif kind in (_FLOAT32, _INTGEMM8):
            raise CheckpointError(f"{path}: damaged: {name_shown(name)} has fewer numbers than it says")
        else:
            raise CheckpointError(
                f"{path}: {name_shown(name)} is of type {kind:#x}, which is packed for one kind of processor; mtkit "
                "reads float32 and int8 (intgemm8)"
            )
    if config is None:
        raise CheckpointError(f"{path}: has no {CONFIG}: not a model of Marian's")
    return Weights(tensors, (path,)), config


_Item = tuple[int, tuple[int, ...], int, int]


def _items(path: Path) -> dict[str, _Item]:
    """Type, shape, place and bytes of each item, all of which lie in the file."""
    try:
        size = check_regular(path).st_size
        with path.open("rb") as file:
            version, n = struct.unpack("<2Q", file.read(16))
            if version != _VERSION or n > _MAX_ITEMS:
                raise CheckpointError(f"{path}: not a model of Marian's, or of a version that is not known")
            heads = [struct.unpack("<4Q", file.read(32)) for _ in range(n)]
            if any(head[0] > _MAX_NAME or head[2] > _MAX_DIMENSIONS for head in heads):
                raise ValueError
            names = [file.read(head[0]).rstrip(b"\0").decode() for head in heads]
            shapes = [struct.unpack(f"<{head[2]}i", file.read(4 * head[2])) for head in heads]
            (gap,) = struct.unpack("<Q", file.read(8))
            place = file.tell() + gap
    except DataError as error:
        raise CheckpointError(str(error)) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot read: {reason(error)}") from None
    except (struct.error, ValueError):
        raise CheckpointError(f"{path}: not a file of weights, or incomplete") from None
    items: dict[str, _Item] = {}
    for name, shape, head in zip(names, shapes, heads, strict=True):
        if name in items or min(shape, default=1) < 1:
            raise CheckpointError(f"{path}: damaged: {name_shown(name)} is there twice, or has no numbers")
        items[name] = (head[1], shape, place, head[3])
        place += head[3]
    if place != size:
        raise CheckpointError(f"{path}: damaged: it has {size:,} bytes, its tensors end after {place:,}")
    return items


def _bytes(path: Path, start: int, n_bytes: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(n_bytes)


def _float_reader(path: Path, shape: tuple[int, ...], start: int) -> Callable[[], Tensor]:
    n = int(np.prod(shape))
    return lambda: torch.frombuffer(bytearray(_bytes(path, start, 4 * n)), dtype=torch.float32).view(shape)


def _scale_reader(path: Path, start: int) -> Callable[[], Tensor]:
    return _float_reader(path, (1, 1), start)


def _int8_reader(path: Path, name: str, shape: tuple[int, ...], start: int) -> Callable[[], Tensor]:
    def read() -> Tensor:
        n = shape[0] * shape[1]
        content = _bytes(path, start, n + 4)
        (multiplier,) = struct.unpack_from("<f", content, n)
        if not multiplier > 0:
            raise ValueError("its multiplier is not above zero")
        numbers = torch.frombuffer(bytearray(content[:n]), dtype=torch.int8).float() / multiplier
        return numbers.view(shape) if _TRANSPOSED_NOT in name else numbers.view(shape[::-1]).t()

    return read


def write_bin(path: Path, tensors: Mapping[str, Tensor], config: bytes) -> None:
    """Write a ``.bin``; a matrix is int8 where its multiplier is among the tensors, else float32.

    Raises:
        OSError: If it cannot be written.
    """
    contents: dict[str, tuple[int, tuple[int, ...], bytes]] = {}
    for name, tensor in tensors.items():
        if name.endswith(MULTIPLIER):
            continue
        shape = tuple(tensor.shape)
        if (multiplier := tensors.get(name + MULTIPLIER)) is not None:
            contents[name] = (_INTGEMM8, shape, _as_int8(name, tensor, multiplier))
        else:
            contents[name] = (_FLOAT32, shape, tensor.float().contiguous().numpy().astype("<f4").tobytes())
    contents[CONFIG] = (_INT8, (len(config),), config)
    with path.open("wb") as file:
        heads, names, shapes = b"", b"", b""
        for name, (kind, shape, content) in sorted(contents.items()):
            n_bytes = len(content) + -len(content) % _ALIGNMENT if kind != _INT8 else len(content)
            heads += struct.pack("<4Q", len(name.encode()) + 1, kind, len(shape), n_bytes)
            names += name.encode() + b"\0"
            shapes += struct.pack(f"<{len(shape)}i", *shape)
        head = struct.pack("<2Q", _VERSION, len(contents)) + heads + names + shapes
        gap = -(len(head) + 8) % _ALIGNMENT
        file.write(head + struct.pack("<Q", gap) + bytes(gap))
        for _, (kind, _, content) in sorted(contents.items()):
            file.write(content + bytes(-len(content) % _ALIGNMENT if kind != _INT8 else 0))


def _as_int8(name: str, tensor: Tensor, multiplier: Tensor) -> bytes:
    """The matrix in int8: with its multiplier as it was where the numbers fit, else with one that fits them."""
    scale = multiplier.float().flatten()[0]
    if float(tensor.abs().max() * scale) > 127.5:
        scale = 127.0 / tensor.float().abs().max()
    numbers = (tensor.float() * scale).round().clamp(-127, 127).to(torch.int8)
    numbers = numbers if _TRANSPOSED_NOT in name else numbers.t()
    return numbers.contiguous().numpy().tobytes() + struct.pack("<f", float(scale))


def write_npz(path: Path, tensors: Mapping[str, Tensor], config: bytes) -> None:
    """Write a ``.npz`` as Marian does: float32, with the settings among the arrays.

    Raises:
        OSError: If it cannot be written.
    """
    arrays: dict[str, Any] = {name: tensor.float().contiguous().numpy() for name, tensor in tensors.items()}
    arrays[CONFIG] = np.frombuffer(config, dtype=np.int8)
    with path.open("wb") as file:
        np.savez(file, **arrays)
