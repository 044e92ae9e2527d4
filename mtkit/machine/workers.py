"""Work on many items in several processes, with the results in order."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import chain, islice
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self, TypeVar

from mtkit.errors import DataError
from mtkit.machine.threads import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

_WORTH_IT = 8
"""Number of items that are done here faster than processes start."""

_SAFE = "PYTHONSAFEPATH"


class Workers:
    """Processes that start when there is enough to do, and end with the block, at once where that ends in an error.

    They are new ones, not copies of this one, so that its threads and locks do not matter.
    """

    def __init__(self, n: int | None = None, *, alone: str = "--workers 1") -> None:
        """Plan processes.

        Args:
            n: By default one for each core; 1 works in this process.
            alone: What a user types to have that, for an error message.
        """
        self.n = available_cores() if n is None else n
        self._alone = alone
        self._pool: ProcessPoolExecutor | None = None
        self._lifelines: tuple[Connection, Connection] | None = None

    @property
    def running(self) -> bool:
        """Whether processes have started."""
        return self._pool is not None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``function(item)`` for each item, in order; few items are ahead of the results at any time.

        Args:
            function: Goes to the processes with every item: it must be small, or find what is not by itself.
            items: Drawn in this process.

        Raises:
            DataError: If a process was ended from outside.
        """
        iterator = iter(items)
        first = list(islice(iterator, _WORTH_IT)) if self.n > 1 and self._pool is None else []
        if self.n == 1 or (self._pool is None and len(first) < _WORTH_IT):
            yield from map(function, chain(first, iterator))
            return
        pool = self._pool or self._start()
        waiting: deque[Future[Result]] = deque()
        try:
            for item in chain(first, iterator):
                with _ctrl_c_held_back(), safe_children():  # starts a process where too few run
                    waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * self.n:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise DataError(
                f"a worker process ended before its work was done, perhaps out of memory; try {self._alone}"
            ) from None
        finally:
            for future in waiting:
                future.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is None or self._lifelines is None:
            return
        theirs, ours = self._lifelines
        if kind is not None:
            ours.close()  # nobody waits for what they are at, which may take seconds
        self._pool.shutdown(cancel_futures=True)
        ours.close()
        theirs.close()

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        theirs, _ = self._lifelines = context.Pipe(duplex=False)
        with safe_children():  # one that looks after semaphores starts now
            self._pool = ProcessPoolExecutor(self.n, mp_context=context, initializer=_begin, initargs=(theirs,))
        return self._pool


@contextmanager
def safe_children() -> Iterator[None]:
    """Let Python processes that start in the block look for no module in the working directory."""
    before = os.environ.get(_SAFE)
    os.environ[_SAFE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE]
        else:
            os.environ[_SAFE] = before


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Let it wait for the end of the block; a process that starts in it never gets it, not even before ``_begin``."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(lifeline: Connection) -> None:
    """Leave Ctrl-C to the process that waits for the results, and end this worker when the lifeline does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    """Wait for the other end to be closed, by the process that has it or with it; nothing is ever sent."""
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
