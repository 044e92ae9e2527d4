"""What cleaning has done to the training sources, for a person to judge: counts, and samples of what was dropped."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from mtkit.data.cleaning.judging import Judgement, SourceJudgement
from mtkit.data.cleaning.reasons import N_VERDICTS, REASONS, Sample, drop_report
from mtkit.data.sources.pairs import Source

REPORT_FILE = "report.json"


class SampleReport(TypedDict):
    """A pair that was dropped, as the steps before had left it; long segments are cut."""

    pair: int
    """Number of the pair in the source, counted from 1: the line of a text file."""

    src: str
    tgt: str


class CleaningReport(TypedDict):
    """What became of one training source."""

    name: str
    n_pairs: int
    """Pairs read."""

    n_kept: int
    dropped: dict[str, int]
    """Pairs that each step dropped, by its name."""

    changed: dict[str, int]
    """Pairs that each step changed; some of them were dropped later on."""

    samples: dict[str, list[SampleReport]]
    """A few of the pairs that each step dropped."""


def cleaning_report(
    source: Source, judged: SourceJudgement, counts: NDArray[np.int64], samples: Mapping[int, Sequence[Sample]]
) -> CleaningReport:
    """The report on one source.

    Args:
        source: Its name.
        judged: What its text told.
        counts: Pairs with each verdict, (``N_VERDICTS``,).
        samples: Samples of the later verdicts.
    """
    shown: dict[str, list[SampleReport]] = {}
    labels = dict(enumerate(REASONS, start=1)) | judged.labels
    for verdict, of_verdict in (*judged.samples.items(), *samples.items()):
        if of_verdict:
            of_label = shown.setdefault(labels[verdict], [])
            of_label += [SampleReport(pair=row + 1, src=src, tgt=tgt) for row, src, tgt in sorted(of_verdict)]
    return CleaningReport(
        name=source.name,
        n_pairs=int(counts.sum()),
        n_kept=int(counts[0]),
        dropped=drop_report(counts, judged.labels),
        changed={label: n for label, n in judged.n_changed.items() if n},
        samples=shown,
    )


def reports_by_text(sources: Sequence[Source], judgement: Judgement) -> list[CleaningReport]:
    """The reports on the training sources as far as their text tells: nothing of tokens."""
    reports, start = [], 0
    for source, judged in zip(sources, judgement.sources, strict=True):
        verdicts = judgement.verdicts[start : start + judged.n_pairs]
        start += judged.n_pairs
        reports.append(cleaning_report(source, judged, np.bincount(verdicts, minlength=N_VERDICTS), {}))
    return reports


def all_dropped(reports: Sequence[CleaningReport]) -> dict[str, int]:
    """Pairs that each step dropped in all sources."""
    totals: dict[str, int] = {}
    for report in reports:
        for label, n in report["dropped"].items():
            totals[label] = totals.get(label, 0) + n
    return totals
