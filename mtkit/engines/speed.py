"""How fast a model translates in each precision it may be computed in, and which of two is worth choosing.

Which of them is faster depends on the model, the beam and the processor, so that it is measured: where the loss of the
lower one is measured too, and once more on another processor.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtkit.engines.batching import BATCH_SIZE
from mtkit.engines.engine import Engine
from mtkit.machine.processor import cpu_kind
from mtkit.search.hypothesis import SearchOptions
from mtkit.settings.decoding import DecodingConfig

SECONDS = 5.0
"""How long measuring takes beside a loss that is measured anyway; a large model on few cores takes longer."""

MARGIN = 1.05
"""Times faster that the precision which is not the usual one must be to be chosen: less may be chance."""

_ROUNDS = 5
_FEW = 16  # lines whose time tells how many there is time for


@dataclass(frozen=True)
class Speeds:
    """How fast a model was on one processor."""

    processor: str
    """As ``cpu_kind`` calls it."""

    threads: int
    n_lines: int
    """Translated at a time; at most, of several beams."""

    lines_per_second: dict[int, dict[str, float]]
    """By beam size, then by precision: medians. Greedy search, a beam of 1, is among them."""

    def of(self, beam_size: int) -> dict[str, float]:
        """By precision: of greedy search, or of the model's own beam for every larger one."""
        return self.lines_per_second[self._nearest(beam_size)]

    def choice(self, usual: str, other: str, beam_size: int) -> str:
        """The usual precision, unless the other one is faster by ``MARGIN``."""
        speeds = self.of(beam_size)
        return other if speeds[other] >= MARGIN * speeds[usual] else usual

    def shown(self, beam_size: int) -> str:
        """``float32 359 and int8 308 lines/s with beam 5``."""
        speeds = " and ".join(f"{name} {speed:,.0f}" for name, speed in sorted(self.of(beam_size).items()))
        nearest = self._nearest(beam_size)
        return f"{speeds} lines/s with {'greedy search' if nearest == 1 else f'beam {nearest}'}"

    def _nearest(self, beam_size: int) -> int:
        return 1 if beam_size == 1 else max(self.lines_per_second)

    def __str__(self) -> str:
        """All of it on one line."""
        return f"{'; '.join(map(self.shown, self.lines_per_second))} ({self.processor})"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any, precisions: Sequence[str]) -> "Speeds | None":
        """The same again; None where it is not what ``as_json`` writes, with a speed for each of the precisions."""
        try:
            rates = {
                int(beam): {name: float(speeds[name]) for name in precisions}
                for beam, speeds in value["lines_per_second"].items()
            }
            if 1 not in rates or any(rate <= 0 for speeds in rates.values() for rate in speeds.values()):
                return None
            return cls(str(value["processor"]), int(value["threads"]), int(value["n_lines"]), rates)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None


def measure_speeds(
    engines: Mapping[str, Engine], sources: Sequence[Sequence[int]], decoding: DecodingConfig, *, threads: int,
    seconds: float,
) -> Speeds | None:  # fmt: skip
    """Translate the same sentences with each engine, in turn, greedily and with the model's own beam.

    Args:
        engines: By the name of their precision.
        sources: Any, in source ids without the end of sentence; some of them are used, evenly spread.
        decoding: The model's.
        threads: That the engines use, for the record.
        seconds: About how long. Each engine translates at least a few sentences per beam size, however slow it is.

    Returns:
        None where there is no sentence that the engines can read.
    """
    longest = min(engine.max_length for engine in engines.values())
    sources = [ids for ids in sources if 0 < len(ids) < longest]
    if not sources:
        return None
    beams = sorted({1, decoding.beam_size})
    found, most = {}, 0
    for beam_size in beams:
        options = SearchOptions.of(decoding, beam_size=beam_size, scores=False)
        n_lines, rates = _measure(engines, sources, options, seconds * beam_size / sum(beams))
        found[beam_size], most = rates, max(most, n_lines)
    return Speeds(cpu_kind(), threads, most, found)


def _measure(
    engines: Mapping[str, Engine], sources: Sequence[Sequence[int]], options: SearchOptions, seconds: float
) -> tuple[int, dict[str, float]]:
    """Lines translated at a time, and each engine's lines per second: medians of a few rounds."""
    start = time.perf_counter()
    few = _spread(sources, _FEW)
    first = {name: len(few) / _seconds(engine, few, options) for name, engine in engines.items()}
    left = seconds - (time.perf_counter() - start)
    per_line = sum(1 / rate for rate in first.values())  # by all engines together
    n_lines = int(left / _ROUNDS / per_line)
    if n_lines < len(few):  # there is no time for more
        return len(few), first
    lines = _spread(sources, n_lines)
    names = list(engines)
    rounds = [
        {name: len(lines) / _seconds(engines[name], lines, options) for name in (names[::-1] if turn % 2 else names)}
        for turn in range(_ROUNDS)
    ]
    return len(lines), {name: statistics.median(each[name] for each in rounds) for name in engines}


def _spread(sources: Sequence[Sequence[int]], n: int) -> list[Sequence[int]]:
    """``n`` of the sentences, or all, from all over them."""
    n = min(n, len(sources))
    return [sources[i * len(sources) // n] for i in range(n)]


def _seconds(engine: Engine, sources: Sequence[Sequence[int]], options: SearchOptions) -> float:
    start = time.perf_counter()
    engine.begin(sources, options, batch_size=BATCH_SIZE["sentences"], batch_type="sentences")()
    return time.perf_counter() - start
