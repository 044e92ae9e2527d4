"""COMET by the package itself, with a model of the published layout that is small and knows nothing."""

import importlib.util
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from mtkit.errors import ConfigError
from mtkit.evaluation.metrics.comet import load_comet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("comet") is None, reason="unbabel-comet is not installed"),
]

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(autouse=True)
def _package_may_warn() -> Iterator[None]:
    """Here only; that nothing of it is heard is tested in a process of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An XLM-RoBERTa of two narrow layers, with a vocabulary of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sentencepiece
        from transformers import XLMRobertaConfig, XLMRobertaTokenizerFast

        folder = tmp_path_factory.mktemp("encoder")
        vocabulary = folder / "sentencepiece.bpe"
        sentencepiece.SentencePieceTrainer.train(
            input=[str(DATA / "test.en"), str(DATA / "test.de")],
            model_prefix=str(vocabulary),
            vocab_size=200,
            minloglevel=2,
        )
        tokenizer = XLMRobertaTokenizerFast(vocab_file=f"{vocabulary}.model")
        tokenizer.save_pretrained(folder)
        shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=514, **shape).save_pretrained(folder)
    return folder


def make_model(folder: Path, encoder: Path, *, referenceless: bool = False) -> Path:
    """Write a model as training leaves it: hyperparameters, weights, callbacks and loops."""
    import comet.models
    import pytorch_lightning
    from comet.encoders.xlmr import XLMREncoder
    from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

    kind = comet.models.ReferencelessRegression if referenceless else comet.models.RegressionMetric
    torch.manual_seed(1)
    model = kind(pretrained_model=str(encoder), hidden_sizes=[8], load_pretrained_weights=False)
    assert isinstance(model.encoder, XLMREncoder)
    callbacks = [EarlyStopping("val_kendall"), ModelCheckpoint(monitor="val_kendall")]
    trainer = pytorch_lightning.Trainer(logger=False, accelerator="cpu", callbacks=callbacks)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(folder / "checkpoints" / "model.ckpt")
    (folder / "hparams.yaml").write_text(yaml.dump(dict(model.hparams)))
    return folder


@pytest.fixture
def model(tmp_path: Path, encoder: Path) -> Path:
    return make_model(tmp_path / "tiny", encoder)


def change(model: Path, **entries: Any) -> None:
    """Put other entries into a checkpoint."""
    checkpoint = model / "checkpoints" / "model.ckpt"
    torch.save(torch.load(checkpoint, weights_only=True) | entries, checkpoint)


def lines(name: str, start: int) -> list[str]:
    return (DATA / name).read_text(encoding="utf-8").splitlines()[start : start + 20]


def test_scores_are_those_of_the_package(model: Path) -> None:
    src, hyp, refs = lines("test.en", 0), lines("test.de", 1), [lines("test.de", 0), lines("test.de", 2)]
    hyp[3] = ""
    score, of_segments = load_comet(model).score(src, hyp, refs)

    import comet

    oracle = comet.load_from_checkpoint(str(model / "checkpoints" / "model.ckpt"), local_files_only=True)
    expected = [
        oracle.predict(
            [{"src": s, "mt": h, "ref": r} for s, h, r in zip(src, hyp, ref, strict=True)], gpus=0, progress_bar=False
        )
        for ref in refs
    ]
    assert score.value == pytest.approx(sum(each.system_score for each in expected) / 2, abs=1e-6)
    means = [(one + other) / 2 for one, other in zip(expected[0].scores, expected[1].scores, strict=True)]
    assert of_segments == pytest.approx(means, abs=1e-6)
    assert len(set(of_segments)) > 10


def test_command_prints_scores_and_no_chatter(model: Path, tmp_path: Path) -> None:
    files = {"src": lines("test.en", 0), "hyp": lines("test.de", 1), "ref": lines("test.de", 0)}
    command = [sys.executable, "-m", "mtkit", "evaluate", "--comet-model", str(model), "--metrics", "exact"]
    for name, text in files.items():
        (tmp_path / name).write_text("\n".join([*text, ""]), encoding="utf-8")
        command += [f"--{name}", str(tmp_path / name)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    exact, comet = result.stdout.splitlines()
    assert (exact.split()[0], comet.split()[0]) == ("exact", "COMET")
    assert "nrefs:1|model:tiny-" in comet
    assert result.stderr == ""


def test_checkpoint_of_an_older_lightning_is_loaded(model: Path) -> None:
    """And one with a buffer that was stored in the past."""
    before = load_comet(model).score(["a"], ["b"], [["c"]])
    path = model / "checkpoints" / "model.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["loops"]
    checkpoint["state_dict"]["encoder.model.embeddings.position_ids"] = torch.arange(3)
    torch.save(checkpoint | {"pytorch-lightning_version": "1.8.6"}, path)
    assert load_comet(model).score(["a"], ["b"], [["c"]])[1] == before[1]


def test_checkpoint_that_names_a_function_is_refused(model: Path) -> None:
    change(model, hyper_parameters={"_instantiator": "os.system"})
    with pytest.raises(ConfigError, match="names a function to call"):
        load_comet(model)


def test_checkpoint_that_lacks_weights_is_refused(model: Path) -> None:
    change(model, state_dict={"none": torch.zeros(1)})
    with pytest.raises(ConfigError, match=r"lacks \d+ weights, "):
        load_comet(model)


def test_model_without_references_is_refused(tmp_path: Path, encoder: Path) -> None:
    with pytest.raises(ConfigError, match="reads no reference"):
        load_comet(make_model(tmp_path / "qe", encoder, referenceless=True))


def test_encoder_that_is_not_on_disk_is_named(model: Path) -> None:
    change(model, hyper_parameters={"pretrained_model": "xlm-roberta-none"})
    with pytest.raises(ConfigError, match="its encoder xlm-roberta-none is not on disk"):
        load_comet(model)
