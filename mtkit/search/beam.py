"""Beam search over a batch of sentences.

Shapes: B sentences still in the batch, S source length, K beam, M = B * K rows, V vocabulary, N = n_best.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from mtkit.data.tokens.special import SpecialIds
from mtkit.search.candidates import top_log_probs
from mtkit.search.greedy import greedy_search, read_prefix
from mtkit.search.hypothesis import Hypothesis, SearchOptions


class Model(Protocol):
    """What a search needs of a model: no more than this, whatever the architecture."""

    pad_id: int

    def encode(self, src: Tensor, src_padding_mask: Tensor | None = None) -> Any:
        """Source ids (B, S) to memory."""

    def start(self, memory: Any, beam_size: int = 1) -> Any:
        """Memory to the state before the first token."""

    def step(self, tokens: Tensor, state: Any) -> Tensor:
        """Advance the state by one token of every row, (M,); returns what predicts the next, (M, D)."""

    def project(self, hidden: Tensor) -> Tensor:
        """(M, D) to logits (M, V)."""


class Observer(Protocol):
    """An observer of each step of a search: its candidates, and those that live on."""

    def __call__(self, batch: Tensor, parents: Tensor, tokens: Tensor, log_probs: Tensor, live: Tensor) -> None:
        """Take note of a step; the tensors are not to be written to.

        Args:
            batch: The original number of each sentence that is still searched, int64 (B,).
            parents: Which live hypothesis of the step before each candidate continues, int64 (B, C), C up to 2K.
            tokens: What it adds, int64 (B, C).
            log_probs: Sum over the whole candidate, nats, best first, (B, C); minus infinity where there is none. Of
                the first K, those that add the end of sentence are finished.
            live: The candidates that live on, in the order in which the next step's parents number them, (B, K).
        """


@torch.inference_mode()
def beam_search(
    model: Model,
    src: Tensor,
    options: SearchOptions,
    *,
    special: SpecialIds,
    max_length: int,
    tgt_prefix: Sequence[int] = (),
    observer: Observer | None = None,
) -> list[list[Hypothesis]]:
    """Find the best translations of each sentence.

    Each step extends the K live hypotheses of a sentence by every token and ranks what results by log_prob. Those of
    the first K that end the sentence are finished; the K best that do not end it live on. A sentence is done, and
    leaves the batch, when K of its hypotheses are finished, when no live one can become better than the N-th best
    finished one, or at its longest length. If fewer than N are finished by then, live ones follow them.
    What ``special.never`` names is not predicted.

    Args:
        model: In evaluation mode.
        src: int64 (B, S), right-padded, each row ending with the end of sentence.
        options: Beam size and so on.
        special: What the decoder reads first, what ends a hypothesis, and what is never predicted.
        max_length: The longest hypothesis that the model can write, the end of sentence counted.
        tgt_prefix: Ids that the decoder reads after the start, in every sentence. Their log-probability is no part of a
            score, and they count in the length.
        observer: Is told of every step.

    Returns:
        For each sentence its hypotheses, finished ones first, best first. N of them, or fewer where the vocabulary
        allows no more; a model that computes NaN yields one empty hypothesis with a log_prob of minus infinity.
    """
    assert len(tgt_prefix) < max_length
    padding = src == model.pad_id
    state = model.start(model.encode(src, padding if bool(padding.any()) else None))
    lengths = (src.size(1) - padding.sum(1)).double() * options.max_length_ratio + options.max_length_offset
    max_lengths = lengths.long().clamp(1 + len(tgt_prefix), max_length)  # (B,)
    never = torch.tensor(special.never, dtype=torch.long, device=src.device)
    if options.beam_size == 1 and observer is None:
        limits = max_lengths.tolist()
        return greedy_search(model, state, limits, options, never=never, special=special, tgt_prefix=tgt_prefix)

    results = _Results(src.size(0), options, n_before=len(tgt_prefix))
    k = options.beam_size
    batch = torch.arange(src.size(0), device=src.device)  # the original number of each sentence in the batch, (B,)
    prefixes = src.new_empty(src.size(0), 1, 0)  # (B, K, length); one row a sentence until the first step
    log_probs = torch.zeros(src.size(0), 1, device=src.device)  # of the live hypotheses, best first, (B, K)
    kept = torch.full((src.size(0), options.n_best), -torch.inf, device=src.device)  # best finished scores, (B, N)
    n_finished = torch.zeros_like(batch)
    last = read_prefix(model, state, [special.start, *tgt_prefix], batch)

    for length in range(1 + len(tgt_prefix), int(max_lengths.max()) + 1):
        n_live = log_probs.size(1)
        logits = model.project(model.step(last, state))
        # A row needs K + 1: K that live on, and the end of sentence among them.
        token_log_probs, tokens = top_log_probs(logits, k + 1, never=never)  # (M, K + 1)
        width = tokens.size(1)
        grown = (log_probs.view(-1, 1) + token_log_probs).view(-1, n_live * width)
        grown, order = grown.topk(min(2 * k, n_live * width))  # (B, 2K), best first
        tokens = tokens.view(-1, n_live * width).gather(1, order)
        parents = order // width

        is_end = tokens == special.eos
        ended = is_end[:, :k] & grown[:, :k].isfinite()
        scores = torch.where(ended, grown[:, :k] / length**options.length_penalty, -torch.inf)
        results.add_finished(ended, batch, prefixes, parents, grown, scores)
        n_finished = n_finished + ended.sum(1)
        kept = torch.cat([kept, scores], dim=1).topk(options.n_best).values

        log_probs, live = grown.masked_fill(is_end, -torch.inf).topk(min(k, grown.size(1)))  # (B, K)
        if observer is not None:
            observer(batch, parents, tokens, grown, live)
        parents = parents.gather(1, live)
        tokens = tokens.gather(1, live)
        prefixes = torch.cat([_take(prefixes, parents), tokens[:, :, None]], dim=2)

        at_end = length >= max_lengths
        # A log_prob only falls, so this bounds the score of whatever a live hypothesis may become.
        best_length = max_lengths if options.length_penalty >= 0 else torch.full_like(max_lengths, length + 1)
        bound = log_probs[:, 0] / best_length**options.length_penalty
        done = at_end | (n_finished >= k) | (bound <= kept[:, -1])
        rows = parents + torch.arange(parents.size(0), device=src.device)[:, None] * n_live
        if bool(done.any()):
            results.add_unfinished(done & (n_finished < options.n_best), batch, prefixes, log_probs)
            going = _closed_up(done)
            if not len(going):
                break
            batch, prefixes, log_probs, kept, n_finished, max_lengths, tokens, rows = (
                x.index_select(0, going)
                for x in (batch, prefixes, log_probs, kept, n_finished, max_lengths, tokens, rows)
            )
            state.select(rows)
        elif n_live > 1 or rows.size(1) > 1:
            state.select(rows)
        last = tokens.flatten()
    return results.best()


class _Results:
    """The hypotheses that have left the search."""

    def __init__(self, n_sentences: int, options: SearchOptions, *, n_before: int) -> None:
        self._n_before = n_before
        self._options = options
        self._finished: list[list[Hypothesis]] = [[] for _ in range(n_sentences)]
        self._unfinished: list[list[Hypothesis]] = [[] for _ in range(n_sentences)]

    def add_finished(
        self, ended: Tensor, batch: Tensor, prefixes: Tensor, parents: Tensor, log_probs: Tensor, scores: Tensor
    ) -> None:
        """Note the hypotheses where ``ended``, bool (B, K), is true: their prefixes without the end of sentence."""
        row, column = ended.nonzero(as_tuple=True)
        if len(row):
            ids = prefixes[row, parents[row, column]].tolist()
            values = zip(
                batch[row].tolist(), ids, log_probs[row, column].tolist(), scores[row, column].tolist(), strict=True
            )
            for sentence, prefix, log_prob, score in values:
                self._finished[sentence].append(Hypothesis(prefix, log_prob, score, finished=True))

    def add_unfinished(self, done: Tensor, batch: Tensor, prefixes: Tensor, log_probs: Tensor) -> None:
        """Note what still lived in sentences where ``done``, bool (B,), is true."""
        divisor = (self._n_before + prefixes.size(2)) ** self._options.length_penalty
        for row in done.nonzero()[:, 0].tolist():
            sentence = self._unfinished[int(batch[row])]
            for ids, log_prob in zip(prefixes[row].tolist(), log_probs[row].tolist(), strict=True):
                if log_prob > -torch.inf:
                    sentence.append(Hypothesis(ids, log_prob, log_prob / divisor, finished=False))

    def best(self) -> list[list[Hypothesis]]:
        """The N best of each sentence."""
        nothing = [Hypothesis([], -torch.inf, -torch.inf, finished=False)]
        return [
            (sorted(finished, key=_score, reverse=True) + unfinished)[: self._options.n_best] or nothing
            for finished, unfinished in zip(self._finished, self._unfinished, strict=True)
        ]


def _score(hypothesis: Hypothesis) -> float:
    return hypothesis.score


def _take(prefixes: Tensor, parents: Tensor) -> Tensor:
    """The prefixes (B, K, L) that ``parents``, int64 (B, K'), continue."""
    return prefixes.gather(1, parents[:, :, None].expand(-1, -1, prefixes.size(2)))


def _closed_up(done: Tensor) -> Tensor:
    """The sentences that are not ``done``, int64 (B',): the last ones fill the gaps, and the others stay in place."""
    going = (~done).nonzero()[:, 0]
    places = torch.arange(len(going), device=done.device)
    places[done[: len(going)]] = going[going >= len(going)]
    return places
