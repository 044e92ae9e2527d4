"""Text in, text out: as many translations as there were texts, in their order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from mtkit.config import DecodingConfig
from mtkit.data.tokenizer import Tokenizer
from mtkit.device import Precision, choose_device, choose_precision, set_threads
from mtkit.errors import ConfigError
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.beam import Hypothesis, SearchOptions
from mtkit.translation.bundle import load_bundle
from mtkit.translation.engine import Engine, TorchEngine
from mtkit.translation.segmentation import Segment, join, split

BatchType = Literal["sentences", "tokens"]
BATCH_SIZE: dict[BatchType, int] = {"sentences": 64, "tokens": 2_000}
"""Batch sizes where none is given."""


@dataclass(frozen=True)
class Candidate:
    """One way to translate a text."""

    text: str
    """Never holds a line feed. White space around the source stands around it too."""

    tokens: list[str]
    """The pieces that the text was made of."""

    log_prob: float
    """Nats; the sum over the segments where the text was split."""

    score: float
    """``log_prob`` divided by the length penalty; higher is better. 0 for a text that is blank."""

    finished: bool
    """False where the search was cut off at the longest length allowed."""


@dataclass(frozen=True)
class Translation(Candidate):
    """The best translation of a text, and what came close."""

    n_best: list[Candidate]
    """Best first, this one included; empty for a text that is blank."""

    n_segments: int
    """Parts that the text was translated in: 0 for a text that is blank, above 1 for one over the model's limit."""


class Translator:
    """Translates texts with one model."""

    def __init__(
        self,
        model: EncoderDecoder,
        tokenizer: Tokenizer,
        decoding: DecodingConfig,
        *,
        device: torch.device,
        precision: Precision,
        max_src_tokens: int | None = None,
    ) -> None:
        """Wrap a model that is on its device and, while translating, in evaluation mode.

        Args:
            model: Whose weights may go on changing between two calls.
            tokenizer: The one that the model was trained with.
            decoding: Defaults of the search.
            device: Where the model is.
            precision: Of the matrix products.
            max_src_tokens: Texts with more tokens are split; by default as many as the model can read.
        """
        self.engine: Engine = TorchEngine(
            model, bos_id=tokenizer.bos_id, eos_id=tokenizer.eos_id, device=device, precision=precision
        )
        self.model = model
        self.tokenizer = tokenizer
        self.decoding = decoding
        self.device = device
        self.precision = precision
        self._max_src_tokens = min(max_src_tokens or model.config.max_length, model.config.max_length - 1)

    @classmethod
    def load(
        cls, path: Path | str, *, device: str = "auto", precision: str = "auto", threads: int | None = None
    ) -> "Translator":
        """Load a run directory, a checkpoint or a bundle.

        Args:
            path: The model.
            device: auto, cpu or cuda.
            precision: auto, fp32 or bf16.
            threads: CPU threads; by default one per core.

        Raises:
            CheckpointError: If there is no whole model at ``path``.
            VocabularyError: If its tokenizer is damaged.
            DeviceError: If the device is not there, or the precision unknown.
        """
        set_threads(threads)
        chosen = choose_device(device)
        chosen_precision = choose_precision(precision, chosen)
        bundle = load_bundle(Path(path))
        model = bundle.build_model().to(chosen)
        if chosen_precision == "bf16":  # once, and not at each step; all that is not a matrix product stays in float32
            for module in model.modules():
                if isinstance(module, nn.Linear):
                    module.to(torch.bfloat16)
        return cls(
            model,
            bundle.tokenizer,
            bundle.decoding,
            device=chosen,
            precision=chosen_precision,
            max_src_tokens=bundle.max_src_tokens,
        )

    def translate(
        self,
        texts: Sequence[str],
        *,
        beam_size: int | None = None,
        n_best: int = 1,
        length_penalty: float | None = None,
        batch_size: int | None = None,
        batch_type: BatchType = "sentences",
    ) -> list[Translation]:
        """Translate each text; the n-th result belongs to the n-th text.

        A blank text stays as it is. White space around a text is kept. A text longer than the model's limit is split
        at sentence or clause ends, and its translation joined.

        Args:
            texts: One segment each.
            beam_size: 1 is greedy search; by default the model's own.
            n_best: Candidates in ``Translation.n_best``.
            length_penalty: Exponent of the length; by default the model's own.
            batch_size: Sentences, or source tokens with padding, that are searched at once.
            batch_type: What ``batch_size`` counts.

        Raises:
            ConfigError: If ``n_best`` exceeds the beam size.
        """
        options = self.search_options(beam_size=beam_size, n_best=n_best, length_penalty=length_penalty)
        cores = [text.strip() for text in texts]
        ids = self.tokenizer.encode_src(cores)
        segments: list[list[Segment]] = []
        for core, core_ids in zip(cores, ids, strict=True):
            if not core_ids:  # blank, or nothing but characters that the tokenizer drops
                segments.append([])
            elif len(core_ids) <= self._max_src_tokens:
                segments.append([Segment(core, core_ids, gap="")])
            else:
                segments.append(split(core, self.tokenizer.encode_src, self._max_src_tokens))
        flat = [segment.ids for parts in segments for segment in parts]
        found = iter(self._search(flat, options, batch_size or BATCH_SIZE[batch_type], batch_type))
        translations = [
            self._assemble(text, parts, [next(found) for _ in parts], options)
            for text, parts in zip(texts, segments, strict=True)
        ]
        assert len(translations) == len(texts)
        return translations

    def search_options(
        self, *, beam_size: int | None = None, n_best: int = 1, length_penalty: float | None = None
    ) -> SearchOptions:
        """The model's defaults with what was asked for over them.

        Raises:
            ConfigError: If ``n_best`` exceeds the beam size.
        """
        decoding = self.decoding
        beam_size = decoding.beam_size if beam_size is None else beam_size
        if n_best > beam_size:
            raise ConfigError(f"n-best {n_best} exceeds the beam size {beam_size}; add --beam-size {n_best}")
        return SearchOptions(
            beam_size=beam_size,
            n_best=n_best,
            length_penalty=decoding.length_penalty if length_penalty is None else length_penalty,
            max_length_ratio=decoding.max_length_ratio,
            max_length_offset=decoding.max_length_offset,
        )

    def _search(
        self, sources: list[list[int]], options: SearchOptions, batch_size: int, batch_type: BatchType
    ) -> list[list[Hypothesis]]:
        """Hypotheses of each source, searched in batches of like length, the longest first."""
        order = sorted(range(len(sources)), key=lambda i: -len(sources[i]))
        results: list[list[Hypothesis]] = [[] for _ in sources]
        batches = list(_batches(order, [len(ids) + 1 for ids in sources], batch_size, batch_type))
        searched = self.engine.translate_batches([[sources[i] for i in batch] for batch in batches], options)
        for batch, found in zip(batches, searched, strict=True):
            for index, hypotheses in zip(batch, found, strict=True):
                results[index] = hypotheses
        return results

    def _assemble(
        self, text: str, segments: list[Segment], found: list[list[Hypothesis]], options: SearchOptions
    ) -> Translation:
        """Turn the hypotheses of a text's segments into its translation."""
        if not segments:
            return Translation(text.replace("\n", " "), [], 0.0, 0.0, finished=True, n_best=[], n_segments=0)
        core = text.strip()
        start = text.index(core)
        before, after = text[:start], text[start + len(core) :]
        n_best = []
        for rank in range(min(map(len, found))):
            hypotheses = [candidates[rank] for candidates in found]
            parts = [part.strip() for part in self.tokenizer.decode([h.ids for h in hypotheses])]
            joined = join(parts, [segment.gap for segment in segments])
            log_prob = sum(h.log_prob for h in hypotheses)
            length = sum(len(h.ids) + h.finished for h in hypotheses)
            n_best.append(
                Candidate(
                    text=(before + joined + after).replace("\n", " "),
                    tokens=[token for h in hypotheses for token in self.tokenizer.tokens(h.ids)],
                    log_prob=log_prob,
                    score=log_prob / max(length, 1) ** options.length_penalty,
                    finished=all(h.finished for h in hypotheses),
                )
            )
        best = n_best[0]
        return Translation(
            best.text, best.tokens, best.log_prob, best.score, best.finished, n_best=n_best, n_segments=len(segments)
        )


def _batches(order: list[int], lengths: list[int], size: int, batch_type: BatchType) -> Iterator[list[int]]:
    """Cut sentences, sorted from long to short, into batches of ``size`` sentences or padded tokens."""
    start = 0
    while start < len(order):
        # The first of a batch is its longest, so it alone says how much every row is padded to.
        n = size if batch_type == "sentences" else max(size // lengths[order[start]], 1)
        yield order[start : start + n]
        start += n
