import os

import pytest

from mtkit.machine.threads import available_cores, count_threads, let_waiting_threads_sleep


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
