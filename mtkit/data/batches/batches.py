"""Token ids to batches: pairs of like length together, in an order that a seed and an epoch determine.

A *place* is a pair in a pass over the corpus: pass * pairs + row. What is drawn at random for a pair depends on its
place alone.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from mtkit.data.batches.batch import Batch, collate, collated
from mtkit.data.batches.buckets import MAX_OVER, MAX_PADDED, Lengths, Rows, cut_by_length
from mtkit.data.batches.prefetch import ahead
from mtkit.data.batches.sampling import Sampler, SideIds
from mtkit.data.batches.sampling_workers import sampling_workers
from mtkit.data.corpus.store import Store
from mtkit.data.tokens.special import SpecialIds
from mtkit.files.shapes import shaped

# Rows that stay neighbours on disk when a corpus larger than the window is shuffled.
_BLOCK = 1024
MOST_PLACES = 1 << 50
"""More than any run passes through."""

Begin = Callable[[Rows], Callable[[], SideIds]]
"""Starts on the ids of a micro-batch, given its places; calling what is returned waits for them."""


@dataclass(frozen=True)
class Position:
    """Where a plan stands: complete epochs, complete windows of this one, complete updates of this window."""

    epoch: int
    window: int
    update: int

    def order(self) -> tuple[int, int, int]:
        """Grows from update to update."""
        return self.epoch, self.window, self.update


class BatchPlan:
    """Endless updates over a corpus: every pair once per epoch, in an order of (seed, epoch) alone.

    Pairs are shuffled in blocks, read in windows and cut into micro-batches of like length within the
    window; a corpus that fits one window is shuffled pair by pair.
    """

    def __init__(
        self,
        store: Store,
        *,
        special: SpecialIds,
        batch_tokens: int,
        accumulate: int = 1,
        seed: int = 1,
        window: int = 1_000_000,
        sampler: Sampler | None = None,
    ) -> None:
        """Plan over all pairs of a store.

        Args:
            store: The training pairs.
            special: Of the tokenizer that they were encoded with.
            batch_tokens: Target tokens of an update on average, end of sentence counted, padding not.
            accumulate: Micro-batches per update; each holds about ``batch_tokens / accumulate`` target tokens, up to
                half as much again, and no more than twice that on either side with padding. A single longer pair
                makes a micro-batch of its own. One that sampling lengthens beyond these bounds is cut again, so that
                its update has more of them.
            seed: Seed of the order.
            window: Pairs planned at once; bounds the memory.
            sampler: Changes pairs at random; without it they are as they lie in the store.
        """
        self._store = store
        self._special = special
        self.micro_batch_tokens = max(batch_tokens // accumulate, 1)
        self._accumulate = accumulate
        self._seed = seed % (1 << 64)  # NumPy takes no negative seeds
        n_blocks = -(-len(store) // _BLOCK)
        self._n_windows = -(-n_blocks * _BLOCK // max(window, _BLOCK))
        self._n_blocks = n_blocks
        self._sampler = sampler
        self._position = self._origin()

    @property
    def epoch(self) -> int:
        """Passes over the corpus that are complete."""
        return self._position.epoch

    @property
    def samples(self) -> bool:
        """Whether pairs are changed at random."""
        return self._sampler is not None

    def state_dict(self) -> dict[str, Any]:
        """Where the plan stands after the update that it yielded last; JSON values."""
        return asdict(self._position)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the update after the one that the state was taken at.

        Raises:
            ValueError: If it is not a state of such a plan.
        """
        self._position = self._read(state)

    @property
    def shares(self) -> list[float]:
        """The mix of the corpora in what comes next; empty where there is none."""
        return []

    def rows_between(self, start: dict[str, Any] | None, end: dict[str, Any]) -> Iterator[Rows]:
        """The rows of each update from one position to another: as they lie in the store, whatever sampling adds.

        Args:
            start: As ``state_dict`` has it; None is the beginning of the first epoch.
            end: As well, at ``start`` or later.

        Raises:
            ValueError: If one of them is not a state of such a plan.
        """
        at, last = self._read(start), self._read(end)
        if at.order() >= last.order():
            return
        for micro_batches, after in self._planned(at):
            yield np.concatenate(micro_batches) % len(self._store)
            if after.order() >= last.order():
                return

    def is_later(self, one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
        """Whether a position lies behind another one; arguments and errors as for ``rows_between``."""
        return self._read(one).order() > self._read(other).order()

    def __iter__(self) -> Iterator[list[Batch]]:
        return self._advancing(self._upcoming())

    @contextmanager
    def prefetched(self, n_updates: int = 4, *, pin: bool = False, workers: int = 0) -> Iterator[Iterator[list[Batch]]]:
        """The updates, planned and collated in the background, up to ``n_updates`` before they are asked for.

        Args:
            n_updates: Held ready.
            pin: Put them in pinned memory, for a GPU.
            workers: Processes that sample, where anything is sampled; without any, the background thread does.
        """
        with ExitStack() as stack:
            begin: Begin | None = None
            n_begun = 0
            if self._sampler is not None and workers > 0:
                begin, n_begun = stack.enter_context(sampling_workers(self._sampler.recipe, workers)), 2 * workers
            items = self._upcoming(begin, n_begun, pin=pin)
            yield self._advancing(stack.enter_context(ahead(items, n_updates)))

    def widest(self) -> list[Batch]:
        """The micro-batches of the first window that need most memory: most positions, and the longest pair."""
        places, src, tgt, batches = self._first_cut()
        widths = [(int(src[batch].max()), int(tgt[batch].max())) for batch in batches]
        most = max(range(len(batches)), key=lambda i: len(batches[i]) * sum(widths[i]))
        longest = max(range(len(batches)), key=lambda i: max(widths[i]))
        return [collated(*self._begin(places[batches[i]])(), self._special) for i in dict.fromkeys((most, longest))]

    def _advancing(self, upcoming: Iterator[tuple[list[Batch], Position]]) -> Iterator[list[Batch]]:
        # The position is set before the caller sees the update, so that it may be saved right after.
        for micro_batches, self._position in upcoming:
            yield micro_batches

    def _upcoming(
        self, begin: Begin | None = None, n_begun: int = 0, *, pin: bool = False
    ) -> Iterator[tuple[list[Batch], Position]]:
        """Each update from the present position on, and the position after it. The plan does not change.

        Args:
            begin: Makes the ids.
            n_begun: Updates whose ids are begun before those of the one that is next.
            pin: Put the batches in pinned memory.
        """
        begin = begin or self._begin
        begun = (
            ([(places, begin(places)) for places in update], after) for update, after in self._planned(self._position)
        )
        queue = deque(islice(begun, n_begun))
        for item in begun:
            queue.append(item)
            update, after = queue.popleft()
            micro_batches = [batch for places, finish in update for batch in self._batches(places, finish())]
            yield [batch.pinned() for batch in micro_batches] if pin else micro_batches, after

    def _planned(self, at: Position) -> Iterator[tuple[list[Rows], Position]]:
        """Places of each update's micro-batches from a position on, and the position after it."""
        while True:
            updates, after = self._window(at)
            for number, places in enumerate(updates[at.update :], start=at.update + 1):
                yield places, after if number == len(updates) else replace(at, update=number)
            at = after

    def _window(self, at: Position) -> tuple[list[list[Rows]], Position]:
        """The updates of the window at a position, and the position after the last of them."""
        places, _, _, batches = self._cut(*self._plain_window(at))
        after = replace(at, window=at.window + 1, update=0)
        if after.window == self._n_windows:
            after = replace(at, epoch=at.epoch + 1, window=0, update=0)
        return self._grouped(places, batches), after

    def _origin(self) -> Position:
        return Position(0, 0, 0)

    def _read(self, state: dict[str, Any] | None) -> Position:
        if state is None:
            return self._origin()
        position = shaped(Position, state)
        places = position.epoch * len(self._store)
        if not 0 <= position.window < self._n_windows or not 0 <= places < MOST_PLACES or position.update < 0:
            raise ValueError("the position in the data does not exist in this corpus")
        return position

    def _first_cut(self) -> tuple[Rows, Lengths, Lengths, list[Rows]]:
        return self._cut(*self._plain_window(self._origin()))

    def _grouped(self, places: Rows, batches: list[Rows]) -> list[list[Rows]]:
        """The micro-batches of each update."""
        micro_batches = [places[batch] for batch in batches]
        return [micro_batches[i : i + self._accumulate] for i in range(0, len(micro_batches), self._accumulate)]

    def _plain_window(self, at: Position) -> tuple[Rows, np.random.Generator]:
        """The places of one window, and what deals them out."""
        rng = np.random.default_rng([self._seed, at.epoch])
        blocks = np.array_split(rng.permutation(self._n_blocks), self._n_windows)[at.window]
        n = len(self._store)
        spans = [(int(b) * _BLOCK, min((int(b) + 1) * _BLOCK, n)) for b in np.sort(blocks)]
        rows = np.concatenate([np.arange(start, stop) for start, stop in spans])
        return at.epoch * n + rows, np.random.default_rng([self._seed, at.epoch, at.window])

    def _cut(self, places: Rows, rng: np.random.Generator) -> tuple[Rows, Lengths, Lengths, list[Rows]]:
        """Some places, their lengths with the end of sentence, and the micro-batches, as indices into these."""
        if self._sampler is None:
            lengths = self._store.lengths_of(places % len(self._store))
        else:
            lengths = self._sampler.lengths(places)
        src, tgt = (side + 1 for side in lengths)
        batches = cut_by_length(src, tgt, budget=self.micro_batch_tokens, rng=rng)
        return places, src, tgt, [batches[i] for i in rng.permutation(len(batches))]

    def _begin(self, places: Rows) -> Callable[[], SideIds]:
        if self._sampler is None:
            return partial(self._store.gather, places % len(self._store))
        return partial(self._sampler.sample, places)

    def _batches(self, places: Rows, ids: SideIds) -> list[Batch]:
        """A micro-batch, or several where sampling has made the pairs too long for one."""
        if self._sampler is None or self._fits(*(lengths + 1 for _, lengths in ids)):
            return [collated(*ids, self._special)]
        src, tgt = (np.split(values, np.cumsum(lengths)[:-1]) for values, lengths in ids)
        rng = np.random.default_rng([self._seed, int(places[0])])
        widths = ((lengths + 1).astype(np.int32) for _, lengths in ids)
        parts = cut_by_length(*widths, budget=self.micro_batch_tokens, rng=rng)
        return [collate([src[i] for i in part], [tgt[i] for i in part], self._special) for part in parts]

    def _fits(self, src: Rows, tgt: Rows) -> bool:
        """Whether pairs of these lengths are within the bounds of a micro-batch."""
        padded = len(src) * max(int(src.max()), int(tgt.max()))
        budget = self.micro_batch_tokens
        return len(src) == 1 or (int(tgt.sum()) <= MAX_OVER * budget and padded <= MAX_PADDED * budget)


def fixed_batches(
    store: Store, special: SpecialIds, batch_tokens: int, *, max_length: int, sampler: Sampler | None = None
) -> Iterator[Batch]:
    """Every pair once, like lengths together, always in the same batches: for validation.

    A side of ``max_length`` tokens or more, the end of sentence counted, is cut to that: validation sets are not
    cleaned, and a model reads no further. A sampler of the same store changes the pairs, always in the same way.
    """
    src, tgt = (np.minimum(lengths + 1, max_length) for lengths in (store.src_lengths, store.tgt_lengths))
    for rows in cut_by_length(src, tgt, budget=batch_tokens, rng=np.random.default_rng(0)):
        ordered = np.sort(rows)
        ids = store.gather(ordered) if sampler is None else sampler.sample(ordered.astype(np.int64))
        src_ids, tgt_ids = (np.split(values, np.cumsum(lengths)[:-1]) for values, lengths in ids)
        yield collate(
            [each[: max_length - 1] for each in src_ids], [each[: max_length - 1] for each in tgt_ids], special
        )
