from pathlib import Path

import pytest

from mtkit.bundle.bundle import load_bundle
from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.assessment import Method
from mtkit.evaluation.gates.gate import Gate, Gates
from mtkit.evaluation.gates.gating import Gating
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.sets import EvaluationSet
from mtkit.translation.evaluating import evaluation_of_model
from mtkit.translation.translator import Translator
from tests.tiny import LINES


def test_a_model_is_scored_on_what_it_translates(
    bundle_directory: Path, translator: Translator, tmp_path: Path
) -> None:
    expected = [found.text for found in translator.translate(LINES)]
    sets = [EvaluationSet("mine", [Text("ref", expected)], Text("src", LINES))]
    output = tmp_path / "out"
    planned, pair = evaluation_of_model(load_bundle(bundle_directory), Method(["exact"]), sets=sets, output=output)
    assert not output.exists()
    (report,) = planned.reports()
    assert report.systems[0].scores[0].value == 100
    assert output.read_text().splitlines() == expected
    assert pair == ("en", "xx")


def test_gates_are_checked_before_anything_is_translated(bundle_directory: Path) -> None:
    sets = [EvaluationSet("mine", [Text("ref", LINES)], Text("src", LINES))]
    gating = Gating(Gates([Gate("comet", 50)]))
    with pytest.raises(ConfigError, match="a gate asks for COMET"):
        evaluation_of_model(load_bundle(bundle_directory), Method(["exact"]), sets=sets, gating=gating)


def test_without_sets_those_of_the_corpus_are_wanted(bundle_directory: Path) -> None:
    with pytest.raises(DataError):
        evaluation_of_model(load_bundle(bundle_directory), Method(["exact"]))
