"""One model class for every architecture: what training, search and translation call.

Shapes: B batch, S source length, T target length, D d_model, V vocabulary; in search K beam and M = B * K rows.
"""

import math
from collections.abc import Callable
from typing import Protocol, Self, assert_never

import torch
from torch import Tensor, nn

from mtkit.model.convolutional import ConvolutionalDecoder, ConvolutionalEncoder
from mtkit.model.dropout import Dropout
from mtkit.model.initialisation import initialise
from mtkit.model.linear import Linear, linear, pack
from mtkit.model.memory import Memory
from mtkit.model.positions import sinusoidal_positions
from mtkit.model.recurrent import RecurrentDecoder, RecurrentEncoder
from mtkit.model.search_state import SearchState
from mtkit.model.transformer import TransformerDecoder, TransformerEncoder, build_norm
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import RELATIVE, Side

Encoder = TransformerEncoder | RecurrentEncoder | ConvolutionalEncoder
Decoder = TransformerDecoder | RecurrentDecoder | ConvolutionalDecoder

Change = Callable[[Tensor], Tensor]
"""Changes token embeddings, (B, L, their width), before they are scaled and positions are added."""

_ENCODERS: dict[str, type[Encoder]] = {
    "transformer": TransformerEncoder,
    "rnn": RecurrentEncoder,
    "conv": ConvolutionalEncoder,
}
_DECODERS: dict[str, type[Decoder]] = {
    "transformer": TransformerDecoder,
    "rnn": RecurrentDecoder,
    "conv": ConvolutionalDecoder,
}


class Embedding(nn.Module):
    """Token embeddings, times the root of their width, plus positions where they are added (Vaswani et al. 2017,
    sections 3.4 and 3.5).

    Factorised ones have a smaller width, and a linear map to D (Lan et al. 2020, section 3.1). BART normalises the sum
    (Lewis et al. 2020).
    """

    positions: Tensor | None

    def __init__(self, config: ModelConfig, vocab_size: int, *, pad_id: int | None, side: Side) -> None:
        super().__init__()
        positions = config.positions_of(side)
        width = config.d_embedding or config.d_model
        self.tokens = nn.Embedding(vocab_size, width, padding_idx=pad_id)
        self.scale = math.sqrt(width) if config.scales_embeddings(side) else 1.0
        self.widen = nn.Linear(width, config.d_model, bias=False) if config.d_embedding else None
        if positions == "learned":
            self.positions = nn.Parameter(torch.empty(config.max_length, config.d_model))
            nn.init.normal_(self.positions, std=self.scale * width**-0.5)  # as the tokens that they are added to
        else:
            if positions != "sinusoidal" and positions not in ("none", *RELATIVE):
                raise ValueError(f"no positions are called {positions}")
            sizes = config.max_length, config.d_model
            table = sinusoidal_positions(*sizes, config.sinusoids) if positions == "sinusoidal" else None
            self.register_buffer("positions", table, persistent=False)
        self.norm = build_norm(config) if config.embedding_norm else None

    def forward(self, ids: Tensor, start: int = 0, change: Change | None = None) -> Tensor:
        """int64 (B, L), the first column at position ``start`` -> (B, L, D)."""
        x = self.tokens(ids)
        x = (x if change is None else change(x)) * self.scale
        x = x if self.widen is None else self.widen(x)
        x = x if self.positions is None else x + self.positions[start : start + ids.size(1)]
        return x if self.norm is None else self.norm(x)


class Vocabularies(Protocol):
    """What a model needs to know of a tokenizer."""

    @property
    def pad_id(self) -> int:
        """Id of the padding."""

    @property
    def start_id(self) -> int:
        """Id that the decoder reads first."""

    @property
    def src_vocab_size(self) -> int:
        """Pieces of the source side."""

    @property
    def tgt_vocab_size(self) -> int:
        """Pieces of the target side."""


class EncoderDecoder(nn.Module):
    """A conditional language model p(tgt | src)."""

    packed_output: Tensor | None = None
    """Packed matrix of ``project``, as in ``Linear``."""

    def __init__(
        self,
        config: ModelConfig,
        *,
        src_vocab_size: int,
        tgt_vocab_size: int,
        pad_id: int,
        start_id: int | None = None,
    ) -> None:
        """Build a model with random weights.

        Args:
            config: Its shape.
            src_vocab_size: Pieces of the source side.
            tgt_vocab_size: Pieces of the target side.
            pad_id: Id of the padding, on both sides.
            start_id: Id that the decoder reads first. Where it is ``pad_id``, the row of that in the target embedding
                is read, and learns, as any other; one of zeros, which Marian begins with, stays so.
        """
        super().__init__()
        self.config = config
        self.pad_id = pad_id
        unread = None if start_id == pad_id else pad_id
        self.tgt_embedding = Embedding(config, tgt_vocab_size, pad_id=unread, side="decoder")
        self.src_embedding = Embedding(config, src_vocab_size, pad_id=pad_id, side="encoder")
        width = config.d_embedding or config.d_model
        self.narrow = nn.Linear(config.d_model, width, bias=False) if config.d_embedding else None
        self.output: nn.Linear | None = None
        match config.tie_embeddings:
            case "all":  # tokens alone: where they stand is a matter of each side
                self.src_embedding.tokens = self.tgt_embedding.tokens
                self.src_embedding.widen = self.tgt_embedding.widen
            case "inputs":
                self.src_embedding.tokens = self.tgt_embedding.tokens
                self.src_embedding.widen = self.tgt_embedding.widen
                self.output = nn.Linear(width, tgt_vocab_size, bias=False)
            case "decoder":
                pass
            case "none":
                self.output = nn.Linear(width, tgt_vocab_size, bias=False)
            case _:
                assert_never(config.tie_embeddings)
        self.output_bias = nn.Parameter(torch.zeros(tgt_vocab_size)) if config.output_bias else None
        self.output_scale = config.d_model**-0.5 if config.scale_output else 1.0
        self.encoder: Encoder = _ENCODERS[config.side("encoder")](config)
        self.decoder: Decoder = _DECODERS[config.side("decoder")](config)
        self.dropout = Dropout(config.dropout)
        initialise(self, config)
        if start_id == pad_id:
            _keep_zeros(self.tgt_embedding.tokens.weight, pad_id)

    @classmethod
    def for_tokenizer(cls, config: ModelConfig, tokenizer: Vocabularies) -> Self:
        """A model that reads and writes the pieces of a tokenizer."""
        return cls(
            config,
            src_vocab_size=tokenizer.src_vocab_size,
            tgt_vocab_size=tokenizer.tgt_vocab_size,
            pad_id=tokenizer.pad_id,
            start_id=tokenizer.start_id,
        )

    def forward(
        self,
        src: Tensor,
        tgt_in: Tensor,
        src_padding_mask: Tensor | None = None,
        *,
        src_change: Change | None = None,
        tgt_change: Change | None = None,
    ) -> Tensor:
        """Hidden states (B, T, D) under teacher forcing; ``project`` turns them into logits."""
        return self.decode(tgt_in, self.encode(src, src_padding_mask, src_change), tgt_change)

    def encode(self, src: Tensor, src_padding_mask: Tensor | None = None, change: Change | None = None) -> Memory:
        """Read the source.

        Args:
            src: int64 (B, S), right-padded.
            src_padding_mask: Bool (B, S), True = padding; None where no row is padded.
            change: Of the token embeddings; None leaves them as they are.
        """
        return self.encoder(self.dropout(self.src_embedding(src, change=change)), src_padding_mask)

    def decode(self, tgt_in: Tensor, memory: Memory, change: Change | None = None) -> Tensor:
        """All target positions at once, each seeing those before it: int64 (B, T) -> (B, T, D), what ``project`` takes.

        With factorised embeddings the last dimension is theirs, here and in ``step``. ``change`` is as in ``encode``.
        """
        return self._narrowed(self.decoder(self.dropout(self.tgt_embedding(tgt_in, change=change)), memory))

    def start(self, memory: Memory, beam_size: int = 1) -> SearchState:
        """The state before the first token, with ``beam_size`` equal rows for each sentence, side by side."""
        hidden, kind = memory.hidden, memory.hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        state = SearchState([], hidden.size(0), beam_size, hidden.device, dtype)
        self.decoder.start(memory, state)
        return state

    def step(self, tokens: Tensor, state: SearchState) -> Tensor:
        """Read one token of every row, int64 (M,), and return the hidden states (M, D) that predict the next."""
        embedded = self.tgt_embedding(tokens[:, None], start=state.length)[:, 0]
        state.advance()
        return self._narrowed(self.decoder.step(embedded, state))

    def _narrowed(self, hidden: Tensor) -> Tensor:
        hidden = hidden if self.output_scale == 1 else hidden * self.output_scale
        return hidden if self.narrow is None else self.narrow(hidden)

    def project(self, hidden: Tensor) -> Tensor:
        """Hidden (..., D) to logits (..., V)."""
        return linear(hidden, self.output_weight, self.output_bias, packed=self.packed_output)

    def fix(self) -> None:
        """Make the steps of a search faster where that takes a second copy of the decoder's weights: from now on they
        must not change.
        """
        self.packed_output = pack(self.output_weight)
        for module in self.decoder.modules():
            if isinstance(module, Linear):
                module.packed = pack(module.whole_weight)

    @property
    def output_weight(self) -> Tensor:
        """The matrix of ``project``, (V, D); the target embedding itself where the two are tied."""
        return self.tgt_embedding.tokens.weight if self.output is None else self.output.weight

    def layers(self) -> list[nn.Module]:
        """The layers of encoder and decoder that a compiler can make faster: all but recurrent ones."""
        return [layer for layer in (*self.encoder.layers, *self.decoder.layers) if not isinstance(layer, nn.RNNBase)]

    def n_parameters(self) -> int:
        """Trained numbers, tied matrices counted once."""
        return sum(parameter.numel() for parameter in self.parameters())


def _keep_zeros(weight: Tensor, row: int) -> None:
    """Give a row of a matrix no gradient while it is zero: tied to the output, it would learn that nothing predicts
    it.
    """

    def without_row(gradient: Tensor) -> Tensor | None:
        if bool(weight.detach()[row].any()):
            return None
        return gradient.index_fill(0, torch.tensor([row], device=gradient.device), 0)

    weight.register_hook(without_row)
