"""Which layer of a decoder aligns best, measured on gold alignments."""

from mtkit.evaluation.metrics.alignment import AlignmentScore, read_gold, score_alignments
from mtkit.evaluation.pitfalls.checks import Text, check_aligned
from mtkit.files.text import read_lines
from mtkit.forced.aligner import Aligner, Choice


def compare_layers(aligner: Aligner, src: str, tgt: str, gold: str) -> list[tuple[AlignmentScore, Choice]]:
    """The score of every choice that the model offers, best first.

    Args:
        aligner: Its own choice does not matter.
        src: The file of the sources.
        tgt: The file of their translations.
        gold: The file of gold alignments: 1-1 is sure, 1p2 possible, counted from 1.

    Raises:
        DataError: If a file cannot be read or they do not belong together.
    """
    texts = [Text(path, list(read_lines(path))) for path in (src, tgt, gold)]
    check_aligned(texts)
    gold_links = read_gold(texts[2])
    by_choice = aligner.align_by_all(texts[0].lines, texts[1].lines)
    scores = [
        (score_alignments([links or set() for links in found], gold_links), choice)
        for choice, found in by_choice.items()
    ]
    return sorted(scores, key=lambda pair: pair[0].error_rate)
