"""What a safetensors file holds: its header, checked before anything is read, and whether its numbers are finite.

torch is not needed for it. A file is 8 bytes with the length of the header, the header in JSON, and the numbers.
"""

import math
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.errors import CheckpointError, DataError, reason
from mtkit.files.reading import check_regular, parse_json
from mtkit.wording import name_shown

_MAX_HEADER_BYTES = 10_000_000  # some hundred bytes a tensor
_MAX_DIMENSIONS = 8
_METADATA = "__metadata__"
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32}
_BITS |= {"U64": 64, "I64": 64, "F64": 64}
FLOATS = ("F16", "BF16", "F32", "F64")
"""Types that weights may have."""

# How numbers of each kind are read to see which are finite: as floats, or, where NumPy has no such kind, as the bits of
# the exponent, all of which are set in a number that is not finite.
_AS_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_EXPONENTS = {"BF16": ("<u2", 0x7F80)}
_AT_ONCE = 1 << 22  # numbers


@dataclass(frozen=True)
class TensorInfo:
    """A tensor of a file."""

    dtype: str
    """Name of the type in safetensors, such as F32."""

    shape: tuple[int, ...]
    start: int
    """Where its numbers begin, in bytes from the beginning of the file."""

    end: int

    @property
    def n_numbers(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class TensorFile:
    """What is in a file, before its numbers are read."""

    path: Path
    tensors: dict[str, TensorInfo]
    metadata: dict[str, Any]


def read_tensor_file(path: Path) -> TensorFile:
    """Read and check the header: every tensor lies in the file, they fill it, and none lies over another.

    Raises:
        CheckpointError: If the file is missing, not a regular one, or damaged, or has numbers of an unknown type.
    """
    try:
        n_bytes = check_regular(path).st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if n_bytes < 8 or length > min(n_bytes - 8, _MAX_HEADER_BYTES):
                raise CheckpointError(f"{path}: damaged: its header does not fit into it")
            header = parse_json(file.read(length))
    except DataError as error:
        raise CheckpointError(str(error)) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot read: {reason(error)}") from None
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged: its header is not valid JSON: {error}") from None
    try:
        metadata = header.pop(_METADATA, {})
        for name, entry in header.items():
            if isinstance(kind := entry["dtype"], str) and kind not in _BITS:
                raise CheckpointError(f"{path}: {name_shown(name)} is of type {kind!r:.20}, which mtkit does not read")
        tensors = {name: _info(entry, 8 + length) for name, entry in header.items()}
        if not isinstance(metadata, dict):
            raise TypeError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CheckpointError(f"{path}: damaged: its header does not describe tensors") from None
    end = 8 + length
    for name, info in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if info.start != end:
            raise CheckpointError(f"{path}: damaged: {name_shown(name)} does not begin where the tensor before it ends")
        end = info.end
    if end != n_bytes:
        raise CheckpointError(f"{path}: damaged: it has {n_bytes:,} bytes, its tensors end after {end:,}")
    return TensorFile(path, tensors, metadata)


def check_finite(path: Path) -> None:
    """Look at every number of a file.

    Raises:
        CheckpointError: Naming the first tensor with a number that is not finite; or if the file cannot be read.
    """
    tensors = read_tensor_file(path).tensors
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for name, info in tensors.items():
                if not _is_finite(content, info):
                    raise CheckpointError(
                        f"{path}: {name_shown(name)} holds numbers that are not finite: the file is damaged or the "
                        "training diverged; take another checkpoint"
                    )
    except OSError as error:
        raise CheckpointError(f"{path}: cannot read: {reason(error)}") from None


def _is_finite(content: mmap.mmap, info: TensorInfo) -> bool:
    import numpy as np

    kind, exponent = (_AS_FLOATS[info.dtype], 0) if info.dtype in _AS_FLOATS else _EXPONENTS.get(info.dtype, ("", 0))
    if not kind:
        return True  # whole numbers are always finite
    size = np.dtype(kind).itemsize
    for first in range(info.start, info.end, size * _AT_ONCE):
        some = np.frombuffer(content, kind, min(_AT_ONCE, (info.end - first) // size), first)
        finite = bool(((some & exponent) != exponent).all() if exponent else np.isfinite(some).all())
        del some  # the file cannot be closed while it is looked at
        if not finite:
            return False
    return True


def _info(entry: dict[str, Any], offset: int) -> TensorInfo:
    shape, (start, end) = entry["shape"], entry["data_offsets"]
    numbers = [*shape, start, end]
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
        raise TypeError
    if any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError("no sizes")
    if (end - start) * 8 != math.prod(shape) * _BITS[entry["dtype"]]:
        raise ValueError("another size than the type and the shape have")
    return TensorInfo(entry["dtype"], tuple(shape), offset + start, offset + end)
