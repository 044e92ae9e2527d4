from pathlib import Path

import pytest

from mtkit.errors import ConfigError
from mtkit.evaluation.assessment import Method
from mtkit.evaluation.evaluating import PlannedEvaluation, store_baseline
from mtkit.evaluation.gates.baseline import load_baseline
from mtkit.evaluation.gates.gate import Gate, Gates
from mtkit.evaluation.gates.gating import Gating
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.sets import EvaluationSet, System

LINES = ["One two three four five.", "A man sleeps on the grass."]


def set_of(name: str, hyp: list[str]) -> EvaluationSet:
    return EvaluationSet(name, [Text("ref", LINES)], systems=[System("hyp", Text("hyp", hyp))])


def test_each_test_set_is_scored_and_held_against_the_gates() -> None:
    sets = [set_of("good", LINES), set_of("bad", LINES[::-1])]
    found = PlannedEvaluation.of(sets, Method(["exact"]), Gating(Gates([Gate("exact", 50)])))
    assert not found.only
    good, bad = found.reports()
    assert [report.systems[0].scores[0].value for report in (good, bad)] == [100, 0]
    assert good.failures(named=True) == []
    assert "bad" in bad.failures(named=True)[0]


def test_what_cannot_be_scored_is_told_before_anything_is() -> None:
    with pytest.raises(ConfigError, match="a gate asks for COMET"):
        PlannedEvaluation.of([set_of("one", LINES)], Method(["exact"]), Gating(Gates([Gate("comet", 50)])))


def test_a_baseline_holds_each_set(tmp_path: Path) -> None:
    found = PlannedEvaluation.of([set_of("one", LINES)], Method(["exact"]))
    store_baseline(tmp_path / "b.json", list(found.reports()))
    (stored,) = load_baseline(tmp_path / "b.json").sets
    assert (stored.name, stored.n_lines, stored.hyp_text, stored.scores[0].value) == ("one", 2, LINES, 100)
