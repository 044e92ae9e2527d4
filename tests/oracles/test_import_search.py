"""Imported models that were trained, so that a beam has something to decide: what they write, and their scores."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.languages import prefixes_for
from mtkit.data.tokens.special import Prefix
from mtkit.forced.scorer import Scorer
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import SearchOptions
from mtkit.version import __version__
from tests.oracles.test_import import imported, padded
from tests.oracles.trained import LANGUAGES, short_pairs, trained

pytest.importorskip("transformers")

pytestmark = pytest.mark.slow  # seven models are trained, once

KINDS = {"marian": None, "marian-apart": None, "m2m100": LANGUAGES["m2m100"], "mbart": LANGUAGES["mbart"]}
KINDS |= {"t5-v1.0": ("en", "de"), "t5-v1.1": None, "madlad": ("en", "de")}
LENGTH = 30


@dataclass(frozen=True)
class Pair:
    """A trained model of transformers', and the bundle that it was imported into."""

    theirs: Any
    bundle: Bundle
    prefix: Prefix
    src: torch.Tensor
    lines: list[tuple[str, str]]


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Each kind, with 80 sentences that it was not trained on: some kinds end no more than half of theirs."""
    from transformers import AutoModelForSeq2SeqLM

    kind = request.param
    cache = request.config.cache
    assert cache is not None
    source = trained(kind, Path(cache.mkdir(f"oracles-trained-{__version__}")) / kind)
    languages = KINDS[kind] or ("en", "de")
    bundle = imported(source, tmp_path_factory.mktemp(kind) / "bundle", "-s", languages[0], "-t", languages[1])
    lines = short_pairs("test", 80)
    prefix, tokenizer = prefixes_for(bundle), bundle.tokenizer
    rows = [[*prefix.src, *ids, tokenizer.special.eos] for ids in tokenizer.encode_src([src for src, _ in lines])]
    theirs = AutoModelForSeq2SeqLM.from_pretrained(source).eval()
    return Pair(theirs, bundle, prefix, padded(rows, tokenizer.special.pad), lines)


@pytest.mark.parametrize("length_penalty", [1.0, 0.6, 0.0])
def test_a_beam_of_4_writes_the_same(pair: Pair, length_penalty: float) -> None:
    special, forced = pair.bundle.tokenizer.special, pair.prefix.tgt
    with torch.inference_mode():
        generated = pair.theirs.generate(
            input_ids=pair.src,
            attention_mask=(pair.src != special.pad).long(),
            num_beams=4,
            do_sample=False,
            early_stopping=True,
            length_penalty=length_penalty,
            max_new_tokens=LENGTH,
            bad_words_ids=[[number] for number in special.never],
            forced_eos_token_id=None,
            use_cache=False,  # that of T5 in transformers 5.24 has as many layers as the encoder
            **({"forced_bos_token_id": forced[0]} if forced else {}),
        ).tolist()
    options = SearchOptions(4, 1, length_penalty, 0.0, LENGTH)
    model = pair.bundle.build_model()
    found = beam_search(model, pair.src, options, special=special, max_length=100, tgt_prefix=forced)
    n_compared = 0
    for [best], ids in zip(found, generated, strict=True):
        written = ids[1 + len(forced) :]
        if best.finished and special.eos in written:  # what is cut off is ranked by each in its own way
            assert best.ids == written[: written.index(special.eos)]
            n_compared += 1
    assert n_compared >= 30


def test_given_translations_get_the_same_log_probabilities(pair: Pair) -> None:
    special, forced = pair.bundle.tokenizer.special, list(pair.prefix.tgt)
    targets = pair.bundle.tokenizer.encode_tgt([tgt for _, tgt in pair.lines])
    scores = Scorer.load(pair.bundle, device="cpu").score(*map(list, zip(*pair.lines, strict=True)))
    for row, ids, score in zip(pair.src, targets, scores, strict=True):
        labels = torch.tensor([[*forced, *ids, special.eos]])
        tgt_in = torch.cat([torch.tensor([[special.start]]), labels[:, :-1]], dim=1)
        src = row[row != special.pad][None]
        with torch.inference_mode():
            logits = pair.theirs(input_ids=src, decoder_input_ids=tgt_in).logits
        each = logits.log_softmax(-1).gather(2, labels[..., None])[0, len(forced) :, 0]
        assert score is not None
        assert score.log_prob == pytest.approx(float(each.sum()), abs=2e-4, rel=1e-5)
