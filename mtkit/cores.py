"""Several pieces of work at once on a CPU, each by a thread that has a core to itself."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_on_cores(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield ``function(item)`` for each item, in order, as many at a time as torch has threads.

    The operations of a small model are so short that torch's threads spend much of the time waiting for each other,
    and all of them stand still while one is held up. Here each works on an item of its own; torch lets go of Python's
    lock while it computes. A single item has all threads to itself.
    """
    n_threads = torch.get_num_threads()
    if min(n_threads, len(items)) < 2:
        yield from map(function, items)
        return
    try:
        with ThreadPoolExecutor(n_threads, "mtkit", initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(function, items)
    finally:
        torch.set_num_threads(n_threads)  # the workers' setting is the default of threads to come, and that of MKL
