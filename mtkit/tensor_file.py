"""What a safetensors file holds, read without torch: names and shapes from its head, and whether all is finite."""

import json
import math
import mmap
from pathlib import Path
from typing import Any

from mtkit.errors import CheckpointError

# How numbers of each kind are read to see which are finite: as floats, or, where NumPy has no such kind, as the bits of
# the exponent, all of which are set in a number that is not finite.
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_EXPONENTS = {"BF16": ("<u2", 0x7F80)}
_AT_ONCE = 1 << 22  # numbers


def n_numbers(path: Path) -> int:
    """How many numbers a file holds.

    Raises:
        CheckpointError: If it cannot be read.
    """
    try:
        return sum(math.prod(entry["shape"]) for entry in _entries(path).values())
    except (KeyError, TypeError) as error:
        raise _damaged(path, error) from None


def check_finite(path: Path) -> None:
    """Look at every number of a file.

    Raises:
        CheckpointError: Naming the first tensor with a number that is not finite; or if the file cannot be read.
    """
    import numpy as np

    try:
        entries = _entries(path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            begin = 8 + int.from_bytes(content[:8], "little")
            for name, entry in entries.items():
                kind, (start, stop) = entry["dtype"], entry["data_offsets"]
                numpy_kind, exponent = (_FLOATS[kind], 0) if kind in _FLOATS else _EXPONENTS.get(kind, ("", 0))
                if not numpy_kind:
                    continue  # whole numbers are always finite
                size = np.dtype(numpy_kind).itemsize
                for first in range(begin + start, begin + stop, size * _AT_ONCE):
                    count = min(_AT_ONCE, (begin + stop - first) // size)
                    some = np.frombuffer(content, numpy_kind, count, first)
                    is_finite = bool(((some & exponent) != exponent).all() if exponent else np.isfinite(some).all())
                    del some  # the file cannot be closed while it is looked at
                    if not is_finite:
                        raise CheckpointError(
                            f"{path}: {name} holds numbers that are not finite: the file is damaged or the training "
                            "diverged; take another checkpoint"
                        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from None


def _entries(path: Path) -> dict[str, Any]:
    """What the head of a file says of each of its tensors, by name."""
    try:
        with path.open("rb") as file:
            head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return {name: entry for name, entry in head.items() if name != "__metadata__"}
    except (OSError, ValueError, AttributeError, MemoryError, OverflowError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path}: cannot read: {error}")
