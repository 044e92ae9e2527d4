"""All numbers of a report: scores and how certain they are, then what each analysis finds, then the sentences."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from mtkit.errors import DataError
from mtkit.evaluation.assessment import Method, SetReport, assess
from mtkit.evaluation.gates.gate import Gates
from mtkit.evaluation.metrics.metrics import Score
from mtkit.evaluation.sets import EvaluationSet
from mtkit.log import logger
from mtkit.report.analysis import (
    Group,
    Ngram,
    WordGroup,
    by_document,
    by_length,
    by_type,
    count_words,
    groups,
    mark_differences,
    ngram_differences,
    word_accuracy,
)
from mtkit.report.curves import Plot
from mtkit.report.faults import FAULTS, Fault, faults
from mtkit.report.tunings import Tuning
from mtkit.wording import counted

_MAX_ORDER = 4
_N_NGRAMS = 10
_N_EXTREMES = 10


@dataclass(frozen=True)
class Sentences:
    """All sentences, column by column."""

    refs: list[list[str]]
    hyps: list[list[str]]
    """Translations of each system."""

    src: list[str] | None
    docs: list[str] | None
    chrf: list[list[float]]
    """chrF of every sentence, for each system."""

    faults: list[list[list[str]]]
    """Names of the faults of every sentence, for each system."""

    def as_json(self) -> dict[str, object]:
        """Compact: scores with two decimals, faults as bits in the order of ``FAULTS``."""
        bits = {name: 1 << i for i, name in enumerate(FAULTS)}
        return {
            "src": self.src,
            "docs": self.docs,
            "refs": self.refs,
            "hyps": self.hyps,
            "chrf": [[round(value, 2) for value in column] for column in self.chrf],
            "faults": [[sum(bits[name] for name in found) for found in column] for column in self.faults],
        }


@dataclass(frozen=True)
class SystemNgrams:
    """What a system writes too often and too seldom, by order from 1."""

    over: list[list[Ngram]]
    under: list[list[Ngram]]
    marks: list[Ngram]
    """Punctuation marks, in either direction."""


@dataclass(frozen=True)
class Report:
    """Everything that the page shows."""

    assessed: SetReport
    lengths: list[Group]
    types: list[Group]
    documents: list[Group]
    frequencies: list[WordGroup]
    counted_in: str
    """The text that says how frequent a word is."""

    ngrams: list[SystemNgrams]
    faults: list[Fault]
    curves: list[Plot]
    tunings: list[Tuning]
    sentences: Sentences

    @property
    def systems(self) -> list[str]:
        """Names of the systems; the second is compared with the first."""
        return [report.system.name for report in self.assessed.systems]

    def as_json(self) -> dict[str, object]:
        """The numbers, without the sentences."""
        material = self.assessed.material
        return {
            "n_lines": material.n_lines,
            "language_pair": list(material.language_pair) if material.language_pair else None,
            "refs": [ref.name for ref in material.refs],
            "src": material.src.name if material.src else None,
            "systems": [
                {
                    "name": report.system.name,
                    "hyp": report.system.hyp.name,
                    "scores": [_score(score) for score in report.scores],
                    "warnings": report.warnings,
                }
                for report in self.assessed.systems
            ],
            "comparisons": [comparison.as_json() for comparison in self.assessed.comparisons],
            "lengths_of": "source" if material.src else "reference",
            "lengths": [group.as_json() for group in self.lengths],
            "types": [group.as_json() for group in self.types],
            "documents": [group.as_json() for group in self.documents],
            "counted_in": self.counted_in,
            "frequencies": [asdict(group) for group in self.frequencies],
            "ngrams": [asdict(each) for each in self.ngrams],
            "faults": [asdict(fault) for fault in self.faults],
            "extremes": self.extremes(),
            "curves": [asdict(plot) for plot in self.curves],
            "tunings": [tuning.as_json() for tuning in self.tunings],
        }

    def extremes(self) -> dict[str, list[int]]:
        """The lines, counted from 1, that tell most: best and worst, or the second system's wins and losses."""
        chrf = self.sentences.chrf
        values = chrf[0] if len(chrf) == 1 else [b - a for a, b in zip(*chrf, strict=True)]
        order = sorted(range(len(values)), key=lambda n: (values[n], n))
        if len(chrf) == 1:
            return {"worst": _lines(order[:_N_EXTREMES]), "best": _lines(order[::-1][:_N_EXTREMES])}
        losses = [n for n in order[:_N_EXTREMES] if values[n] < 0]
        wins = [n for n in order[::-1][:_N_EXTREMES] if values[n] > 0]
        return {"wins": _lines(wins), "losses": _lines(losses)}


def collect(
    material: EvaluationSet,
    method: Method,
    *,
    train_tgt: tuple[str, Iterable[str]] | None = None,
    curves: Sequence[Plot] = (),
    tunings: Sequence[Tuning] = (),
) -> Report:
    """Analyse one system, or two.

    The first reference is what words, n-grams and faults are held against; scores take all of them.

    Args:
        material: With one or two outputs.
        method: How they are scored.
        train_tgt: Name and lines of the target side of a training corpus, to tell how frequent a word is; by default
            the references tell.
        curves: Learning curves of training runs.
        tunings: What those of them that started from a model changed in it.

    Raises:
        ConfigError: If a metric lacks something.
        DataError: If there is nothing to report on.
    """
    if material.n_lines == 0:
        raise DataError(f"{material.refs[0].name}: is empty; there is nothing to report on")
    ref_text = material.refs[0].lines
    frequency = count_words(ref_text)
    if train_tgt is not None:
        frequency = count_words(train_tgt[1], only=frequency)
    logger.info("scoring %s of %s", counted(material.n_lines, "line"), counted(len(material.systems), "system"))
    assessed = assess(material, method, Gates(), only=True)
    sentences = _sentences(material, method)
    hyp_texts, chrf = sentences.hyps, sentences.chrf
    told_by = sentences.src or ref_text
    return Report(
        assessed,
        lengths=groups(by_length(told_by), chrf),
        types=groups(by_type(told_by), chrf),
        documents=groups(by_document(sentences.docs), chrf) if sentences.docs else [],
        frequencies=word_accuracy(ref_text, hyp_texts, frequency),
        counted_in=train_tgt[0] if train_tgt else material.refs[0].name,
        ngrams=[_ngrams(hyp_text, ref_text) for hyp_text in hyp_texts],
        faults=_faults(sentences),
        curves=list(curves),
        tunings=list(tunings),
        sentences=sentences,
    )


def _sentences(material: EvaluationSet, method: Method) -> Sentences:
    ref_texts = [list(ref.lines) for ref in material.refs]
    hyp_texts = [list(system.hyp.lines) for system in material.systems]
    src_text = list(material.src.lines) if material.src else None
    scorer = method.settings(material, ["chrf"]).scorers(of_segments=True)["chrf"]
    chrf = [
        [float(scorer.sentence_score(hyp, refs).score) for hyp, *refs in zip(hyp_text, *ref_texts, strict=True)]
        for hyp_text in hyp_texts
    ]
    sources: Sequence[str | None] = src_text or [None] * material.n_lines
    found = [
        [faults(src, ref, hyp) for src, ref, hyp in zip(sources, ref_texts[0], hyp_text, strict=True)]
        for hyp_text in hyp_texts
    ]
    docs = list(material.docs.lines) if material.docs else None
    return Sentences(ref_texts, hyp_texts, src_text, docs, chrf, found)


def _ngrams(hyp_text: Sequence[str], ref_text: Sequence[str]) -> SystemNgrams:
    found = [ngram_differences(hyp_text, ref_text, order, _N_NGRAMS) for order in range(1, _MAX_ORDER + 1)]
    marks = mark_differences(hyp_text, ref_text, _N_NGRAMS)
    return SystemNgrams([over for over, _ in found], [under for _, under in found], marks)


def _faults(sentences: Sentences) -> list[Fault]:
    return [
        Fault(
            name,
            rule,
            [_lines([n for n, found in enumerate(column) if name in found]) for column in sentences.faults],
        )
        for name, rule in FAULTS.items()
        if name != "untranslated" or sentences.src is not None
    ]


def _score(score: Score) -> dict[str, object]:
    return score.as_json() | {"interval": [score.interval.low, score.interval.high] if score.interval else None}


def _lines(places: Sequence[int]) -> list[int]:
    return [n + 1 for n in places]
