"""Contrastive test sets: how often a model prefers the right translation to the wrong one (Sennrich 2017)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mtkit.errors import DataError
from mtkit.files.text import read_line_chunks
from mtkit.forced.scorer import PairScore, Scorer

ALL = "all"
_ROWS_AT_ONCE = 2048  # sorted by length among themselves

Verdict = Literal["right", "wrong", "tie"]


@dataclass(frozen=True)
class Row:
    """What a model thinks of one row."""

    number: int
    """Its line, counted from 1."""

    kind: str | None
    right: float
    """Score of the right translation, nats; higher is better."""

    wrong: float
    verdict: Verdict
    """Which translation has the higher score; a tie where they are equal, or the same pieces."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        scores = {"right": self.right, "wrong": self.wrong}
        return {"row": self.number, "kind": self.kind, **scores, "verdict": self.verdict}


@dataclass(frozen=True)
class Contrast:
    """What became of the rows of one kind."""

    kind: str
    n: int
    n_right: int
    """Rows whose right translation has the higher score."""

    n_tied: int

    @property
    def accuracy(self) -> float:
        """Between 0 and 1; a tie is not right."""
        return self.n_right / self.n

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        counts = {"n": self.n, "n_right": self.n_right, "n_tied": self.n_tied}
        return {"kind": self.kind, **counts, "accuracy": self.accuracy}


class Tally:
    """Counts rows by kind."""

    def __init__(self) -> None:
        """Begin with none."""
        self._verdicts: Counter[tuple[str, Verdict]] = Counter()

    def add(self, row: Row) -> None:
        """Count one."""
        for kind in (ALL, row.kind):
            if kind is not None:
                self._verdicts[kind, row.verdict] += 1

    def totals(self) -> list[Contrast]:
        """All rows together, then each kind in alphabetical order, where there are kinds."""
        found = self._verdicts
        kinds = [ALL, *sorted({kind for kind, _ in found} - {ALL})]
        every: tuple[Verdict, ...] = ("right", "wrong", "tie")
        return [
            Contrast(kind, sum(found[kind, verdict] for verdict in every), found[kind, "right"], found[kind, "tie"])
            for kind in kinds
        ]


def contrast(scorer: Scorer, path: Path | str, *, normalize: bool) -> Iterator[Row]:
    """Score both translations of each row of a file of tabs: source, right, wrong and perhaps a kind.

    Args:
        scorer: The model.
        path: The file; a bounded number of its rows is held.
        normalize: Compare scores that are divided by the length, as the search does.

    Raises:
        DataError: If the file cannot be read, is empty, or a row has other than three or four columns, or one that is
            longer than the model reads.
    """
    n_before = 0
    for lines in read_line_chunks(path, _ROWS_AT_ONCE):
        rows = [line.split("\t") for line in lines]
        for number, row in enumerate(rows, start=n_before + 1):
            if len(row) not in (3, 4):
                raise DataError(
                    f"{path}:{number}: {len(row)} column{'s' * (len(row) != 1)}; expected source, right translation, "
                    "wrong translation and perhaps a kind, with tabs between them"
                )
        sources = [row[0] for row in rows]
        found = scorer.score([*sources, *sources], [row[1] for row in rows] + [row[2] for row in rows])
        pairs = zip(rows, found[: len(rows)], found[len(rows) :], strict=True)
        for number, (row, right, wrong) in enumerate(pairs, start=n_before + 1):
            if right is None or wrong is None:
                longest = scorer.model.config.max_length
                raise DataError(f"{path}:{number}: longer than the model reads ({longest} tokens)")
            yield _compared(number, row[3] if len(row) == 4 else None, right, wrong, normalize=normalize)
        n_before += len(rows)
    if not n_before:
        raise DataError(f"{path}: empty, not one row to read")


def _compared(number: int, kind: str | None, right: PairScore, wrong: PairScore, *, normalize: bool) -> Row:
    scores = (right.score, wrong.score) if normalize else (right.log_prob, wrong.log_prob)
    verdict: Verdict = "right" if scores[0] > scores[1] else "wrong"
    # The same pieces may differ in the last digits, by the batches in which they were computed.
    if scores[0] == scores[1] or right.tokens == wrong.tokens:
        verdict = "tie"
    return Row(number, kind, *scores, verdict)
