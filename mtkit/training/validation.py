"""How good the model is on the validation set: its loss, and its translations against the references."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import torch

from mtkit.data.batches.batch import Batch
from mtkit.data.batches.batches import fixed_batches
from mtkit.data.batches.sampling import Sampler
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.corpus.source_lines import SourceLines
from mtkit.data.corpus.store import Store
from mtkit.data.tokens.special import NO_PREFIX, Prefix
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import CheckpointError
from mtkit.evaluation.metrics.metrics import score
from mtkit.evaluation.telling import Standing, TextMetric, standing, telling
from mtkit.machine.compute import Compute
from mtkit.machine.cores import map_on_cores
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.decoding import DecodingConfig, Split
from mtkit.settings.recipe import Config
from mtkit.settings.training import Metric
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.planning.planner import noise_of_validation
from mtkit.training.source_lines import noted_source_lines
from mtkit.translation.translator import Translator

PLAIN_LOSS, EMA_LOSS = "valid_plain_loss_per_token", "valid_ema_loss_per_token"
"""Where a run keeps an average of its weights: the loss of the weights, and of the average."""

MAX_DECODED = 3_000  # lines translated at a validation; the loss is always taken over all


@dataclass(frozen=True)
class Sample:
    """One validation line as the model translates it now."""

    src_text: str
    hyp_text: str
    ref_text: str


class Abandoned(Exception):
    """A signal arrived during a validation; it will be done again when the run goes on."""


def ema_is_better(measured: Mapping[str, float]) -> bool:
    """Whether a validation found the average of the weights better than the weights; False where there is none."""
    return EMA_LOSS in measured and measured[EMA_LOSS] < measured[PLAIN_LOSS]


class Validator:
    """Measures a model on one validation set."""

    def __init__(
        self,
        store: Store,
        tokenizer: Tokenizer,
        *,
        prefixes: Sequence[Prefix] = (NO_PREFIX,),
        batch_tokens: int,
        compute: Compute,
        tgt_lang: str,
        n_samples: int,
        decode: bool,
        split: Split,
        lines: SourceLines,
        sampler: Sampler | None = None,
    ) -> None:
        """Read a set.

        ``sampler`` changes its pairs for the loss, where a model is to undo noise; they are translated as they are.
        """
        self._store = store
        self._tokenizer = tokenizer
        self._prefixes = prefixes
        self._batch_tokens = batch_tokens
        self._compute = compute
        self._tgt_lang = tgt_lang
        self._n_samples = n_samples
        self._decode = decode
        self._decoding = DecodingConfig(beam_size=1, split=split)
        self._lines = lines
        self._sampler = sampler

    def measure(
        self,
        model: EncoderDecoder,
        stopped: Callable[[], object] = lambda: None,
        averaged: Callable[[], AbstractContextManager[None]] | None = None,
    ) -> tuple[dict[str, float], list[Sample]]:
        """Measure the model, leaving it in the mode it was in.

        Args:
            model: On the device given at construction.
            stopped: Asked now and then; a true answer abandons the measurement.
            averaged: Within its block the model has the average of its weights, where there is one. Then the loss is
                taken with both, and all else with what has the lower one.

        Returns:
            ``valid_loss_per_token`` (nats, unsmoothed) and ``valid_perplexity``, with decoding ``valid_bleu`` and
            ``valid_chrf`` (greedy search, 0 to 100) too; and some translations, always of the same lines. With an
            average also ``valid_plain_loss_per_token`` and ``valid_ema_loss_per_token``; the lower one is the loss.

        Raises:
            Abandoned: If ``stopped`` says so.
        """
        was_training = model.training
        model.eval()
        try:
            measured = self.measure_loss(model, stopped)
            better: AbstractContextManager[None] = nullcontext()
            if averaged is not None:
                plain, losses = measured, {PLAIN_LOSS: measured["valid_loss_per_token"]}
                with averaged():
                    measured = self.measure_loss(model, stopped)
                losses[EMA_LOSS] = measured["valid_loss_per_token"]
                if ema_is_better(losses):
                    better = averaged()
                else:
                    measured = plain
                measured |= losses
            samples: list[Sample] = []
            if self._decode:
                with better:
                    scores, samples = self._measure_text(model, stopped)
                measured |= scores
            return measured, samples
        finally:
            model.train(was_training)

    def standing(self, measured: Mapping[str, float], metric: Metric) -> Standing:
        """Where a model stands that was measured, by ``metric`` if that says something of this set."""
        values: dict[Metric, float] = {"loss": measured["valid_loss_per_token"]}
        if self._decode:
            values |= {"bleu": measured["valid_bleu"], "chrf": measured["valid_chrf"]}
        return standing(values, metric, self.tells)

    @cached_property
    def tells(self) -> TextMetric:
        """What ``mtkit.evaluation.telling`` says of the references that are translated."""
        return telling(self._store.tgt_text(0, min(len(self._store), MAX_DECODED)), self._tgt_lang)

    def measure_loss(self, model: EncoderDecoder, stopped: Callable[[], object] = lambda: None) -> dict[str, float]:
        """The loss alone, and its perplexity, of a model in evaluation mode; as ``measure`` otherwise."""
        objective = CrossEntropy(pad_id=self._tokenizer.pad_id, smoothing=0.0)  # whatever the run minimises
        nll, n_tokens = 0.0, 0

        def measure(batch: Batch) -> tuple[float, int]:
            with torch.inference_mode(), self._compute.autocast():
                loss = objective(model, self._compute.put(batch))
            return loss.nll.item(), loss.n_tokens

        n_at_once = self._compute.threads if self._compute.on_cpu else 1
        batches = fixed_batches(
            self._store,
            self._tokenizer.special,
            self._batch_tokens,
            max_length=model.config.max_length,
            sampler=self._sampler,
        )
        while some := list(islice(batches, n_at_once)):
            if stopped():
                raise Abandoned
            for nll_of_batch, n_of_batch in map_on_cores(measure, some):
                nll += nll_of_batch
                n_tokens += n_of_batch
        per_token = nll / n_tokens
        perplexity = math.exp(per_token) if per_token < 700 else math.inf
        return {"valid_loss_per_token": per_token, "valid_perplexity": perplexity}

    def _measure_text(
        self, model: EncoderDecoder, stopped: Callable[[], object]
    ) -> tuple[dict[str, float], list[Sample]]:
        n = min(len(self._store), MAX_DECODED)
        src_text, ref_text = self._store.src_text(0, n), self._store.tgt_text(0, n)
        hyp_text = [""] * n
        for prefix, of_prefix in self._rows_by_prefix(n).items():
            translator = Translator.from_model(
                model,
                self._tokenizer,
                self._decoding,
                compute=self._compute,
                lines=self._lines,
            ).prefixed(*prefix)
            by_length = sorted(of_prefix, key=lambda row: len(src_text[row]))
            for start in range(0, len(by_length), 64):  # one batch of the search: a signal waits for no more than that
                if stopped():
                    raise Abandoned
                rows = by_length[start : start + 64]
                with suppress(
                    CheckpointError
                ):  # what is not finite is for the updates to notice; nothing is translated
                    for row, found in zip(rows, translator.translate([src_text[row] for row in rows]), strict=True):
                        hyp_text[row] = found.text
        scores = score(hyp_text, [ref_text], ["bleu", "chrf"], tgt_lang=self._tgt_lang)
        rows = [n * i // self._n_samples for i in range(self._n_samples)]
        samples = [Sample(src_text[i], hyp_text[i], ref_text[i]) for i in dict.fromkeys(rows)]
        return {f"valid_{s.metric}": s.value for s in scores}, samples

    def _rows_by_prefix(self, n: int) -> dict[Prefix, list[int]]:
        """The first ``n`` rows by the ids that their source's tags put before their text."""
        rows: dict[Prefix, list[int]] = {}
        for row, corpus in enumerate(self._store.corpora()[:n].tolist()):
            rows.setdefault(self._prefixes[corpus], []).append(row)
        return rows


def validator_of(
    config: Config, prepared: Prepared, run_dir: Path, compute: Compute, micro_batch_tokens: int
) -> Validator:
    """What measures the model of a run on its validation set.

    Args:
        config: Of the run.
        prepared: Its corpus.
        run_dir: Of the run.
        compute: Where, and in which precision.
        micro_batch_tokens: Target tokens that training computes at once.
    """
    return Validator(
        prepared.store("valid"),
        prepared.tokenizer,
        prefixes=prepared.prefixes("valid"),
        batch_tokens=max(micro_batch_tokens // 4, 1),  # small batches hold less padding
        compute=compute,
        tgt_lang=config.data.tgt_lang,
        n_samples=config.training.n_samples,
        decode=config.training.validate_text,
        split=config.decoding.split,
        lines=noted_source_lines(prepared, run_dir, join=config.training.sampling.join),
        sampler=noise_of_validation(config, prepared),
    )
