"""Minimum risk training: what the model itself writes, by how well it scores.

Shapes: B sentences, C candidates of a sentence, R candidates of all, T target length.
"""

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mtkit.data.batches.batch import Batch
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.evaluation.metrics.scorers import make_scorer
from mtkit.model.dropout import drawn_seed
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.sampling import SamplingOptions, sample
from mtkit.settings.minimum_risk import RiskMetric
from mtkit.training.objectives.log_probs import projected_log_probs
from mtkit.training.objectives.loss import Loss

_LONGEST = 1.5, 10
"""A sample has at most so many times the tokens of the reference, and so many more: what runs on has lost already, and
would only take memory."""


class SentenceRisk:
    """1 - BLEU or chrF of a sentence, each on a scale from 0 to 1: 0 is the reference itself.

    It is taken of the text that the tokens spell, and not of the tokens, so that it is the score that users see, with
    the word boundaries of the language; decoding and scoring take little time beside drawing.
    """

    def __init__(self, metric: RiskMetric, tokenizer: Tokenizer, *, tgt_lang: str) -> None:
        """Score by ``metric`` what ``tokenizer`` spells.

        Raises:
            ConfigError: If the metric lacks its tokenizer of words.
        """
        self._scorer = make_scorer(metric, tgt_lang=tgt_lang, tokenize=None, lowercase=False, of_segments=True)
        self._tokenizer = tokenizer
        self._lock = threading.Lock()  # sacreBLEU's tokenizers of words are not all made for several threads
        self.special = tokenizer.special
        pieces = tokenizer.languages
        self.forced = {number for ids in ({} if pieces is None else pieces.forced).values() for number in ids}
        """Ids that tell the language, with which a target may begin."""

    def __call__(self, hyp_ids: Sequence[Sequence[int]], ref_ids: Sequence[int]) -> list[float]:
        """The risk of each translation of one sentence; ids without padding, special ones are left out of the text."""
        with self._lock:
            ref_text, *hyp_texts = self._tokenizer.decode([list(ref_ids), *map(list, hyp_ids)])
            return [1 - self._scorer.sentence_score(text, [ref_text]).score / 100 for text in hyp_texts]


class _Base(Protocol):
    """What the risk is mixed with."""

    def __call__(self, model: EncoderDecoder, batch: Batch, /) -> Loss:
        """The loss of a batch."""


@dataclass(frozen=True)
class Candidates:
    """The candidates of all sentences, side by side."""

    tgt_in: Tensor
    """int64 (R, T), right-padded."""

    tgt_out: Tensor
    """int64 (R, T), ``tgt_in`` one position later; without the end of sentence where a sample did not reach it."""

    sentence: Tensor
    """int64 (R,): the row of the batch that each is a translation of."""

    place: Tensor
    """int64 (R,): its number among the candidates of that row; the reference is 0."""

    risks: Tensor
    """float32 (R,)."""


class MinimumRisk:
    """The expected risk of a model's own translations (Shen et al. 2016, section 3), mixed with another loss.

    Of each source x the candidates S(x) are the reference and what differs among ``n_samples`` translations drawn from
    the model as it is, without dropout. With the sharpness α they weigh Q(y | x) = P(y | x)^α / Σ P(y' | x)^α, the sum
    over all y' in S(x), and the expected risk is R(x) = Σ Q(y | x) Δ(y, reference), over all y in S(x).

    Its gradient, α Σ Q(y) (Δ(y) - R) ∇ log P(y), vanishes with α. So the loss of a sentence is
    (1 - weight) * base + weight * R / α: the gradient of its translations then counts about as much as that of its
    reference in the cross-entropy, whatever α is. As α goes to 0 it becomes that of the policy gradient with the mean
    risk of the candidates as its baseline. What is drawn is taken as given: gradients flow through P alone.
    """

    def __init__(self, base: _Base, risk: SentenceRisk, *, n_samples: int, sharpness: float, weight: float) -> None:
        self.base = base
        self.risk = risk
        self.n_samples = n_samples
        self.sharpness = sharpness
        self.weight = weight

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """The loss of a batch.

        ``parts`` are those of the base, or cross_entropy, and risk: R of each sentence times its tokens, which makes
        the mean over tokens a number from 0 to 1.
        """
        seed = drawn_seed()
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.weight < 1):
            base = self.base(model, batch)
        candidates = self.candidates(model, batch, seed)
        memory = model.encode(batch.src, _padding_mask(batch, model.pad_id)).rows(candidates.sentence)
        hidden = model.decode(candidates.tgt_in, memory)  # (R, T, D)
        of_tokens = projected_log_probs(
            hidden.flatten(0, 1),
            model.output_weight,
            candidates.tgt_out.flatten(),
            bias=model.output_bias,
            pad_id=model.pad_id,
        )
        log_probs = of_tokens.view_as(candidates.tgt_out).sum(1)  # (R,)
        risk = expected_risk(log_probs, candidates, sharpness=self.sharpness)  # (B,)
        n_tokens = batch.tgt_out.ne(model.pad_id).sum(1)
        total = (1 - self.weight) * base.total + self.weight / self.sharpness * risk.sum()
        parts = base.parts or {"cross_entropy": base.total.detach()}
        return Loss(total, base.nll, base.n_tokens, parts | {"risk": (risk.detach() * n_tokens).sum()})

    @torch.no_grad()
    def candidates(self, model: EncoderDecoder, batch: Batch, seed: int) -> Candidates:
        """The references and what is drawn, each once, with their risks."""
        device, special = batch.src.device, self.risk.special
        drawer = _without_dropout(model)
        memory = drawer.encode(batch.src, _padding_mask(batch, model.pad_id))
        references = [row[row != special.pad].tolist() for row in batch.tgt_out.cpu()]
        prefixes = [_leading(reference, self.risk.forced) for reference in references]
        limits = [_longest(len(reference), model.config.max_length) for reference in references]
        rows = torch.arange(len(references), device=device).repeat_interleave(self.n_samples)
        drawn = sample(
            drawer,
            drawer.start(memory.rows(rows)),
            [limits[row] for row in rows.tolist()],
            SamplingOptions(),
            seed=seed,
            never=torch.tensor(special.never, device=device, dtype=torch.long),
            special=special,
            prefixes=[prefixes[row] for row in rows.tolist()],
        )
        found: list[tuple[int, int, list[int], float]] = []  # sentence, place, tokens, risk
        for sentence, reference in enumerate(references):
            own = drawn[sentence * self.n_samples : (sentence + 1) * self.n_samples]
            each = [(*prefixes[sentence], *one.ids, *[special.eos] * one.finished) for one in own]
            distinct = [ids for ids in dict.fromkeys((tuple(reference), *each)) if ids]
            risks = self.risk(distinct, reference)
            found += [
                (sentence, place, list(ids), risk)
                for place, (ids, risk) in enumerate(zip(distinct, risks, strict=True))
            ]
        tgt_out = pad_sequence([torch.tensor(ids) for _, _, ids, _ in found], True, float(special.pad))
        tgt_in = tgt_out.roll(1, 1)
        tgt_in[:, 0] = special.start
        tgt_in[tgt_out == special.pad] = special.pad
        columns = [
            torch.tensor(column, device=device) for column in zip(*[(s, p, r) for s, p, _, r in found], strict=True)
        ]
        return Candidates(tgt_in.to(device), tgt_out.to(device), *columns)


def expected_risk(log_probs: Tensor, candidates: Candidates, *, sharpness: float) -> Tensor:
    """The risk of each sentence, (B,), over its candidates weighed by their log-probabilities, (R,)."""
    at = candidates.sentence, candidates.place
    sizes = [int(index.max()) + 1 for index in at]
    weights = log_probs.new_full(sizes, -torch.inf).index_put(at, sharpness * log_probs).softmax(-1)  # Q, (B, C)
    risks = log_probs.new_zeros(sizes).index_put(at, candidates.risks.to(log_probs.dtype))
    return (weights * risks).sum(-1)


def _without_dropout(model: EncoderDecoder) -> EncoderDecoder:
    """The same weights in evaluation mode, apart: other threads train the model meanwhile."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared).train(mode=False)


def _padding_mask(batch: Batch, pad_id: int) -> Tensor | None:
    return batch.src.eq(pad_id) if batch.n_src_tokens < batch.src.numel() else None


def _leading(ids: Sequence[int], of: set[int]) -> list[int]:
    """The tokens at the beginning that are among ``of``."""
    n = next((number for number, token in enumerate(ids) if token not in of), len(ids))
    return list(ids[:n])


def _longest(n_reference: int, limit: int) -> int:
    return min(int(_LONGEST[0] * n_reference) + _LONGEST[1], limit)
