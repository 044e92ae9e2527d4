"""Memory of this process and of the machine: what is free, what was taken, and what to do when it is exhausted."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mtkit.errors import DeviceError


def peak_memory() -> int:
    """Highest resident size of this process so far, in bytes (0 where the platform does not say)."""
    try:
        import resource
    except ImportError:
        return 0
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def keep_few_kernels() -> None:
    """Let oneDNN keep 128 compiled kernels instead of 1,024; works before torch is loaded.

    Every new number of rows is a kernel of up to several megabytes, and a batch that comes back does so long after 128
    others: in training and search a smaller cache cost no time that could be measured. What the user has set stays.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")


@contextmanager
def memory_advice(advice: str) -> Iterator[None]:
    """Turn an exhausted memory, of a GPU or of the machine, into an error that says what to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        owner = "GPU" if _is_of_gpu(error) else "machine"
        raise DeviceError(f"the {owner}'s memory is full; {advice}") from None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of a GPU or of the machine is exhausted."""
    said = ("can't allocate memory", "not enough memory", "failed to allocate memory")
    return (
        isinstance(error, MemoryError)
        or _is_of_gpu(error)
        or (isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in said))
    )


def _is_of_gpu(error: BaseException) -> bool:
    if "torch" in sys.modules and isinstance(error, sys.modules["torch"].OutOfMemoryError):
        return True
    said = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in said)


def free_memory() -> int | None:
    """Bytes of the machine's memory that this process may still take, or None where the system does not say."""
    free = []
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    with suppress(OSError, ValueError):  # a container's limit; "max" where there is none
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        free.append(max(limit - used, 0))
    return min(free, default=None)


def release_memory() -> None:
    """Give back what nothing refers to any longer."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # parameters of mallopt, from <malloc.h>


def keep_freed_memory() -> bool:
    """Let the allocator of the C library keep what is freed; returns whether it could be told to.

    By default every large tensor is mapped anew and the kernel clears each of its pages: 2 to 5 % of an update on a
    slow CPU, several times that on a fast one. The process then holds its peak until it ends.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library than GNU's, whose allocator has no such call
        mallopt = ctypes.CDLL(None).mallopt
        return mallopt(_M_MMAP_MAX, 0) == 1 and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1) == 1
    return False
