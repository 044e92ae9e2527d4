"""What was seen in the chunks of training so far, in memory that does not grow with their number."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from mtkit.data.cleaning.duplicates import EqualKeys, repeats
from mtkit.doctor.chunks import FEATURES, N_SAMPLES, Seen
from mtkit.doctor.findings import Sample, shown
from mtkit.doctor.leakage import WAYS
from mtkit.doctor.lengths import Lengths
from mtkit.doctor.sampling import PairSample


class Tally:
    """Takes what was seen of each chunk, in the order of the corpus."""

    def __init__(self, names: list[str], scratch: Path, *, n_sample: int) -> None:
        """Begin with nothing.

        Args:
            names: Names of the sources.
            scratch: An empty directory for temporary files.
            n_sample: Pairs to keep for what takes long.
        """
        self.names = names
        self.n_pairs = [0] * len(names)
        """Number of pairs of each source."""

        self.counts: dict[str, Counter[str]] = {}
        """Count of each finding, by the name of the source."""

        self.samples: dict[str, list[Sample]] = {}
        self.lengths = Lengths()
        self.sample = PairSample(n_sample)
        self.leaks: dict[int, tuple[int, int]] = {}
        """Held-out pairs that are in training, with the worst way of ``WAYS`` and the first pair of training."""

        self._paths = [scratch / f"features-{number}" for number in range(len(names))]
        self._hashes = EqualKeys(scratch / "hashes")
        with ExitStack() as stack:
            stack.enter_context(self._hashes)
            self._features: list[BinaryIO] = [stack.enter_context(path.open("wb")) for path in self._paths]
            self._files = stack.pop_all()

    def add(self, seen: Seen) -> None:
        """Take the next chunk."""
        chunk, name = seen.chunk, self.names[seen.chunk.source]
        first = sum(self.n_pairs)
        for finding, hits in seen.hits.items():
            self.counts.setdefault(finding, Counter())[name] += hits.count
            samples = self.samples.setdefault(finding, [])
            for row, note in hits.pairs[: N_SAMPLES - len(samples)]:
                pair = chunk.place(row) + 1
                samples.append(Sample(name, pair, shown(chunk.src[row]), shown(chunk.tgt[row]), shown(note)))
        for row, number, way in seen.leaks or ():
            found = (way, first + row)
            self.leaks[number] = min(found, self.leaks.get(number, found))
        self.lengths.add(seen.features, seen.n_words)
        self.sample.add(chunk)
        n = sum(self.n_pairs)
        self._hashes.add(seen.hashes, np.arange(n, n + len(chunk.src)))
        self._features[chunk.source].write(seen.features.tobytes())
        self.n_pairs[chunk.source] += len(chunk.src)

    def repeats(self) -> dict[str, tuple[int, list[tuple[int, int]]]]:
        """Exact duplicates, and near ones beside those: how many, and the first few with the pair that they repeat.

        To be called once, when all was added.
        """
        found = {"duplicates": (0, []), "near_duplicates": (0, [])}  # type: dict[str, tuple[int, list[tuple[int, int]]]]
        for rows, new, new_near in self._hashes.groups():  # the first half of a hash is of the letters alone
            again, first = repeats(rows, new)
            near, near_first = repeats(rows, new_near)
            more = ~np.isin(near, again)
            for name, pairs, before in (
                ("duplicates", again, first),
                ("near_duplicates", near[more], near_first[more]),
            ):
                count, places = found[name]
                earliest = np.argsort(pairs, kind="stable")[:N_SAMPLES]
                places = sorted([*places, *zip(pairs[earliest].tolist(), before[earliest].tolist(), strict=True)])
                found[name] = (count + len(pairs), places[:N_SAMPLES])
        return found

    def features(self, source: int) -> NDArray[np.void]:
        """Features of all pairs of a source, mapped from disk."""
        self._features[source].flush()
        if not self.n_pairs[source]:
            return np.empty(0, dtype=FEATURES)
        return np.memmap(self._paths[source], dtype=FEATURES, mode="r")

    def place(self, pair: int) -> tuple[int, int]:
        """Source and pair in it, counted from 0, of a pair counted over all sources."""
        for source, n in enumerate(self.n_pairs):
            if pair < n:
                return source, pair
            pair -= n
        raise IndexError(pair)

    def leaks_by_way(self) -> dict[str, list[tuple[int, int]]]:
        """Pairs of training and held-out pairs, both counted from 0 over their sources, by the way they are alike."""
        by_way: dict[str, list[tuple[int, int]]] = {way: [] for way in WAYS}
        for number, (way, pair) in self.leaks.items():
            by_way[WAYS[way]].append((pair, number))
        return {way: sorted(places) for way, places in by_way.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()
