import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from mtkit.bundle.bundle import WEIGHTS, load_bundle
from mtkit.bundle.loading import OpenModel, open_model
from mtkit.cli import app
from mtkit.data.batches.batch import collate
from mtkit.data.tokens.special import OWN
from mtkit.errors import CheckpointError, ConfigError
from mtkit.machine.compute import Compute
from tests.tiny import LINES, save_tiny_bundle

pytestmark = pytest.mark.processor

FP32 = Compute(torch.device("cpu"), "fp32", 1)
BF16 = FP32.with_precision("bf16")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed from now on, each time."""
    names: list[str] = []
    digest: Callable[..., Any] = hashlib.file_digest

    def noting(file: Any, algorithm: str) -> Any:
        names.append(Path(file.name).name)
        return digest(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", noting)
    return names


def test_what_is_opened_is_the_bundles(bundle_directory: Path) -> None:
    bundle = load_bundle(bundle_directory)
    opened = open_model(bundle_directory, compute=FP32)
    assert not opened.model.training
    assert opened.tokenizer.sha256() == bundle.tokenizer.sha256()
    assert (opened.decoding, opened.max_src_tokens) == (bundle.decoding, bundle.max_src_tokens)
    assert (opened.languages, opened.prefix) == ((bundle.src_lang, bundle.tgt_lang), [])
    assert opened.directory == bundle.directory
    weights = bundle.build_model().state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in opened.model.state_dict().items())


def test_a_bundle_at_hand_is_not_hashed_once_more(bundle_directory: Path, hashed: list[str]) -> None:
    bundle = load_bundle(bundle_directory)
    assert hashed.count(WEIGHTS) == 1
    open_model(bundle, compute=FP32)
    assert hashed.count(WEIGHTS) == 1
    open_model(bundle_directory, compute=FP32)
    assert hashed.count(WEIGHTS) == 2


def test_languages_that_the_model_does_not_know_are_refused(bundle_directory: Path) -> None:
    with pytest.raises(ConfigError, match=r"--tgt-lang zz: .* zz is not a language code"):
        open_model(bundle_directory, compute=FP32, languages=(None, "zz"))


def test_a_place_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no model"):
        open_model(tmp_path, compute=FP32)


def dtypes(opened: OpenModel) -> dict[bool, set[torch.dtype]]:
    """Of the parameters, by whether they are those of linear maps."""
    linear = {id(p) for m in opened.model.modules() if isinstance(m, nn.Linear) for p in m.parameters()}
    found: dict[bool, set[torch.dtype]] = {True: set(), False: set()}
    for parameter in opened.model.parameters():
        found[id(parameter) in linear].add(parameter.dtype)
    return found


def test_a_search_has_its_linear_maps_cast_once(bundle_directory: Path) -> None:
    assert dtypes(open_model(bundle_directory, compute=BF16, for_search=True)) == {
        True: {torch.bfloat16},
        False: {torch.float32},
    }
    for other in (open_model(bundle_directory, compute=BF16), open_model(bundle_directory, compute=FP32)):
        assert dtypes(other) == {True: {torch.float32}, False: {torch.float32}}


def test_in_float32_a_search_finds_the_same(bundle_directory: Path) -> None:
    batch = collate([[5, 6, 7], [8, 9]], [[9], [7, 6]], OWN)
    with torch.inference_mode():
        plain, packed = (
            open_model(bundle_directory, compute=FP32, for_search=for_search).model(batch.src, batch.tgt_in)
            for for_search in (False, True)
        )
    torch.testing.assert_close(plain, packed)


@pytest.mark.parametrize(
    "arguments",
    [
        ["translate", "-i", "src", "--alignments", "links"],
        ["translate", "-i", "src", "--alignments", "links", "--engine", "torch"],
        ["evaluate", "-i", "src", "--ref", "tgt"],
        ["bench", "-i", "src", "--seconds", "0", "--precision", "fp32"],
        ["bench", "-i", "src", "--seconds", "0"],
        ["score", "--src", "src", "--tgt", "tgt"],
        ["align", "--src", "src", "--tgt", "tgt"],
        ["align", "--src", "src", "--tgt", "tgt", "--gold", "gold", "--remember"],
        ["inspect", "-i", "src"],
    ],
    ids=" ".join,
)
def test_a_command_hashes_the_weights_once(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("src", "tgt"):
        Path(name).write_text("".join(f"{line}\n" for line in LINES))
    Path("gold").write_text("1-1\n" * len(LINES))
    command, *rest = arguments
    model = save_tiny_bundle(tmp_path / "model")
    hashed.clear()
    outcome = CliRunner().invoke(app, [command, "-m", str(model), *rest, "--device", "cpu", "--threads", "1"])
    assert outcome.exit_code == 0, outcome.output
    assert hashed.count(WEIGHTS) == 1
