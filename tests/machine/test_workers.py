import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.machine.workers import Workers


def slow_square(n: int) -> tuple[int, int]:
    time.sleep(0.02 if n % 3 == 0 else 0)
    return n * n, os.getpid()


def fails_at_20(n: int) -> int:
    if n == 20:
        raise DataError("line 20: no")
    return n


def dies_at_20(n: int) -> int:
    if n == 20:
        os._exit(9)
    return n


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_results_come_in_order(n_workers: int) -> None:
    with Workers(n_workers) as workers:
        for n in (3, 30):  # the second time the processes are there, if any are
            results = list(workers.map(slow_square, range(n)))
            assert [square for square, _ in results] == [i * i for i in range(n)]
    assert (os.getpid() in {pid for _, pid in results}) == (n_workers == 1)


def test_a_few_items_are_ahead_of_the_results() -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        while drawn < 100:
            drawn += 1
            yield drawn

    with Workers(2) as workers:
        results = workers.map(slow_square, items())
        for n in range(1, 51):
            next(results)
            assert drawn <= n + 10
        results.close()  # type: ignore[attr-defined]


def test_an_error_in_a_worker_is_the_callers() -> None:
    with Workers(2) as workers:
        results = workers.map(fails_at_20, range(40))
        assert [next(results) for _ in range(20)] == list(range(20))
        with pytest.raises(DataError, match="line 20: no"):
            next(results)


def test_a_worker_that_is_killed_is_one_line() -> None:
    with Workers(2) as workers, pytest.raises(DataError, match=r"worker process ended .*--workers 1"):
        list(workers.map(dies_at_20, range(40)))


_PARENT = """
import sys
from mtkit.machine.workers import Workers
from tests.machine.test_workers import slow_square
if __name__ == "__main__":
    with Workers(2) as workers:
        for _, pid in workers.map(slow_square, iter(lambda: 3, None)):
            print(pid, flush=True)
"""


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(_PARENT)
    command = [sys.executable, str(tmp_path / "parent.py")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        assert len({parent.stdout.readline() for _ in range(20)}) == 2
        parent.kill()
        # The pipe ends when the last of those that hold it has ended.
        parent.communicate(timeout=30)
