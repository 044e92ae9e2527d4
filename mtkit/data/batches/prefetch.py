"""Work ahead: take items from an iterator in a background thread while the caller uses those before them."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


@contextmanager
def ahead(items: Iterator[T], size: int) -> Iterator[Iterator[T]]:
    """Run ``items`` in a thread that keeps up to ``size`` of them ready, and ends with the block.

    An error in the thread is raised where the item would have come, once those before it are taken.
    """
    worker = _Worker(items, size)
    # A daemon, so that an interpreter that ends without leaving the block does not wait for it.
    thread = threading.Thread(target=worker.run, name="mtkit-ahead", daemon=True)
    thread.start()
    try:
        yield worker.results()
    finally:
        worker.stop()
        thread.join()


class _Worker(Generic[T]):
    def __init__(self, items: Iterator[T], size: int) -> None:
        self._items, self._size = items, size
        self._ready: deque[T] = deque()
        self._changed = threading.Condition()
        self._stopped = self._finished = False
        self._error: BaseException | None = None

    def run(self) -> None:
        """What the thread does: fill the queue until there is nothing more or nobody wants it."""
        try:
            for item in self._items:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped or len(self._ready) < self._size)
                    if self._stopped:
                        return
                    self._ready.append(item)
                    self._changed.notify_all()
        except BaseException as error:  # it is the caller's, whatever it is
            self._error = error
        finally:
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def results(self) -> Iterator[T]:
        """What the caller sees."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._finished)
                if not self._ready:
                    break
                item = self._ready.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Let the thread end after the item that it is at."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
