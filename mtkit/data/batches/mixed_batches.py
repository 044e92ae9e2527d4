"""Updates over a mix of corpora, each passing through its own pairs in its own shuffled order."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mtkit.data.batches.batches import MOST_PLACES, BatchPlan, Position
from mtkit.data.batches.buckets import Lengths, Rows
from mtkit.data.batches.mixing import Corpus, Mix, apportion, shuffled_run
from mtkit.data.batches.sampling import Sampler
from mtkit.data.corpus.store import Store
from mtkit.data.tokens.special import SpecialIds
from mtkit.errors import ConfigError
from mtkit.files.shapes import shaped
from mtkit.log import logger

# Rows that stay neighbours on disk when a corpus larger than a window is shuffled.
_BLOCK = 1024


@dataclass(frozen=True)
class MixedPosition(Position):
    """Where a mix stands; ``epoch`` counts as many pairs as the corpora have together, ``window`` all windows."""

    updates_before: int
    """Updates before this window."""

    pairs_before: tuple[int, ...]
    """Pairs of each corpus before this window."""


class MixedPlan(BatchPlan):
    """Endless updates over several corpora: each window holds the shares of the mix, to the pair.

    No pair comes again before all of its corpus were seen. A window before a change of the shares is made so small
    that it ends there, so that the change takes effect at its update and no pair is left out.
    """

    def __init__(
        self,
        store: Store,
        mix: Mix,
        *,
        special: SpecialIds,
        batch_tokens: int,
        accumulate: int = 1,
        seed: int = 1,
        window: int = 1_000_000,
        sampler: Sampler | None = None,
    ) -> None:
        """Plan over the corpora of a store; arguments as for ``BatchPlan``, and the mix.

        Raises:
            ConfigError: If a corpus has so little weight that no window would hold a pair of it.
        """
        self._mix = mix
        super().__init__(
            store, special=special, batch_tokens=batch_tokens, accumulate=accumulate, seed=seed, sampler=sampler
        )
        n = sum(len(corpus) for corpus in mix.corpora)
        self._n_pairs = n
        self._window_pairs = -(-n // -(-n // max(window, 1)))
        self._check()

    def state_dict(self) -> dict[str, Any]:
        """Where the plan stands after the update that it yielded last; JSON values."""
        state = asdict(self._position)
        return state | {"pairs_before": list(state["pairs_before"])}

    @property
    def shares(self) -> list[float]:
        """The mix of the corpora in what comes next."""
        assert isinstance(self._position, MixedPosition)
        return self._mix.shares_at(self._position.updates_before).tolist()

    def _origin(self) -> MixedPosition:
        return MixedPosition(0, 0, 0, 0, (0,) * len(self._mix.corpora))

    def _read(self, state: dict[str, Any] | None) -> MixedPosition:
        if state is None:
            return self._origin()
        position = shaped(MixedPosition, state)
        numbers = [position.epoch, position.window, position.update, position.updates_before, *position.pairs_before]
        if len(position.pairs_before) != len(self._mix.corpora) or not all(0 <= n < MOST_PLACES for n in numbers):
            raise ValueError("the position in the data does not exist in this corpus")
        return position

    def log_shares(self) -> None:
        """Say how large each corpus is in the mix now, and how often it has been passed through."""
        at = self._position
        assert isinstance(at, MixedPosition)
        self._log(at)

    def _window(self, at: Position) -> tuple[list[list[Rows]], Position]:
        assert isinstance(at, MixedPosition)
        done = at.updates_before
        if at.update == 0 and done > 0 and self._mix.next_change(done - 1) == done:
            self._log(at)
        change = self._mix.next_change(done)
        n = self._window_pairs
        while True:
            counts = apportion(self._mix.shares_at(at.updates_before), n)
            updates = self._grouped(*self._cut_counts(at, counts))
            if change is None or len(updates) <= change - at.updates_before:
                break
            # A little less than what is likely to fit, so that few attempts and windows are needed.
            n = max(int(0.97 * n * (change - at.updates_before) / len(updates)), 1)
        pairs = tuple((np.array(at.pairs_before) + counts).tolist())
        return updates, MixedPosition(
            sum(pairs) // self._n_pairs, at.window + 1, 0, at.updates_before + len(updates), pairs
        )

    def _cut_counts(self, at: MixedPosition, counts: Rows) -> tuple[Rows, list[Rows]]:
        places, _, _, batches = self._cut(self._places(at, counts), self._rng(at))
        return places, batches

    def _first_cut(self) -> tuple[Rows, Lengths, Lengths, list[Rows]]:
        at = self._origin()
        return self._cut(self._places(at, apportion(self._mix.shares_at(0), self._window_pairs)), self._rng(at))

    def _rng(self, at: MixedPosition) -> np.random.Generator:
        return np.random.default_rng([self._seed, at.window])

    def _places(self, at: MixedPosition, counts: Rows) -> Rows:
        """The next ``counts`` pairs of each corpus."""
        places = []
        for number, (corpus, before, count) in enumerate(
            zip(self._mix.corpora, at.pairs_before, counts.tolist(), strict=True)
        ):
            if count:
                block = 1 if len(corpus) <= self._window_pairs else _BLOCK
                rows, passes = shuffled_run(len(corpus), before, count, block=block, seed=[self._seed, number])
                places.append(passes * len(self._store) + corpus.start + rows)
        return np.concatenate(places)

    def _check(self) -> None:
        updates = {update for corpus in self._mix.corpora for update in corpus.weights}
        for update in sorted(updates):
            for corpus, share in zip(self._mix.corpora, self._mix.shares_at(update), strict=True):
                if share * self._window_pairs < 1:
                    raise ConfigError(
                        f"the weight of {corpus.name} is so small that not one pair in "
                        f"{self._window_pairs:,} would come from it; raise it, or leave the source out"
                    )

    def _log(self, at: MixedPosition) -> None:
        change = self._mix.next_change(at.updates_before)
        until = "" if change is None else f" up to update {change}"
        logger.info("the mix of the corpora%s:", until)
        shares = self._mix.shares_at(at.updates_before)
        rows = zip(self._mix.corpora, shares.tolist(), at.pairs_before, strict=True)
        for corpus, share, before in rows:
            logger.info("  %s", _line(corpus, share, before, self._n_pairs))


def _line(corpus: Corpus, share: float, before: int, n_pairs: int) -> str:
    """What a person wants to know of a corpus in the mix."""
    per_epoch = share * n_pairs / len(corpus)
    return (
        f"{corpus.name}: {100 * share:.1f} % of the pairs, {per_epoch:.2f} passes through its {len(corpus):,} in an "
        f"epoch; {before / len(corpus):.2f} passes so far"
    )
