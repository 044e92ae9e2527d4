import json
import time
from pathlib import Path

import pytest
import torch

from mtkit.data.batches.batch import collate
from mtkit.data.tokens.special import OWN
from mtkit.machine.compute import Compute
from mtkit.training.planning import pace
from mtkit.training.planning.pace import affordable_tokens, measure_tokens_per_second
from mtkit.training.run import train
from tests.conftest import ToyTask
from tests.training.planning.test_memory import OBJECTIVE, new_model

pytestmark = pytest.mark.processor


@pytest.mark.parametrize(
    ("seconds", "speed", "tokens"),
    [
        (600, 4_000, 900),  # 0.75 * 600 * 4,000 / 2,000
        (60, 4_000, 500),
        (6_000, 4_000, 4_000),
        (600, 1e9, 4_000),
    ],
)
def test_updates_are_as_large_as_the_time_allows(seconds: float, speed: float, tokens: int) -> None:
    assert affordable_tokens(4_000, 2_000, seconds=seconds, tokens_per_second=speed) == tokens


def test_a_smaller_batch_than_the_smallest_stays() -> None:
    assert affordable_tokens(200, 2_000, seconds=60, tokens_per_second=100) == 200


def test_speed_is_what_the_passes_take_without_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that every batch moves on by a second: three updates of two batches of 40 tokens are counted."""
    model, now, n_batches = new_model(), [0.0], 0

    def updates() -> object:
        nonlocal n_batches
        while True:
            now[0] += 2.0
            n_batches += 2
            yield [collate([[5] * 7] * 10, [[6] * 3] * 10, OWN)] * 2

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    before = [p.clone() for p in model.parameters()]
    speed = measure_tokens_per_second(
        model,
        OBJECTIVE,
        updates(),  # type: ignore[arg-type]
        compute=Compute(torch.device("cpu"), "fp32", 1),
        n_workers=1,
    )
    assert speed == pytest.approx(3 * 80 / 4.0)  # the clock starts when the second update is there
    assert n_batches == 8
    assert all(torch.equal(p, old) and p.grad is None for p, old in zip(model.parameters(), before, strict=True))


def test_a_run_by_time_keeps_the_size_of_its_updates(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pace, "MIN_BATCH_TOKENS", 60)
    monkeypatch.setattr(pace, "measure_tokens_per_second", lambda *_, **__: 100.0)

    def settings(**more: object) -> object:
        return toy_task.recipe(**{"training__max_updates": 4, "training__schedule": "linear"} | more)

    by_time = {"training__max_minutes": 5, "training__min_updates": 200, "training__warmup_updates": 1}
    with caplog.at_level("INFO", logger="mtkit"):
        train(settings(**by_time), tmp_path / "run", started=time.monotonic())  # type: ignore[arg-type]
    tokens = json.loads((tmp_path / "run" / "fitted.json").read_text())["batch_tokens"]
    assert 90 < tokens <= 112  # 0.75 * 300 * 100 / 200, less what starting took
    rate = 5e-3 * (tokens / 200) ** 0.5
    assert f"time: updates of {tokens} target tokens, not 200, at a learning rate of up to {rate:.2e}" in caplog.text
    assert f"5 minutes: about 4 updates of {tokens} target tokens" in caplog.text
    monkeypatch.setattr(pace, "measure_tokens_per_second", lambda *_, **__: 1e9)
    longer = settings(training__max_updates=6, training__warmup_updates=1)  # without a limit of time
    caplog.clear()
    with caplog.at_level("INFO", logger="mtkit"):
        train(longer, tmp_path / "run")  # type: ignore[arg-type]
    assert f"updates 5 to 6 of {tokens} target tokens" in caplog.text
    assert "an hour would give" not in caplog.text


def test_updates_of_a_size_of_the_recipes_own_are_foreseen_and_not_changed(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pace, "measure_tokens_per_second", lambda *_, **__: 1.0)
    by_both = {"training__max_updates": 4, "training__schedule": "linear", "training__warmup_updates": 1}
    with caplog.at_level("INFO", logger="mtkit"):
        train(toy_task.recipe(training__max_minutes=5, **by_both), tmp_path / "run")
    assert "5 minutes: about 1 update of 200 target tokens" in caplog.text
    assert "updates 1 to 4 of 200 target tokens, 5 minutes in all" in caplog.text
    assert "batch_tokens" not in json.loads((tmp_path / "run" / "fitted.json").read_text())
