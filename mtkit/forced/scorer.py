"""Pairs in, log-probabilities out: how likely a model finds translations that it did not write."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.loading import open_model
from mtkit.data.batches.batch import collate
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.engines.batching import in_batches
from mtkit.errors import CheckpointError, DataError
from mtkit.machine.compute import Compute
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.forced import token_log_probs
from mtkit.search.hypothesis import NOT_FINITE
from mtkit.settings.decoding import DecodingConfig

_BATCH_TOKENS = 4_000


@dataclass(frozen=True)
class PairScore:
    """What a model thinks of one translation."""

    tokens: list[str]
    """Its pieces, the end of sentence last."""

    token_log_probs: list[float]
    """Of each piece given the source and the pieces before it, nats."""

    length_penalty: float

    n_forced: int = 0
    """Pieces before these that every translation into the language begins with: they count in the length alone."""

    @property
    def log_prob(self) -> float:
        """The sum over the pieces."""
        return sum(self.token_log_probs)

    @property
    def score(self) -> float:
        """``log_prob / length ** length_penalty``, by which a search ranks; higher is better."""
        return self.log_prob / (self.n_forced + len(self.tokens)) ** self.length_penalty


class Scorer:
    """Scores pairs with one model. A pair that is longer than the model reads has no score."""

    def __init__(
        self,
        model: EncoderDecoder,
        tokenizer: Tokenizer,
        decoding: DecodingConfig,
        *,
        compute: Compute,
        prefix: Sequence[int] = (),
        tgt_prefix: Sequence[int] = (),
    ) -> None:
        """Wrap a model that is on its device and in evaluation mode.

        Args:
            model: Any architecture.
            tokenizer: The one that it was trained with.
            decoding: For the length penalty.
            compute: Where the model is.
            prefix: Ids before every source: the tags of its languages.
            tgt_prefix: Ids before every target, which the model is given.
        """
        self.model = model
        self.tokenizer = tokenizer
        self.description = compute.describe()
        self._length_penalty = decoding.length_penalty
        self._compute = compute
        self._prefix, self._tgt_prefix = list(prefix), list(tgt_prefix)

    @classmethod
    def load(
        cls,
        model: Path | str | Bundle,
        *,
        device: str = "auto",
        precision: str = "fp32",
        threads: int | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
    ) -> "Scorer":
        """Load a run directory, a checkpoint or a bundle; arguments and errors as for ``Translator.load``.

        ``auto`` is fp32, on every device: scores are not to depend on the machine.
        """
        compute = Compute.choose(device, "fp32" if precision == "auto" else precision, threads)
        opened = open_model(model, compute=compute, languages=(src_lang, tgt_lang))
        return cls(
            opened.model,
            opened.tokenizer,
            opened.decoding,
            compute=compute,
            prefix=opened.prefix,
            tgt_prefix=opened.tgt_prefix,
        )

    def score(self, src_text: Sequence[str], tgt_text: Sequence[str]) -> list[PairScore | None]:
        """Score each pair; None for one that is longer than the model reads.

        White space around a segment does not count. The pieces are those that the tokenizer makes of the text; a search
        may have written the same text in others.

        Raises:
            DataError: If the two sides differ in length.
            CheckpointError: If what the model computes is not finite.
        """
        if len(src_text) != len(tgt_text):
            raise DataError(f"{len(src_text):,} source segments but {len(tgt_text):,} translations")
        tgt_ids = self.tokenizer.encode_tgt([text.strip() for text in tgt_text])
        src_ids = self.tokenizer.encode_src([text.strip() for text in src_text])
        return self.score_ids([self._prefix + ids for ids in src_ids], tgt_ids)

    def score_ids(self, src_ids: Sequence[Sequence[int]], tgt_ids: Sequence[Sequence[int]]) -> list[PairScore | None]:
        """The same of ids without begin and end of sentence, such as those of a hypothesis."""
        longest, n_forced = self.model.config.max_length, len(self._tgt_prefix)
        lengths = [max(len(src), n_forced + len(tgt)) + 1 for src, tgt in zip(src_ids, tgt_ids, strict=True)]
        fit = [i for i, length in enumerate(lengths) if length <= longest]
        batches = [[fit[i] for i in batch] for batch in in_batches([lengths[i] for i in fit], _BATCH_TOKENS, "tokens")]
        found: list[PairScore | None] = [None] * len(lengths)

        def score_batch(batch: list[int]) -> list[list[float]]:
            tgt = [[*self._tgt_prefix, *tgt_ids[i]] for i in batch]
            pairs = self._compute.put(collate([src_ids[i] for i in batch], tgt, self.tokenizer.special))
            with self._compute.autocast():
                rows = token_log_probs(self.model, pairs.src, pairs.tgt_in, pairs.tgt_out).tolist()
            return [row[n_forced : n_forced + len(tgt_ids[i]) + 1] for i, row in zip(batch, rows, strict=True)]

        for batch, rows in zip(batches, self._compute.map(score_batch, batches), strict=True):
            for i, row in zip(batch, rows, strict=True):
                if not all(map(math.isfinite, row)):
                    raise CheckpointError(NOT_FINITE)
                tokens = self.tokenizer.tokens([*tgt_ids[i], self.tokenizer.eos_id])
                found[i] = PairScore(tokens, row, self._length_penalty, n_forced)
        return found
