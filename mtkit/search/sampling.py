"""Ancestral sampling: each token is drawn from what the model predicts after those before it.

Shapes: M rows, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtkit.data.batches.splitmix import splitmix64
from mtkit.data.tokens.special import SpecialIds
from mtkit.search.candidates import NOTHING
from mtkit.search.greedy import closed_up
from mtkit.search.hypothesis import Hypothesis

_MOST_STEPS = 1 << 24


@dataclass(frozen=True)
class SamplingOptions:
    """From which part of the prediction a token is drawn, and how sharp that is; by itself: from all of it as it is."""

    temperature: float = 1.0
    """What log-probabilities are divided by: below 1 the probable tokens come more often, above 1 less often."""

    top_k: int | None = None
    """Draw from so many tokens, the most probable ones (Fan et al. 2018); None for all."""

    top_p: float = 1.0
    """Draw from the fewest tokens that have this probability together (Holtzman et al. 2020, section 3.1), of what
    ``top_k`` leaves; 1 for all."""

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and 0 < self.top_p <= 1 and (self.top_k is None or self.top_k >= 1)):
            raise ValueError(f"{self}: temperature and top_k must be above 0, top_p above 0 and at most 1")


def sample(
    model: Any,
    state: Any,
    max_lengths: Sequence[int],
    options: SamplingOptions,
    *,
    seed: int,
    never: Tensor,
    special: SpecialIds,
    prefixes: Sequence[Sequence[int]] | None = None,
) -> list[Hypothesis]:
    """Draw a hypothesis for each row, up to its end of sentence.

    What is drawn is a function of the seed, of the row's number and of what the model predicts for it: other rows
    beside it, or none, change nothing but the rounding.

    Args:
        model: As for ``beam_search``.
        state: State of the model, before the first token, with a beam of 1: a sentence is in it as often as it is to
            be drawn for.
        max_lengths: The longest hypothesis of each row.
        options: What is drawn from.
        seed: Any number; other draws for each.
        never: int64, ids that are not to be drawn.
        special: What the decoder reads first, and what ends a hypothesis.
        prefixes: Of each row the tokens that it begins with, which count in its length.

    Returns:
        A hypothesis for each row; ``log_prob`` and ``score`` are the sum of what the model gives to its tokens,
        whatever the options, the prefix left out. A row whose predictions are not finite is empty, with minus infinity.
    """
    forced = [[]] * len(max_lengths) if prefixes is None else prefixes
    n_forced = max(map(len, forced), default=0)
    results = [Hypothesis([], -math.inf, -math.inf, finished=False) for _ in max_lengths]
    ids: list[list[int]] = [[] for _ in max_lengths]
    live = list(range(len(max_lengths)))
    log_probs = torch.zeros(len(live), device=never.device)
    last = torch.full((len(live),), special.start, device=never.device, dtype=torch.long)
    step = 0
    while live:
        token_log_probs = model.project(model.step(last, state)).float().log_softmax(-1)  # (M, V)
        uniform = torch.from_numpy(uniforms(seed, np.array(live), step)).to(never.device)
        last = draw(token_log_probs.index_fill(1, never, -torch.inf), uniform, options)
        token_log_probs = token_log_probs.gather(1, last.clamp(min=0)[:, None])[:, 0]
        for row, number in enumerate(live if step < n_forced else ()):
            if step < len(forced[number]):
                last[row], token_log_probs[row] = forced[number][step], 0.0
        log_probs = log_probs + token_log_probs
        step += 1

        done = {}  # the rows that leave, and whether they have ended by themselves
        for row, (number, token) in enumerate(zip(live, last.tolist(), strict=True)):
            if token not in (special.eos, NOTHING):
                ids[number].append(token)
            if token in (special.eos, NOTHING) or len(ids[number]) == max_lengths[number]:
                done[row] = token
        if done:
            totals = log_probs.tolist()
            for row, token in done.items():
                number = live[row]
                if token != NOTHING:
                    own = ids[number][len(forced[number]) :]
                    results[number] = Hypothesis(own, totals[row], totals[row], finished=token == special.eos)
            rows = closed_up(len(live), done)
            live = [live[row] for row in rows]
            going = torch.tensor(rows, device=last.device, dtype=torch.long)
            last, log_probs = last[going], log_probs[going]
            state.select(going[:, None])
    return results


def draw(log_probs: Tensor, uniform: Tensor, options: SamplingOptions) -> Tensor:
    """A token of each row, by the inverse of the cumulative distribution.

    Args:
        log_probs: (M, V), up to a constant of each row; minus infinity is never drawn.
        uniform: (M,), from 0 to below 1: equal numbers draw equal tokens.
        options: What is drawn from.

    Returns:
        int64 (M,); ``NOTHING`` where ``log_probs`` are not numbers.
    """
    scaled, order = log_probs / options.temperature, None
    if options.top_k is not None or options.top_p < 1:
        scaled, order = scaled.sort(dim=-1, descending=True, stable=True)
    probs = scaled.double().softmax(-1)
    if options.top_k is not None:
        probs[:, options.top_k :] = 0
    if options.top_p < 1:
        before = probs.cumsum(-1) - probs
        probs = probs.masked_fill(before >= options.top_p * probs.sum(-1, keepdim=True), 0)
    cumulative = probs.cumsum(-1)
    # The first whose cumulative probability exceeds the threshold: one of probability 0 never is.
    threshold = uniform.double()[:, None] * cumulative[:, -1:]
    drawn = torch.searchsorted(cumulative, threshold, right=True).clamp(max=log_probs.size(1) - 1)
    drawn = drawn if order is None else order.gather(1, drawn)
    return drawn[:, 0].masked_fill(~cumulative[:, -1].isfinite(), NOTHING)


def uniforms(seed: int, rows: NDArray[np.int64], step: int) -> NDArray[np.float64]:
    """A number for each row, from 0 to below 1, that depends on the seed, the row's number and the step alone."""
    bits = splitmix64(rows.astype(np.uint64) * np.uint64(_MOST_STEPS) + np.uint64(step), seed)
    return (bits >> np.uint64(32)) / 2.0**32
