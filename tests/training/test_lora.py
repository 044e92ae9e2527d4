"""Runs that train adapters beside a model."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import CORPUS, load_bundle
from mtkit.errors import CheckpointError, ConfigError, Interrupted
from mtkit.exchange.adapted import with_adapter
from mtkit.exchange.peft import read_adapter
from mtkit.files.reading import sha256_file
from mtkit.settings.resolve import Settings
from mtkit.training.finish import average_into_bundle
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from mtkit.training.starting import start_of
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after
from tests.training.test_starting import tuned, weights

pytestmark = pytest.mark.processor


def adapted(toy_task: ToyTask, base: Path, prepared: Path, **overrides: object) -> Settings:
    values = {"training__learning_rate": 1e-2, "training__lora": {"rank": 2, "modules": ["query", "value", "output"]}}
    return tuned(toy_task, base, prepared, **values | overrides)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuned") / "prepared"


@pytest.fixture(scope="module")
def run(toy_task: ToyTask, straight: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("lora") / "run"
    train(adapted(toy_task, straight, prepared, training__save_every=2, training__keep_last=3), run_dir)
    return run_dir


def test_checkpoints_hold_adapters_alone(run: Path) -> None:
    checkpoint = load_checkpoint(run / "last")
    assert checkpoint.model.keys()
    assert all(".adapters." in name for name in checkpoint.model)
    assert {name.rpartition("/")[0] for name in checkpoint.optimizer} == checkpoint.model.keys()
    with pytest.raises(CheckpointError, match=r"holds adapters alone \(training.lora\): let the run end"):
        load_bundle(run / "last")
    with pytest.raises(ConfigError, match=r"its checkpoints hold adapters"):
        average_into_bundle(run, run.parent / "average", n=1, by="last")


def test_the_model_of_the_run_is_the_base_with_the_adapters_taken_in(straight: Path, run: Path) -> None:
    before, after = weights(straight / "model"), weights(run / "model")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {
        f"{layer}.{projection}.weight"
        for layer in {name.rpartition(".")[0].rpartition(".")[0] for name in before if "attention" in name}
        for projection in ("q_proj", "kv_proj", "out_proj")
    }
    assert load_bundle(run).model == load_bundle(straight).model.model_copy(update={"preset": "auto"})


def test_the_corpus_of_the_base_is_where_it_was(
    straight: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    base = load_bundle(straight)
    for _ in range(2):  # made, then found
        with with_adapter(base, run / "adapter") as bundle:
            place, before = ((each.directory / each.metadata[CORPUS]).resolve() for each in (bundle, base))
            assert place == before
            assert place.is_dir()


def test_adapters_by_themselves_make_the_same_model_of_the_base(
    straight: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((run / "adapter" / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 2, 4)
    assert "encoder.layers.0.self_attention.v_proj" in config["target_modules"]
    expected = weights(run / "model")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for _ in range(2):  # made, then found
        with with_adapter(load_bundle(straight), run / "adapter") as bundle:
            assert (tmp_path / "cache") in bundle.directory.parents
            found = weights(bundle.directory)
            assert found.keys() == expected.keys()
            assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in found)
            assert bundle.metadata["scores"] == {}
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with with_adapter(load_bundle(straight), run / "adapter") as bundle:
        assert all(torch.allclose(each, expected[name], atol=1e-6) for name, each in weights(bundle.directory).items())
    assert not bundle.directory.exists()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_killed_run_goes_on_bit_for_bit(
    toy_task: ToyTask,
    straight: Path,
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dropout: float,
) -> None:
    lora = {"rank": 2, "dropout": dropout, "modules": ["value", "feed_forward"]}
    settings = adapted(toy_task, straight, prepared, training__lora=lora)
    train(settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        with pytest.raises(Interrupted):
            train(settings, tmp_path / "killed")
    train(settings, tmp_path / "killed")
    assert_same_run(tmp_path / "whole", tmp_path / "killed", 6)
    ours, theirs = (weights(tmp_path / name / "model") for name in ("whole", "killed"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_adapters_have_a_higher_rate(toy_task: ToyTask, straight: Path, prepared: Path) -> None:
    rates = {}
    for name, lora in (("lora", {"rank": 2}), ("whole", {})):
        settings = tuned(toy_task, straight, prepared, training__lora=lora)
        start = start_of(settings, None)
        assert start is not None
        rates[name] = start.under(settings).config().training.learning_rate
        told = " ".join(start.suited(settings, None).reasons)
        assert ("adapters take a higher rate" in told) == (name == "lora")
    # ten times what is published for models a thousand times as large; the model itself has the most there is
    assert rates == {"lora": pytest.approx(2e-3), "whole": 1e-3}


def test_a_run_whose_base_is_gone_asks_for_it(
    toy_task: ToyTask, straight: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = shutil.copytree(straight / "model", tmp_path / "base")
    settings = adapted(toy_task, base, prepared)
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        with pytest.raises(Interrupted):
            train(settings, tmp_path / "run")
    base.rename(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="the model that the run starts from is not there; put it back"):
        train(settings, tmp_path / "run")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            {"training__lora": {"rank": 2, "modules": ["querry"]}},
            "training.lora.modules: querry: the model has nothing",
        ),
        ({"training__lora": {"alpha": 2}}, "lora.alpha: does nothing here: give training.lora.rank"),
        ({"training__from": None}, "adapters need a model that is there: name it with from, or --from"),
        ({"training__freeze": ["encoder"]}, "freeze: does nothing with lora, which leaves the whole model as it is"),
    ],
)
def test_what_cannot_be_is_told(
    toy_task: ToyTask, straight: Path, prepared: Path, tmp_path: Path, overrides: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigError) as error:
        train(adapted(toy_task, straight, prepared, **overrides), tmp_path / "run")
    assert told in str(error.value)


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run / "adapter", tmp_path / "adapter")


def test_adapters_of_another_base_are_refused(straight: Path, run: Path, copied: Path) -> None:
    with pytest.raises(CheckpointError, match="made for another base"):
        read_adapter(copied, load_bundle(run))
    (copied / "mtkit_adapter.json").unlink()  # as those of other programs
    assert read_adapter(copied, load_bundle(straight)).keys() == read_adapter(copied, load_bundle(run)).keys()


def damage(directory: Path, **changes: object) -> None:
    path = directory / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"peft_type": "LOHA"}, "adapters of the kind 'LOHA'; mtkit knows LORA"),
        ({"use_dora": True}, "use_dora True: mtkit does not know such adapters"),
        ({"bias": "all"}, "bias 'all': mtkit does not know such adapters"),
        ({"modules_to_save": ["lm_head"]}, "mtkit does not know such adapters"),
        ({"lora_alpha": "many"}, "damaged: lora_alpha 'many'"),
        ({"lora_alpha": True}, "damaged: lora_alpha True"),
        ({"lora_alpha": float("nan")}, "damaged: lora_alpha nan"),
    ],
)
def test_adapters_of_other_kinds_are_refused(
    straight: Path, copied: Path, changes: dict[str, object], told: str
) -> None:
    damage(copied, **changes)
    with pytest.raises(CheckpointError) as error:
        read_adapter(copied, load_bundle(straight))
    assert told in str(error.value)


def test_damaged_adapters_are_refused(straight: Path, copied: Path, tmp_path: Path) -> None:
    base, path = load_bundle(straight), copied / "adapter_model.safetensors"
    tensors = load_file(path)
    first = next(name for name in tensors if "lora_A" in name)

    def told_of(changed: dict[str, torch.Tensor]) -> str:
        save_file(changed, path)
        note = json.loads((copied / "mtkit_adapter.json").read_text())
        (copied / "mtkit_adapter.json").write_text(json.dumps({**note, "weights": sha256_file(path)}))
        with pytest.raises(CheckpointError) as error:
            read_adapter(copied, base)
        return str(error.value)

    assert "another base" in told_of(tensors | {first: torch.zeros(2, 7)})
    assert "another base" in told_of(tensors | {first: torch.zeros(3, tensors[first].size(1))})
    assert "not finite" in told_of(tensors | {first: torch.full_like(tensors[first], torch.nan)})
    assert "one of the two matrices" in told_of({name: tensors[name] for name in tensors if name != first})
    assert "mtkit does not know such adapters" in told_of({"base_model.model.x.lora_embedding_A": torch.zeros(2, 2)})
    other = {name.replace("layers.0", "layers.9"): tensor for name, tensor in tensors.items()}
    assert "which" in (line := told_of(other))
    assert "has not: another base" in line
    save_file(tensors, path)
    (copied / "mtkit_adapter.json").unlink()
    read_adapter(copied, base)
    path.unlink()
    with pytest.raises(CheckpointError, match="missing"):
        read_adapter(copied, base)
    with pytest.raises(CheckpointError, match="holds no adapters"):
        read_adapter(tmp_path, base)
