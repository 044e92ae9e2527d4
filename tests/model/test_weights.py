from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mtkit.errors import CheckpointError
from mtkit.model.weights import load_tensors, model_tensors, restore_model
from tests.model.conftest import BuildModel


@pytest.mark.parametrize("ties", ["all", "decoder", "none"])
def test_saved_weights_make_the_same_model(build_model: BuildModel, tmp_path: Path, ties: str) -> None:
    model, other = build_model(tie_embeddings=ties), build_model(tie_embeddings=ties)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.fill_(0.5)
    path = tmp_path / "model.safetensors"
    save_file(model_tensors(model), path)
    restore_model(other, load_tensors(path), source=path)
    src, tgt_in = torch.tensor([[4, 5, 3]]), torch.tensor([[2, 6]])
    assert torch.equal(model.project(model(src, tgt_in)), other.project(other(src, tgt_in)))


def test_tied_weights_are_saved_once(build_model: BuildModel) -> None:
    names = [name for name in model_tensors(build_model(tie_embeddings="all")) if "embedding" in name]
    assert names == ["tgt_embedding.tokens.weight"]


def test_weights_of_another_shape_are_refused_by_name(build_model: BuildModel) -> None:
    tensors = model_tensors(build_model(d_ff=32))
    with pytest.raises(CheckpointError, match=r"w: the shape of .*feed_forward\.inner.* is \(32.*model's is \(16"):
        restore_model(build_model(), tensors, source=Path("w"))


def test_missing_and_unknown_weights_are_refused_by_name(build_model: BuildModel) -> None:
    tied, untied = build_model(tie_embeddings="decoder"), build_model(tie_embeddings="none")
    with pytest.raises(CheckpointError, match=r"w: lacks weight output\.weight"):
        restore_model(untied, model_tensors(tied), source=Path("w"))
    with pytest.raises(CheckpointError, match=r"w: has an unknown weight output\.weight"):
        restore_model(tied, model_tensors(untied), source=Path("w"))


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors: (cannot read|damaged)"):
        load_tensors(path)
