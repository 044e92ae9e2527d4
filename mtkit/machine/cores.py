"""Several pieces of work at once on a CPU, each by a thread that has a core to itself."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

from mtkit.errors import Interrupted

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_on_cores(
    function: Callable[[Item], Result], items: Sequence[Item], n_threads: int | None = None
) -> Iterator[Result]:
    """The values of ``function(item)`` for each item, in order, ``n_threads`` at a time; default: torch's number.

    The operations of a small model are so short that torch's threads spend much of the time waiting for each other,
    and all of them stand still while one is held up. Here each works on an item of its own; torch lets go of Python's
    lock while it computes. A single item has all threads to itself.
    """
    n_threads = n_threads or torch.get_num_threads()
    if min(n_threads, len(items)) < 2:
        return map(function, items)
    return _on_threads(function, items, n_threads)


def _on_threads(function: Callable[[Item], Result], items: Sequence[Item], n_threads: int) -> Iterator[Result]:
    futures = [_workers(n_threads).submit(function, item) for item in items]
    is_ending = False
    try:
        for future in futures:
            yield future.result()
    except (KeyboardInterrupt, Interrupted):
        is_ending = True  # the process, which is not to wait for work that nobody wants
        raise
    finally:  # after an error nobody is at work any longer
        for future in futures:
            future.cancel()
        if not is_ending:
            wait(futures)


def _compute_alone() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # a thread's first use of torch takes over the number that the process was given last


@cache
def _workers(n_threads: int) -> ThreadPoolExecutor:
    """Threads of one torch thread each, kept until the process ends."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(n_threads, "mtkit", initializer=_compute_alone)
    barrier = Barrier(n_threads)  # holds each until all of them are there: a pool starts one only when none is idle
    for done in [pool.submit(barrier.wait) for _ in range(n_threads)]:
        done.result()
    torch.set_num_threads(before)  # theirs is the default of threads to come, and that of MKL
    return pool
