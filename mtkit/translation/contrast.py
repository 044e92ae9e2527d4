"""Contrastive test sets: how often a model prefers the right translation to the wrong one (Sennrich 2017)."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.errors import DataError
from mtkit.io import read_lines
from mtkit.translation.scorer import Scorer

ALL = "all"


@dataclass(frozen=True)
class Contrast:
    """What became of the rows of one kind."""

    kind: str
    n: int
    n_right: int
    """Rows whose right translation has the higher score; a tie is wrong."""

    @property
    def accuracy(self) -> float:
        """Between 0 and 1."""
        return self.n_right / self.n

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, "n": self.n, "n_right": self.n_right, "accuracy": self.accuracy}


def contrast(scorer: Scorer, path: Path, *, normalize: bool) -> list[Contrast]:
    """Score both translations of each row of a file of tabs: source, right, wrong and perhaps a kind.

    Args:
        scorer: The model.
        path: The file.
        normalize: Compare scores that are divided by the length, as the search does.

    Returns:
        All rows together, then each kind in alphabetical order, where there are kinds.

    Raises:
        DataError: If the file cannot be read, is empty, or a row has other than three or four columns, or one that is
            longer than the model reads.
    """
    rows = [line.split("\t") for line in read_lines(path)]
    for number, row in enumerate(rows, start=1):
        if len(row) not in (3, 4):
            raise DataError(
                f"{path}:{number}: {len(row)} column{'s' * (len(row) != 1)}; expected source, right translation, wrong "
                "translation and perhaps a kind, with tabs between them"
            )
    if not rows:
        raise DataError(f"{path}: empty, not one row to read")
    sources = [row[0] for row in rows]
    found = scorer.score([*sources, *sources], [row[1] for row in rows] + [row[2] for row in rows])
    n_rows: Counter[str] = Counter()
    n_right: Counter[str] = Counter()
    for number, (row, right, wrong) in enumerate(zip(rows, found, found[len(rows) :], strict=False), start=1):
        if right is None or wrong is None:
            raise DataError(f"{path}:{number}: longer than the model reads ({scorer.model.config.max_length} tokens)")
        wins = right.score > wrong.score if normalize else right.log_prob > wrong.log_prob
        for kind in (ALL, *row[3:]):
            n_rows[kind] += 1
            n_right[kind] += wins
    return [Contrast(kind, n_rows[kind], n_right[kind]) for kind in [ALL, *sorted(n_rows.keys() - {ALL})]]
