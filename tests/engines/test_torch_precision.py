import json
from pathlib import Path

import pytest
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.engines.speed import Speeds
from mtkit.engines.torch_precision import note_torch_precision, torch_precision
from mtkit.machine.device import bf16_is_native
from mtkit.machine.processor import cpu_kind
from mtkit.translation.export import measure_torch_precision
from mtkit.translation.test_sets import HeldOut
from mtkit.translation.translator import Translator
from tests.tiny import LINES, save_tiny_bundle

SPEEDS = Speeds(cpu_kind(), 1, 9, {1: {"fp32": 100, "bf16": 104}, 3: {"fp32": 10, "bf16": 11}})


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A model that CTranslate2 has nothing for."""
    return save_tiny_bundle(tmp_path / "model", decoder_attention="ssru")


def precisions(directory: Path) -> list[str]:
    """Of greedy search and of a beam."""
    return [torch_precision(load_bundle(directory), beam_size) for beam_size in (1, 4)]


def test_bf16_is_chosen_only_where_it_was_measured_to_pay(directory: Path) -> None:
    assert precisions(directory) == ["fp32", "fp32"]
    for loss, expected in ((0.1, "bf16"), (0.11, "fp32"), (-2, "bf16")):
        note_torch_precision(load_bundle(directory), loss=loss, speeds=SPEEDS)
        assert precisions(directory) == ["fp32", expected]
    translator = Translator.load(directory, device="cpu", threads=1)
    assert translator.engine.description == "cpu, 1 thread, bf16"
    assert len(translator.translate(LINES)) == len(LINES)
    greedy = Translator.load(directory, device="cpu", threads=1, beam_size=1)
    assert greedy.engine.description == "cpu, 1 thread, fp32"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("speed", {**SPEEDS.as_json(), "processor": "another"}),
        ("speed", None),
        ("model.safetensors", "0" * 64),
        ("loss", "little"),
        ("format_version", 2),
    ],
)
def test_a_note_of_another_processor_or_model_or_a_damaged_one_does_not_count(
    directory: Path, key: str, value: object
) -> None:
    note_torch_precision(load_bundle(directory), loss=0, speeds=SPEEDS)
    path = directory / "torch-precision.json"
    note = json.loads(path.read_text())
    assert note[key] != value
    path.write_text(json.dumps(note | {key: value}))
    assert precisions(directory) == ["fp32", "fp32"]
    for content in ("", "[]", "{}"):
        path.write_text(content)
        assert precisions(directory) == ["fp32", "fp32"]


def test_measuring_leaves_a_note_where_the_processor_multiplies_in_bf16(directory: Path) -> None:
    held_out = HeldOut("held out", LINES, LINES)
    measure_torch_precision(load_bundle(directory), held_out, threads=1)
    path = directory / "torch-precision.json"
    assert path.exists() == bf16_is_native(torch.device("cpu"))
    assert load_bundle(directory).directory == directory  # as whole as before
    if path.exists():
        speeds = Speeds.from_json(json.loads(path.read_text())["speed"], ("fp32", "bf16"))
        assert speeds is not None
        assert speeds.processor == cpu_kind()
