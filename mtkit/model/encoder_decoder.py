"""One model class for every architecture: what training, search and translation call.

Shapes: B batch, S source length, T target length, D d_model, V vocabulary; in search K beam and M = B * K rows.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.config import ModelConfig
from mtkit.model.dropout import Dropout
from mtkit.model.transformer import TransformerDecoder, TransformerEncoder


@dataclass
class Memory:
    """What the encoder remembers of the source."""

    hidden: Tensor
    """(B, S, D)."""

    padding_mask: Tensor | None
    """Bool (B, S), True where the source is padding; None where nothing is."""


class DecoderState(Protocol):
    """What a search carries from one step to the next, without gradients. Each architecture has its own."""

    length: int
    """Tokens read so far."""

    def select(self, parents: Tensor) -> None:
        """Keep, drop and reorder rows: ``parents`` is int64 (B', K'), the old row that each new row continues."""


class Embedding(nn.Module):
    """Token embeddings times sqrt(D) plus sinusoidal positions (Vaswani et al. 2017, sections 3.4 and 3.5)."""

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, *, pad_id: int, max_length: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, d_model, padding_idx=pad_id)
        self.register_buffer("positions", sinusoidal_positions(max_length, d_model), persistent=False)
        self.scale = math.sqrt(d_model)

    def forward(self, ids: Tensor, start: int = 0) -> Tensor:
        """int64 (B, L), the first column at position ``start`` -> (B, L, D)."""
        return self.tokens(ids) * self.scale + self.positions[start : start + ids.size(1)]


def sinusoidal_positions(max_length: int, d_model: int) -> Tensor:
    """(max_length, D) with PE(p, 2i) = sin(p / 10000^(2i/D)) and PE(p, 2i+1) = cos of the same (section 3.5)."""
    position = torch.arange(max_length, dtype=torch.float64)[:, None]
    frequency = 10_000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angle = position * frequency  # (max_length, D / 2)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()


class EncoderDecoder(nn.Module):
    """A conditional language model p(tgt | src)."""

    def __init__(self, config: ModelConfig, *, src_vocab_size: int, tgt_vocab_size: int, pad_id: int) -> None:
        super().__init__()
        self.config = config
        self.pad_id = pad_id
        options = {"d_model": config.d_model, "pad_id": pad_id, "max_length": config.max_length}
        self.tgt_embedding = Embedding(tgt_vocab_size, **options)
        tied = config.tie_embeddings == "all"
        self.src_embedding = self.tgt_embedding if tied else Embedding(src_vocab_size, **options)
        self.output = None if config.tie_embeddings != "none" else nn.Linear(config.d_model, tgt_vocab_size, bias=False)
        self.encoder = TransformerEncoder(config)
        self.decoder = TransformerDecoder(config)
        self.dropout = Dropout(config.dropout)
        self.apply(_initialise)

    def forward(self, src: Tensor, tgt_in: Tensor, src_padding_mask: Tensor | None = None) -> Tensor:
        """Hidden states (B, T, D) under teacher forcing; ``project`` turns them into logits."""
        return self.decode(tgt_in, self.encode(src, src_padding_mask))

    def encode(self, src: Tensor, src_padding_mask: Tensor | None = None) -> Memory:
        """Read the source.

        Args:
            src: int64 (B, S), right-padded.
            src_padding_mask: Bool (B, S), True = padding; None where no row is padded.
        """
        embedded = self.dropout(self.src_embedding(src))
        return Memory(self.encoder(embedded, src_padding_mask), src_padding_mask)

    def decode(self, tgt_in: Tensor, memory: Memory) -> Tensor:
        """All target positions at once, each seeing those before it: int64 (B, T) -> (B, T, D)."""
        return self.decoder(self.dropout(self.tgt_embedding(tgt_in)), memory.hidden, memory.padding_mask)

    def start(self, memory: Memory, beam_size: int = 1) -> DecoderState:
        """The state before the first token, with ``beam_size`` equal rows for each sentence, side by side."""
        return self.decoder.start(memory.hidden, memory.padding_mask, beam_size)

    def step(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Read one token of every row, int64 (M,), and return the hidden states (M, D) that predict the next."""
        embedded = self.tgt_embedding(tokens[:, None], start=state.length)[:, 0]
        return self.decoder.step(embedded, state)  # type: ignore[arg-type]  # its own kind of state

    def project(self, hidden: Tensor) -> Tensor:
        """Hidden (..., D) to logits (..., V)."""
        return F.linear(hidden, self.output_weight)

    @property
    def output_weight(self) -> Tensor:
        """The matrix of ``project``, (V, D); the target embedding itself where the two are tied."""
        return self.tgt_embedding.tokens.weight if self.output is None else self.output.weight

    def layers(self) -> list[nn.Module]:
        """The layers of encoder and decoder, bottom to top."""
        return [*self.encoder.layers, *self.decoder.layers]

    def n_parameters(self) -> int:
        """Trained numbers, tied matrices counted once."""
        return sum(parameter.numel() for parameter in self.parameters())


def _initialise(module: nn.Module) -> None:
    """Xavier-uniform matrices, zero biases, and embeddings of unit variance after the scaling by sqrt(D)."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
        with torch.no_grad():
            module.weight[module.padding_idx] = 0
