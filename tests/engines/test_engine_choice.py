import logging
import sys
from pathlib import Path

import pytest

from mtkit.bundle.bundle import load_bundle
from mtkit.engines.conversion import convert, inexpressible
from mtkit.errors import ConfigError, DeviceError
from mtkit.log import logger
from mtkit.settings.model import ModelConfig
from mtkit.translation.translator import Translator
from tests.tiny import LINES, save_tiny_bundle

pytestmark = pytest.mark.processor


def description(path: Path, **options: str) -> str:
    return Translator.load(path, threads=1, **options).engine.description  # type: ignore[arg-type]


def test_on_a_cpu_ctranslate2_is_chosen_where_it_can_do_what_is_asked(bundle_directory: Path) -> None:
    assert description(bundle_directory, device="cpu") == "CTranslate2, cpu, 1 thread, fp32"
    assert description(bundle_directory, device="cpu", precision="int8") == "CTranslate2, cpu, 1 thread, int8"
    assert description(bundle_directory, device="cpu", precision="bf16") == "cpu, 1 thread, bf16"
    assert description(bundle_directory, device="cpu", engine="torch") == "cpu, 1 thread, fp32"


def test_a_machine_without_ctranslate2_translates_with_torch_and_says_so(
    bundle_directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)  # an import of it fails
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger="mtkit")
    translator = Translator.load(bundle_directory, device="cpu", threads=1)
    assert translator.engine.description == "cpu, 1 thread, fp32"
    assert len(translator.translate(LINES)) == len(LINES)
    assert {record.getMessage().partition(" (")[0] for record in caplog.records} == {
        "translating with torch: CTranslate2 cannot be imported"
    }
    with pytest.raises(ConfigError, match=r"CTranslate2 cannot be imported \(.*\); use --engine torch"):
        Translator.load(bundle_directory, engine="ctranslate2", device="cpu", threads=1)


@pytest.fixture
def other_bundle(tmp_path: Path) -> Path:
    """A model that CTranslate2 has nothing for."""
    return save_tiny_bundle(tmp_path / "model", decoder_attention="ssru")


def test_a_model_that_ctranslate2_cannot_express_translates_with_torch(
    other_bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger="mtkit")
    assert description(other_bundle, device="cpu") == "cpu, 1 thread, fp32"
    assert "translating with torch: CTranslate2 cannot run this decoder (ssru)" in caplog.messages
    with pytest.raises(ConfigError, match=r"CTranslate2 cannot run this decoder \(ssru\); use --engine torch"):
        description(other_bundle, device="cpu", engine="ctranslate2")
    with pytest.raises(ConfigError, match=r"cannot run this decoder \(ssru\): this model translates with torch alone"):
        convert(load_bundle(other_bundle), "int8")


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ({}, None),
        ({"norm": "post", "activation": "gelu", "n_encoder_layers": 3, "dropout": 0.3, "layer_drop": 0.1}, None),
        ({"initialisation": "depth_scaled", "tie_embeddings": "none"}, None),
        ({"architecture": "conv"}, "model.architecture conv"),
        ({"encoder_attention": ["local", "dot"], "n_encoder_layers": 2}, "model.encoder_attention local"),
        ({"decoder_architecture": "rnn"}, "model.decoder_architecture rnn"),
        ({"norm": "sandwich"}, "model.norm sandwich"),
        ({"positions": "rotary"}, "model.positions rotary"),
        ({"positions": "none"}, "model.positions none"),
        ({"n_unique_layers": 2}, "model.n_unique_layers 2"),
        ({"n_kv_heads": 2}, "model.n_kv_heads 2"),
        ({"d_embedding": 8}, "model.d_embedding 8"),
        ({"cross_attention": "additive"}, "model.cross_attention additive"),
        ({"activation": "swiglu", "scale_embeddings": False, "norm_type": "rms", "bias": False, "d_head": 7}, None),
        ({"positions": "t5", "shared_positions": True, "decoder_attention": ["dot"] * 6, "scale_output": True}, None),
        ({"positions": "learned", "embedding_norm": True, "output_bias": True, "tie_embeddings": "inputs"}, None),
    ],
)
def test_what_ctranslate2_cannot_express_is_named(model: dict[str, object], setting: str | None) -> None:
    assert inexpressible(ModelConfig.model_validate(model)) == setting


def test_threads_follow_what_is_asked_then_the_environment(
    bundle_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "3 threads" in Translator.load(bundle_directory, device="cpu").engine.description
    assert "2 threads" in Translator.load(bundle_directory, device="cpu", threads=2).engine.description


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "marian"}, "engine marian: unknown; use auto, torch or ctranslate2"),
        (
            {"engine": "ctranslate2", "device": "cuda"},
            "CTranslate2 translates on the CPU, not on cuda; use --engine to",
        ),
        ({"engine": "ctranslate2", "precision": "bf16"}, "CTranslate2 does not translate in bf16; use --engine torch"),
        ({"engine": "torch", "precision": "int8"}, "precision int8: torch does not compute in it; use --engine ctrans"),
        ({"device": "cuda", "precision": "int8"}, "CTranslate2 translates on the CPU, not on cuda"),
    ],
)
def test_what_does_not_go_together_is_refused(bundle_directory: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Translator.load(bundle_directory, threads=1, **options)  # type: ignore[arg-type]


def test_an_unknown_precision_is_refused_whatever_the_engine(bundle_directory: Path) -> None:
    for engine in ("auto", "torch", "ctranslate2"):
        with pytest.raises(DeviceError, match="precision fp8: unknown; use auto, fp32, bf16 or int8"):
            Translator.load(bundle_directory, engine=engine, precision="fp8")


def test_an_unknown_device_is_refused_before_any_engine_is_told_of(
    bundle_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"), pytest.raises(DeviceError, match="device gpu: unknown"):
        description(bundle_directory, device="gpu")
    assert caplog.records == []
