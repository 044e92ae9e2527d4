import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtkit.errors import DataError
from mtkit.evaluation.gates.baseline import BaselineSet, load_baseline, save_baseline, sha256_lines
from mtkit.evaluation.metrics.metrics import score

HYP, REF, SRC = ["The cat sat.", "Nobody knew it."], ["The cat sits.", "Nobody knows it."], ["Die Katze.", "Niemand."]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A stored baseline."""
    scores = score(HYP, [REF], ["bleu", "chrf"])
    stored = BaselineSet("news", 2, [sha256_lines(REF)], sha256_lines(SRC), sha256_lines(HYP), HYP, scores)
    save_baseline(tmp_path / "baseline.json", [stored])
    return tmp_path / "baseline.json"


def spoil(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    tree = json.loads(path.read_text(encoding="utf-8"))
    change(tree)
    path.write_text(json.dumps(tree), encoding="utf-8")


def test_baseline_survives_the_disk(path: Path) -> None:
    baseline = load_baseline(path)
    stored = baseline.find("news", only=False)
    assert baseline.versions.keys() == {"mtkit", "sacrebleu"}
    assert stored.hyp_text == HYP
    assert stored.scores == score(HYP, [REF], ["bleu", "chrf"])
    baseline.check_texts(stored, [REF], SRC)
    baseline.check_texts(stored, [REF], None)
    baseline.check_signatures(stored, score(HYP[::-1], [REF]), ["bleu", "chrf"])


def test_only_set_needs_no_name(path: Path) -> None:
    baseline = load_baseline(path)
    assert baseline.find("renamed", only=True).name == "news"
    with pytest.raises(DataError, match=r"holds no test set renamed \(it has news\); save it again"):
        baseline.find("renamed", only=False)


def test_changed_test_set_is_refused(path: Path) -> None:
    baseline = load_baseline(path)
    stored = baseline.find("news", only=True)
    for refs in ([REF[::-1]], [REF, REF], [[*REF, "x"]]):
        with pytest.raises(DataError, match="the references of news are not those of the baseline"):
            baseline.check_texts(stored, refs, SRC)
    with pytest.raises(DataError, match="the source of news is not that of the baseline"):
        baseline.check_texts(stored, [REF], SRC[::-1])


def test_changed_signature_is_refused_with_what_changed(path: Path) -> None:
    baseline = load_baseline(path)
    stored = baseline.find("news", only=True)
    with pytest.raises(DataError, match=r"BLEU of news had a different signature \(tok:13a is now tok:char\)"):
        baseline.check_signatures(stored, score(HYP, [REF], tokenize="char"), ["chrf", "bleu"])
    with pytest.raises(
        DataError, match=r"has no ter for news; save it again with --save-baseline and --metrics .*,ter$"
    ):
        baseline.check_signatures(stored, score(HYP, [REF], ["ter"]), ["ter"])


def test_scores_that_are_not_those_of_the_output_are_refused(path: Path) -> None:
    spoil(path, lambda tree: tree["test_sets"][0]["scores"][0].update(value=10.0))
    baseline = load_baseline(path)
    again = score(HYP, [REF])
    with pytest.raises(
        DataError, match=r"damaged: BLEU of news is 10.00 there, but the output beside it has \d+\.\d\d"
    ):
        baseline.check_scores(baseline.find("news", only=True), again)
    baseline.check_scores(baseline.find("news", only=True), again[1:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree.update(format_version=2), "a baseline of format 2, but this mtkit reads up to 1"),
        (lambda tree: tree.update(format_version="1"), "damaged: format_version is '1', not a number from 1 on"),
        (lambda tree: tree.update(format_version=True), "damaged: format_version is True, not a number from 1 on"),
        (lambda tree: tree.pop("format_version"), "damaged: no format_version"),
        (lambda tree: tree.update(kind="shopping list"), "is not a baseline"),
        (lambda tree: tree.pop("test_sets"), r"damaged \(KeyError: 'test_sets'\)"),
        (lambda tree: tree["test_sets"][0].pop("hyp"), r"damaged \(KeyError: 'hyp'\)"),
        (lambda tree: tree["test_sets"][0]["hyp"].reverse(), "the output of news is not the one that was scored"),
        (lambda tree: tree["test_sets"][0]["scores"][0].update(value=float("nan")), r"bleu of news is not a number"),
        (lambda tree: tree["test_sets"].append(tree["test_sets"][0]), "damaged: the test set news is there twice"),
        (
            lambda tree: tree["test_sets"][0]["scores"].append(tree["test_sets"][0]["scores"][0]),
            "damaged: the score bleu is there twice",
        ),
        (lambda tree: tree["test_sets"][0]["scores"][0].update(value="30"), "value: Input should be a valid number"),
        (lambda tree: tree["test_sets"][0]["scores"][0].update(signature=5), "signature: Input should be a valid str"),
        (lambda tree: tree["test_sets"][0]["scores"][0].update(name=None), "name: Input should be a valid str"),
        (lambda tree: tree["test_sets"][0]["scores"][0].pop("precisions"), r"damaged \(KeyError: 'precisions'\)"),
    ],
)
def test_damaged_or_foreign_baseline_is_refused(
    path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    spoil(path, change)
    with pytest.raises(DataError, match=message) as raised:
        load_baseline(path)
    assert "\n" not in str(raised.value)


def test_missing_baseline_says_how_to_save_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such baseline; save one with --save-baseline"):
        load_baseline(tmp_path / "none.json")


@pytest.mark.parametrize(
    "content", ["", "Ein Mann geht.\n", '{"kind": "mtkit baseline", "test_sets": [{"na', "[]", "\udcff"]
)
def test_what_is_not_whole_asks_to_be_saved_again(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=r"is not a baseline(, or is incomplete)?; save it again with --save-baseline$"):
        load_baseline(path)


def test_baseline_that_cannot_be_read_need_not_be_saved_again(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r": Is a directory$"):
        load_baseline(tmp_path)


def test_engine_is_stored_and_only_another_one_is_remarked(path: Path) -> None:
    stored = load_baseline(path).find("news", only=True)
    assert stored.other_engine("cpu, int8") is None  # it was an output from elsewhere
    save_baseline(path, [replace(stored, engine="cpu, int8")])
    stored = load_baseline(path).find("news", only=True)
    assert stored.other_engine(None) is None
    assert stored.other_engine("cpu, int8") is None
    assert stored.other_engine("cpu, fp32") == "translated on cpu, fp32, the baseline on cpu, int8"


def test_baseline_of_an_earlier_mtkit_has_no_engine(path: Path) -> None:
    spoil(path, lambda tree: tree["test_sets"][0].pop("engine"))
    assert load_baseline(path).find("news", only=True).engine is None
