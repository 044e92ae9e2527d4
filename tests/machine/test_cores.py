import threading
from collections.abc import Iterator

import pytest
import torch

from mtkit.machine.cores import map_on_cores

pytestmark = pytest.mark.processor


@pytest.fixture
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_two_threads")
class TestWithTwoThreads:
    def test_results_come_in_the_order_of_the_items(self) -> None:
        last_is_done = threading.Event()

        def square(x: int) -> int:
            if x == 3:
                last_is_done.set()
            elif x == 0:
                assert last_is_done.wait(10), "the items after the first one wait for it"
            return x * x

        assert list(map_on_cores(square, range(4))) == [0, 1, 4, 9]

    def test_each_item_is_computed_by_one_thread(self) -> None:
        assert list(map_on_cores(lambda _: torch.get_num_threads(), range(4))) == [1] * 4

    def test_a_single_item_has_all_threads(self) -> None:
        assert list(map_on_cores(lambda _: torch.get_num_threads(), [0])) == [2]

    def test_afterwards_torch_has_its_threads_again(self) -> None:
        list(map_on_cores(lambda x: x, range(4)))
        assert torch.get_num_threads() == 2
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert found == [2]

    def test_the_same_threads_do_the_next_work(self) -> None:
        def worker(_: int) -> int:
            return threading.get_ident()

        assert len({thread for _ in range(20) for thread in map_on_cores(worker, range(4))}) <= 2

    def test_after_an_error_nobody_is_at_work(self) -> None:
        running, begun = threading.Event(), threading.Event()

        def work(item: int) -> None:
            if item == 0:
                assert begun.wait(10)
                raise ZeroDivisionError
            running.set()
            begun.set()
            threading.Event().wait(0.2)
            running.clear()

        with pytest.raises(ZeroDivisionError):
            list(map_on_cores(work, range(2)))
        assert not running.is_set()

    def test_an_error_comes_through(self) -> None:
        with pytest.raises(ZeroDivisionError):
            list(map_on_cores(lambda x: 1 // x, [1, 0, 1]))
        assert torch.get_num_threads() == 2


def test_with_one_thread_everything_happens_in_the_caller() -> None:
    assert list(map_on_cores(lambda _: threading.current_thread(), range(2), 1)) == [threading.current_thread()] * 2
