"""Scores of single segments and of documents, with the settings that score the corpus, as JSON lines.

Scores of segments are for finding the worst ones: they do not average to the score of the corpus.
"""

from collections.abc import Iterator, Mapping, Sequence

from sacrebleu.metrics.base import Metric

from mtkit.errors import DataError
from mtkit.evaluation.metrics.counting import Counts
from mtkit.evaluation.metrics.scorers import ScoringSettings
from mtkit.evaluation.pitfalls.checks import Text


def segment_scores(
    n_lines: int,
    counts: Mapping[str, Counts],
    settings: ScoringSettings,
    *,
    doc_of_line: Sequence[str] | None = None,
    extra: Mapping[str, Sequence[float]] | None = None,
) -> Iterator[dict[str, object]]:
    """A record for each line: level, line (from 1), doc where there are documents, a value for each metric.

    Args:
        n_lines: Lines of the output.
        counts: By metric, of every line.
        settings: As the corpus is scored; BLEU with effective order.
        doc_of_line: The document of each line.
        extra: Scores of every line that another metric gave already, by its name.
    """
    scorers = settings.scorers(of_segments=True)
    for n in range(n_lines):
        record: dict[str, object] = {"level": "segment", "line": n + 1}
        if doc_of_line is not None:
            record["doc"] = doc_of_line[n]
        record |= {metric: _score(scorer, [counts[metric][n]]) for metric, scorer in scorers.items()}
        yield record | {metric: values[n] for metric, values in (extra or {}).items()}


def document_scores(
    counts: Mapping[str, Counts], doc_of_line: Sequence[str], settings: ScoringSettings
) -> Iterator[dict[str, object]]:
    """A record for each document in the order of first lines: level, doc, n_lines, its score as a small corpus."""
    scorers = settings.scorers()
    lines_of: dict[str, list[int]] = {}
    for n, doc in enumerate(doc_of_line):
        lines_of.setdefault(doc, []).append(n)
    for doc, lines in lines_of.items():
        record: dict[str, object] = {"level": "document", "doc": doc, "n_lines": len(lines)}
        yield record | {
            metric: _score(scorer, [counts[metric][n] for n in lines]) for metric, scorer in scorers.items()
        }


def check_documents(docs: Text) -> None:
    """Make sure that every line names a document.

    Raises:
        DataError: Naming the first line that does not.
    """
    for number, doc in enumerate(docs.lines, 1):
        if not doc.strip():
            raise DataError(f"{docs.name}:{number}: names no document; every line must")


def _score(scorer: Metric, counts: Counts) -> float:
    """Corpus score of the counted lines."""
    return float(scorer._aggregate_and_compute(counts).score)
