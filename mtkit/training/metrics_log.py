"""The numbers of a run as they come: one JSON object a line in ``metrics.jsonl``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mtkit.files.reading import parse_json, read_regular
from mtkit.files.whole import atomic_file

if TYPE_CHECKING:
    pass  # imported when the first bar is shown, so that a quick answer does not wait for it


_MAX_METRICS_BYTES = 2_000_000_000


class MetricsLog:
    """``metrics.jsonl``: one JSON object a line, each with the update that it belongs to."""

    def __init__(self, path: Path, *, last_update: int, last_validated: int) -> None:
        """Open for appending, after dropping what an interrupted run wrote and will write again.

        Args:
            path: ``metrics.jsonl``.
            last_update: The update that the run goes on from.
            last_validated: The last update whose validation is complete.
        """
        self._path = path

        if path.exists():
            lines = read_regular(path, max_bytes=_MAX_METRICS_BYTES).splitlines(keepends=True)
            kept = [
                line for line in lines if _update_of(line) <= (last_validated if b"valid_" in line else last_update)
            ]
            if kept != lines:
                with atomic_file(path) as file:
                    file.write(b"".join(kept))

    def write(self, update: int, values: Mapping[str, object]) -> None:
        """Append one record."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"update": update, **values}, ensure_ascii=False) + "\n")


def _update_of(line: bytes) -> float:
    """The update of a record; a torn last line belongs to no update that was kept."""
    try:
        return float(parse_json(line)["update"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
