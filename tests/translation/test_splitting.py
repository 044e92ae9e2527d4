"""Lines are split by what the model was trained on, whoever translates them."""

from pathlib import Path

import pytest
import torch

from mtkit.bundle.bundle import MANIFEST, load_bundle
from mtkit.data.corpus.source_lines import SourceLines
from mtkit.files.reading import read_json
from mtkit.files.whole import write_json
from mtkit.machine.compute import Compute
from mtkit.settings.decoding import DecodingConfig, Split
from mtkit.translation.segmentation import Limits, limits
from mtkit.translation.test_sets import translate_lines
from mtkit.translation.translator import Translator
from tests.tiny import save_tiny_bundle

FOUR = "The cat sat. A dog sang!  Do birds sing?\tThe mat is red."
SINGLE = ["The cat sat.", "A dog sang!", "Do birds sing?", "The mat is red."]
LONG = "The cat sat on the mat, a dog sat on the mat"


def lines_of(*, sentences: list[float], usual: int = 28) -> SourceLines:
    ranks = {"0.5": 8, "0.9": 12, "0.99": 20, "0.999": usual, "1.0": 28}
    return SourceLines(1_000, ranks, sentences, 1.0)


def bundle_with(directory: Path, lines: SourceLines | None, split: Split = "auto") -> Path:
    bundle = save_tiny_bundle(directory, max_length=100)
    manifest = read_json(bundle / MANIFEST)
    manifest["max_src_tokens"] = 99
    manifest["source_lines"] = None if lines is None else lines.as_json()
    manifest["decoding"]["split"] = split
    write_json(bundle / MANIFEST, manifest)
    return bundle


@pytest.mark.parametrize(
    ("split", "sentences", "max_sentences"),
    [
        ("auto", None, 1),  # of an older model nothing is known: no text is to be lost
        ("auto", [0.02, 0.01], 1),
        ("auto", [0.3, 0.06, 0.01], 3),
        ("auto", [1.0] * 7, 8),
        ("sentences", [1.0] * 7, 1),
        ("sentences", None, 1),
        ("never", [0.0], None),
        ("never", None, None),
    ],
)
def test_a_model_is_given_as_many_sentences_as_it_was_trained_on(
    split: Split, sentences: list[float] | None, max_sentences: int | None
) -> None:
    lines = None if sentences is None else lines_of(sentences=sentences)
    found = limits(DecodingConfig(split=split), lines, 99)
    usual = 99 if lines is None or split == "never" else 28
    assert found == Limits(max_sentences, usual, 99, any_script=split == "sentences")
    assert limits(DecodingConfig(split=split), lines, 5).usual_tokens == 5


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_each_sentence_is_translated_by_itself(tmp_path: Path, engine: str) -> None:
    bundle = bundle_with(tmp_path / "model", lines_of(sentences=[0.01]))
    translator = Translator.load(bundle, engine=engine, device="cpu", precision="fp32", threads=1)  # type: ignore[arg-type]
    a, b, c, d = (t.text for t in translator.translate(SINGLE))
    (whole,) = translator.translate([f" {FOUR} "])
    assert (whole.text, whole.n_segments) == (f" {a} {b}  {c}\t{d} ", 4)
    assert translate_lines(translator, [FOUR, SINGLE[0]]) == [f"{a} {b}  {c}\t{d}", a]
    never = translator.decoding_by(translator.decoding.model_copy(update={"split": "never"}))
    assert never.translate([FOUR])[0].n_segments == 1


def test_a_model_of_long_lines_is_given_them_whole(tmp_path: Path) -> None:
    bundle = bundle_with(tmp_path / "model", lines_of(sentences=[0.9, 0.8, 0.7, 0.6], usual=90))
    translator = Translator.load(bundle, device="cpu", threads=1)
    assert translator.translate([FOUR])[0].n_segments == 1
    by_sentence = translator.decoding_by(DecodingConfig(split="sentences"))
    assert by_sentence.translate([FOUR])[0].n_segments == 4


def test_a_sentence_longer_than_those_of_training_is_split_at_its_clauses(tmp_path: Path) -> None:
    bundle = bundle_with(tmp_path / "model", lines_of(sentences=[0.0], usual=12))
    translator = Translator.load(bundle, device="cpu", threads=1)
    first, second = (t.text for t in translator.translate(LONG.split(", ")))
    n_tokens = [len(ids) for ids in translator.tokenizer.encode_src([LONG, *LONG.split(", ")])]
    assert n_tokens[0] > 12
    found, unsplit = translator.translate([LONG, LONG.replace(",", "")])
    assert found.n_segments == 2
    assert found.text.endswith(second)
    assert first  # a comma belongs to the first part, which is therefore another one
    assert unsplit.n_segments == 1  # the model can read it, and nothing better offers itself


def test_a_record_that_is_damaged_is_none(tmp_path: Path) -> None:
    bundle = bundle_with(tmp_path / "model", None)
    good = lines_of(sentences=[0.5]).as_json()
    assert SourceLines.from_json(good) == lines_of(sentences=[0.5])
    damaged: list[object] = [None, 5, [], {}, good | {"n_tokens": {}}, good | {"tgt_per_src": "x"}]
    for bad in (*damaged, good | {"tgt_per_src": 0}):
        manifest = read_json(bundle / MANIFEST)
        write_json(bundle / MANIFEST, manifest | {"source_lines": bad})
        assert load_bundle(bundle).lines is None


def test_a_translation_far_shorter_than_its_source_is_flagged(tmp_path: Path) -> None:
    """A model whose decoder ends at once."""
    bundle = load_bundle(save_tiny_bundle(tmp_path / "model"))
    model = bundle.build_model()
    with torch.no_grad():
        model.decoder.norm.weight[0], model.decoder.norm.bias[0] = 0, 1  # type: ignore[union-attr,operator]
        model.output_weight[:, 0] = 0
        model.output_weight[bundle.tokenizer.eos_id, 0] = 50
    compute = Compute(torch.device("cpu"), "fp32", 1)
    translator = Translator.from_model(model, bundle.tokenizer, bundle.decoding, compute=compute)
    long, short, blank = translator.translate(["The cat sat on the mat and sang", "The cat", " "])
    assert (long.tokens, long.is_short) == ([], True)
    assert (short.is_short, blank.is_short) == (False, False)
