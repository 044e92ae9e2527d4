"""Recurrent encoders and decoders: LSTM or GRU, with the attention of Bahdanau et al. (2015) or Luong et al. (2015).

Shapes: B batch, S source length, T target length, D d_model, H heads; in search K beam, M = B * K rows.
"""

from typing import assert_never

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mtkit.model.dropout import Dropout
from mtkit.model.memory import Memory
from mtkit.model.search_state import RowCache, SearchState, SentenceCache
from mtkit.model.state_attention import StateAttention
from mtkit.settings.model import ModelConfig

_CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
States = list[list[Tensor]]
"""State of each layer, (B, D), and with an LSTM its cell, (B, D)."""


class RecurrentEncoder(nn.Module):
    """A stack of recurrent layers; a bidirectional one reads with D / 2 numbers in each direction."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        directions = 2 if config.bidirectional else 1
        self.layers = nn.ModuleList(
            _CELLS[config.rnn_cell](
                config.d_model, config.d_model // directions, batch_first=True, bidirectional=config.bidirectional
            )
            for _ in range(config.n_encoder_layers)
        )
        self.dropout = Dropout(config.dropout)
        self.residual = config.rnn_residual

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Memory:
        """Embedded source (B, S, D) and its padding (B, S), True = padding."""
        final: States = []
        lengths = None if padding_mask is None else (~padding_mask).sum(1).cpu()
        for index, layer in enumerate(self.layers):
            out, last = _read(layer, x, lengths)
            final.append([state.transpose(0, 1).flatten(1) for state in (last if isinstance(last, tuple) else [last])])
            out = self.dropout(out)
            x = x + out if self.residual and index else out
        return Memory(x, padding_mask, final=final)


def _read(layer: nn.Module, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | tuple[Tensor, Tensor]]:
    """A layer over sequences of the given lengths, int64 (B,) on the CPU; None where all are as long as ``x``."""
    x = _in_precision(x)
    if lengths is None:
        out, last = layer(x)
        return out, last
    packed, last = layer(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    return pad_packed_sequence(packed, batch_first=True, total_length=x.size(1))[0], last


def _in_precision(x: Tensor) -> Tensor:
    """The input in the dtype of autocast, which casts only the weights of recurrent layers."""
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x


class RecurrentDecoder(nn.Module):
    """A stack of recurrent layers with attention to the source.

    bahdanau: the state before a token asks what to read, and the first layer reads the answer with the token (Bahdanau
    et al. 2015, appendix A.2.2). luong: the state after it asks, and what attention gave can be fed to the next step
    (input feeding; Luong et al. 2015, equation 5 and section 3.3).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d = config.d_model
        self.attends_first = {"bahdanau": True, "luong": False}[config.rnn_attention]
        self.fed = self.attends_first or config.input_feeding
        self.one_by_one = self.fed or config.coverage
        self.layers = nn.ModuleList(
            _CELLS[config.rnn_cell](2 * d if self.fed and index == 0 else d, d, batch_first=True)
            for index in range(config.n_decoder_layers)
        )
        self.n_states = {"lstm": 2, "gru": 1}[config.rnn_cell]
        assert isinstance(config.cross_attention, str)
        self.cross_attention = StateAttention(config, config.cross_attention, coverage=config.coverage)
        self.covers = config.coverage
        self.readout = nn.Linear(3 * d if self.attends_first else 2 * d, d)
        self.bridge = config.bridge
        if config.bridge == "dense":
            self.bridges = nn.ModuleList(nn.Linear(d, d) for _ in range(config.n_decoder_layers))
        self.dropout = Dropout(config.dropout)
        self.residual = config.rnn_residual

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Embedded target (B, T, D) -> hidden (B, T, D); token after token where a step needs the one before it."""
        source = self.cross_attention.start(memory)
        tensors = self._initial(memory)
        if not self.one_by_one:
            out, _ = self._run(x, self._states(tensors))
            context, _ = self.cross_attention(out, source)
            return self._read_out(out, context, x)
        steps = []
        for token in x.split(1, dim=1):
            out, tensors = self._advance(token, tensors, source)
            steps.append(out)
        return torch.cat(steps, dim=1)

    def start(self, memory: Memory, state: SearchState) -> None:
        """Give the state what is remembered before the first token."""
        rows = [tensor.repeat_interleave(state.beam_size, dim=0) for tensor in self._initial(memory)]
        state.caches += [RowCache(rows), SentenceCache.copied(self.cross_attention.start(memory))]

    def step(self, x: Tensor, state: SearchState) -> Tensor:
        """One embedded token of every row, (M, D) -> hidden (M, D)."""
        rows, source = state.caches
        out, rows.tensors = self._advance(x[:, None], rows.tensors, source.tensors, state.beam_size)  # type: ignore[attr-defined]
        return out[:, 0]

    def _initial(self, memory: Memory) -> list[Tensor]:
        """What rows carry from step to step: the states of all layers; what is fed, (B, D); coverage, (B, H, S)."""
        hidden, mask = memory.hidden, memory.padding_mask
        nothing = hidden.new_zeros(hidden.size(0), hidden.size(2))
        match self.bridge:
            case "copy":
                assert memory.final is not None
                states = memory.final
            case "dense":
                real = torch.ones_like(hidden[..., :1]) if mask is None else (~mask)[..., None].to(hidden.dtype)
                mean = (hidden * real).sum(1) / real.sum(1)
                states = [[bridge(mean).tanh(), *[nothing] * (self.n_states - 1)] for bridge in self.bridges]
            case "none":
                states = [[nothing] * self.n_states for _ in self.layers]
            case _:
                assert_never(self.bridge)
        tensors = [tensor for layer in states for tensor in layer]
        if self.fed and not self.attends_first:
            tensors.append(nothing)
        if self.covers:
            tensors.append(hidden.new_zeros(hidden.size(0), self.cross_attention.n_heads, hidden.size(1)))
        return tensors

    def _states(self, tensors: list[Tensor]) -> States:
        n = self.n_states
        return [tensors[n * index : n * (index + 1)] for index in range(len(self.layers))]

    def _run(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Tokens (M, L, ...) through all layers -> the top states (M, L, D), and where each layer ended."""
        ended = []
        for index, (layer, before) in enumerate(zip(self.layers, states, strict=True)):
            first = tuple(_in_precision(state)[None].contiguous() for state in before)
            out, last = layer(_in_precision(x), first if len(first) > 1 else first[0])
            ended.append([state[0] for state in (last if isinstance(last, tuple) else [last])])
            out = self.dropout(out)
            x = x + out if self.residual and index else out
        return x, ended

    def _advance(
        self, x: Tensor, tensors: list[Tensor], source: list[Tensor | None], beam_size: int = 1
    ) -> tuple[Tensor, list[Tensor]]:
        """One token of every row, (M, 1, D) -> hidden (M, 1, D), and what the rows carry to the next."""
        states, rest = self._states(tensors), tensors[self.n_states * len(self.layers) :]
        coverage = rest.pop() if self.covers else None

        def attend(query: Tensor) -> Tensor:
            """(M, 1, D) -> (M, 1, D): the rows of a sentence are its queries."""
            nonlocal coverage
            seen = None if coverage is None else coverage.unflatten(0, (-1, beam_size)).transpose(1, 2)
            context, weights = self.cross_attention(query.view(-1, beam_size, query.size(-1)), source, seen)
            if coverage is not None:
                coverage = coverage + weights.transpose(1, 2).flatten(0, 1)
            return context.reshape(query.shape)

        if self.attends_first:
            context = attend(states[-1][0][:, None])
            out, states = self._run(torch.cat([x, context], dim=-1), states)
        else:
            out, states = self._run(torch.cat([x, rest.pop()[:, None]], dim=-1) if self.fed else x, states)
            context = attend(out)
        hidden = self._read_out(out, context, x)
        fed = [hidden[:, 0]] if self.fed and not self.attends_first else []
        covered = [] if coverage is None else [coverage]
        return hidden, [*(tensor for layer in states for tensor in layer), *fed, *covered]

    def _read_out(self, out: Tensor, context: Tensor, x: Tensor) -> Tensor:
        """Tanh of a linear map of state, context and, after Bahdanau, the token read: (..., D)."""
        parts = [out, context, x] if self.attends_first else [out, context]
        return self.dropout(self.readout(torch.cat(parts, dim=-1)).tanh())
