"""A target prefix counts as transformers counts one: its log-probability is no part of a score, its place is."""

from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.bundle.languages import prefixes_for
from mtkit.forced.scorer import Scorer
from mtkit.machine.compute import Compute
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import SearchOptions
from tests.oracles.foreign import MAKERS, odd_lines
from tests.oracles.test_import import imported, padded

pytest.importorskip("transformers")

KINDS = {"m2m100": ("en", "de"), "nllb": ("eng_Latn", "deu_Latn"), "mbart": ("en_XX", "de_DE")}
LENGTH = 12
LIKELIER = 7.0


def _end_sometimes(model: Any) -> None:
    """Make the end of sentence likelier than random weights do: one feature is a constant that it alone looks at."""
    norm, embedding = model.model.decoder.layer_norm, model.model.shared.weight
    with torch.no_grad():
        norm.weight[0], norm.bias[0] = 0, 1
        embedding[:, 0] = 0
        embedding[model.config.eos_token_id, 0] = LIKELIER


@pytest.mark.parametrize("kind", KINDS)
def test_scores_count_a_prefix_as_transformers_does(kind: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM

    source = MAKERS[kind](tmp_path / "source")
    theirs = AutoModelForSeq2SeqLM.from_pretrained(source).eval()
    _end_sometimes(theirs)
    theirs.save_pretrained(source)
    bundle = imported(source, tmp_path / "bundle")
    src_lang, tgt_lang = KINDS[kind]
    prefix, special = prefixes_for(bundle, src_lang, tgt_lang), bundle.tokenizer.special
    assert len(prefix.tgt) == 1
    rows = [[*prefix.src, *ids, special.eos] for ids in bundle.tokenizer.encode_src(odd_lines()[:40]) if ids]
    src = padded(rows, special.pad)
    model = bundle.build_model()
    n_compared = 0
    for beam_size, length_penalty in ((1, 1.0), (4, 1.0), (4, 0.6), (4, 0.0)):
        with torch.inference_mode():
            generated = theirs.generate(
                input_ids=src,
                attention_mask=(src != special.pad).long(),
                num_beams=beam_size,
                do_sample=False,
                early_stopping=True,
                length_penalty=length_penalty,
                max_length=2 + LENGTH,
                bad_words_ids=[[number] for number in special.never],
                forced_bos_token_id=prefix.tgt[0],
                forced_eos_token_id=None,
                output_scores=True,
                return_dict_in_generate=True,
            )
        found = beam_search(
            model,
            src,
            SearchOptions(beam_size, 1, length_penalty, 0.0, 1 + LENGTH),
            special=special,
            max_length=100,
            tgt_prefix=prefix.tgt,
        )
        scores = [None] * len(rows) if beam_size == 1 else generated.sequences_scores.tolist()
        for [best], ids, score in zip(found, generated.sequences.tolist(), scores, strict=True):
            expected = ids[2:]
            if special.eos not in expected or not best.finished:
                continue  # what is cut off is ranked by each in its own way
            assert best.ids == expected[: expected.index(special.eos)]
            if score is not None:
                assert best.score == pytest.approx(score, abs=1e-4)
            n_compared += 1
    assert n_compared > 20


@pytest.mark.parametrize("kind", KINDS)
def test_forced_scores_are_those_of_labels(kind: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM

    source = MAKERS[kind](tmp_path / "source")
    bundle = imported(source, tmp_path / "bundle")
    prefix, special = prefixes_for(bundle, *KINDS[kind]), bundle.tokenizer.special
    scorer = Scorer.load(bundle, device="cpu", threads=1, src_lang=KINDS[kind][0], tgt_lang=KINDS[kind][1])
    assert scorer.description == Compute.choose("cpu", "fp32", 1).describe()
    theirs = AutoModelForSeq2SeqLM.from_pretrained(source).eval()
    lines = [line for line in odd_lines() if line.strip()][:20]
    found = scorer.score(lines, lines[::-1])
    for line, other, scored in zip(lines, lines[::-1], found, strict=True):
        [src], [tgt] = bundle.tokenizer.encode_src([line.strip()]), bundle.tokenizer.encode_tgt([other.strip()])
        labels = [*prefix.tgt, *tgt, special.eos]
        with torch.inference_mode():
            logits = theirs(
                input_ids=torch.tensor([[*prefix.src, *src, special.eos]]), labels=torch.tensor([labels])
            ).logits[0]
        values = logits.log_softmax(-1)[torch.arange(len(labels)), torch.tensor(labels)].tolist()
        assert scored is not None
        assert scored.token_log_probs == pytest.approx(values[1:], abs=1e-3, rel=1e-4)
        length_penalty = bundle.decoding.length_penalty
        assert scored.score == pytest.approx(sum(values[1:]) / len(labels) ** length_penalty, abs=1e-3, rel=1e-4)
