import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mtkit.config import ModelConfig
from mtkit.model.cost import decoding_flop, forward_flop, training_flop
from mtkit.model.encoder_decoder import EncoderDecoder

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
    expected = counter.get_total_flops()
    assert training_flop(CONFIG, n_sentences=3, n_src_tokens=21, n_tgt_tokens=15, vocab_size=V) == expected


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
