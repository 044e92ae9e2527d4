"""What the training lines of a run are like, noted beside its checkpoints for those who translate with them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mtkit.bundle.bundle import LINES, read_source_lines
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.corpus.source_lines import MOST_SENTENCES, RANKS, SourceLines
from mtkit.files.whole import write_json
from mtkit.languages.sentences import count_sentences

_MAX_LOOKED_AT = 100_000


def noted_source_lines(prepared: Prepared, run_dir: Path, *, join: float) -> SourceLines:
    """What ``run_dir`` says of the training lines; found out and written there where it says nothing.

    Args:
        prepared: The corpus.
        run_dir: Of the run.
        join: Share of the pairs that training puts together with the next one.
    """
    lines = read_source_lines(run_dir)
    if lines is None:
        lines = source_lines(prepared, join=join)
        write_json(run_dir / LINES, lines.as_json())
    return lines


def source_lines(prepared: Prepared, *, join: float = 0.0) -> SourceLines:
    """Look at the training pairs of a corpus.

    Args:
        prepared: The corpus.
        join: Share of its pairs that training puts together with the next one.
    """
    store = prepared.store("train")
    n = min(len(store), _MAX_LOOKED_AT)
    rows = np.arange(n, dtype=np.int64) * len(store) // n
    src_lengths, tgt_lengths = (lengths.astype(np.int64) for lengths in store.lengths_of(rows))
    n_tags = np.array([list(map(len, prefix)) for prefix in prepared.prefixes("train")], dtype=np.int64)  # (sources, 2)
    of_src, of_tgt = n_tags[store.corpora()[rows]].T
    src_lengths -= of_src
    tgt_lengths -= of_tgt
    tgt_per_src = float(tgt_lengths.sum() / max(int(src_lengths.sum()), 1))
    joined = np.arange(round(join * n)) * n // max(round(join * n), 1)
    src_lengths[joined] += np.roll(src_lengths, -1)[joined]
    at_ranks = np.quantile(src_lengths, RANKS, method="higher")
    return SourceLines(
        n_lines=n,
        n_tokens={str(rank): int(length) for rank, length in zip(RANKS, at_ranks, strict=True)},
        sentences=_shares(store.gather_text(rows)[0], join),
        tgt_per_src=tgt_per_src,
    )


def _shares(lines: Sequence[str], join: float) -> list[float]:
    """Share of the lines with at least two, three, ... sentences; two joined lines have those of both."""
    counts = np.bincount([min(count_sentences(line), MOST_SENTENCES) for line in lines], minlength=MOST_SENTENCES + 1)
    single = counts / counts.sum()
    shares = (1 - join) * single + join * np.convolve(single, single)[: len(single)]
    at_least = np.append(shares, 1 - shares.sum()).clip(0)[::-1].cumsum()[::-1]
    return [round(float(share), 6) for share in at_least[2 : MOST_SENTENCES + 1]]
