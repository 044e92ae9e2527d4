import os

import pytest

from mtkit.errors import ConfigError
from mtkit.machine.threads import available_cores, count_threads, let_waiting_threads_sleep, refused_thread, set_threads


@pytest.mark.parametrize(
    ("asked", "n", "expected"),
    [("5", None, 5), ("5,2", None, 5), (" 5 ", None, 5), ("5", 3, 3), ("0", 3, 3), ("many", 3, 3)],
)
def test_what_is_given_counts_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, asked: str, n: int | None, expected: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert count_threads(n) == expected


@pytest.mark.parametrize("asked", ["", "0", "many", "-2"])
def test_without_a_number_there_is_a_thread_per_core(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert count_threads(None) == available_cores()


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert available_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert available_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_a_policy_of_the_users_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "mine")
    let_waiting_threads_sleep()
    assert os.environ[name] == "mine"
    if name != "OMP_WAIT_POLICY":
        assert "OMP_WAIT_POLICY" not in os.environ
    monkeypatch.delenv(name)
    let_waiting_threads_sleep()
    assert os.environ.pop("OMP_WAIT_POLICY") == "PASSIVE"


@pytest.mark.parametrize("n", [0, -1, 1_025, 10**14, True, 2.5, "2"])
def test_an_impossible_number_is_refused_before_a_library_dies_of_it(n: object) -> None:
    for number_of in (count_threads, set_threads):
        with pytest.raises(ConfigError, match=r"^threads .*: must be a whole number from 1 to 1,024$"):
            number_of(n)  # type: ignore[arg-type]


def test_so_is_one_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "100000")
    for number_of in (count_threads, set_threads):
        with pytest.raises(ConfigError, match=r"^OMP_NUM_THREADS 100000: must be a whole number from 1 to 1,024$"):
            number_of(None)
    assert count_threads(2) == 2


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("can't start new thread"),
        RuntimeError("Resource temporarily unavailable"),
        BlockingIOError(11, "Resource temporarily unavailable"),
    ],
)
def test_a_machine_that_starts_no_more_threads_is_told_of(error: Exception) -> None:
    assert str(refused_thread(error)).endswith("end other programs, or use --threads 1")
    assert refused_thread(RuntimeError("of another kind")) is None
    assert refused_thread(OSError(2, "Resource temporarily unavailable")) is None
