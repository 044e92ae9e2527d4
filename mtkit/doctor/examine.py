"""Examine a corpus before training: read it once, look at its chunks side by side, and say what was seen."""

import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtkit.data.sources.pairs import Pairs, Source
from mtkit.data.sources.sources import Place
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.doctor import verdicts
from mtkit.doctor.chunks import FEATURES, Chunk, Inspection, features
from mtkit.doctor.drift import align
from mtkit.doctor.findings import Finding
from mtkit.doctor.language import count_languages
from mtkit.doctor.leakage import WAYS, save_held_out
from mtkit.doctor.reading import PatientReader, line_ends
from mtkit.doctor.report import NotExamined, Report, SourceSeen
from mtkit.doctor.sampling import SampledPair
from mtkit.doctor.tally import Tally
from mtkit.doctor.tokens import TokenCount, count_tokens
from mtkit.doctor.training_pairs import (
    CleanedPairs,
    Cleaning,
    PairsAsRead,
    Sources,
    TrainingPairs,
    cleaned,
    has_steps,
)
from mtkit.errors import DataError
from mtkit.languages.scripts import scripts_of
from mtkit.log import progress_bar
from mtkit.machine.workers import Workers
from mtkit.settings.data import DataConfig

_SIDES = ("src", "tgt")
_HELD_OUT: tuple[Place, ...] = ("valid", "test")


def examine(
    sources: Sources,
    languages: tuple[str, str],
    *,
    n_sample: int,
    tokenizer: Tokenizer | None = None,
    n_workers: int = 1,
    data: DataConfig | None = None,
) -> Report:
    """Look at everything.

    Args:
        sources: Training sources, and held-out ones, if any.
        languages: Codes of source and target.
        n_sample: Pairs, drawn evenly, for what takes too long to be done for all: languages and tokens.
        tokenizer: What the corpus will be cut up by, where that is known.
        n_workers: Processes; the report is the same with any number of them.
        data: Section of the recipe that the sources are from: training pairs are examined as its filters and cleaning
            steps leave them. None, or one without such, examines them as they are.

    Raises:
        ConfigError: If a cleaning step cannot work with the languages or sets.
        DataError: If an input cannot be read, or there is no pair of training.
    """
    held = [_HeldOutSource(place, source) for place in _HELD_OUT for source in sources.get(place, ())]
    cleaning: Cleaning | None = None
    training: Sequence[PairsAsRead | CleanedPairs]
    names = [source.name for source in sources["train"]]
    with (
        tempfile.TemporaryDirectory(prefix="mtkit-doctor-") as scratch,
        Tally(names, Path(scratch), n_sample=n_sample) as tally,
        Workers(n_workers) as workers,
    ):
        if data is not None and has_steps(data):
            (Path(scratch) / "cleaning").mkdir()
            training, cleaning = cleaned(data, sources, workers, Path(scratch) / "cleaning")
        else:
            training = [PairsAsRead(source) for source in sources["train"]]
        if held:
            save_held_out((chunk for source in held for chunk in source.chunks()), Path(scratch))
        with progress_bar(total=None, description="examining", unit="pair") as bar:
            inspection = Inspection((_scripts(languages[0]), _scripts(languages[1])), Path(scratch) if held else None)
            for seen in workers.map(inspection, _chunks(training)):
                tally.add(seen)
                bar.update(len(seen.chunk.src))
        if not sum(tally.n_pairs):
            raise DataError(f"{' and '.join(names)}: empty, not one pair to examine")
        trained = [_seen_in_training(pairs, tally.features(number)) for number, pairs in enumerate(training)]
        findings = _findings(sources["train"], training, tally, trained, held)
        sample = tally.sample.pairs()
        more, swapped, not_examined = _languages(sample, languages, names, workers)
    tokens, uncovered, without = _tokens(sample, tokenizer)
    all_seen = [*trained, *(source.seen for source in held)]
    return Report(
        *languages,
        cleaning=cleaning,
        sources=all_seen,
        findings=verdicts.with_sides_exchanged([*findings, *more, *uncovered], swapped),
        lengths=tally.lengths,
        tokens=tokens,
        not_examined=[*_left_out(all_seen, languages, with_held_out=bool(held)), *not_examined, *without],
    )


class _HeldOutSource:
    """A source that is not trained on; small, so that its features are kept in memory."""

    def __init__(self, place: Place, source: Source) -> None:
        self.source = source
        self._place = place
        self._reader = PatientReader(source)
        self._features: list[NDArray[np.void]] = []

    def chunks(self) -> Iterator[Pairs]:
        """All pairs."""
        for chunk in self._reader.chunks():
            self._features.append(features(chunk.src, chunk.tgt))
            yield chunk

    @cached_property
    def seen(self) -> SourceSeen:
        """What was seen of it, once it was read."""
        whole = np.concatenate([np.empty(0, dtype=FEATURES), *self._features])
        n_src, n_tgt = self._reader.n_lines
        return SourceSeen(self._place, self.source.name, n_src, n_tgt, align(whole))


def _seen_in_training(pairs: PairsAsRead | CleanedPairs, rows: NDArray[np.void]) -> SourceSeen:
    """What was seen of a source whose examined pairs have these features.

    The alignment is always that of the files: where it drifts, they are to be mended, and cleaning only hides where.
    """
    n_src, n_tgt = pairs.n_lines
    if isinstance(pairs, CleanedPairs):
        return SourceSeen("train", pairs.name, n_src, n_tgt, align(pairs.features), n_kept=pairs.n_kept)
    return SourceSeen("train", pairs.name, n_src, n_tgt, align(rows))


def _chunks(training: Sequence[PairsAsRead | CleanedPairs]) -> Iterator[Chunk]:
    for number, of_source in enumerate(training):
        first = 0
        for pairs in of_source.chunks():
            rows = of_source.rows(first, len(pairs.src)) if isinstance(of_source, CleanedPairs) else None
            yield Chunk(number, first, pairs.src, pairs.tgt, rows)
            first += len(pairs.src)


def _findings(
    sources: Sequence[Source],
    training: Sequence[TrainingPairs],
    tally: Tally,
    trained: Sequence[SourceSeen],
    held: Sequence[_HeldOutSource],
) -> list[Finding]:
    """What all pairs together show."""
    held_seen = [source.seen for source in held]
    return [
        *verdicts.of_alignment([*trained, *held_seen], [*sources, *(source.source for source in held)]),
        *verdicts.of_chunks(tally),
        *verdicts.of_repeats(tally, training),
        *verdicts.of_ratios(tally, training),
        *verdicts.of_leaks(tally, held_seen, training),
        *verdicts.of_line_ends(end for source in sources for end in line_ends(source)),
    ]


def _languages(
    sample: Sequence[SampledPair], languages: tuple[str, str], names: Sequence[str], workers: Workers
) -> tuple[list[Finding], list[str], list[NotExamined]]:
    """Segments in a wrong language, the sources whose sides are swapped, and what could not be judged."""
    wrong = tuple(f"wrong_language_{side}" for side in _SIDES)
    try:
        counts = count_languages(sample, languages, workers)
    except DataError as error:
        return [], [], [NotExamined(wrong, str(error))]
    findings: list[Finding] = []
    not_examined = []
    for name, language, count in zip(wrong, languages, counts, strict=True):
        if count is None:
            not_examined.append(NotExamined((name,), f"the language {language} is not one that py3langid knows"))
        else:
            findings += verdicts.of_language(name, count, names, len(sample))
    return findings, verdicts.swapped(counts, names), not_examined


def _tokens(
    sample: Sequence[SampledPair], tokenizer: Tokenizer | None
) -> tuple[tuple[TokenCount, TokenCount] | None, list[Finding], list[NotExamined]]:
    """The sample in tokens."""
    if tokenizer is None:
        names = tuple(f"uncovered_{side}" for side in _SIDES)
        return None, [], [NotExamined(names, "no tokenizer: name a prepared corpus or a model with --tokenizer DIR")]
    counts = count_tokens(tokenizer, [pair.src for pair in sample], [pair.tgt for pair in sample])
    return counts, verdicts.of_tokens(counts), []


def _left_out(seen: Sequence[SourceSeen], languages: tuple[str, str], *, with_held_out: bool) -> list[NotExamined]:
    """What could not be looked for in this corpus."""
    left_out = [
        NotExamined((f"wrong_script_{side}",), f"the script of {language} is not known")
        for side, language in zip(_SIDES, languages, strict=True)
        if scripts_of(language) is None
    ]
    unclear = [source.name for source in seen if not source.alignment.told]
    if unclear:
        reason = f"too few pairs, or lengths that say too little, in {', '.join(unclear)}"
        of_training = any(source.place == "train" and not source.alignment.told for source in seen)
        left_out.append(NotExamined(("drift",) if of_training else (), reason))
    if not with_held_out:
        left_out.append(NotExamined(WAYS, "no held-out sets: give a recipe that names some"))
    return left_out


def _scripts(language: str) -> frozenset[str] | None:
    scripts = scripts_of(language)
    return None if scripts is None else frozenset(scripts)
