"""CPU threads: how many, and how they wait. torch is imported where it is needed: CTranslate2 does without."""

import os

from mtkit.errors import ConfigError, DeviceError

MOST_THREADS = 1_024
"""More than any machine's cores; libraries that are asked for a hundred thousand end the process without a word."""


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

    Raises:
        ConfigError: If there are too many, or less than one.
    """
    count_threads(n)
    import torch

    if n is None and "OMP_NUM_THREADS" not in os.environ:
        n = available_cores()
    if n is not None:
        torch.set_num_threads(n)
    return torch.get_num_threads()


def count_threads(n: int | None) -> int:
    """The number of threads that ``set_threads`` would use, without torch.

    Raises:
        ConfigError: If there are too many, or less than one.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if n is None and asked.isascii() and asked.isdigit() and int(asked):
        return _possible(int(asked), "OMP_NUM_THREADS")
    return available_cores() if n is None else _possible(n, "threads")


def _possible(n: int, name: str) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST_THREADS:
        raise ConfigError(f"{name} {n}: must be a whole number from 1 to {MOST_THREADS:,}")
    return n


def refused_thread(error: BaseException) -> DeviceError | None:
    """What to tell of an error that says that the system starts no more threads or processes; None of any other."""
    said = ("can't start new thread", "Resource temporarily unavailable", "unable to create new thread")
    if isinstance(error, RuntimeError | BlockingIOError) and any(phrase in str(error) for phrase in said):
        return DeviceError("the system starts no more threads: end other programs, or use --threads 1")
    return None


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
