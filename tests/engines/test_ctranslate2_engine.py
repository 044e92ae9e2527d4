"""The oracle is our own search: CTranslate2 in float32 must find the same, whatever the model and the options."""

import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.bundle.writing import save_bundle
from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.data.tokens.training import train_tokenizer
from mtkit.engines.conversion import converted
from mtkit.engines.ctranslate2_engine import CTranslate2Engine
from mtkit.engines.torch_engine import TorchEngine
from mtkit.machine.compute import Compute
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.hypothesis import Hypothesis, SearchOptions
from mtkit.settings.model import ModelConfig
from mtkit.settings.tokenizer import TokenizerConfig
from tests.data.tokens.foreign import START_IS_EOS, START_IS_PAD, TAGS, foreign_tokenizer
from tests.tiny import LINES, tiny_config

pytestmark = pytest.mark.processor

T5: dict[str, object] = {
    "norm_type": "rms",
    "positions": "t5",
    "shared_positions": True,
    "encoder_attention": "dot",
    "decoder_attention": "dot",
    "cross_attention": "dot",
    "scale_embeddings": False,
    "bias": False,
    "output_bias": True,  # T5 has none; here it keeps padding from being predicted
}

Engines = tuple[TorchEngine, CTranslate2Engine]


@pytest.fixture(scope="module")
def tokenizers() -> dict[bool, Tokenizer]:
    """Joint and separate."""
    tgt_lines = [line.upper()[::-1] for line in LINES]
    return {
        joint: train_tokenizer(LINES, tgt_lines, TokenizerConfig(joint=joint, byte_fallback=False), 60, exact=False)
        for joint in (True, False)
    }


def lively_model(tokenizer: Tokenizer, config: ModelConfig, *, eos_bias: float = 0.0, seed: int = 1) -> EncoderDecoder:
    """Random weights that make many different hypotheses, and as good as never predict padding or begin of sentence.

    Args:
        tokenizer: For the sizes.
        config: Shape.
        eos_bias: How much likelier than others the end of sentence is, in nats or so.
        seed: Of the weights.
    """
    torch.manual_seed(seed)
    model = EncoderDecoder(
        config,
        src_vocab_size=tokenizer.src_vocab_size,
        tgt_vocab_size=tokenizer.tgt_vocab_size,
        pad_id=tokenizer.pad_id,
    )
    norm: Any = model.decoder.norm if config.norm == "pre" else model.decoder.layers[-1].residuals[-1].norm  # type: ignore[index]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.mul_(4.0 if "attention" in name else 2.0)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)
        constant: Any = model.output_bias
        if constant is None:
            norm.weight[0], norm.bias[0] = 0, 1  # so that one feature is a constant
            constant = model.output_weight[:, 0]
            constant.zero_()
        for token in tokenizer.special.never:
            constant[token] = -30.0
        constant[tokenizer.eos_id] = eos_bias
    return model.eval()


def engines(model: EncoderDecoder, tokenizer: Tokenizer, directory: Path, *, threads: int = 1) -> Engines:
    """The same model in both."""
    config = tiny_config(joint=tokenizer.joint).model_copy(update={"model": model.config})
    save_bundle(directory, model=model, tokenizer=tokenizer, config=config, data_hashes={}, scores={})
    bundle = load_bundle(directory)
    compute = Compute(torch.device("cpu"), "fp32", threads)
    ours = TorchEngine(model, special=tokenizer.special, compute=compute)
    with converted(bundle, "float32") as conversion:
        theirs = CTranslate2Engine(
            conversion.directory,
            tokenizer,
            quantization="float32",
            threads=threads,
            max_length=model.config.max_length,
            n_parameters=bundle.n_parameters(),
        )
    return ours, theirs


def random_sources(vocab_size: int, n: int = 24, longest: int = 14) -> list[list[int]]:
    draw = random.Random(5)
    return [[draw.randrange(4, vocab_size) for _ in range(draw.randint(1, longest))] for _ in range(n)]


def search_options(
    beam_size: int = 4, n_best: int = 1, length_penalty: float = 1.0, ratio: float = 1.5, offset: int = 3
) -> SearchOptions:
    return SearchOptions(beam_size, n_best, length_penalty, ratio, offset)


def assert_same(found: list[list[Hypothesis]], expected: list[list[Hypothesis]]) -> None:
    assert [[h.ids for h in each] for each in found] == [[h.ids for h in each] for each in expected]
    assert [[h.finished for h in each] for each in found] == [[h.finished for h in each] for each in expected]
    for name in ("log_prob", "score"):
        values = [getattr(h, name) for each in found for h in each]
        assert values == pytest.approx([getattr(h, name) for each in expected for h in each], abs=1e-3, rel=1e-4)


def compare(
    both: Engines,
    sources: list[list[int]],
    options: SearchOptions,
    *,
    batch_size: int = 64,
    tgt_prefix: Sequence[int] = (),
) -> None:
    expected, found = (
        e.begin(sources, options, batch_size=batch_size, batch_type="sentences", tgt_prefix=tgt_prefix)() for e in both
    )
    assert_same(found, expected)
    assert len({tuple(h.ids) for each in found for h in each}) > 5


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize(("tying", "joint"), [("none", True), ("none", False), ("decoder", False), ("all", True)])
def test_every_kind_of_model_is_converted(
    tokenizers: dict[bool, Tokenizer], tmp_path: Path, norm: str, activation: str, tying: str, joint: bool
) -> None:
    config = ModelConfig.model_validate(
        {
            "d_model": 16,
            "n_heads": 4,
            "d_ff": 24,
            "n_encoder_layers": 2,
            "n_decoder_layers": 3,
            "max_length": 40,
            "norm": norm,
            "activation": activation,
            "tie_embeddings": tying,
        }
    )
    tokenizer = tokenizers[joint]
    both = engines(lively_model(tokenizer, config, eos_bias=1.5), tokenizer, tmp_path / "model")
    compare(both, random_sources(tokenizer.src_vocab_size), search_options(n_best=2))


FAMILIES: dict[str, dict[str, object]] = {
    "marian": {"norm": "post", "activation": "silu", "sinusoids": "halves", "output_bias": True},
    "m2m": {"sinusoids": "fairseq"},
    "mbart": {"positions": "learned", "embedding_norm": True, "activation": "gelu"},
    "t5-1.0": T5 | {"scale_output": True},
    "t5-1.1": T5 | {"activation": "geglu", "tie_embeddings": "inputs"},
    "mt5": T5 | {"activation": "geglu", "tie_embeddings": "inputs", "n_heads": 3, "d_head": 6},
    "umt5": T5 | {"activation": "geglu", "tie_embeddings": "inputs", "shared_positions": False},
    "llama-like": {
        "norm_type": "rms",
        "output_bias": True,
        "activation": "swiglu",
        "bias": False,
        "scale_embeddings": False,
    },
    "scaled-t5": {"positions": "t5", "norm": "post", "encoder_attention": ["dot", "scaled_dot"]},
    "wide-heads": {"n_heads": 3, "d_head": 8},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_what_models_of_others_have_is_converted(tokenizers: dict[bool, Tokenizer], tmp_path: Path, name: str) -> None:
    sizes = {"d_model": 16, "n_heads": 4, "d_ff": 24, "n_encoder_layers": 2, "n_decoder_layers": 3, "max_length": 200}
    config = ModelConfig.model_validate(sizes | FAMILIES[name])
    tokenizer = tokenizers[True]
    both = engines(lively_model(tokenizer, config, eos_bias=1.5, seed=2), tokenizer, tmp_path / "model")
    sources = random_sources(tokenizer.src_vocab_size, n=16) + random_sources(tokenizer.src_vocab_size, 2, 150)
    for beam_size in (1, 4):
        compare(both, sources, search_options(beam_size, n_best=min(beam_size, 2)))


@pytest.fixture(scope="module")
def both(tokenizers: dict[bool, Tokenizer], tmp_path_factory: pytest.TempPathFactory) -> Engines:
    """A model some of whose sentences end by themselves and some at the longest length."""
    model = lively_model(tokenizers[True], tiny_config().model, eos_bias=0.5)
    return engines(model, tokenizers[True], tmp_path_factory.mktemp("both") / "model", threads=2)


@pytest.fixture(scope="module")
def sources(tokenizers: dict[bool, Tokenizer]) -> list[list[int]]:
    return random_sources(tokenizers[True].src_vocab_size)


@pytest.mark.parametrize("beam_size", [1, 2, 5])
@pytest.mark.parametrize("length_penalty", [-0.5, 0.0, 0.6, 1.0, 2.0])
def test_beam_and_length_penalty_mean_the_same(
    both: Engines, sources: list[list[int]], beam_size: int, length_penalty: float
) -> None:
    compare(both, sources, search_options(beam_size, length_penalty=length_penalty))


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
@pytest.mark.parametrize("n_best", [3, 5])
def test_the_n_best_are_the_same(both: Engines, sources: list[list[int]], n_best: int, length_penalty: float) -> None:
    compare(both, sources, search_options(5, n_best=n_best, length_penalty=length_penalty))


def test_without_a_length_penalty_a_search_does_not_end_with_the_top_of_its_beam(
    tokenizers: dict[bool, Tokenizer], tmp_path: Path
) -> None:
    """A model sure of itself: what lives on can still become better than what ended after the best."""
    model = lively_model(tokenizers[True], tiny_config().model, eos_bias=8.0)
    with torch.no_grad():
        model.output_weight[:, 1:] *= 5
    both = engines(model, tokenizers[True], tmp_path / "model")
    compare(both, random_sources(tokenizers[True].src_vocab_size), search_options(5, n_best=3, length_penalty=0.0))


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize(("ratio", "offset"), [(0.4, 0), (1.0, 0), (0.01, 4), (0.3, 2)])
def test_each_sentence_has_a_longest_length_of_its_own(
    both: Engines, sources: list[list[int]], beam_size: int, ratio: float, offset: int
) -> None:
    options = search_options(beam_size, n_best=min(beam_size, 2), ratio=ratio, offset=offset)
    compare(both, sources, options)
    found = both[1].begin(sources, options, batch_size=64, batch_type="sentences")()
    limits = [max(1, int((len(ids) + 1) * ratio + offset)) for ids in sources]
    assert all(len(h.ids) + h.finished <= limit for each, limit in zip(found, limits, strict=True) for h in each)
    assert {h.finished for each in found for h in each} == {True, False}


def test_no_hypothesis_is_longer_than_the_model_can_write(both: Engines, sources: list[list[int]]) -> None:
    options = search_options(ratio=100.0)
    compare(both, sources, options)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_batches_change_nothing(both: Engines, sources: list[list[int]], batch_size: int) -> None:
    compare(both, sources, search_options(), batch_size=batch_size)


def test_one_sentence_after_the_other_is_searched_alike(both: Engines, sources: list[list[int]]) -> None:
    expected = both[0].begin(sources[:6], search_options(), batch_size=64, batch_type="sentences")()
    alone = [both[1].begin([ids], search_options(), batch_size=64, batch_type="sentences")() for ids in sources[:6]]
    assert_same([found[0] for found in alone], expected)


def test_a_batch_may_be_counted_in_tokens(both: Engines, sources: list[list[int]]) -> None:
    expected = both[0].begin(sources, search_options(), batch_size=64, batch_type="sentences")()
    assert_same(both[1].begin(sources, search_options(), batch_size=20, batch_type="tokens")(), expected)


def test_no_sentences_have_no_hypotheses(both: Engines) -> None:
    assert both[1].begin([], search_options(), batch_size=64, batch_type="sentences")() == []


def test_a_beam_wider_than_half_the_vocabulary_works(both: Engines, sources: list[list[int]]) -> None:
    compare(both, sources[:6], search_options(beam_size=45))


def test_padding_and_begin_of_sentence_are_never_predicted(tokenizers: dict[bool, Tokenizer], tmp_path: Path) -> None:
    tokenizer = tokenizers[True]
    model = lively_model(tokenizer, tiny_config().model, eos_bias=1.0)
    with torch.no_grad():
        for token in (tokenizer.pad_id, tokenizer.special.bos):
            model.output_weight[token, 0] = 3.0  # now they are what the model likes best
    both = engines(model, tokenizer, tmp_path / "model")
    sources = random_sources(tokenizer.src_vocab_size)
    for beam_size in (1, 4):
        options = search_options(beam_size, n_best=beam_size)
        found = both[1].begin(sources, options, batch_size=64, batch_type="sentences")()
        assert not {tokenizer.pad_id, tokenizer.special.bos} & {i for each in found for h in each for i in h.ids}
        assert all(len(each) == beam_size for each in found)
    greedy = [e.begin(sources, search_options(1), batch_size=64, batch_type="sentences")() for e in both]
    assert [each[0].ids for each in greedy[1]] == [each[0].ids for each in greedy[0]]


@pytest.mark.parametrize("only_output", [False, True])
def test_a_model_that_computes_nan_has_one_empty_hypothesis(
    tokenizers: dict[bool, Tokenizer], tmp_path: Path, *, only_output: bool
) -> None:
    tokenizer = tokenizers[True]
    model = lively_model(tokenizer, tiny_config().model)
    with torch.no_grad():
        for parameter in [model.output_weight] if only_output else model.parameters():  # each of them finite
            parameter.copy_(parameter.sign() * 3e38 if only_output else parameter * 1e30)
    both = engines(model, tokenizer, tmp_path / "model")
    for engine in both:
        for beam_size, scores in product((1, 4), (False, True)):
            options = replace(search_options(beam_size), scores=scores)
            found = engine.begin([[5, 6]], options, batch_size=1, batch_type="sentences")()
            assert found == [[Hypothesis([], -torch.inf, -torch.inf, finished=False)]]


def test_without_scores_the_translations_are_the_same(both: Engines, sources: list[list[int]]) -> None:
    for beam_size, ratio in ((1, 1.5), (4, 1.5), (1, 0.4), (4, 0.4)):
        options = search_options(beam_size, ratio=ratio, offset=2)
        found = [
            both[1].begin(sources, each, batch_size=64, batch_type="sentences")()
            for each in (options, replace(options, scores=False))
        ]
        assert [[(h.ids, h.finished) for h in each] for each in found[0]] == [
            [(h.ids, h.finished) for h in each] for each in found[1]
        ]


def test_a_conversion_that_lacks_a_weight_is_told_as_what_the_library_cannot_load(
    bundle_directory: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(bundle_directory)
    with converted(bundle, "float32") as conversion:
        shutil.copytree(conversion.directory, tmp_path / "conversion")
        weights = tmp_path / "conversion" / "model.bin"
        content = weights.read_bytes()
        assert b"decoder/layer_norm/gamma" in content
        weights.write_bytes(content.replace(b"decoder/layer_norm/gamma", b"decoder/layer_norm/gamme"))
        damaged = replace(conversion, directory=tmp_path / "conversion")
        with pytest.raises(RuntimeError, match="decoder/layer_norm/gamma"):
            CTranslate2Engine.of(bundle, damaged, 1)


SHAPE = {"d_model": 16, "n_heads": 4, "d_ff": 24, "n_encoder_layers": 2, "n_decoder_layers": 2, "max_length": 40}


@pytest.mark.parametrize("eos_bias", [-1.0, 2.0])
@pytest.mark.parametrize("n_prefix", [0, 1, 2])
@pytest.mark.parametrize("special", [START_IS_EOS, START_IS_PAD], ids=["start is eos", "start is pad"])
def test_ids_from_elsewhere_and_a_target_prefix(
    tmp_path: Path, special: SpecialIds, n_prefix: int, eos_bias: float
) -> None:
    tokenizer = foreign_tokenizer(special)
    tgt_prefix = [list(tokenizer.tgt_pieces).index(tag) for tag in TAGS[:n_prefix]]
    config = ModelConfig.model_validate({**SHAPE, "tie_embeddings": "none"})
    ours, theirs = engines(lively_model(tokenizer, config, eos_bias=eos_bias, seed=4), tokenizer, tmp_path / "bundle")
    sources = [ids[:n] for ids in tokenizer.encode_src(LINES) for n in (3, 8, 20, 39)]

    def found(engine: TorchEngine | CTranslate2Engine, options: SearchOptions) -> list[list[Hypothesis]]:
        return engine.begin(sources, options, batch_size=3, batch_type="sentences", tgt_prefix=tgt_prefix)()

    n_compared = n_finished = 0
    for beam_size, n_best, length_penalty in ((1, 1, 1.0), (4, 4, 1.0), (4, 2, 0.6), (3, 1, 0.0), (3, 3, -0.5)):
        for offset in (1, 8):
            asked = search_options(beam_size, n_best, length_penalty, ratio=0.5, offset=offset)
            expected, others = found(ours, asked), found(theirs, asked)
            assert all(h.log_prob > -1e6 for each in others for h in each)
            # What the library drops after a prefix: a translation without a word.
            whole = found(ours, replace(asked, n_best=beam_size))
            kept = [
                i for i, each in enumerate(whole) if beam_size == 1 or not n_prefix or [] not in [h.ids for h in each]
            ]
            assert_same([others[i] for i in kept], [expected[i] for i in kept])
            n_compared += len(kept)
            n_finished += sum(h.finished for i in kept for h in expected[i])
    assert n_compared > 50
    assert n_finished > 5 or eos_bias < 0


def test_greedy_search_without_scores_after_a_prefix(tmp_path: Path) -> None:
    tokenizer = foreign_tokenizer()
    config = ModelConfig.model_validate({**SHAPE, "tie_embeddings": "none"})
    both = engines(lively_model(tokenizer, config, eos_bias=1.0), tokenizer, tmp_path / "bundle")
    sources = [ids[:30] for ids in tokenizer.encode_src(LINES)]
    for _ in range(2):  # the first search has scores all the same
        expected, found = (
            e.begin(
                sources,
                replace(search_options(1), scores=False),
                batch_size=4,
                batch_type="sentences",
                tgt_prefix=[list(tokenizer.tgt_pieces).index(TAGS[0])],
            )()
            for e in both
        )
        assert [[h.ids for h in each] for each in found] == [[h.ids for h in each] for each in expected]
