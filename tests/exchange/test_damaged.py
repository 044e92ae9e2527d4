"""Models that are damaged, or not what they say: one line that names the culprit, and no bundle."""

from pathlib import Path
from typing import Any

import pytest

from tests.exchange.made import m2m100, marian, write_json
from tests.exchange.test_importing import refusal


@pytest.mark.parametrize("kind", [["x"], {"a": 1}, True, 7])
def test_a_kind_that_is_no_text_is_not_known(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    write_json(tmp_path / "model" / "config.json", {"model_type": kind})
    assert "config.json: model_type" in refusal(tmp_path / "model", tmp_path / "bundle")


@pytest.mark.parametrize("ties", [True, False])
def test_embeddings_of_each_side_that_are_missing(ties: bool, tmp_path: Path) -> None:
    source = marian(tmp_path / "opus", share_encoder_decoder_embeddings=False, tie_word_embeddings=ties)
    (source / "target_vocab.json").write_bytes((source / "vocab.json").read_bytes())
    assert "lacks model.decoder.embed_tokens.weight" in refusal(source, tmp_path / "bundle")


@pytest.mark.parametrize("step", [[1], 7, "Strip", {"type": "Sequence"}, {"type": "Sequence", "normalizers": [1]}])
def test_steps_of_a_tokenizer_that_are_no_steps(step: Any, tmp_path: Path) -> None:
    source = m2m100(tmp_path / "m2m")
    (source / "vocab.json").unlink()
    (source / "sentencepiece.bpe.model").unlink()
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "a"]
    model = {"type": "Unigram", "vocab": [[piece, 0.0] for piece in pieces]}
    write_json(source / "tokenizer.json", {"model": model, "normalizer": step})
    assert "tokenizer.json: damaged: not a tokenizer that can be read" in refusal(source, tmp_path / "bundle")
