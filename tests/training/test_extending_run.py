"""Runs that start from a model whose tokenizer does not know their language."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mtkit.bundle.bundle import load_bundle
from mtkit.data.corpus.prepared import open_prepared
from mtkit.errors import ConfigError, Interrupted, VocabularyError
from mtkit.settings.resolve import Settings
from mtkit.training.run import train
from mtkit.translation.translator import Translator
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after
from tests.training.test_starting import tuned

pytestmark = pytest.mark.processor

LETTERS = str.maketrans("abcdefghij", "ABCDEFGHIJ")


def settings(toy_task: ToyTask, base: Path, prepared: Path, **overrides: object) -> Settings:
    """Six updates on the toy corpus with letters that the model has never seen."""
    sets = {}
    for split, n in (("train", 200), ("valid", 20), ("test", 20)):
        lines = (toy_task.directory / f"{split}.abc").read_text().splitlines()[:n]
        sources = (toy_task.directory / f"{split}.num").read_text().splitlines()[:n]
        paths = {side: toy_task.directory / f"large-{split}.{side}" for side in ("num", "ABC")}
        paths["ABC"].write_text("".join(f"{line.translate(LETTERS)}\n" for line in lines))
        paths["num"].write_text("".join(f"{line}\n" for line in sources))
        sets[f"data__{split}"] = [{"src": str(paths["num"]), "tgt": str(paths["ABC"])}]
    values = {
        **sets,
        "data__tgt_lang": "xyz",
        "tokenizer__extend": {"pieces": 30},
        "training__save_every": 3,
        **overrides,
    }
    return tuned(toy_task, base, prepared, **values)


@pytest.fixture(scope="module")
def grown(toy_task: ToyTask, straight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("grown")
    train(settings(toy_task, straight, directory / "prepared"), directory / "run")
    return directory


def test_the_vocabulary_grows_by_the_pieces_that_were_missing(straight: Path, grown: Path) -> None:
    before, after = load_bundle(straight).tokenizer, load_bundle(grown / "run").tokenizer
    added = list(after.tgt_pieces[before.tgt_vocab_size :])
    assert sorted(added) == [f"\u2581{letter}" for letter in "ABCDEFGHIJ"]
    assert after.tgt_pieces[: before.tgt_vocab_size] == before.tgt_pieces
    tensors = load_file(load_bundle(grown / "run").directory / "model.safetensors")
    assert len(tensors["tgt_embedding.tokens.weight"]) == after.tgt_vocab_size
    assert before.unk_id in before.encode_tgt(["A B"])[0]
    assert before.unk_id not in after.encode_tgt(["A B"])[0]


def test_the_recipe_says_so(straight: Path, grown: Path) -> None:
    manifest = json.loads((load_bundle(grown / "run").directory / "mtkit.json").read_text())
    assert manifest["config"]["tokenizer"]["extend"]["pieces"] == 30
    corpus = open_prepared(grown / "prepared").manifest
    assert corpus.settings["tokenizer"]["extend"]["pieces"] == 30
    assert corpus.settings["tokenizer"]["sha256"] == load_bundle(straight).tokenizer.sha256()


def test_the_model_translates(grown: Path) -> None:
    (found,) = Translator.load(grown / "run", device="cpu", threads=1).translate(["1 2 3"])
    assert isinstance(found.text, str)


def test_killed_and_resumed_it_is_the_same_without_the_model_too(
    toy_task: ToyTask, straight: Path, grown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = shutil.copytree(straight / "model", tmp_path / "base")
    recipe = settings(toy_task, base, grown / "prepared")
    with monkeypatch.context() as patch:
        interrupted_after(3, patch)
        with pytest.raises(Interrupted):
            train(recipe, tmp_path / "run")
    shutil.rmtree(base)
    train(recipe, tmp_path / "run")
    assert_same_run(grown / "run", tmp_path / "run", 6)


def test_what_was_added_once_is_not_added_again(toy_task: ToyTask, grown: Path, tmp_path: Path) -> None:
    recipe = settings(toy_task, grown / "run", tmp_path / "prepared", tokenizer__extend=None)
    train(recipe, tmp_path / "run")
    assert load_bundle(tmp_path / "run").tokenizer.sha256() == load_bundle(grown / "run").tokenizer.sha256()


def test_a_tag_that_is_missing_is_added_where_that_is_asked_for(
    toy_task: ToyTask, straight: Path, tmp_path: Path
) -> None:
    tagged = {"data__language_tags": "target"}
    with pytest.raises((VocabularyError, ConfigError)):
        train(settings(toy_task, straight, tmp_path / "first", **tagged), tmp_path / "first-run")
    asked = {"tokenizer__extend": {"languages": True}}
    train(settings(toy_task, straight, tmp_path / "second", **tagged, **asked), tmp_path / "run")
    tokenizer = load_bundle(tmp_path / "run").tokenizer
    assert tokenizer.src_pieces[-1] == "<2xyz>"


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"training__freeze": ["embeddings"]}, "training.freeze keeps the embeddings"),
        ({"training__lora": {"rank": 4}}, "training.lora leaves the embeddings"),
        ({"training__from": None}, "name it with training.from"),
        ({"tokenizer__extend": {"pieces": -1}}, "tokenizer.extend.pieces"),
        ({"tokenizer__extend": {"pieces": 3, "like": "de"}}, "does nothing without languages: true"),
    ],
    ids=str,
)
def test_what_adds_in_vain_is_refused(
    toy_task: ToyTask, straight: Path, tmp_path: Path, overrides: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        train(settings(toy_task, straight, tmp_path / "prepared", **overrides), tmp_path / "run")
