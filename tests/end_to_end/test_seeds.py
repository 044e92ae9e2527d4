"""Several seeds of one recipe, by the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from mtkit.model.weights import load_tensors
from tests.conftest import ToyTask
from tests.end_to_end.conftest import Outcome
from tests.training.conftest import assert_same_run


@pytest.fixture
def recipe(toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy task's recipe, in the directory in which the commands run."""
    monkeypatch.chdir(tmp_path)
    tree = toy_task.recipe(training__max_updates=6).config().model_dump(mode="json")
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(tree))
    return tmp_path / "toy.yaml"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seeds", "0"), "--seeds 0: a number of runs, from 1 to 1,000"),
        (("--seeds", "2", "--seed", "3"), "--seeds trains from the seeds 1 to N, and --seed from one"),
        (("--seeds", "2", "--set", "training.seed=3"), "leave out --set training.seed"),
    ],
)
def test_what_seeds_cannot_be_is_one_line(
    mtkit: Callable[..., Outcome], recipe: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = mtkit("train", recipe, "-o", "runs", *arguments)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err
    assert not Path("runs").exists()


@pytest.mark.slow
def test_each_seed_is_a_run_of_its_own_that_goes_on(mtkit: Callable[..., Outcome], recipe: Path) -> None:
    done = mtkit("train", recipe, "-o", "runs", "--seeds", "2")
    assert done.code == 0, done.err
    assert done.out.splitlines()[:2][0] == "test set test, 2 seeds"
    weights = [load_tensors(Path(f"runs/seed-{n}/model/model.safetensors")) for n in (1, 2)]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert mtkit("train", recipe, "-o", "single", "--seed", "2").code == 0
    assert_same_run(Path("runs/seed-2"), Path("single"), 6)

    stamps = {path: path.stat().st_mtime_ns for path in Path("runs").glob("seed-*/model/model.safetensors")}
    again = mtkit("train", recipe, "-o", "runs", "--seeds", "3")
    assert again.out.startswith("test set test, 3 seeds\n")
    assert Path("runs/seeds.txt").read_text().splitlines()[0] == "test set test, 3 seeds"
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert "--seeds 3: type 3 or more" in mtkit("train", recipe, "-o", "runs", "--seeds", "2").err
    assert "type that again" in mtkit("train", recipe, "-o", "runs").err
    assert "name one of them, such as runs/seed-1" in mtkit("translate", "-m", "runs", "-i", recipe).err

    compared = mtkit("compare", "runs/seed-1", "runs/seed-2", "runs/seed-3", "--samples", "100")
    assert compared.code == 0, compared.err
    assert "test set test, over seeds:" in compared.out
    assert [line.split()[0] for line in compared.out.splitlines() if line.startswith("  training.")] == [
        "training.seed"
    ]
