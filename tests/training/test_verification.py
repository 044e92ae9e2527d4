"""The comparison of a run with one that was resumed, on two directories that differ in one thing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from mtkit.files.reading import sha256_file
from mtkit.settings.resolve import Settings
from mtkit.training.run import train
from mtkit.training.verification import Recipe, compare, first_difference, smaller, table, verify_resume
from tests.conftest import ToyTask

pytestmark = pytest.mark.processor


@pytest.fixture(scope="module")
def run_dir(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("verified") / "run"
    train(toy_task.recipe(training__max_updates=6, training__report_every=1), directory)
    return directory


def changed_tensor(checkpoint: Path, file: str) -> None:
    """The least possible change of one number, with a manifest that knows of it."""
    tensors = load_file(checkpoint / file)
    name = min(name for name, tensor in tensors.items() if tensor.dim() == 2)
    tensors[name].view(-1)[3] = tensors[name].view(-1)[3].nextafter(tensors[name].new_tensor(9.0))
    save_file(tensors, checkpoint / file)
    renewed(checkpoint, file)


def renewed(checkpoint: Path, file: str) -> None:
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    path = checkpoint / file
    manifest["files"][file] = {"size": path.stat().st_size, "sha256": sha256_file(path)}
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))


def changed_state(checkpoint: Path) -> None:
    state = json.loads((checkpoint / "state.json").read_text())
    state["train"]["pairs"] += 1
    state["train"]["seconds"] += 1
    (checkpoint / "state.json").write_text(json.dumps(state))
    renewed(checkpoint, "state.json")


def changed_metrics(checkpoint: Path) -> None:
    path = checkpoint.parents[1] / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if '"update": 5,' not in line))


@pytest.mark.parametrize(
    ("update", "change", "told", "row"),
    [
        (6, lambda path: changed_tensor(path, "model.safetensors"), "weight decoder.", ["OTHER", "same", "same"]),
        (3, lambda path: changed_tensor(path, "optimizer.safetensors"), "optimiser dec", ["same", "OTHER", "same"]),
        (3, changed_state, "state train.pairs: ", ["same", "same", "OTHER"]),
        (6, changed_metrics, "metrics.jsonl of update 5", ["same", "same", "OTHER"]),
    ],
)
def test_what_differs_first_is_told(
    run_dir: Path, tmp_path: Path, update: int, change: Callable[[Path], None], told: str, row: list[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(run_dir, other, symlinks=True)
    assert first_difference(compare(run_dir, other)) is None
    change(other / f"checkpoints/update-{update:08d}")
    compared = compare(run_dir, other)
    difference = first_difference(compared)
    assert difference is not None
    assert difference.startswith(f"in the checkpoint of update {update}: {told}")
    assert [each.update for each in compared] == [3, 6]
    lines = [line.split() for line in table(compared)]
    assert [word for word in lines[update // 3] if word in ("same", "OTHER")] == row


def test_the_copy_is_small_and_leaves_the_rest_as_it_is(toy_task: ToyTask, tmp_path: Path) -> None:
    settings = toy_task.recipe(
        training__batch_tokens=25_000,
        training__max_updates=None,
        training__max_minutes=10,
        training__schedule="cosine",
        training__label_smoothing=0.25,
    )
    given = settings.config()
    flags: dict[str, object] = {
        f"data.{place}": [s.model_dump() for s in getattr(given.data, place)] for place in ("train", "valid")
    }
    flags |= {"data.src_lang": "num", "data.tgt_lang": "abc", "training.max_minutes": 10}
    small = smaller(Recipe(None, ["training.label_smoothing=0.25"], flags), given, tmp_path)
    config = Settings.load(small.path, overrides=small.overrides, flags=small.flags).config()
    training = config.training
    assert (training.max_updates, training.max_minutes, training.batch_tokens) == (6, None, 2_000)
    assert (training.schedule, training.label_smoothing) == ("cosine", 0.25)
    assert config.data.train[0].limit == 5_000
    assert config.prepared_directory == tmp_path / "prepared"


@pytest.mark.slow
def test_a_real_run_that_is_killed_and_resumed_is_the_same(toy_task: ToyTask, tmp_path: Path) -> None:
    config = toy_task.recipe().config()
    flags: dict[str, object] = {
        f"data.{place}": [source.model_dump(mode="json") for source in getattr(config.data, place)]
        for place in ("train", "valid", "test")
    }
    flags |= {"data.src_lang": "num", "data.tgt_lang": "abc", "tokenizer.type": "word", "model.preset": "micro"}
    compared = verify_resume(smaller(Recipe(None, [], flags), config, tmp_path), tmp_path)
    assert [row.update for row in compared] == [3, 6]
    assert first_difference(compared) is None
    log = (tmp_path / "killed" / "train.log").read_text()
    assert "going on from" in log
    assert "updates 4 to 6" in log
