"""The training loops that people write themselves, one process each: ``nn.Transformer``, and Hugging Face's MarianMT.

    python -m benchmarks.peers.loops plain|marian WORK UPDATES WINDOW [fp32|bf16]

bf16 is torch's autocast, as its tutorials use it. Batches are bucketed by length, the loss is the library's, the
optimiser is Adam as it comes. After each window of updates it prints the number of updates, of real target tokens and
of seconds in the window.
"""

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.reference import (
    BOS,
    D_FF,
    D_MODEL,
    DROPOUT,
    EOS,
    LABEL_SMOOTHING,
    N_HEADS,
    N_LAYERS,
    PAD,
    VOCAB_SIZE,
    Work,
    bucketed,
)

MAX_LENGTH = 512


class PlainTransformer(nn.Module):
    """Embeddings, sinusoidal positions and ``nn.Transformer``, all embeddings tied."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB_SIZE, D_MODEL, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=D_MODEL**-0.5)
        self.transformer = nn.Transformer(
            D_MODEL, N_HEADS, N_LAYERS, N_LAYERS, D_FF, DROPOUT, batch_first=True, norm_first=True
        )
        self.dropout = nn.Dropout(DROPOUT)
        angle = torch.arange(MAX_LENGTH)[:, None] / 10_000 ** (torch.arange(0, D_MODEL, 2) / D_MODEL)
        self.register_buffer("positions", torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1))

    def forward(self, src: Tensor, tgt_in: Tensor) -> Tensor:
        """Logits (B, T, V)."""
        causal = torch.ones(tgt_in.size(1), tgt_in.size(1), dtype=torch.bool).triu(1)
        hidden = self.transformer(
            self._embed(src),
            self._embed(tgt_in),
            tgt_mask=causal,
            src_key_padding_mask=src == PAD,
            tgt_key_padding_mask=tgt_in == PAD,
            memory_key_padding_mask=src == PAD,
        )
        return nn.functional.linear(hidden, self.embedding.weight)

    def _embed(self, ids: Tensor) -> Tensor:
        positions = self.get_buffer("positions")[: ids.size(1)]
        return self.dropout(self.embedding(ids) * math.sqrt(D_MODEL) + positions)


def marian_config() -> Any:
    """The reference model as a ``MarianConfig``."""
    from transformers import MarianConfig

    return MarianConfig(
        vocab_size=VOCAB_SIZE,
        d_model=D_MODEL,
        encoder_layers=N_LAYERS,
        decoder_layers=N_LAYERS,
        encoder_attention_heads=N_HEADS,
        decoder_attention_heads=N_HEADS,
        encoder_ffn_dim=D_FF,
        decoder_ffn_dim=D_FF,
        dropout=DROPOUT,
        attention_dropout=0.0,
        activation_dropout=0.0,
        activation_function="relu",
        scale_embedding=True,
        max_position_embeddings=MAX_LENGTH,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        decoder_start_token_id=BOS,
        forced_eos_token_id=None,
        init_std=D_MODEL**-0.5,
    )


def _marian() -> tuple[nn.Module, Callable[[Tensor, Tensor], Tensor]]:
    from transformers import MarianMTModel

    model = MarianMTModel(marian_config()).train()

    def logits(src: Tensor, tgt_in: Tensor) -> Tensor:
        return model(input_ids=src, attention_mask=(src != PAD).long(), decoder_input_ids=tgt_in).logits

    return model, logits


def _plain() -> tuple[nn.Module, Callable[[Tensor, Tensor], Tensor]]:
    model = PlainTransformer()
    return model, model


def padded(rows: list[list[int]]) -> Tensor:
    """int64 (B, L), right-padded."""
    width = max(map(len, rows))
    return torch.tensor([row + [PAD] * (width - len(row)) for row in rows])


def main() -> None:
    """Train and print."""
    kind, directory, updates, window = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    autocast = torch.autocast("cpu", torch.bfloat16, enabled="bf16" in sys.argv[5:])
    torch.manual_seed(1)
    model, logits = {"plain": _plain, "marian": _marian}[kind]()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98))
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=LABEL_SMOOTHING)
    work = Work(directory)
    batches = bucketed(list(zip(work.ids("train.ids.src"), work.ids("train.ids.tgt"), strict=True)), seed=1)
    start, tokens = time.perf_counter(), 0
    for update in range(1, updates + 1):
        pairs = next(batches)
        src = padded([[*src, EOS] for src, _ in pairs])
        tgt = padded([[BOS, *tgt, EOS] for _, tgt in pairs])
        tgt_in, tgt_out = tgt[:, :-1].masked_fill(tgt[:, :-1] == EOS, PAD), tgt[:, 1:]
        with autocast:
            loss = criterion(logits(src, tgt_in).flatten(0, 1), tgt_out.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        tokens += int((tgt_out != PAD).sum())
        if update % window == 0:
            now = time.perf_counter()
            print(
                f"window {window} updates {tokens} tokens {now - start:.4f} seconds loss {loss.item():.3f}", flush=True
            )
            start, tokens = now, 0


if __name__ == "__main__":
    main()
