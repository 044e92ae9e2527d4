"""Many pieces of work in several processes: in order, and with few of them in memory at a time."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_FEW = 3
_AHEAD = 2

_function: Callable[[Any], Any] | None = None


def ordered_map(function: Callable[[Item], Result], items: Iterable[Item], *, n_workers: int) -> Iterator[Result]:
    """Yield ``function(item)`` for each item, in order, whatever the number of processes.

    Args:
        function: What is sent to each process, once; it must be possible to pickle it.
        items: Taken one by one, never more than a few ahead of the results.
        n_workers: Processes; with 1, or for few items, the work is done here.
    """
    remaining = iter(items)
    head = list(islice(remaining, _FEW + 1)) if n_workers > 1 else []
    if len(head) <= _FEW:
        yield from map(function, chain(head, remaining))
        return
    # Spawned, not forked: a fork of a process with threads (pyarrow's, say) may never wake up.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_workers, context, initializer=_begin, initargs=(function,)) as pool:
        pending: deque[Future[Result]] = deque()
        try:
            for item in chain(head, remaining):
                pending.append(pool.submit(_call, item))
                if len(pending) > _AHEAD * n_workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(function: Callable[[Any], Any]) -> None:
    """What a process does first: keep the function, and leave Ctrl-C to the process that started it."""
    global _function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _call(item: Any) -> Any:
    assert _function is not None
    return _function(item)
