import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from mtkit.data.batches.prefetch import ahead


def test_items_come_in_order_and_end_where_they_end() -> None:
    with ahead(iter(range(50)), 3) as items:
        assert list(items) == list(range(50))


def test_no_more_than_asked_for_are_made_ahead() -> None:
    made = threading.Semaphore(0)
    n_made = 0

    def numbers() -> Iterator[int]:
        nonlocal n_made
        for number in count():
            n_made += 1
            made.release()
            yield number

    with ahead(numbers(), 3) as items:
        assert [next(items), next(items)] == [0, 1]
        for _ in range(2 + 3 + 1):  # taken, in the queue, and the one that waits to be put there
            assert made.acquire(timeout=10)
        assert not made.acquire(timeout=0.05)
    assert n_made == 6


def test_an_error_comes_as_itself_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ZeroDivisionError("the disk")

    taken = []
    with ahead(failing(), 5) as items, pytest.raises(ZeroDivisionError, match="the disk"):  # noqa: PT012
        for item in items:
            taken.append(item)  # noqa: PERF402
    assert taken == [1, 2]


@pytest.mark.parametrize("n_taken", [0, 1, 5])
def test_the_thread_ends_with_the_block(n_taken: int) -> None:
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), ahead(count(), 2) as items:  # noqa: PT012
        for _ in range(n_taken):
            next(items)
        raise KeyboardInterrupt
    assert threading.active_count() == before


def test_an_interpreter_that_ends_does_not_wait() -> None:
    code = (
        "import itertools; from mtkit.data.batches.prefetch import ahead\n"
        "block = ahead(itertools.count(), 2); print(next(block.__enter__()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == "0\n"
