import json
from pathlib import Path

import pytest

from mtkit.training.metrics_log import MetricsLog
from mtkit.wording import bytes_shown, counted, duration_shown


def test_metrics_beyond_the_last_saved_update_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path, last_update=0, last_validated=0)
    for update in (10, 20, 30):
        log.write(update, {"loss": update / 10})
        log.write(update, {"valid_bleu": update / 2})
    with path.open("a") as file:
        file.write('{"update": 40, "lo')  # torn by a kill
    log = MetricsLog(path, last_update=20, last_validated=10)
    log.write(30, {"loss": 9.0})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"update": 10, "loss": 1.0},
        {"update": 10, "valid_bleu": 5.0},
        {"update": 20, "loss": 2.0},
        {"update": 30, "loss": 9.0},
    ]


@pytest.mark.parametrize(("seconds", "shown"), [(4.24, "4.2s"), (65, "1m05s"), (3725, "1h02m"), (59.96, "60.0s")])
def test_durations_read_as_a_person_says_them(seconds: float, shown: str) -> None:
    assert duration_shown(seconds) == shown


@pytest.mark.parametrize(("n", "shown"), [(17, "17 B"), (1_536_000, "1.5 MB"), (2.5e9, "2.5 GB"), (3e12, "3.0 TB")])
def test_sizes_read_as_a_person_says_them(n: float, shown: str) -> None:
    assert bytes_shown(n) == shown


@pytest.mark.parametrize(
    ("n", "shown"), [(1, "1 minute"), (20_000_000, "20,000,000 minutes"), (10.0, "10 minutes"), (0.5, "0.5 minutes")]
)
def test_numbers_of_things_read_as_a_person_says_them(n: float, shown: str) -> None:
    assert counted(n, "minute") == shown
