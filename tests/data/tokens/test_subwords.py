"""Segmentations drawn at random, against SentencePiece's own."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtkit.data.tokens.subwords import BpeDropout, UnigramSampling
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.data.tokens.training import train_tokenizer
from mtkit.files.text import read_lines
from mtkit.settings.tokenizer import TokenizerConfig

SYMBOLS = ["<2de>", "<mask>", "C++ lib"]
LINES = [
    f"the {a}er {b}est house in Straße {n}, he said: it's {a}ly {b}!"
    for n, a in enumerate(("low", "new", "wid", "slow", "old", "cold"))
    for b in ("high", "deep", "long", "strong", "warm")
]


def trained(kind: str, *, byte_fallback: bool = True, lines: list[str] = LINES) -> Tokenizer:
    config = TokenizerConfig.model_validate(
        {"type": kind, "byte_fallback": byte_fallback, "user_defined_symbols": SYMBOLS}
    )
    return train_tokenizer(lines, lines, config, 420 if byte_fallback else 120, exact=False)


@pytest.fixture(scope="module")
def bpe() -> Tokenizer:
    return trained("bpe")


@pytest.fixture(scope="module")
def bpe_without_bytes() -> Tokenizer:
    return trained("bpe", byte_fallback=False)


@pytest.fixture(scope="module")
def unigram() -> Tokenizer:
    return trained("unigram")


ODD = [
    "",
    " ",
    "<2de>",
    "a<2de>b  <mask>the",
    "C++ lib the",
    "C++  lib",
    "☃☃é the",
    "ＴＨＥ lowest",
    "▁the",
    "a▁▁b",
    "\u2028x",
]
TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from([*" ".join(LINES).split(), *SYMBOLS, "☃", "ab"]), max_size=10).map(" ".join),
    st.lists(st.sampled_from([*"lowernest ", *SYMBOLS, "☃"]), max_size=20).map("".join),
)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS)
def test_bpe_that_drops_nothing_is_the_tokenizers_own(bpe: Tokenizer, bpe_without_bytes: Tokenizer, text: str) -> None:
    for tokenizer in (bpe, bpe_without_bytes):
        sampling = BpeDropout(tokenizer.src_side.processor, dropout=0, symbols=SYMBOLS)
        assert sampling.segment(text, Random(1)) == tokenizer.encode_src([text])[0]


@pytest.mark.parametrize("text", [*ODD, *LINES[:5]])
def test_bpe_that_drops_nothing_is_the_tokenizers_own_on_odd_text(bpe: Tokenizer, text: str) -> None:
    sampling = BpeDropout(bpe.src_side.processor, dropout=0, symbols=SYMBOLS)
    assert bpe.src_tokens(sampling.segment(text, Random(1))) == bpe.src_tokens(bpe.encode_src([text])[0])


def test_bpe_that_drops_nothing_on_a_real_corpus(corpora: Path) -> None:
    lines = [line for _, line in zip(range(2_000), read_lines(str(corpora / "multi30k" / "train.de.gz")), strict=False)]
    tokenizer = train_tokenizer(lines, lines, TokenizerConfig(type="bpe"), 2_000)
    sampling = BpeDropout(tokenizer.src_side.processor, dropout=0, symbols=[])
    assert [sampling.segment(line, Random(1)) for line in lines] == tokenizer.encode_src(lines)


def test_bpe_that_drops_all_is_characters(bpe: Tokenizer) -> None:
    sampling = BpeDropout(bpe.src_side.processor, dropout=1, symbols=SYMBOLS)
    pieces = bpe.src_tokens(sampling.segment("the <2de> low", Random(1)))
    assert pieces == ["▁", "t", "h", "e", "▁", "<2de>", "▁", "l", "o", "w"]


def test_dropped_merges_leave_the_text_and_lengthen_it(bpe: Tokenizer) -> None:
    lengths = []
    for dropout in (0.0, 0.1, 0.5, 1.0):
        sampling, draw = BpeDropout(bpe.src_side.processor, dropout=dropout, symbols=SYMBOLS), Random(1)
        drawn = [sampling.segment(line, draw) for line in LINES]
        assert bpe.decode(drawn) == LINES
        lengths.append(sum(map(len, drawn)))
    assert lengths == sorted(set(lengths))


def test_the_first_merge_is_left_out_as_often_as_asked(bpe: Tokenizer) -> None:
    # Of two characters that merge into a piece there is one merge, tried once.
    processor = bpe.src_side.processor
    pairs = [p for p in bpe.src_pieces if len(p) == 2 and p[0] == "▁" and p[1] in bpe.src_pieces]
    word = pairs[0][1]
    sampling, draw = BpeDropout(processor, dropout=0.3, symbols=SYMBOLS), Random(1)
    split = sum(len(sampling.segment(word, draw)) == 2 for _ in range(3_000))
    assert split / 3_000 == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_unigram_draws_follow_the_scores_of_the_n_best(unigram: Tokenizer, alpha: float) -> None:
    text, n = "the lowest", 6
    processor = unigram.src_side.processor
    found = processor.nbest_encode(text, nbest_size=n, out_type="proto").nbests  # SentencePiece's own scores
    weights = {tuple(p.id for p in each.pieces): 2.718281828 ** (alpha * each.score) for each in found}
    sampling, draw = UnigramSampling(processor, alpha=alpha, n_best=n), Random(1)
    seen = Counter(tuple(sampling.segment(text, draw)) for _ in range(20_000))
    assert set(seen) <= set(weights)
    for ids, weight in weights.items():
        assert seen[ids] / 20_000 == pytest.approx(weight / sum(weights.values()), abs=0.015)


def test_one_best_is_the_tokenizers_own(unigram: Tokenizer) -> None:
    sampling = UnigramSampling(unigram.src_side.processor, alpha=0.5, n_best=1)
    texts = [*LINES, "", "☃ é"]
    assert [sampling.segment(text, Random(1)) for text in texts] == unigram.encode_src(texts)


def test_the_same_draw_gives_the_same_segmentation(unigram: Tokenizer, bpe: Tokenizer) -> None:
    for sampling in (
        UnigramSampling(unigram.src_side.processor, alpha=0.1, n_best=16),
        BpeDropout(bpe.src_side.processor, dropout=0.4, symbols=SYMBOLS),
    ):
        first, again = ([sampling.segment(LINES[0], Random(seed)) for seed in range(20)] for _ in range(2))
        assert first == again
        assert len(set(map(tuple, first))) > 3
