"""The numbers of a run as they come: one JSON object a line in ``metrics.jsonl``."""

import json
from collections.abc import Mapping
from pathlib import Path

from mtkit.files.reading import parse_json, read_regular
from mtkit.files.whole import atomic_file

_MAX_METRICS_BYTES = 2_000_000_000


class MetricsLog:
    """``metrics.jsonl``: one JSON object a line, each with the update that it belongs to."""

    def __init__(self, path: Path, *, last_update: int, last_validated: int, n_rollbacks: int = 0) -> None:
        """Open for appending, after dropping what an interrupted run wrote and will write again.

        Args:
            path: ``metrics.jsonl``.
            last_update: The update that the run goes on from.
            last_validated: The last update whose validation is complete.
            n_rollbacks: How often the run has gone back to an earlier update.
        """
        self._path = path
        self.rewind(last_update=last_update, last_validated=last_validated, n_rollbacks=n_rollbacks)

    def rewind(self, *, last_update: int, last_validated: int, n_rollbacks: int) -> None:
        """Drop what was written of later updates; arguments as when it was opened."""

        def belongs(line: bytes) -> bool:
            if b"rollback" in line:
                return _number_of(line, "rollback") <= n_rollbacks
            return _number_of(line, "update") <= (last_validated if b"valid_" in line else last_update)

        if self._path.exists():
            lines = read_regular(self._path, max_bytes=_MAX_METRICS_BYTES).splitlines(keepends=True)
            kept = [line for line in lines if belongs(line)]
            if kept != lines:
                with atomic_file(self._path) as file:
                    file.write(b"".join(kept))

    def write(self, update: int, values: Mapping[str, object]) -> None:
        """Append one record."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"update": update, **values}, ensure_ascii=False) + "\n")


def _number_of(line: bytes, key: str) -> float:
    """A number of a record; a torn last line belongs to nothing that was kept."""
    try:
        return float(parse_json(line)[key])
    except (ValueError, KeyError, TypeError):
        return float("inf")
