from collections.abc import Iterator

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mtkit.model.cost import FORWARD_AND_BACKWARD, decoding_flop, forward_flop
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from tests.model.combinations import COMBINATIONS
from tests.model.conftest import BuildModel

V = 50
CONFIG = ModelConfig(
    d_model=16, n_heads=2, d_ff=24, n_encoder_layers=2, n_decoder_layers=3, dropout=0.0, tie_embeddings="all"
)


@pytest.fixture
def model() -> EncoderDecoder:
    torch.manual_seed(0)
    return EncoderDecoder(CONFIG, src_vocab_size=V, tgt_vocab_size=V, pad_id=0)


def test_parts_worked_out_by_hand() -> None:
    """D 2, F 3, V 5, one layer each; two pairs of 3 source and 4 target tokens."""
    config = ModelConfig(d_model=2, n_heads=1, d_ff=3, n_encoder_layers=1, n_decoder_layers=1)
    assert forward_flop(config, n_sentences=2, n_src_tokens=6, n_tgt_tokens=8, vocab_size=5) == {
        "encoder self-attention": 6 * (4 * 2 * 2 * 2) + 6 * 3 * (2 * 2 * 2),  # q, k, v, out; scores and values
        "encoder feed-forward": 6 * (2 * 2 * 2 * 3),
        "decoder self-attention": 8 * (4 * 2 * 2 * 2) + 8 * 4 * (2 * 2 * 2),
        "decoder cross-attention": 8 * (2 * 2 * 2 * 2) + 6 * (2 * 2 * 2 * 2) + 8 * 3 * (2 * 2 * 2),
        "decoder feed-forward": 8 * (2 * 2 * 2 * 3),
        "projection": 8 * (2 * 2 * 5),
    }


def test_training_is_what_torch_counts_forward_and_backward(model: EncoderDecoder) -> None:
    """Oracle: torch's own counter, over attention spelt out in matrix products."""
    src, tgt_in = torch.randint(1, V, (3, 7)), torch.randint(1, V, (3, 5))
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        model.project(model(src, tgt_in)).sum().backward()
    forward = forward_flop(CONFIG, n_sentences=3, n_src_tokens=21, n_tgt_tokens=15, vocab_size=V)
    assert FORWARD_AND_BACKWARD * sum(forward.values()) == counter.get_total_flops()


@pytest.mark.parametrize("beam_size", [1, 4])
def test_decoding_is_what_torch_counts(model: EncoderDecoder, beam_size: int) -> None:
    src = torch.randint(1, V, (3, 7))
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), counter:
        state = model.start(model.encode(src), beam_size)
        for _ in range(6):
            model.project(model.step(torch.ones(3 * beam_size, dtype=torch.int64), state))
    flop = decoding_flop(CONFIG, n_sentences=3, n_src_tokens=21, n_tgt_tokens=18, vocab_size=V, beam_size=beam_size)
    # The rows of a sentence share their products with all K pasts, of which only a row's own counts.
    others = (beam_size - 1) * CONFIG.n_decoder_layers * beam_size * 18 * 2 * (6 + 1) * CONFIG.d_model
    assert sum(flop.values()) + others == counter.get_total_flops()


@pytest.fixture
def without_fused_layers() -> Iterator[None]:
    """torch counts no product within the fused kernels of its recurrent layers."""
    torch._C._set_mkldnn_enabled(False)
    yield
    torch._C._set_mkldnn_enabled(True)


@pytest.mark.usefixtures("without_fused_layers")
@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_architecture_costs_what_torch_counts(name: str, build_model: BuildModel) -> None:
    """Oracle: torch's own counter. Windows fit a whole number of times: what a last block lacks is not counted."""
    model = build_model(**COMBINATIONS[name], src_vocab_size=V, tgt_vocab_size=V)
    src, tgt_in = torch.randint(1, V, (3, 8)), torch.randint(1, V, (3, 6))
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        model.project(model(src, tgt_in))
    flop = forward_flop(model.config, n_sentences=3, n_src_tokens=24, n_tgt_tokens=18, vocab_size=V)
    assert sum(flop.values()) == pytest.approx(counter.get_total_flops(), rel=1e-9)


@pytest.mark.usefixtures("without_fused_layers")
@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_search_costs_what_torch_counts(name: str, build_model: BuildModel) -> None:
    """With one hypothesis: several share products with pasts that are not their own."""
    model = build_model(**COMBINATIONS[name], src_vocab_size=V, tgt_vocab_size=V)
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        state = model.start(model.encode(torch.randint(1, V, (3, 8))))
        for _ in range(6):
            model.project(model.step(torch.ones(3, dtype=torch.int64), state))
    flop = decoding_flop(model.config, n_sentences=3, n_src_tokens=24, n_tgt_tokens=18, vocab_size=V, beam_size=1)
    assert sum(flop.values()) == pytest.approx(counter.get_total_flops(), rel=1e-9)
