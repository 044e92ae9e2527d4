"""The engine that runs every architecture, on a CPU or a GPU: beam search with PyTorch."""

import math
from collections.abc import Sequence
from functools import partial
from threading import Lock

import torch

from mtkit.data.tokens.special import SpecialIds
from mtkit.engines.batching import MAX_BATCH_TOKENS, BatchType, in_batches
from mtkit.engines.engine import Pending
from mtkit.machine.compute import Compute
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import Hypothesis, SearchOptions


class TorchEngine:
    """Beam search with an ``EncoderDecoder``."""

    def __init__(self, model: EncoderDecoder, *, special: SpecialIds, compute: Compute) -> None:
        self.model = model
        self.description = compute.describe()
        self.n_parameters = model.n_parameters()
        self.max_length = model.config.max_length
        self._special = special
        self._compute = compute
        self._searching = Lock()  # one caller's batches at a time: they use all threads already

    def begin(
        self,
        sources: Sequence[Sequence[int]],
        options: SearchOptions,
        *,
        batch_size: int,
        batch_type: BatchType,
        tgt_prefix: Sequence[int] = (),
    ) -> Pending:
        """See ``Engine``; the search runs when it is waited for. The model must be in evaluation mode."""
        on_cpu = self._compute.on_cpu
        if on_cpu and batch_type == "sentences":
            batch_size = min(batch_size, math.ceil(len(sources) / self._compute.threads) or 1)

        def search() -> list[list[Hypothesis]]:
            results: list[list[Hypothesis]] = [[] for _ in sources]
            lengths, most = [len(ids) + 1 for ids in sources], MAX_BATCH_TOKENS if on_cpu else None
            batches = list(in_batches(lengths, batch_size, batch_type, max_tokens=most))
            ids_of_batches = [[sources[i] for i in batch] for batch in batches]
            translate = partial(self.translate_ids, options=options, tgt_prefix=tgt_prefix)
            with self._searching:
                for batch, found in zip(batches, self._compute.map(translate, ids_of_batches), strict=True):
                    for index, hypotheses in zip(batch, found, strict=True):
                        results[index] = hypotheses
            return results

        return search

    def translate_ids(
        self, batch: Sequence[Sequence[int]], options: SearchOptions, tgt_prefix: Sequence[int] = ()
    ) -> list[list[Hypothesis]]:
        """Search for the hypotheses of the sentences of one batch."""
        length = max(map(len, batch)) + 1
        eos, pad = self._special.eos, self._special.pad
        rows = [[*ids, eos] + [pad] * (length - 1 - len(ids)) for ids in batch]
        src = torch.tensor(rows, device=self._compute.device)  # (B, S)
        with self._compute.autocast():
            return beam_search(
                self.model,
                src,
                options,
                special=self._special,
                max_length=self.model.config.max_length,
                tgt_prefix=tgt_prefix,
            )
