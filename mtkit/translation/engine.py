"""What turns source ids into target ids: torch on a CPU or a GPU."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch

from mtkit.device import Precision, autocast
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.beam import Hypothesis, SearchOptions, beam_search
from mtkit.search.workers import map_on_cores


class Engine(Protocol):
    """Anything that can translate ids."""

    def translate_ids(self, batch: Sequence[Sequence[int]], options: SearchOptions) -> list[list[Hypothesis]]:
        """Search for each sentence of source ids (without end of sentence) its ``options.n_best`` hypotheses."""

    def translate_batches(
        self, batches: Sequence[Sequence[Sequence[int]]], options: SearchOptions
    ) -> Iterator[list[list[Hypothesis]]]:
        """Several batches, in order; the engine may search more than one at once."""


class TorchEngine:
    """Beam search with an ``EncoderDecoder``."""

    def __init__(
        self, model: EncoderDecoder, *, bos_id: int, eos_id: int, device: torch.device, precision: Precision
    ) -> None:
        self.model = model
        self._bos_id = bos_id
        self._eos_id = eos_id
        self._device = device
        self._precision = precision

    def translate_batches(
        self, batches: Sequence[Sequence[Sequence[int]]], options: SearchOptions
    ) -> Iterator[list[list[Hypothesis]]]:
        """See ``Engine``; on a CPU with several threads each searches a batch of its own."""

        def search(batch: Sequence[Sequence[int]]) -> list[list[Hypothesis]]:
            return self.translate_ids(batch, options)

        return map_on_cores(search, batches) if self._device.type == "cpu" else map(search, batches)

    def translate_ids(self, batch: Sequence[Sequence[int]], options: SearchOptions) -> list[list[Hypothesis]]:
        """See ``Engine``; the model must be in evaluation mode and each sentence shorter than its ``max_length``."""
        length = max(map(len, batch)) + 1
        rows = [[*ids, self._eos_id] + [self.model.pad_id] * (length - 1 - len(ids)) for ids in batch]
        src = torch.tensor(rows, device=self._device)  # (B, S)
        with autocast(self._device, self._precision):
            return beam_search(
                self.model,
                src,
                options,
                bos_id=self._bos_id,
                eos_id=self._eos_id,
                max_length=self.model.config.max_length,
            )
