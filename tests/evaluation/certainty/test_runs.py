import pytest

from mtkit.evaluation.certainty.runs import summarise_runs
from mtkit.evaluation.metrics.metrics import Score
from mtkit.evaluation.report import run_lines


def test_mean_deviation_and_spread_are_worked_out_by_hand() -> None:
    runs = [[Score("bleu", "BLEU", value, "nrefs:1"), Score("ter", "TER", 50, "x")] for value in (30.0, 32.0, 37.0)]
    bleu, ter = summarise_runs(runs)
    assert (bleu.name, bleu.n_runs, bleu.mean, bleu.minimum, bleu.maximum, bleu.spread) == ("BLEU", 3, 33, 30, 37, 7)
    assert bleu.standard_deviation == pytest.approx(((9 + 1 + 16) / 2) ** 0.5)
    assert (ter.mean, ter.standard_deviation, ter.spread) == (50, 0, 0)


def test_runs_of_comet_are_shown_with_more_decimals() -> None:
    runs = summarise_runs([[Score("comet", "COMET", value, "nrefs:1")] for value in (0.8449, 0.8461)])
    shown = "COMET over 2 runs: mean 0.8455  standard deviation 0.0008  0.8449 to 0.8461, spread 0.0012"
    assert run_lines(runs) == [shown]


def test_one_run_has_no_deviation() -> None:
    (bleu,) = summarise_runs([[Score("bleu", "BLEU", 30, "nrefs:1")]])
    assert (bleu.mean, bleu.standard_deviation) == (30, 0)
