"""What happened to the lines of a text while they were translated, for a few lines of the log at the end."""

import json
import time

from mtkit.log import logger, once
from mtkit.translation.translation import Translation
from mtkit.wording import counted, duration_shown


class Tally:
    """Counts lines, from the first one on."""

    def __init__(self) -> None:
        """Begin with none."""
        self.n_lines = 0
        self._n_split = 0
        self._n_cut_off = 0
        self._n_short = 0
        self._first_short: int | None = None
        self._n_missing = 0
        self._first_missing: tuple[int, str] | None = None
        self._start = time.perf_counter()

    def add(self, translation: Translation) -> None:
        """Count the next line."""
        self.n_lines += 1
        self._n_split += translation.n_segments > 1
        self._n_cut_off += not translation.finished
        if translation.is_short:
            self._n_short += 1
            self._first_short = self._first_short or self.n_lines
        if translation.missing:
            self._n_missing += 1
            self._first_missing = self._first_missing or (self.n_lines, translation.missing[0])

    def warn(self, label: str = "") -> None:
        """Say what may be wrong with the translations.

        Args:
            label: What made them, where several make the same.
        """
        whose = f"{label}: " if label else ""
        if self._n_cut_off:
            logger.warning("%s%s cut off at the longest length allowed", whose, counted(self._n_cut_off, "translation"))
        if self._first_short is not None:
            found = whose + counted(self._n_short, "translation")
            first = self._first_short
            logger.warning("%s far shorter than the source, some of it may be missing; first: line %d", found, first)
        if self._first_missing is not None:
            found = whose + counted(self._n_missing, "translation")
            what = "a placeholder, tag, address or symbol"
            shown = "%s without %s of the source; first: line %d (missing %s)"
            logger.warning(
                shown,
                found,
                what,
                self._first_missing[0],
                json.dumps(self._first_missing[1]),
                extra=once(f"missing {label}"),
            )

    def log(self) -> None:
        """Say all of it, and how long it took."""
        if self._n_split:
            logger.info("%s translated in parts: sentence by sentence, or shorter", counted(self._n_split, "line"))
        self.warn()
        seconds = time.perf_counter() - self._start
        rate = self.n_lines / seconds
        logger.info("%s in %s, %.1f lines/s", counted(self.n_lines, "line"), duration_shown(seconds), rate)
