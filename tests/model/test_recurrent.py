"""Recurrent encoders and decoders against torch's layers and against the papers' equations, step by step."""

from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from mtkit.model.memory import Memory
from mtkit.model.recurrent import RecurrentDecoder, RecurrentEncoder
from mtkit.settings.model import ModelConfig

M = TypeVar("M", bound=nn.Module)
SIZES = {
    "architecture": "rnn",
    "d_model": 8,
    "n_heads": 1,
    "n_encoder_layers": 2,
    "n_decoder_layers": 2,
    "dropout": 0.0,
}
X = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
SOURCE = torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(1))
PADDING = torch.arange(6) >= torch.tensor([6, 4, 1])[:, None]


def built(kind: type[M], **overrides: object) -> M:
    torch.manual_seed(0)
    return kind(ModelConfig.model_validate(SIZES | overrides))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_one_way_encoder_is_the_stacked_layer_of_torch(cell: str) -> None:
    encoder = built(RecurrentEncoder, rnn_cell=cell, bidirectional=False)
    oracle = (nn.LSTM if cell == "lstm" else nn.GRU)(8, 8, num_layers=2, batch_first=True)
    for index, layer in enumerate(encoder.layers):
        for name, parameter in layer.named_parameters():
            getattr(oracle, name.replace("l0", f"l{index}")).data = parameter.data
    expected, _ = oracle(X)
    torch.testing.assert_close(encoder(X, None).hidden, expected)


def test_residuals_go_around_every_layer_but_the_first() -> None:
    first, second, third = (encoder := built(RecurrentEncoder, rnn_residual=True, n_encoder_layers=3)).layers
    x = first(X)[0]
    x = x + second(x)[0]
    torch.testing.assert_close(encoder(X, None).hidden, x + third(x)[0])
    decoder = built(RecurrentDecoder, rnn_residual=True, bridge="none", cross_attention="dot")
    x = decoder.layers[0](X)[0]
    x = x + decoder.layers[1](x)[0]
    context = (x @ SOURCE.mT).softmax(-1) @ SOURCE
    expected = decoder.readout(torch.cat([x, context], dim=-1)).tanh()
    torch.testing.assert_close(decoder(X, Memory(SOURCE, None)), expected)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_bidirectional_encoder_reads_each_sentence_to_its_own_end(cell: str) -> None:
    encoder = built(RecurrentEncoder, rnn_cell=cell)
    together = encoder(SOURCE, PADDING)
    for row, length in enumerate([6, 4, 1]):
        alone = encoder(SOURCE[row : row + 1, :length], None)
        torch.testing.assert_close(together.hidden[row, :length], alone.hidden[0])
        for all_rows, one in zip(together.final, alone.final, strict=True):
            torch.testing.assert_close([state[row] for state in all_rows], [state[0] for state in one])


def weights_of(decoder: RecurrentDecoder, query: Tensor) -> Tensor:
    """Attention weights (B, S) of queries (B, D), by the formula of the score."""
    keys, attention = SOURCE, decoder.cross_attention
    (weight,) = attention.score.parameters()
    if isinstance(attention.q_proj, nn.Linear):
        assert isinstance(attention.k_proj, nn.Linear)
        inner = attention.q_proj(query)[:, None] + attention.k_proj(keys)
        scores = inner.tanh() @ weight[0, :, 0]
    else:
        scores = torch.einsum("bd,de,bse->bs", query, weight[0], keys)
    return scores.masked_fill(PADDING, -torch.inf).softmax(-1)


def test_bahdanau_asks_before_it_reads() -> None:
    decoder = built(
        RecurrentDecoder, rnn_attention="bahdanau", rnn_cell="gru", cross_attention="additive", n_decoder_layers=1
    )
    found = decoder(X, Memory(SOURCE, PADDING))
    cell = nn.GRUCell(16, 8)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in decoder.layers[0].state_dict().items()})
    mean = (SOURCE * ~PADDING[..., None]).sum(1) / (~PADDING).sum(1, keepdim=True)
    state = decoder.bridges[0](mean).tanh()
    for t in range(5):
        context = (weights_of(decoder, state)[:, :, None] * SOURCE).sum(1)
        state = cell(torch.cat([X[:, t], context], dim=-1), state)
        readout = decoder.readout(torch.cat([state, context, X[:, t]], dim=-1)).tanh()
        torch.testing.assert_close(found[:, t], readout)


@pytest.mark.parametrize("fed", [True, False])
def test_luong_asks_after_it_has_read(fed: bool) -> None:
    decoder = built(RecurrentDecoder, cross_attention="general", input_feeding=fed, bridge="none", n_decoder_layers=1)
    found = decoder(X, Memory(SOURCE, PADDING))
    cell = nn.LSTMCell(16 if fed else 8, 8)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in decoder.layers[0].state_dict().items()})
    readout, states = torch.zeros(3, 8), (torch.zeros(3, 8), torch.zeros(3, 8))
    for t in range(5):
        states = cell(torch.cat([X[:, t], readout], dim=-1) if fed else X[:, t], states)
        context = (weights_of(decoder, states[0])[:, :, None] * SOURCE).sum(1)
        readout = decoder.readout(torch.cat([states[0], context], dim=-1)).tanh()
        torch.testing.assert_close(found[:, t], readout)


def test_coverage_moves_keys_by_the_attention_that_they_have_had() -> None:
    decoder = built(RecurrentDecoder, cross_attention="additive", coverage=True, bridge="none", n_decoder_layers=1)
    attention = decoder.cross_attention
    assert attention.coverage is not None
    (weight,) = attention.score.parameters()
    nn.init.normal_(attention.coverage)
    attention.recorded = []
    found = decoder(X, Memory(SOURCE, PADDING))
    cell = nn.LSTMCell(8, 8)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in decoder.layers[0].state_dict().items()})
    covered, states = torch.zeros(3, 6), (torch.zeros(3, 8), torch.zeros(3, 8))
    for t in range(5):
        states = cell(X[:, t], states)
        inner = (
            attention.q_proj(states[0])[:, None] + attention.k_proj(SOURCE) + covered[..., None] * attention.coverage[0]
        )
        scores = inner.tanh() @ weight[0, :, 0]
        weights = scores.masked_fill(PADDING, -torch.inf).softmax(-1)
        torch.testing.assert_close(attention.recorded[t][:, 0, 0], weights)
        covered = covered + weights
        context = (weights[:, :, None] * SOURCE).sum(1)
        torch.testing.assert_close(found[:, t], decoder.readout(torch.cat([states[0], context], dim=-1)).tanh())


def test_bridge_copies_where_the_encoder_ended() -> None:
    encoder, decoder = built(RecurrentEncoder), built(RecurrentDecoder, bridge="copy")
    memory = encoder(SOURCE, PADDING)
    initial = decoder._initial(memory)
    assert memory.final is not None
    torch.testing.assert_close(initial, [state for layer in memory.final for state in layer])
    # The forward direction ended at the last real token, the backward one at the first.
    torch.testing.assert_close(initial[2][1, :4], memory.hidden[1, 3, :4])
    torch.testing.assert_close(initial[2][1, 4:], memory.hidden[1, 0, 4:])
