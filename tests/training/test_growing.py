from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.data.tokens.extending import NewTags, extended
from mtkit.errors import ConfigError
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import restore_model
from mtkit.training.growing import grown_tensors
from tests.data.tokens.foreign import START_IS_PAD, foreign_tokenizer
from tests.tiny import LINES, save_tiny_bundle

TGT, SRC, OUT = "tgt_embedding.tokens.weight", "src_embedding.tokens.weight", "output.weight"
GREEK = [line.lower().translate(str.maketrans("abcdefghijklmnop", "αβψδεφγηιξκλμνοπ")) for line in LINES]

OTHERS = ["Dogs that sing are sitting on the blue mats.", "Cats and dogs sat there; birds are singing.", "Mats do not."]


def of(directory: Path, **shape: Any) -> tuple[Bundle, dict[str, torch.Tensor]]:
    bundle = load_bundle(save_tiny_bundle(directory / "model", **shape))
    return bundle, load_file(bundle.directory / "model.safetensors")


@pytest.mark.parametrize("joint", [True, False])
def test_old_rows_stay_and_new_ones_are_the_mean_of_the_old_pieces(tmp_path: Path, joint: bool) -> None:
    bundle, tensors = of(tmp_path, joint=joint, output_bias=True)
    tensors["output_bias"] = torch.randn(bundle.tokenizer.tgt_vocab_size)
    before = bundle.tokenizer
    after = extended(before, None, lambda: OTHERS * 9, 40, NewTags())
    grown = grown_tensors(tensors, before, after, like=None)
    for name in (TGT, OUT, "output_bias"):
        assert len(grown[name]) == after.tgt_vocab_size
        assert torch.equal(grown[name][: before.tgt_vocab_size], tensors[name])
        for number in range(before.tgt_vocab_size, after.tgt_vocab_size):
            piece = after.tgt_pieces[number]
            (ids,) = before.encode_tgt([piece.replace("\u2581", " ")])
            ids = [n for n in ids if n != before.unk_id]
            within = piece[0] != "\u2581" and before.tgt_pieces[ids[0]] == "\u2581"
            if not (ids := ids[1:] if within else ids):  # of a letter that was unknown: another test
                continue
            assert torch.allclose(grown[name][number], tensors[name][ids].mean(0), atol=1e-6)
    assert after.tgt_vocab_size > before.tgt_vocab_size
    assert len(grown[SRC]) == after.src_vocab_size


def test_what_nothing_spelt_starts_from_the_mean_of_all(tmp_path: Path) -> None:
    bundle, tensors = of(tmp_path)
    after = extended(bundle.tokenizer, None, lambda: GREEK, 60, NewTags())
    grown = grown_tensors(tensors, bundle.tokenizer, after, like=None)
    number = after.tgt_pieces.index("α")
    assert torch.allclose(grown[TGT][number], tensors[TGT].mean(0), atol=1e-6)


def test_a_tag_starts_from_the_tags_that_are_there_or_from_one(tmp_path: Path) -> None:
    bundle, tensors = of(tmp_path, joint=False)
    size = bundle.tokenizer.src_vocab_size
    two = extended(bundle.tokenizer, None, None, 0, NewTags(["<2de>", "<2fr>"]))
    tensors = grown_tensors(tensors, bundle.tokenizer, two, like=None)
    tensors[SRC][size:] = torch.randn(2, 16)
    three = extended(two, None, None, 0, NewTags(["<2el>"]))
    mean = grown_tensors(tensors, two, three, like=None)[SRC][-1]
    assert torch.allclose(mean, tensors[SRC][size:].mean(0), atol=1e-6)
    alike = grown_tensors(tensors, two, three, like="fr")[SRC][-1]
    assert torch.allclose(alike, tensors[SRC][size + 1], atol=1e-6)
    with pytest.raises(ConfigError, match=r"tokenizer\.extend\.like nl: the model has no tag of it; .* de, fr"):
        grown_tensors(tensors, two, three, like="nl")


@pytest.mark.parametrize("tied", ["all", "decoder", "inputs", "none"])
def test_it_fits_the_model_and_computes_the_same_of_the_old_pieces(tmp_path: Path, tied: str) -> None:
    bundle, tensors = of(tmp_path, tie_embeddings=tied)
    after = extended(bundle.tokenizer, None, lambda: GREEK, 60, NewTags(["<2el>"]))
    model = EncoderDecoder.for_tokenizer(bundle.model, after).eval()
    restore_model(model, grown_tensors(tensors, bundle.tokenizer, after, like=None), source=tmp_path)
    src, tgt = torch.tensor([[5, 9, 3]]), torch.tensor([[2, 8, 11]])
    before = bundle.build_model()
    with torch.inference_mode():
        ours, old = (each.project(each(src, tgt)) for each in (model, before))
    assert torch.allclose(ours[..., : bundle.tokenizer.tgt_vocab_size], old, atol=1e-6)


def test_nothing_changes_where_nothing_was_added(tmp_path: Path) -> None:
    bundle, tensors = of(tmp_path)
    same = grown_tensors(tensors, bundle.tokenizer, bundle.tokenizer, like=None)
    assert same.keys() == tensors.keys()
    assert all(torch.equal(same[name], tensors[name]) for name in tensors)


def test_a_tokenizer_with_ids_of_its_own_that_has_not_grown_keeps_every_row() -> None:
    """Its ids say nothing to SentencePiece, which has other ones and fewer."""
    tokenizer = foreign_tokenizer(START_IS_PAD, extra=["<2de>"])
    assert tokenizer.languages is None
    tensors = {TGT: torch.randn(tokenizer.tgt_vocab_size, 4), OUT: torch.randn(tokenizer.tgt_vocab_size, 4)}
    grown = grown_tensors(tensors, tokenizer, tokenizer, like=None)
    assert all(torch.equal(grown[name], tensors[name]) for name in tensors)
