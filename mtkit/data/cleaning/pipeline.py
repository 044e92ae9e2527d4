"""The cleaning steps of one source as one object: it takes a chunk and returns what has become of it.

What one pair tells by itself is judged here; the keys by which pairs are searched for in the whole corpus are only
collected.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from mtkit.data.cleaning.duplicates import Hashes, hashes_of
from mtkit.data.cleaning.filters import Filter, HeldOut, Leakage, keys, not_empty, pair_filter
from mtkit.data.cleaning.normalisers import Normaliser, normaliser
from mtkit.data.cleaning.reasons import DUPLICATE, EMPTY, FIRST_STEP, N_SAMPLES, REASONS, Sample, Verdicts
from mtkit.data.sources.pairs import Pairs
from mtkit.settings.cleaning import By, CleaningConfig, DuplicateStep, LeakageStep, StepConfig

_N_ALWAYS = 2
"""Steps of every recipe: empty sides and exact duplicates."""

HeldOutSets = Callable[[Sequence[str] | None], Iterable[Pairs]]
"""Reads the pairs of the validation and test sets of these names, or of all."""


@dataclass(frozen=True)
class Change:
    """Rewrites both sides of every pair."""

    label: str
    normalise: Normaliser

    def apply(self, pairs: Pairs) -> Pairs:
        """The pairs, rewritten."""
        src, tgt = ([self.normalise(segment) for segment in side] for side in (pairs.src, pairs.tgt))
        return Pairs(src, tgt, pairs.scores)


@dataclass(frozen=True)
class Drop:
    """Drops pairs by what they hold."""

    label: str
    verdict: int
    keep: Filter


@dataclass(frozen=True)
class Search:
    """Notes by what later pairs are to be recognised as duplicates."""

    label: str
    verdict: int
    by: By = "pair"
    near: bool = False
    own: bool = False
    """Whether it searches one source alone."""


Step = Change | Drop | Search


@dataclass
class Judged:
    """What has become of a chunk of n pairs."""

    verdicts: Verdicts
    """uint8 (n,)."""

    pairs: Pairs
    """Pairs that no step has dropped so far, as the steps changed them."""

    rows: NDArray[np.int64]
    """Where those stood in the chunk."""

    keys: dict[int, tuple[Hashes, NDArray[np.int64]]] = field(default_factory=dict)
    """Hashes of each search, by its verdict, and the rows that they belong to."""

    n_changed: Counter[str] = field(default_factory=Counter)
    """Pairs that each step changed, by its label."""

    samples: dict[int, list[Sample]] = field(default_factory=dict)
    """The first pairs of each verdict, as they were when they were dropped."""


class Pipeline:
    """The steps for one source, in order."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)

    @property
    def labels(self) -> dict[int, str]:
        """What each verdict is called in reports, in the order of the steps."""
        return {step.verdict: step.label for step in self._steps if not isinstance(step, Change)}

    @property
    def is_light(self) -> bool:
        """Whether a chunk is judged in about the time that it takes to send it to another process."""
        return len(self._steps) <= _N_ALWAYS

    @property
    def searches(self) -> list[Search]:
        """The steps that need the whole corpus, in order."""
        return [step for step in self._steps if isinstance(step, Search)]

    def __call__(self, pairs: Pairs) -> Judged:
        """Change and judge a chunk.

        Raises:
            DataError: If a step needs scores and there are none.
        """
        judged = Judged(np.zeros(len(pairs.src), dtype=np.uint8), pairs, np.arange(len(pairs.src)))
        for step in self._steps:
            match step:
                case Change():
                    before, judged.pairs = judged.pairs, step.apply(judged.pairs)
                    judged.n_changed[step.label] += _n_different(before, judged.pairs)
                case Drop():
                    _drop(judged, step.verdict, step.keep(judged.pairs))
                case Search():
                    hashes = hashes_of(keys(judged.pairs, step.by, near=step.near))
                    judged.keys[step.verdict] = hashes, judged.rows
        return judged

    def changed(self, pairs: Pairs) -> Pairs:
        """Pairs as the steps change them, none dropped."""
        for step in self._steps:
            if isinstance(step, Change):
                pairs = step.apply(pairs)
        return pairs


def build_pipeline(
    own: Sequence[StepConfig], config: CleaningConfig, *, src_lang: str, tgt_lang: str, held_out: HeldOutSets
) -> Pipeline:
    """The steps for one source: its own, those of all, and the search for exact duplicates.

    Args:
        own: Steps of the source alone.
        config: Steps of all sources; the verdict of each is the same for all.
        src_lang: Language of the source.
        tgt_lang: Language of the target.
        held_out: Reads what the step ``leakage`` compares with.

    Raises:
        ConfigError: If a step cannot work with these languages or sets.
        DataError: If a step needs a library that is not installed.
    """
    empty = Drop(REASONS[EMPTY - 1], EMPTY, not_empty)
    steps: list[Step] = [empty]
    verdicts = [FIRST_STEP + len(config.steps) + i for i in range(len(own))]
    verdicts += [FIRST_STEP + i for i in range(len(config.steps))]
    taken: Counter[str] = Counter()
    for number, (verdict, step) in enumerate(zip(verdicts, [*own, *config.steps], strict=True)):
        is_own = number < len(own)
        label = f"filters.{step.name}" if is_own else step.name
        taken[label] += 1
        if taken[label] > 1:
            label += f"-{taken[label]}"
        if (normalise := normaliser(step.name)) is not None:
            steps.append(Change(label, normalise))
            continue
        if isinstance(steps[-1], Change):
            steps.append(empty)
        match step.parameters:
            case DuplicateStep() as parameters:
                near = step.name == "near_duplicate"
                steps.append(Search(label, verdict, parameters.by, near=near, own=is_own))
            case LeakageStep() as parameters:
                # Both are compared in one form: as the steps so far have left them.
                so_far = Pipeline(steps)
                found = HeldOut.of(map(so_far.changed, held_out(parameters.sets)), near=parameters.near)
                steps.append(Drop(label, verdict, Leakage(parameters.by, found)))
            case _:
                steps.append(Drop(label, verdict, pair_filter(step, src_lang, tgt_lang)))
    if isinstance(steps[-1], Change):
        steps.append(empty)
    if config.drop_duplicates:
        steps.append(Search(REASONS[DUPLICATE - 1], DUPLICATE))
    return Pipeline(steps)


def _drop(judged: Judged, verdict: int, keep: list[bool]) -> None:
    """Take the pairs that are not to be kept out of a chunk."""
    if all(keep):
        return
    kept = np.array(keep, dtype=bool)
    judged.verdicts[judged.rows[~kept]] = verdict
    samples = judged.samples.setdefault(verdict, [])
    for i in np.flatnonzero(~kept)[: N_SAMPLES - len(samples)].tolist():
        samples.append(Sample.of(int(judged.rows[i]), judged.pairs.src[i], judged.pairs.tgt[i]))
    scores = judged.pairs.scores
    src, tgt = (list(compress(side, keep)) for side in (judged.pairs.src, judged.pairs.tgt))
    judged.pairs = Pairs(src, tgt, None if scores is None else list(compress(scores, keep)))
    judged.rows = judged.rows[kept]


def _n_different(before: Pairs, after: Pairs) -> int:
    return sum(
        old_src != src or old_tgt != tgt
        for old_src, old_tgt, src, tgt in zip(before.src, before.tgt, after.src, after.tgt, strict=True)
    )
