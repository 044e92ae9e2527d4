"""Kill a real training process at arbitrary moments, run the same command again, compare with an uninterrupted run."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

from mtkit.training.run import train
from tests.conftest import ToyTask

EXIT_SAVED = 75
UPDATES = 60


@pytest.fixture(scope="module")
def recipe(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = toy_task.recipe(
        training__max_updates=UPDATES,
        training__accumulate=2,
        training__validate_every=7,
        training__save_every=4,
        training__early_stopping={"metric": "chrf", "patience": 50},
        training__average={"n": 2, "by": "last"},
    ).config()
    path = tmp_path_factory.mktemp("recipe") / "toy.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path


@pytest.fixture(scope="module")
def mixed_recipe(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpora in changing shares, changed at random by two processes."""
    folder = tmp_path_factory.mktemp("mixed")
    files = {side: str(toy_task.directory / f"train.{side}") for side in ("num", "abc")}
    source = {"src": files["num"], "tgt": files["abc"]}
    again = {side: (folder / f"again.{side}") for side in files}
    for side, path in again.items():  # other pairs, or they would be dropped as duplicates
        lines = Path(files[side]).read_text().splitlines()
        path.write_text("".join(f"{line} {line}\n" for line in lines))
    other = {"src": str(again["num"]), "tgt": str(again["abc"]), "tags": ["<twice>"]}
    config = toy_task.recipe(
        data__prepared=str(folder / "prepared"),
        data__train=[source | {"weight": {0: 3, 25: 1}}, other | {"weight": 1}],
        tokenizer__type="bpe",
        tokenizer__vocab_size=300,
        training__sampling={"subword": {"probability": 0.5}, "noise": {"probability": 0.3}, "join": 0.2},
        training__workers=2,
        training__max_updates=UPDATES,
        training__validate_every=20,
        training__save_every=4,
    ).config()
    path = folder / "mixed.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path


@pytest.fixture(scope="module")
def tuned_recipe(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """From a model, of which some stays as it is."""
    folder = tmp_path_factory.mktemp("tuned")
    train(toy_task.recipe(training__max_updates=30), folder / "base")
    config = toy_task.recipe(
        data__prepared=str(folder / "prepared"),
        training__from=str(folder / "base"),
        training__freeze=["decoder.layers.0"],
        training__max_updates=UPDATES,
        training__validate_every=20,
        training__save_every=4,
        training__average={"n": 2, "by": "last"},
    ).config()
    path = folder / "tuned.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path


@pytest.fixture(scope="module")
def taught_recipe(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """From a model, with a teacher, and by the risk of samples; two workers share it all."""
    folder = tmp_path_factory.mktemp("taught")
    train(toy_task.recipe(training__max_updates=30), folder / "base")
    config = toy_task.recipe(
        data__prepared=str(folder / "prepared"),
        training__from=str(folder / "base"),
        training__distillation={"teacher": str(folder / "base"), "temperature": 2.0},
        training__minimum_risk={"metric": "chrf", "n_samples": 3},
        training__threads=2,
        training__batch_tokens=500,
        training__max_updates=UPDATES,
        training__validate_every=20,
        training__save_every=4,
    ).config()
    path = folder / "taught.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path


@pytest.fixture(scope="module")
def two_stage_recipe(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Denoising first, and then the task."""
    folder = tmp_path_factory.mktemp("two-stages")
    config = toy_task.recipe(
        data__prepared=str(folder / "prepared"),
        tokenizer__vocab_size=None,
        pretraining__task="parallel_denoise",
        pretraining__max_updates=UPDATES,
        training__max_updates=2 * UPDATES,
        training__workers=1,
        training__validate_every=20,
        training__save_every=4,
        training__average={"n": 2, "by": "last"},
    ).config()
    path = folder / "two-stages.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path


@pytest.fixture(scope="module", params=["r_drop", "simcut", "fgm", "vat"])
def recipe_with_objective(
    request: pytest.FixtureRequest, toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Losses that draw masks, cuts and directions beside dropout."""
    section = "adversarial" if request.param in ("fgm", "vat") else "consistency"
    config = toy_task.recipe(
        **{f"training__{section}": {"method": request.param}},
        training__max_updates=UPDATES,
        training__accumulate=2,
        training__validate_every=20,
        training__save_every=4,
    ).config()
    path = tmp_path_factory.mktemp("objective") / "toy.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path


def start(recipe: Path, run_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mtkit", "train", "-c", str(recipe), "-o", str(run_dir)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_update(run_dir: Path, process: subprocess.Popen[str], update: int) -> None:
    """Return once the process has saved a checkpoint of ``update`` or a later one, or has ended."""
    while process.poll() is None:
        saved = [int(path.name[7:]) for path in run_dir.glob("checkpoints/update-????????")]
        if max(saved, default=0) >= update:
            return
        time.sleep(0.005)


def same_files(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(a[key].equal(b[key]) for key in a)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recipe", "mixed_recipe", "tuned_recipe", "taught_recipe"])
def test_a_run_killed_again_and_again_ends_bit_identical(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    assert_killed_as_straight(request.getfixturevalue(name), tmp_path)


@pytest.mark.slow
def test_a_run_with_another_objective_killed_again_and_again_ends_bit_identical(
    recipe_with_objective: Path, tmp_path: Path
) -> None:
    assert_killed_as_straight(recipe_with_objective, tmp_path)


def assert_killed_as_straight(recipe: Path, tmp_path: Path) -> None:
    """Train twice, once with kills on the way, and compare."""
    straight = start(recipe, tmp_path / "straight")
    out, err = straight.communicate(timeout=300)
    assert straight.returncode == 0, err
    assert "BLEU" in out

    draw = random.Random(3)
    kills = 0
    for update in (1, 15, 30, 45):
        process = start(recipe, tmp_path / "killed")
        wait_for_update(tmp_path / "killed", process, update)
        time.sleep(draw.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=300)
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 3, "the runs ended before they could be killed: nothing was tested"
    process = start(recipe, tmp_path / "killed")
    out_again, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "going on from" in err

    last = f"checkpoints/update-{UPDATES:08d}"
    for name in (f"{last}/model.safetensors", f"{last}/optimizer.safetensors", "model/model.safetensors"):
        assert same_files(tmp_path / "straight" / name, tmp_path / "killed" / name), name
    assert out_again.replace(str(tmp_path / "killed"), str(tmp_path / "straight")) == out


@pytest.mark.slow
def test_a_run_killed_in_both_of_its_stages_ends_bit_identical(two_stage_recipe: Path, tmp_path: Path) -> None:
    straight = start(two_stage_recipe, tmp_path / "straight")
    _, err = straight.communicate(timeout=300)
    assert straight.returncode == 0, err

    draw, run_dir = random.Random(5), tmp_path / "killed"
    kills = 0
    for stage, update in (("pretraining", 8), ("pretraining", 40), ("pretraining", UPDATES), (".", 4), (".", 32)):
        process = start(two_stage_recipe, run_dir)
        wait_for_update(run_dir / stage, process, update)
        time.sleep(draw.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=300)
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 4, "the runs ended before they could be killed: nothing was tested"
    process = start(two_stage_recipe, run_dir)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err

    last = f"checkpoints/update-{UPDATES:08d}"
    files = [f"{last}/model.safetensors", f"{last}/optimizer.safetensors"]
    for name in ("model/model.safetensors", *files, *(f"pretraining/{file}" for file in files)):
        assert same_files(tmp_path / "straight" / name, run_dir / name), name


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_saves_and_exits_with_75_within_seconds(recipe: Path, tmp_path: Path, number: signal.Signals) -> None:
    process = start(recipe, tmp_path / "run")
    wait_for_update(tmp_path / "run", process, 4)
    process.send_signal(number)
    sent = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == EXIT_SAVED, err
    assert time.monotonic() - sent < 20
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].endswith("everything is saved; the same command goes on")


@pytest.mark.slow
def test_signals_that_go_on_coming_lose_nothing(recipe: Path, tmp_path: Path) -> None:
    process = start(recipe, tmp_path / "run")
    wait_for_update(tmp_path / "run", process, 4)
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.01)
    _, err = process.communicate(timeout=60)
    assert process.returncode == EXIT_SAVED, err
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].endswith("everything is saved; the same command goes on")


@pytest.mark.slow
def test_a_run_whose_terminal_is_closed_saves(recipe: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "mtkit", "train", "-c", str(recipe), "-o", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    drain(ours, lambda: (tmp_path / "run" / "last").exists())
    process.send_signal(signal.SIGHUP)  # as the system does to the session of a terminal
    assert process.wait(60) == EXIT_SAVED
    log = (tmp_path / "run" / "train.log").read_text()
    assert "SIGHUP: finishing this update and saving" in log
    assert "Traceback" not in log


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
@pytest.mark.parametrize("other", ["cores", "OMP_NUM_THREADS", "--threads"])
def test_a_run_that_goes_on_on_fewer_cores_ends_bit_identical(toy_task: ToyTask, tmp_path: Path, other: str) -> None:
    config = toy_task.recipe(training__threads=None, training__batch_tokens=1_000, training__max_updates=40).config()
    recipe = tmp_path / "toy.yaml"
    recipe.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    straight = start(recipe, tmp_path / "straight")
    _, err = straight.communicate(timeout=300)
    assert straight.returncode == 0, err
    process = start(recipe, tmp_path / "run")
    wait_for_update(tmp_path / "run", process, 4)
    process.kill()
    process.communicate()
    command = [sys.executable, "-m", "mtkit", "train", "-c", str(recipe), "-o", str(tmp_path / "run")]
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if other == "OMP_NUM_THREADS" else {})
    one_core = (lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})) if other == "cores" else None
    command += ["--threads", "1"] if other == "--threads" else []
    done = subprocess.run(
        command, env=environment, preexec_fn=one_core, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "as the run began, and not 1" in done.stderr
    for name in ("checkpoints/update-00000040/model.safetensors", "model/model.safetensors"):
        assert same_files(tmp_path / "straight" / name, tmp_path / "run" / name), name


def drain(terminal: int, is_enough: Callable[[], bool]) -> None:
    """Read what a process writes until it is enough, then close its terminal."""
    while not is_enough():
        if select.select([terminal], [], [], 0.01)[0]:
            os.read(terminal, 4096)
    os.close(terminal)


@pytest.mark.slow
def test_a_second_signal_exits_at_once(recipe: Path, tmp_path: Path) -> None:
    process = start(recipe, tmp_path / "run")
    wait_for_update(tmp_path / "run", process, 4)
    process.send_signal(
        signal.SIGSTOP
    )  # both signals are pending when it goes on: the first cannot be dealt with alone
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    while "SIGTERM" not in (tmp_path / "run" / "train.log").read_text() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGINT, EXIT_SAVED), err  # 75 if it was faster than the second signal
    assert "Traceback" not in err
