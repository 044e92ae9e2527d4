import subprocess
import sys
from pathlib import Path

import pytest
import sacrebleu

from mtkit.errors import DataError
from mtkit.evaluation.metrics.counting import Counts
from mtkit.evaluation.metrics.metrics import score_and_count
from mtkit.evaluation.metrics.scorers import ScoringSettings
from mtkit.evaluation.metrics.segments import check_documents, document_scores, segment_scores
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.machine.workers import Workers

HYP = ["The cat sat on the mat today.", "Nobody knows it, he said.", "", "A short one.", "Yes."]
REFS = [
    ["The cat is on the mat today.", "Nobody knows that, he said.", "Yes.", "A very short one.", "Yes."],
    ["A cat sat on the mat.", "No one knows it, said he.", "Indeed.", "One that is short.", "Sure."],
]


def counted(*metrics: str) -> tuple[dict[str, Counts], ScoringSettings]:
    """What the metrics count in the output, and their settings."""
    settings = ScoringSettings(metrics)
    with Workers(1) as workers:
        return score_and_count(HYP, REFS, settings, workers)[1], settings


def test_scores_of_lines_are_those_of_the_sacrebleu_command(tmp_path: Path) -> None:
    for name, lines in (("hyp", HYP), ("a", REFS[0]), ("b", REFS[1])):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    found = list(segment_scores(len(HYP), *counted("bleu", "chrf", "ter")))
    assert [record["line"] for record in found] == [1, 2, 3, 4, 5]
    assert found[4]["bleu"] == pytest.approx(100)
    for metric in ("bleu", "chrf", "ter"):
        command = [sys.executable, "-m", "sacrebleu", "a", "b", "-i", "hyp", "-m", metric, "-sl", "-b", "-w", "6"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.split()
        assert [float(value) for value in shown] == pytest.approx([r[metric] for r in found], abs=1e-6)


def test_a_document_is_scored_as_a_small_corpus_wherever_its_lines_stand() -> None:
    docs = ["one", "two", "one", "two", "one"]
    counts, settings = counted("bleu", "chrf")
    one, two = document_scores(counts, docs, settings)
    assert (one["doc"], one["n_lines"], two["doc"], two["n_lines"]) == ("one", 3, "two", 2)
    expected = sacrebleu.corpus_bleu(HYP[::2], [ref[::2] for ref in REFS])
    assert one["bleu"] == pytest.approx(expected.score)
    assert two["chrf"] == pytest.approx(sacrebleu.corpus_chrf(HYP[1::2], [ref[1::2] for ref in REFS]).score)


def test_metrics_of_the_whole_alone_have_no_scores_of_lines() -> None:
    (record, *_) = segment_scores(len(HYP), *counted("exact", "length", "chrf"), extra={"comet": [0.5] * 5})
    assert record.keys() == {"level", "line", "exact", "chrf", "comet"}


def test_line_without_a_document_is_named() -> None:
    with pytest.raises(DataError, match="docs:2: names no document"):
        check_documents(Text("docs", ["a", " ", "b"]))
