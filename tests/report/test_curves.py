import json
import logging
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.report.curves import read_curves


def run_of(tmp_path: Path, name: str, records: list[dict[str, object]]) -> Path:
    run = tmp_path / name
    run.mkdir()
    (run / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return run


def test_each_measurement_has_a_curve_of_each_run(tmp_path: Path) -> None:
    first = run_of(tmp_path, "a", [{"update": 1, "loss_per_token": 3.0}, {"update": 2, "valid_bleu": 9.5}])
    second = run_of(tmp_path, "b", [{"update": 5, "loss_per_token": 2.0, "other": "text"}])
    loss, bleu = read_curves([first, second])
    assert [(curve.run, curve.points) for curve in loss.curves] == [("a", [(1, 3)]), ("b", [(5, 2)])]
    assert [curve.path for curve in loss.curves] == [str(first), str(second)]
    assert [curve.points for curve in bleu.curves] == [[(2, 9.5)]]


def test_where_a_run_went_back_is_with_its_curves(tmp_path: Path) -> None:
    back = {"update": 1, "rollback": 1, "rollback_from": 4, "reason": "the loss has jumped"}
    run = run_of(tmp_path, "a", [{"update": 1, "loss_per_token": 3.0}, back, {"update": 2, "loss_per_token": 2.5}])
    (loss,) = read_curves([run])
    assert loss.curves[0].points == [(1, 3), (2, 2.5)]
    assert loss.curves[0].rollbacks == [(1, "the loss has jumped")]


def test_a_long_curve_is_thinned_and_keeps_its_end(tmp_path: Path) -> None:
    run = run_of(tmp_path, "a", [{"update": n, "loss_per_token": 1.0} for n in range(1, 1203)])
    points = read_curves([run])[0].curves[0].points
    assert len(points) <= 500
    assert points[-1][0] == 1202
    assert points == sorted(points)


def test_a_loss_that_is_not_finite_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("mtkit"), "propagate", True)
    run = run_of(tmp_path, "a", [{"update": 1, "loss_per_token": 2.0}, {"update": 2, "loss_per_token": float("nan")}])
    assert read_curves([run])[0].curves[0].points == [(1, 2)]
    assert "left out 1 value" in caplog.text


@pytest.mark.parametrize("line", ["{", "[]", '{"loss_per_token": 1}', '{"update": 1, "valid_bleu": "x"}'])
def test_what_no_run_writes_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    run = run_of(tmp_path, "a", [{"update": 1}])
    with (run / "metrics.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=r"metrics\.jsonl:2: expected a JSON object"):
        read_curves([run])


def test_a_missing_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such run directory"):
        read_curves([tmp_path / "nowhere"])
