import json
from pathlib import Path

import pytest

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics.metrics import score
from mtkit.evaluation.translated_sets import write_translated_set
from mtkit.report.runs.comparing import compare_runs
from mtkit.report.runs.run import read_run
from mtkit.report.runs.text import comparison_lines
from tests.report.runs.made import REFS, make_run, with_mistakes


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    """A run that makes many mistakes, and one with other settings that makes few."""
    bad = make_run(tmp_path / "bad", with_mistakes(2))
    return [bad, make_run(tmp_path / "good", with_mistakes(30), dropout=0.3)]


def test_only_what_differs_is_told_with_its_default(pair: list[Path]) -> None:
    found = compare_runs(pair, n_samples=100)
    assert [(each.what, each.values, each.default) for each in found.differences.settings] == [
        ("model.dropout", [0.1, 0.3], 0.1)
    ]
    assert (found.differences.data, found.differences.machine, found.remarks) == ([], [], [])


def test_scores_are_those_of_the_whole_set_and_the_better_run_is_certain(pair: list[Path]) -> None:
    (of_set,) = compare_runs(pair, n_samples=200).sets
    assert of_set.report is not None
    for system, every in zip(of_set.report.systems, (2, 30), strict=True):
        plain = score(with_mistakes(every), [REFS], tgt_lang="de")
        assert [each.value for each in system.scores] == [each.value for each in plain]
        for each in system.scores:
            assert each.interval is not None
            assert each.interval.low < each.value < each.interval.high
    assert [(each.baseline, each.system, each.significant) for each in of_set.comparisons] == [
        ("bad", "good", True)
    ] * 2
    assert all(each.difference > 0 for each in of_set.comparisons)


def test_the_order_of_the_runs_turns_the_difference_round(pair: list[Path]) -> None:
    there, back = (compare_runs(paths, n_samples=100).sets[0].comparisons for paths in (pair, pair[::-1]))
    assert [each.difference for each in there] == [-each.difference for each in back]


def test_the_course_is_told_at_common_updates(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", updates=(10, 20, 30))
    other = make_run(tmp_path / "other", updates=(5, 20, 30, 40))
    stages = compare_runs([one, other]).stages
    assert [stage.update for stage in stages] == [20, 30]
    assert [[point.values["valid_bleu"] for point in stage.points] for stage in stages] == [[20, 20], [30, 30]]


def test_without_a_common_update_the_course_is_told_after_the_same_time(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", updates=(10, 20, 40))  # half a second an update
    other = make_run(tmp_path / "other", updates=(8, 32))
    stages = compare_runs([one, other]).stages
    assert [stage.seconds for stage in stages] == [4, 8, 12, 16]
    assert [[point.update for point in stage.points] for stage in stages] == [[0, 8], [10, 8], [20, 8], [20, 32]]


def test_a_run_that_is_not_finished_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    done, going = make_run(tmp_path / "done", with_mistakes(9)), make_run(tmp_path / "going")
    found = compare_runs([going, done], n_samples=100)
    assert found.remarks == ["going: not finished: no scores"]
    assert len(found.stages) == 2
    (of_set,) = found.sets
    assert of_set.report is not None
    assert [each.system.name for each in of_set.report.systems] == ["done"]


def test_sets_with_other_lines_are_not_tested_against_each_other(tmp_path: Path) -> None:
    others = [f"{ref} too" for ref in REFS]
    one = make_run(tmp_path / "one", with_mistakes(9))
    other = make_run(tmp_path / "other", with_mistakes(9, others), refs=others)
    third = make_run(tmp_path / "third", with_mistakes(9), name="news")
    found = compare_runs([one, other, third], n_samples=100)
    assert [each.comparisons for each in found.sets] == [[], []]
    assert found.sets[0].remarks == [
        "third has no test set test",
        "other: its test set test has other lines than that of one: no paired test",
    ]
    assert set(found.sets[0].noted) == {"other"}


def test_lines_that_only_one_run_translated_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "one", with_mistakes(9)), make_run(tmp_path / "other", with_mistakes(7))
    kept = read_run(other, "other").translations["test"]
    write_translated_set(other, "test", kept[:110])
    (of_set,) = compare_runs([one, other], n_samples=100).sets
    assert of_set.report is not None
    assert of_set.report.material.n_lines == 110
    assert of_set.report.systems[0].scores[0].value == score(with_mistakes(9)[:110], [REFS[:110]])[0].value
    assert of_set.remarks == ["scored on the 110 of 120 lines that all runs translated"]


def test_a_run_of_an_older_version_keeps_its_noted_scores(tmp_path: Path) -> None:
    old, new = make_run(tmp_path / "old", with_mistakes(9), keep=False), make_run(tmp_path / "new", with_mistakes(9))
    found = compare_runs([old, new], n_samples=100)
    assert found.remarks == ["old: keeps no translations of test (trained by an older mtkit): no paired test"]
    assert [each.metric for each in found.sets[0].noted["old"]] == ["bleu", "chrf"]


def test_a_bundle_has_scores_and_settings_and_no_curves(tmp_path: Path, pair: list[Path]) -> None:
    bundle = tmp_path / "moved"
    (pair[0] / "model").rename(bundle)
    found = compare_runs([bundle, pair[1]], n_samples=100)
    assert found.remarks == [
        "moved: a bundle without its run: no learning curves",
        "moved: no translations of test sets: no paired test",
    ]
    assert [each.what for each in found.differences.settings] == ["model.dropout"]
    assert found.stages == []


def test_runs_that_differ_in_the_seed_alone_have_a_mean_too(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"s{n}", with_mistakes(6 + n), seed=n) for n in (1, 2, 3)]
    (of_set,) = compare_runs(runs, n_samples=100).grouped
    (bleu,) = of_set.scores["bleu"]
    assert bleu.summary.mean == pytest.approx(sum(bleu.values) / 3)
    assert bleu.values == [score(with_mistakes(6 + n), [REFS], tgt_lang="de")[0].value for n in (1, 2, 3)]
    assert compare_runs([*runs, make_run(tmp_path / "x", with_mistakes(5), dropout=0.5)], n_samples=100).grouped == []


def test_groups_of_seeds_are_compared_by_their_means(tmp_path: Path) -> None:
    for group, first in (("a", 5), ("b", 30)):
        for seed in (1, 2, 3):
            make_run(tmp_path / group / f"seed-{seed}", with_mistakes(first + seed), seed=seed)
    found = compare_runs([tmp_path / "a", tmp_path / "b"])
    assert (found.sets, found.differences.settings, found.remarks) == ([], [], [])
    one, other = found.grouped[0].scores["bleu"]
    assert one.against_first is None
    assert other.against_first is not None
    assert other.against_first.difference == pytest.approx(other.summary.mean - one.summary.mean)
    assert other.against_first.significant
    shown = "\n".join(comparison_lines(found))
    assert "(3 seeds)" in shown
    assert "* is p < 0.05: larger than seeds explain" in shown


def test_one_run_against_a_group_cannot_be_told_apart(tmp_path: Path) -> None:
    for seed in (1, 2):
        make_run(tmp_path / "a" / f"seed-{seed}", with_mistakes(5 + seed), seed=seed)
    single = make_run(tmp_path / "b", with_mistakes(30), dropout=0.3)
    found = compare_runs([tmp_path / "a", single])
    assert found.grouped[0].scores["bleu"][1].against_first is None
    assert "cannot be told" in "\n".join(comparison_lines(found))


def test_a_group_whose_runs_are_of_different_recipes_is_named(tmp_path: Path) -> None:
    make_run(tmp_path / "a" / "seed-1", with_mistakes(5), seed=1)
    make_run(tmp_path / "a" / "seed-2", with_mistakes(6), seed=2, dropout=0.5)
    assert compare_runs([tmp_path / "a"]).remarks == ["a: its runs differ in more than their seeds: model.dropout"]


def test_names_of_files_are_no_difference_and_what_they_hold_is(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one")
    moved, other = make_run(tmp_path / "moved"), make_run(tmp_path / "other", corpus="f" * 64)
    config = (moved / "config.yaml").read_text().replace("train.en", "elsewhere.en")
    (moved / "config.yaml").write_text(config)
    found = compare_runs([one, moved])
    assert (found.differences.settings, found.differences.data) == ([], [])
    assert [each.what for each in compare_runs([one, other]).differences.data] == ["train sha256"]


def test_what_is_not_a_run_is_told_in_one_line(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    checkpoint = run / "checkpoints" / "update-00000010"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").touch()
    (tmp_path / "empty").mkdir()
    for paths, error, said in (
        ([run], ConfigError, "nothing to compare with"),
        ([run, run / "." / ".." / "run"], ConfigError, "one run named twice"),
        ([run, tmp_path / "nowhere"], DataError, "nowhere: no such run"),
        ([run, run / "config.yaml"], DataError, "is a file"),
        ([run, tmp_path / "empty"], DataError, "neither a run of mtkit train nor a bundle"),
        ([run, checkpoint], DataError, f"is a checkpoint; name its run, {run}"),
    ):
        with pytest.raises(error, match=said):
            compare_runs(paths)


def test_all_of_it_is_plain_json(pair: list[Path]) -> None:
    found = compare_runs(pair, n_samples=100)
    plain = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert plain["sets"][0]["comparisons"][0]["p_value"] == found.sets[0].comparisons[0].p_value
    assert plain["course"][0]["points"][1]["values"]["valid_bleu"] == 10
