"""A model with weights that are no numbers, or that computes none, is an error wherever it is used."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import MANIFEST, WEIGHTS, load_bundle
from mtkit.engines.conversion import NOTE, convert
from mtkit.errors import CheckpointError
from mtkit.files.reading import read_json, sha256_file
from mtkit.files.whole import write_json
from mtkit.forced.aligner import Aligner
from mtkit.forced.scorer import Scorer
from mtkit.inspection.inspector import Inspector
from mtkit.translation.export import export_safetensors
from mtkit.translation.translator import Translator
from tests.tiny import LINES, save_tiny_bundle

Uses = dict[str, Callable[[Path], object]]

USES: Uses = {
    "ctranslate2": lambda path: Translator.load(path, engine="ctranslate2", precision="fp32").translate(LINES),
    "ctranslate2, greedily": lambda path: Translator.load(path, engine="ctranslate2", precision="fp32").translate(
        LINES, beam_size=1
    ),
    "torch": lambda path: Translator.load(path, engine="torch", precision="fp32", device="cpu").translate(LINES),
    "score": lambda path: Scorer.load(path, device="cpu").score(LINES, LINES),
    "align": lambda path: Aligner.load(path, device="cpu").align(LINES, LINES),
    "inspect": lambda path: look(Inspector.load(path, device="cpu")),
}


def look(inspector: Inspector) -> object:
    return inspector.look(1, LINES[0], inspector.options())


def changed(directory: Path, change: Callable[[str, torch.Tensor], object]) -> Path:
    """A bundle with other weights, by all its hashes whole."""
    bundle = save_tiny_bundle(directory)
    tensors = load_file(bundle / WEIGHTS)
    for name, tensor in tensors.items():
        change(name, tensor)
    save_file(tensors, bundle / WEIGHTS)
    manifest = read_json(bundle / MANIFEST)
    manifest["files"][WEIGHTS] = sha256_file(bundle / WEIGHTS)
    write_json(bundle / MANIFEST, manifest)
    return bundle


@pytest.mark.parametrize("use", USES)
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, use: str) -> None:
    def change(name: str, tensor: torch.Tensor) -> None:
        if name == "decoder.norm.bias":
            tensor[0] = torch.nan

    bundle = changed(tmp_path / "model", change)
    with pytest.raises(CheckpointError, match=r"model.safetensors: decoder.norm.bias holds numbers .* not finite"):
        USES[use](bundle)


def test_weights_that_are_not_finite_are_not_exported(tmp_path: Path) -> None:
    bundle = load_bundle(changed(tmp_path / "model", lambda _, tensor: tensor.fill_(torch.inf).sum()))
    with pytest.raises(CheckpointError, match="not finite"):
        export_safetensors(bundle, tmp_path / "plain")
    with pytest.raises(CheckpointError, match="not finite"):
        convert(bundle, "int8")
    assert not (tmp_path / "plain").exists()


def test_a_conversion_by_a_version_that_did_not_look_is_looked_at(tmp_path: Path) -> None:
    bundle = changed(tmp_path / "model", lambda *_: None)
    place = convert(load_bundle(bundle), "float32").directory
    note = read_json(place / NOTE)
    del note["finite"]
    tensors = load_file(bundle / WEIGHTS)
    tensors["decoder.norm.bias"][0] = torch.nan
    save_file(tensors, bundle / WEIGHTS)
    manifest = read_json(bundle / MANIFEST)
    manifest["files"][WEIGHTS] = note["source"][WEIGHTS] = sha256_file(bundle / WEIGHTS)
    write_json(bundle / MANIFEST, manifest)
    write_json(place / NOTE, note)
    with pytest.raises(CheckpointError, match=r"decoder\.norm\.bias"):
        USES["ctranslate2"](bundle)


@pytest.mark.parametrize("use", sorted(USES.keys() - {"inspect"}))  # which shows where the numbers end
def test_a_model_that_computes_what_is_not_finite_is_an_error(tmp_path: Path, use: str) -> None:
    bundle = changed(tmp_path / "model", lambda _, tensor: tensor.mul_(1e30).sum())
    with pytest.raises(CheckpointError, match="the model computes numbers that are not finite"):
        USES[use](bundle)
