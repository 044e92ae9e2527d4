"""What a metric counts in each segment, such as matching n-grams or edits: all its scores are made of nothing else.

It is counted once: for the score of the corpus, its interval, its tests, and the scores of lines and documents.
TER is counted in several processes, as sacreBLEU takes up to a second for a segment of 60 words, and is plain Python.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.ter import TER

from mtkit.evaluation.metrics.scorers import make_ter
from mtkit.log import logger, progress_bar
from mtkit.machine.workers import Workers
from mtkit.wording import counted

Counts = list[list[float]]
"""(segments, counts), as sacreBLEU calls statistics."""

Piece = tuple[list[str], list[list[str]]]
"""Some lines of an output, and of each reference."""

_SECONDS_HERE = 1.0
"""Seconds of counting edits in this process first: others would take about as long to start."""

_PIECE = 60**3
"""Size of a piece, where a line's is the product of its words, squared, and its reference's: 5 to 30 ms of work for
usual output, up to a second where its words stand in another order."""


def count(
    scorer: Metric,
    hyp_text: Sequence[str],
    ref_texts: Sequence[Sequence[str]],
    workers: Workers,
    *,
    seconds_here: float = _SECONDS_HERE,
) -> Counts:
    """Count what a metric's scores are made of.

    Args:
        scorer: One of sacreBLEU's metrics.
        hyp_text: One translation per segment.
        ref_texts: One list per reference, each as long.
        workers: Count the edits of TER, if that takes longer.
        seconds_here: How long they are waited with; processes that run already are not waited with.

    Returns:
        For each segment what sacreBLEU's ``corpus_score`` would count, the same to the last digit.
    """
    if not isinstance(scorer, TER):
        found: Counts = scorer._extract_corpus_statistics(hyp_text, ref_texts)
        return found
    count_piece = partial(_count_edits, scorer.asian_support)
    pieces, counts = deque(_pieces(hyp_text, ref_texts, unspaced=scorer.asian_support)), Counts()
    until = time.monotonic() + (0 if workers.running else seconds_here)
    while pieces and time.monotonic() < until:
        counts += count_piece(pieces.popleft())
    if not pieces:
        return counts
    logger.info("counting the edits of TER in %s on %s", counted(len(hyp_text), "line"), counted(workers.n, "core"))
    with progress_bar(total=len(hyp_text), initial=len(counts), description="TER", unit=" lines") as bar:
        for edits in workers.map(count_piece, pieces):
            counts += edits
            bar.update(len(edits))
    return counts


def _pieces(hyp_text: Sequence[str], ref_texts: Sequence[Sequence[str]], *, unspaced: bool) -> Iterator[Piece]:
    """All lines in pieces that take about as long, in order."""

    def n_words(line: str) -> int:
        return len(line) if unspaced else 1 + line.count(" ")

    start, size = 0, 0
    for n, (hyp, *refs) in enumerate(zip(hyp_text, *ref_texts, strict=True), 1):
        size += n_words(hyp) ** 2 * sum(map(n_words, refs))
        if size >= _PIECE or n == len(hyp_text):
            yield list(hyp_text[start:n]), [list(ref[start:n]) for ref in ref_texts]
            start, size = n, 0


def _count_edits(unspaced: bool, piece: Piece) -> Counts:
    """Edits and words of each line of a piece, here or in a worker."""
    counts: Counts = make_ter(unspaced=unspaced)._extract_corpus_statistics(*piece)
    return counts
