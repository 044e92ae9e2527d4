"""What a test set cannot tell, by the metrics that it is scored with: it is too small, too short, or has no spaces."""

import re
from collections.abc import Iterator, Sequence

from mtkit.evaluation.certainty.comparison import LEAST_SEGMENTS, too_few_segments
from mtkit.evaluation.metrics.counting import Counts
from mtkit.evaluation.metrics.scorers import bleu_tokenizer, make_scorer
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.sets import EvaluationSet
from mtkit.wording import counted

_ORDER = 4  # of BLEU's longest n-grams
_UNSPACED = {
    "Thai": "\u0e00-\u0e7f",
    "Lao": "\u0e80-\u0eff",
    "Tibetan": "\u0f00-\u0fff",
    "Burmese": "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f",
    "Khmer": "\u1780-\u17ff\u19e0-\u19ff",
    "Tai": "\u1950-\u19df\u1a20-\u1aaf\uaa80-\uaadf",
    "Balinese": "\u1b00-\u1b7f",
    "Javanese": "\ua980-\ua9df",
}
"""Scripts without spaces between words, but for the Chinese and Japanese, which BLEU has tokenizers for."""

_OF_SCRIPT = {name: re.compile(f"[{letters}]") for name, letters in _UNSPACED.items()}
_SCRIPT_SHARE = 0.3
_LONG_WORDS = 8
"""Characters: text that was cut into words has about half of that between two spaces, other text twice."""

_CUTTING = ("char", "spm", "flores101", "flores200", "spBLEU-1K")
"""BLEU's tokenizers that need no spaces."""


def find_unsuited(
    material: EvaluationSet,
    counts: Sequence[Counts],
    metrics: Sequence[str],
    *,
    tokenizer: str,
    compared: bool,
    gated: bool,
    confidence: bool,
) -> list[str]:
    """Say what of the scores of a test set means little.

    Args:
        material: With its outputs.
        counts: What BLEU counted in the first output; none where it is not a metric.
        metrics: By their names in ``--metrics``.
        tokenizer: BLEU's.
        compared: Whether a test says which systems differ.
        gated: Whether a gate asks such a test.
        confidence: Whether there are confidence intervals.

    Returns:
        One sentence per finding, each with what to do about it.
    """
    return [
        *_too_small(material, compared=compared, gated=gated, confidence=confidence),
        # Beside what matches, BLEU counts the words of the reference.
        *(found for of_segments in counts for found in _too_short(material.refs[0], [row[1] for row in of_segments])),
        *_unspaced(material.refs, metrics, tokenizer),
        *_given_twice(material),
    ]


def find_unsuited_for_bleu(ref: Text, tgt_lang: str | None) -> list[str]:
    """Why a reference does not suit BLEU with its default tokenizer for a language."""
    scorer = make_scorer("bleu", tgt_lang=tgt_lang, tokenize=None, lowercase=False)
    lengths = [row[1] for row in scorer._extract_corpus_statistics(ref.lines, [ref.lines])]
    return [*_too_short(ref, lengths), *_unspaced([ref], ["bleu"], bleu_tokenizer(tgt_lang))]


def _too_small(material: EvaluationSet, *, compared: bool, gated: bool, confidence: bool) -> Iterator[str]:
    n = material.n_lines
    if n >= LEAST_SEGMENTS:
        return
    if gated:
        instead = "the gate lets any difference pass; --max-drop POINTS needs no test"
        yield f"{material.name}: {too_few_segments(n)}: {instead}"
    elif compared:
        yield f"{material.name}: {too_few_segments(n)}: no difference is called significant"
    elif confidence:
        are = "one segment is" if n == 1 else f"{n:,} segments are"
        enough = f"at least {LEAST_SEGMENTS}"
        yield f"{material.name}: {are} too few for confidence intervals ({enough}): treat these as a hint"


def _too_short(ref: Text, lengths: Sequence[float]) -> Iterator[str]:
    """Lines in which BLEU finds hardly a sequence of four words, which it multiplies with all others.

    Args:
        ref: The reference.
        lengths: Lengths of its lines, in words as BLEU's tokenizer cuts them.
    """
    n_without = sum(length < _ORDER for length in lengths)
    n_sequences = sum(max(length - _ORDER + 1, 0) for length in lengths)
    if 2 * n_without > len(lengths) or n_sequences <= len(lengths):
        yield (
            f"{ref.name}: its lines are short for BLEU, which compares sequences of up to four words: "
            f"{n_without:,} of {counted(len(lengths), 'line')} have none of four; use chrF instead"
        )


def _unspaced(refs: Sequence[Text], metrics: Sequence[str], tokenizer: str) -> Iterator[str]:
    by_words = ["BLEU"] if "bleu" in metrics and tokenizer not in _CUTTING else []
    by_words += ["TER"] if "ter" in metrics else []
    for ref in refs if by_words else ():
        if (script := unspaced_script(ref.lines)) is not None:
            split = "split" if len(by_words) > 1 else "splits"
            cut = "; or have BLEU cut it with --tok flores200 or --tok char" if "BLEU" in by_words else ""
            yield (
                f"{ref.name} is in {script} script, without spaces between words, but {' and '.join(by_words)} {split} "
                f"words at spaces only: use chrF instead{cut}"
            )


def unspaced_script(lines: Sequence[str]) -> str | None:
    """The script of a text that has no spaces between its words, such as Thai; None of any other text."""
    words = [word for line in lines for word in line.split()]
    n_characters = sum(map(len, words))
    for script, letters in _OF_SCRIPT.items():
        written = [word for word in words if letters.search(word)]
        n_letters = sum(len(letters.findall(word)) for word in written)
        if n_letters > _SCRIPT_SHARE * n_characters and n_letters >= _LONG_WORDS * len(written):
            return script
    return None


def _given_twice(material: EvaluationSet) -> Iterator[str]:
    for n, system in enumerate(material.systems):
        for earlier in material.systems[:n]:
            if list(system.hyp.lines) == list(earlier.hyp.lines):
                yield f"{system.name} equals {earlier.name} in every line: was one output given twice?"
                break
