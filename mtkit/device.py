"""The machine: device, precision and threads.

torch is imported inside the functions that need it: translating with CTranslate2 does not.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mtkit.errors import DeviceError
from mtkit.log import counted

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16"]


def choose_device(name: str) -> "torch.device":
    """Turn ``auto``, ``cpu`` or ``cuda`` into a device.

    Raises:
        DeviceError: If a GPU is asked for where there is none.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        build = "this build of torch has no CUDA" if torch.version.cuda is None else "torch sees no GPU"
        raise DeviceError(f"device {name}: {build}; use --device cpu or auto")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"device {name}: unknown; use auto, cpu or cuda") from None
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise DeviceError(f"device {name}: this machine has {torch.cuda.device_count()} GPU(s), counted from 0")
    return device


def choose_precision(name: str, device: "torch.device") -> Precision:
    """Turn ``auto``, ``fp32`` or ``bf16`` into a precision: bf16 on a GPU that multiplies in it, else fp32.

    On a CPU bf16 is a matter of measurement: see ``mtkit.training.tuning``.

    Raises:
        DeviceError: If it is none of these.
    """
    if name not in ("auto", "fp32", "bf16"):
        raise DeviceError(f"precision {name}: unknown; use auto, fp32 or bf16")
    if name == "auto":
        return "bf16" if device.type == "cuda" and bf16_is_native(device) else "fp32"
    return "bf16" if name == "bf16" else "fp32"


def bf16_is_native(device: "torch.device") -> bool:
    """Whether the device multiplies in bf16 itself, and does not spell it out in float32."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def let_waiting_threads_sleep() -> None:
    """Let threads that wait for each other give up their core; works before torch or CTranslate2 is loaded.

    By default they spin for milliseconds. On a machine to themselves that gains nothing that could be measured; beside
    other programs it takes the core from the thread that they wait for, and training gets several times slower. A
    policy that the user has set stays.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def set_threads(n: int | None) -> int:
    """Use ``n`` CPU threads; returns the number.

    By default as many as OMP_NUM_THREADS says, or else one per core that this process may run on.
    """
    import torch

    if n is None and "OMP_NUM_THREADS" not in os.environ:
        n = available_cores()
    if n is not None:
        torch.set_num_threads(n)
    return torch.get_num_threads()


def count_threads(n: int | None) -> int:
    """The number of threads that ``set_threads`` would use, without torch."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if n is None and asked.isdigit() and int(asked):
        return int(asked)
    return n or available_cores()


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def autocast(device: "torch.device", precision: Precision) -> "torch.autocast":
    """A context in which matrix products run in the given precision."""
    import torch

    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def describe(device: "torch.device", precision: Precision) -> str:
    """One phrase for the log, such as ``cpu, 2 threads, fp32``."""
    import torch

    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)}), {precision}"
    return f"{device}, {counted(torch.get_num_threads(), 'thread')}, {precision}"


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
