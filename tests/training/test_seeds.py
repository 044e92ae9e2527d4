import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mtkit.errors import CheckpointError, ConfigError
from mtkit.evaluation.metrics.metrics import Score
from mtkit.training.final_scores import SetScores
from mtkit.training.saving.run_directory import sole_user
from mtkit.training.seeds import Seeds, begin_seeds, check_without_seeds, seeds_begun, train_seeds


def scored(value: float) -> Mapping[str, SetScores]:
    return {"test": SetScores([Score("bleu", "BLEU", value, "nrefs:1")])}


def test_the_table_has_mean_spread_and_every_value(tmp_path: Path) -> None:
    seeds = begin_seeds(tmp_path / "runs", 3)
    asked: list[tuple[int, Path]] = []

    def train(seed: int, run_dir: Path) -> Mapping[str, SetScores]:
        asked.append((seed, run_dir))
        return scored([20.0, 22.0, 27.0][seed - 1])

    lines = train_seeds(seeds, train)
    assert asked == [(n, tmp_path / "runs" / f"seed-{n}") for n in (1, 2, 3)]
    assert lines == [
        "test set test, 3 seeds",
        # the square root of (9 + 1 + 16) / 2
        "  BLEU over 3 runs: mean 23.00  standard deviation 3.61  20.00 to 27.00, spread 7.00",
        "  BLEU of seeds 1, 2, 3: 20.00  22.00  27.00",
        "  BLEU  nrefs:1",
    ]
    assert (tmp_path / "runs" / "seeds.txt").read_text().splitlines() == lines


def test_a_set_that_a_run_had_no_time_for_is_named(tmp_path: Path) -> None:
    seeds = begin_seeds(tmp_path / "runs", 2)
    lines = train_seeds(seeds, lambda seed, _: scored(20.0) if seed == 1 else {"test": SetScores([])})
    assert lines[0] == "test set test, 1 seed"
    assert lines[-1] == "  seed 2: not scored, the time was up"


def test_more_seeds_go_on_and_fewer_are_refused(tmp_path: Path) -> None:
    begin_seeds(tmp_path / "runs", 2)
    assert begin_seeds(tmp_path / "runs", 2) == Seeds(tmp_path / "runs", 2)
    assert list(begin_seeds(tmp_path / "runs", 4).run_dirs) == [1, 2, 3, 4]
    with pytest.raises(ConfigError, match=r"was begun with --seeds 4: type 4 or more, or --overwrite"):
        begin_seeds(tmp_path / "runs", 3)
    assert seeds_begun(tmp_path / "runs") == 4
    assert begin_seeds(tmp_path / "runs", 3, overwrite=True).n == 3


def test_overwriting_deletes_the_runs_of_all_seeds_and_nothing_of_anybody_else(tmp_path: Path) -> None:
    begin_seeds(tmp_path, 2)
    for seed in (1, 2):
        with sole_user(tmp_path / f"seed-{seed}"):
            (tmp_path / f"seed-{seed}" / "config.yaml").write_text("x")
    (tmp_path / "seed-mine").mkdir()
    (tmp_path / "seed-mine" / "config.yaml").write_text("x")
    begin_seeds(tmp_path, 1, overwrite=True)
    assert sorted(path.parent.name for path in tmp_path.glob("*/config.yaml")) == ["seed-mine"]


def test_a_directory_of_anything_else_is_refused(tmp_path: Path) -> None:
    single = tmp_path / "single"
    (single / "checkpoints" / "update-00000001").mkdir(parents=True)
    with pytest.raises(ConfigError, match="holds a single run, begun without --seeds"):
        begin_seeds(single, 2)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="not empty, and was not begun with --seeds"):
        begin_seeds(tmp_path / "other", 2)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="not a directory"):
        begin_seeds(tmp_path / "file", 2)


def test_a_single_run_is_not_trained_among_seeds(tmp_path: Path) -> None:
    check_without_seeds(tmp_path)
    begin_seeds(tmp_path, 2)
    with pytest.raises(ConfigError, match="was begun with --seeds 2: type that again"):
        check_without_seeds(tmp_path)


@pytest.mark.parametrize("note", ["{", "[]", '{"seeds": "2"}', '{"seeds": 0}', '{"seeds": true}'])
def test_a_damaged_note_is_one_line(tmp_path: Path, note: str) -> None:
    (tmp_path / "seeds.json").write_text(note)
    with pytest.raises(CheckpointError, match=r"seeds\.json: damaged"):
        seeds_begun(tmp_path)


def test_the_note_says_how_many(tmp_path: Path) -> None:
    begin_seeds(tmp_path / "runs", 7)
    assert json.loads((tmp_path / "runs" / "seeds.json").read_text()) == {"format_version": 1, "seeds": 7}
