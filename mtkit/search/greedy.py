"""Greedy search: a beam of one, which has no candidates to rank.

Shapes: B sentences still in the batch, V vocabulary.
"""

import math
from collections.abc import Container, Sequence
from typing import Any

import torch
from torch import Tensor

from mtkit.data.tokens.special import SpecialIds
from mtkit.search.candidates import NOTHING, top_log_probs, top_tokens
from mtkit.search.hypothesis import Hypothesis, SearchOptions


def greedy_search(
    model: Any,
    state: Any,
    max_lengths: list[int],
    options: SearchOptions,
    *,
    never: Tensor,
    special: SpecialIds,
    tgt_prefix: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """Extend each sentence by its most probable token until that is the end of sentence.

    Args:
        model: As for ``beam_search``.
        state: State of the model, before the first token.
        max_lengths: The longest hypothesis of each sentence.
        options: Options of the search; without ``scores`` no probabilities are computed.
        never: int64, ids that are not to be chosen.
        special: What the decoder reads first, and what ends a hypothesis.
        tgt_prefix: As for ``beam_search``.
    """
    eos_id, n_before = special.eos, len(tgt_prefix)
    results = [[Hypothesis([], -math.inf, -math.inf, finished=False)] for _ in max_lengths]
    prefixes: list[list[int]] = [[] for _ in max_lengths]
    live = list(range(len(max_lengths)))  # the number of each sentence in the batch
    log_probs = torch.full((len(live),), 0.0 if options.scores else math.nan, device=never.device)  # (B,)
    last = read_prefix(model, state, [special.start, *tgt_prefix], log_probs.long())
    while live:
        logits = model.project(model.step(last, state))
        if options.scores:
            token_log_probs, last = (x[:, 0] for x in top_log_probs(logits, 1, never=never))
            last = last.masked_fill(token_log_probs.isinf(), NOTHING)
            log_probs = log_probs + token_log_probs
        else:
            last = top_tokens(logits, never=never)

        done = {}  # the rows that leave the batch, and whether they have ended by themselves
        for row, (sentence, token) in enumerate(zip(live, last.tolist(), strict=True)):
            prefix = prefixes[sentence]
            if token != eos_id:
                prefix.append(token)
            if token in (eos_id, NOTHING) or n_before + len(prefix) == max_lengths[sentence]:
                done[row] = token == eos_id
        if done:
            totals = log_probs.tolist()
            for row, ended in done.items():
                ids, log_prob = prefixes[live[row]], totals[row]
                if NOTHING not in ids:
                    score = log_prob / (n_before + len(ids) + ended) ** options.length_penalty
                    results[live[row]] = [Hypothesis(ids, log_prob, score, finished=ended)]
            rows = closed_up(len(live), done)
            live = [live[row] for row in rows]
            going = torch.tensor(rows, device=last.device, dtype=torch.long)
            last, log_probs = last[going], log_probs[going]
            state.select(going[:, None])
    return results


def read_prefix(model: Any, state: Any, tokens: Sequence[int], rows: Tensor) -> Tensor:
    """Let the decoder read the same tokens in all rows but for the last one, which is returned: it is read next.

    Args:
        model: As for ``beam_search``.
        state: State of the model, before the first token; it is advanced.
        tokens: At least one.
        rows: Any int64 (M,), on the device.
    """
    *before, last = tokens
    for token in before:
        model.step(torch.full_like(rows, token), state)
    return torch.full_like(rows, last)


def closed_up(n: int, done: Container[int]) -> list[int]:
    """Which of ``n`` rows go on: the last ones fill the gaps, and the others stay in place."""
    going = [row for row in range(n) if row not in done]
    moving = [row for row in going if row >= len(going)]
    return [moving.pop() if row in done else row for row in range(len(going))]
