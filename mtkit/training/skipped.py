"""The pairs that a run has left out when it went back: all of them in ``skipped.jsonl``, the first ones in its log.

A line of the file is one update and one source: ``rollback`` (counted from 1), ``update``, ``source``, ``pairs`` (their
numbers among those that the prepared corpus holds of the source, from 1), and of an update in which the trouble showed
also ``src`` and ``tgt``, the pairs themselves, in the same order.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtkit.data.batches.batches import BatchPlan
from mtkit.data.corpus.prepared import Prepared
from mtkit.files.reading import parse_json, read_regular
from mtkit.files.whole import atomic_file
from mtkit.log import logger
from mtkit.wording import counted

SKIPPED = "skipped.jsonl"
_MAX_BYTES = 20_000_000_000
_N_SHOWN = 3
_MAX_SHOWN = 100  # letters of a segment in the log


class Skipped:
    """Notes the pairs that a run leaves out."""

    def __init__(self, plan: BatchPlan, prepared: Prepared, run_dir: Path, *, n_rollbacks: int) -> None:
        """Go on with the notes of a run, after dropping what an interrupted run noted and will note again.

        Args:
            plan: Deals out the pairs.
            prepared: The corpus.
            run_dir: Of the run.
            n_rollbacks: How often it has gone back, as its checkpoint says.
        """
        self._plan, self._path = plan, run_dir / SKIPPED
        self._store = prepared.store("train")
        self._names = [source["name"] for source in prepared.manifest.of_place("train")]
        self._ends = np.cumsum([source["n_kept"] for source in prepared.manifest.of_place("train")])
        if self._path.exists():
            lines = read_regular(self._path, max_bytes=_MAX_BYTES).splitlines(keepends=True)
            kept = [line for line in lines if _rollback_of(line) <= n_rollbacks]
            if kept != lines:
                with atomic_file(self._path) as file:
                    file.write(b"".join(kept))

    def note(
        self,
        rollback: int,
        start: dict[str, Any] | None,
        end: dict[str, Any],
        *,
        first_update: int,
        suspect_from: int,
    ) -> None:
        """Note the pairs of some updates.

        Args:
            rollback: The number of the time that the run went back.
            start: Position of the plan before the first of them; None is the beginning.
            end: Position after the last one.
            first_update: What the first of them was counted as.
            suspect_from: The first update that showed the trouble.
        """
        n_pairs = n_updates = 0
        suspects: list[str] = []
        with self._path.open("a", encoding="utf-8") as file:
            for update, rows in enumerate(self._plan.rows_between(start, end), start=first_update):
                n_updates += 1
                n_pairs += len(rows)
                for name, record, rows_of_source in self._by_source(rows):
                    values = {"rollback": rollback, "update": update, "source": name, "pairs": record}
                    if update >= suspect_from:
                        src, tgt = self._store.gather_text(rows_of_source)
                        values |= {"src": src, "tgt": tgt}
                        for number, *texts in zip(record, src, tgt, strict=True):
                            if len(suspects) < _N_SHOWN:
                                suspects.append(f"{name}, pair {number}: {' ||| '.join(map(_shortened, texts))}")
                    file.write(json.dumps(values, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        logger.warning(
            "left out: %s of %s from %d on; %s lists them, in full from update %d on, where the trouble showed:",
            counted(n_pairs, "pair"),
            counted(n_updates, "update"),
            first_update,
            self._path,
            max(first_update, suspect_from),
        )
        for suspect in suspects:
            logger.warning("  %s", suspect)

    def _by_source(self, rows: NDArray[np.int64]) -> Iterator[tuple[str, list[int], NDArray[np.int64]]]:
        """Rows of the store by their source: its name, the numbers of the pairs in it, and the rows."""
        of = np.searchsorted(self._ends, rows, side="right")
        for source in np.unique(of):
            here = np.sort(rows[of == source])
            first = self._ends[source - 1] if source else 0
            yield self._names[source], (here - first + 1).tolist(), here


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


def _rollback_of(line: bytes) -> float:
    """The time of going back that a line is of; a torn last line is of none that was kept."""
    try:
        return float(parse_json(line)["rollback"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
