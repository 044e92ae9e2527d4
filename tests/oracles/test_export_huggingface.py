import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.bundle.writing import save_bundle
from mtkit.cli import app
from mtkit.data.tokens.special import OWN
from mtkit.data.tokens.training import train_tokenizer
from mtkit.exchange.huggingface_export import export_huggingface
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import SearchOptions
from mtkit.settings.recipe import Config
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.translation.translator import Translator
from tests.tiny import LINES, save_tiny_bundle, tiny_config

transformers = pytest.importorskip("transformers")

ODD = [
    "",
    " ",
    "  two  spaces  ",
    "Ünïcödé ﬁ ① ½ …",
    "日本語とEnglish",
    "emoji 😀👩‍👩‍👧 x",
    "tab\there",
    "a" * 60,
    "1,234.50 €",
    "</s> <pad> <unk> <s> <0x41>",
    "<2de> <2fr>",
    "ﬀ…  —",
    "e\u0301 \u200bzero \u00a0nbsp \u3000wide",
    "don\u2019t",
    "\ufeffmark",
    "\u2581low\u2581line",
    "مرحبا بالعالم",
    "ไทย ภาษา",
]


@dataclass(frozen=True)
class Exported:
    """A model here, and there."""

    bundle: Bundle
    directory: Path
    model: Any
    tokenizer: Any


def exported(bundle_directory: Path, directory: Path) -> Exported:
    bundle = load_bundle(bundle_directory)
    export_huggingface(bundle, directory)
    model, told = transformers.AutoModelForSeq2SeqLM.from_pretrained(directory, output_loading_info=True)
    assert not any(told.values())  # nothing missing, nothing left over
    return Exported(bundle, directory, model.eval(), transformers.AutoTokenizer.from_pretrained(directory))


@pytest.fixture(scope="module", params=["pre_norm", "post_norm"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return exported(request.getfixturevalue(request.param), tmp_path_factory.mktemp("out") / "model")


def assert_same_logits(there: Exported, lines: list[str]) -> None:
    batch = there.tokenizer(lines, return_tensors="pt", padding=True)
    src = batch.input_ids
    tgt = torch.cat([torch.full((len(src), 1), 2), src[:, :5]], dim=1)
    mask = src == 0
    with torch.inference_mode():
        theirs = there.model(**batch, decoder_input_ids=tgt).logits
        model = there.bundle.build_model()
        ours = model.project(model(src, tgt, mask))
    assert (ours - theirs).abs()[tgt != 0].max() < 1e-5 * ours.abs().max()


def test_the_logits_are_the_same(trained: Exported, sample_lines: list[str]) -> None:
    assert_same_logits(trained, sample_lines)


def test_the_classes_are_those_that_are_told(trained: Exported) -> None:
    name = {"pre": "PegasusForConditionalGeneration", "post": "MarianMTModel"}[trained.bundle.model.norm]
    assert (type(trained.model).__name__, type(trained.tokenizer).__name__) == (name, "MarianTokenizer")


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("length_penalty", [1.0, 0.6, 0.0])
def test_a_search_finds_the_same(
    trained: Exported, sample_lines: list[str], beam_size: int, length_penalty: float
) -> None:
    batch = trained.tokenizer(sample_lines, return_tensors="pt", padding=True)
    asked = {} if beam_size == 1 else {"length_penalty": length_penalty, "early_stopping": True}
    theirs = trained.model.generate(**batch, num_beams=beam_size, max_length=51, **asked).tolist()
    options = SearchOptions(beam_size, 1, length_penalty, 0.0, 50)
    model = trained.bundle.build_model()
    ours = beam_search(model, batch.input_ids, options, special=OWN, max_length=64)
    assert [found[0].ids for found in ours] == [ids[1 : ids.index(3)] if 3 in ids else ids[1:] for ids in theirs]


def test_what_it_writes_is_read_again(trained: Exported, sample_lines: list[str]) -> None:
    # what generate does by itself is the model's own search
    batch = trained.tokenizer(sample_lines[:20], return_tensors="pt", padding=True)
    theirs = trained.tokenizer.batch_decode(trained.model.generate(**batch), skip_special_tokens=True)
    options = SearchOptions.of(trained.bundle.decoding, max_length_ratio=0.01, max_length_offset=63)
    found = beam_search(trained.bundle.build_model(), batch.input_ids, options, special=OWN, max_length=64)
    assert trained.bundle.tokenizer.decode([each[0].ids for each in found]) == theirs


@pytest.mark.parametrize(
    "shape",
    [
        {"norm": "post", "tie_embeddings": "none"},
        {"norm": "post", "tie_embeddings": "decoder"},
        {"norm": "post", "tie_embeddings": "decoder", "joint": False},
        {"norm": "post", "tie_embeddings": "none", "joint": False, "activation": "gelu"},
        {"norm": "post", "tie_embeddings": "all", "scale_embeddings": False, "n_encoder_layers": 3},
        {"norm": "pre", "tie_embeddings": "all", "activation": "gelu", "n_decoder_layers": 2},
    ],
    ids=str,
)
def test_every_shape_that_is_accepted_computes_the_same(tmp_path: Path, shape: dict[str, Any]) -> None:
    assert_same_logits(exported(save_tiny_bundle(tmp_path / "model", **shape), tmp_path / "out"), LINES)


def bundle_with(tokenizer_config: TokenizerConfig, directory: Path, **data: object) -> Path:
    """An untrained post-norm model with a tokenizer of the sample corpus."""
    folder = Path(__file__).parents[2] / "data"
    src, tgt = ((folder / f"train.{each}").read_text(encoding="utf-8").splitlines()[:2000] for each in ("en", "de"))
    config = tiny_config(joint=tokenizer_config.joint, norm="post", tie_embeddings="none").model_dump(mode="json")
    config["data"] |= data
    tokenizer = train_tokenizer(src, tgt, tokenizer_config, 700, exact=False)
    made = Config.model_validate(config)
    model = EncoderDecoder.for_tokenizer(made.model, tokenizer)
    save_bundle(directory, model=model, tokenizer=tokenizer, config=made, data_hashes={}, scores=None)
    return directory


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize(
    ("kind", "byte_fallback"),
    [("unigram", True), ("unigram", False), ("bpe", True), ("bpe", False), ("char", None), ("word", None)],
)
def test_the_tokenizer_gives_the_same_ids(tmp_path: Path, kind: Any, byte_fallback: bool | None, joint: bool) -> None:
    symbols = ["<2de>", "New York"] if kind != "word" else ["<2de>"]
    made = TokenizerConfig(type=kind, byte_fallback=byte_fallback, joint=joint, user_defined_symbols=symbols)
    there = exported(bundle_with(made, tmp_path / "model"), tmp_path / "out")
    folder = Path(__file__).parents[2] / "data"
    for language, ours in (("en", there.bundle.tokenizer.encode_src), ("de", there.bundle.tokenizer.encode_tgt)):
        lines = [*ODD, "New York is New York.", *(folder / f"test.{language}").read_text(encoding="utf-8").splitlines()]
        given = {"text": lines} if language == "en" else {"text_target": lines}
        assert [ids[:-1] for ids in there.tokenizer(**given).input_ids] == ours(lines)
    lines = (folder / "test.de").read_text(encoding="utf-8").splitlines()
    ids = [each for each in there.bundle.tokenizer.encode_tgt(lines) if 1 not in each]  # <unk> is left out there
    texts = there.tokenizer.batch_decode([[*each, 3] for each in ids], skip_special_tokens=True)
    assert (texts, len(texts) > 3) == (there.bundle.tokenizer.decode(ids), True)


def test_a_language_is_asked_for_as_in_opus_models(tmp_path: Path) -> None:
    made = TokenizerConfig(user_defined_symbols=["<2de>"])
    directory = bundle_with(made, tmp_path / "model", tgt_lang="de", language_tags="target")
    there = exported(directory, tmp_path / "out")
    (tag,) = there.bundle.tokenizer.tag_ids(["<2de>"])
    (ids,) = there.bundle.tokenizer.encode_src(["We sing."])
    assert there.tokenizer(">>de<< We sing.").input_ids == [tag, *ids, 3]
    assert '[">>de<< ..."]' in (tmp_path / "out" / "README.md").read_text()


def test_the_card_is_one_that_the_hub_reads(tmp_path: Path) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    directory = shutil.copytree(save_tiny_bundle(tmp_path / "made", tie_embeddings="all"), tmp_path / "model")
    manifest = json.loads((directory / "mtkit.json").read_text())
    score = {"metric": "bleu", "name": "BLEU", "value": 12.346, "signature": "nrefs:1|case:mixed"}
    (directory / "mtkit.json").write_text(json.dumps(manifest | {"scores": {"test": [score]}}))
    export_huggingface(load_bundle(directory), tmp_path / "out", licence="cc-by-4.0")
    card = huggingface_hub.ModelCard.load(tmp_path / "out" / "README.md")
    assert (card.data.language, card.data.license, card.data.library_name) == (
        ["en", "xx"],
        "cc-by-4.0",
        "transformers",
    )
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_name) == ("bleu", 12.35, "test")
    assert result.metric_args == {"signature": "nrefs:1|case:mixed"}


def test_an_export_is_imported_again(trained: Exported, sample_lines: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["import", str(trained.directory), "-o", str(tmp_path / "again"), "-s", "en", "-t", "de"])
    assert ended.value.code == 0
    again = load_bundle(tmp_path / "again")
    before, after = (
        Translator.load(bundle, engine="torch", precision="fp32", threads=1).translate(sample_lines[:20], beam_size=4)
        for bundle in (trained.bundle, again)
    )
    assert [found.text for found in before] == [found.text for found in after]
