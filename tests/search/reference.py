"""Beam search over Python lists, one sentence at a time: slow, short, and the oracle for mtkit.search.beam."""

from collections.abc import Callable, Sequence

from mtkit.search.hypothesis import Hypothesis

Tokens = tuple[int, ...]


def beam_search(
    log_probs: Callable[[Tokens], Sequence[float]],
    *,
    eos_id: int,
    beam_size: int,
    n_best: int,
    length_penalty: float,
    max_length: int,
    n_before: int = 0,
) -> list[Hypothesis]:
    """Return the hypotheses of one sentence, finished ones first, best first; it never stops early.

    Args:
        log_probs: The log-probability of every token after a prefix; minus infinity for one that is not allowed.
        eos_id: Ends a hypothesis.
        beam_size: K.
        n_best: How many to return.
        length_penalty: Exponent of the length, the end of sentence counted.
        max_length: Tokens of the longest hypothesis, the end of sentence counted.
        n_before: Tokens before every hypothesis, which count in all lengths.
    """
    live: list[tuple[float, Tokens]] = [(0.0, ())]
    finished: list[Hypothesis] = []
    for length in range(n_before + 1, max_length + 1):
        grown = [
            (total + log_prob, (*prefix, token))
            for total, prefix in live
            for token, log_prob in enumerate(log_probs(prefix))
            if log_prob > float("-inf")
        ]
        grown.sort(reverse=True)
        finished += [
            Hypothesis(list(tokens[:-1]), total, total / length**length_penalty, finished=True)
            for total, tokens in grown[:beam_size]
            if tokens[-1] == eos_id
        ]
        live = [(total, tokens) for total, tokens in grown if tokens[-1] != eos_id][:beam_size]
        if len(finished) >= beam_size or not live:
            break
    finished.sort(key=lambda h: h.score, reverse=True)
    unfinished = [
        Hypothesis(list(t), total, total / (n_before + len(t)) ** length_penalty, finished=False) for total, t in live
    ]
    return (finished + unfinished if len(finished) < n_best else finished)[:n_best]
