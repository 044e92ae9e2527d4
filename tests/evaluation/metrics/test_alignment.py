import random
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.evaluation.metrics.alignment import Gold, read_gold, read_links, score_alignments, seem_to_count_from_one
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.files.text import read_lines


def test_gold_alignments_are_read_from_one_and_counted_from_zero() -> None:
    gold = read_gold(Text("g", ["1-1 2p3", "", "3-1"]))
    assert gold == [Gold({(0, 0)}, {(0, 0), (1, 2)}), Gold(set(), set()), Gold({(2, 0)}, {(2, 0)})]
    assert read_links(Text("h", ["0-0 4-2", ""])) == [{(0, 0), (4, 2)}, set()]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1-1 x", "g:2: 'x' is not a link"),
        ("1-", "not a link"),
        ("0-1", "g:2: 0-1 counts words from 0"),
        ("1|2", "not a link"),
    ],
)
def test_what_is_no_alignment_is_named(line: str, message: str) -> None:
    with pytest.raises(DataError, match=message.replace("|", r"\|")):
        read_gold(Text("g", ["1-1", line]))


def test_the_error_rate_worked_out_by_hand() -> None:
    # A = 4 links, S = 3, P = 5; A and S = 2, A and P = 3: 1 - (2 + 3) / (4 + 3).
    gold = [Gold({(0, 0), (1, 1)}, {(0, 0), (1, 1), (1, 2)}), Gold({(0, 1)}, {(0, 1), (2, 2)})]
    score = score_alignments([{(0, 0), (1, 1), (1, 2)}, {(5, 5)}], gold)
    assert score.error_rate == pytest.approx(1 - 5 / 7)
    assert [score.precision, score.recall] == pytest.approx([3 / 4, 2 / 3])
    assert (score.n_links, score.n_sure, score.n_possible) == (4, 3, 5)


def test_output_has_no_possible_links() -> None:
    with pytest.raises(DataError, match="h:2: 1p2 is a possible link"):
        read_links(Text("h", ["0-0", "0-0 1p2"]))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["1-1 2-2"] * 10, True),
        (["1-1 2-2"] * 9 + ["1-1"], False),  # 19 links prove nothing
        (["1-1 2-2"] * 10 + ["0-3"], False),
        (["1-1 2-2"] * 10 + ["3-0"], False),
    ],
)
def test_links_without_a_zero_seem_to_count_from_one(lines: list[str], expected: bool) -> None:
    assert seem_to_count_from_one(read_links(Text("h", lines))) == expected


def slow_error_rate(found: list[str], gold: list[str]) -> float:
    """From the lines themselves, link by link, nothing of mtkit used."""
    in_sure = in_possible = n_links = n_sure = 0
    for line, gold_line in zip(found, gold, strict=True):
        kinds = {}
        for word in gold_line.split():
            kind = "p" if "p" in word else "-"
            s, t = word.split(kind)
            kinds[f"{int(s) - 1} {int(t) - 1}"] = kind
        n_sure += list(kinds.values()).count("-")
        for word in line.split():
            kind_found = kinds.get(word.replace("-", " "))
            n_links += 1
            in_sure += kind_found == "-"
            in_possible += kind_found is not None
    return 1 - (in_sure + in_possible) / (n_links + n_sure)


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_real_gold_alignments_score_as_a_slow_count_scores_them(corpora: Path, noise: float) -> None:
    """Diagonal links, some of them moved at random, against gold alignments of the Hansards."""
    folder = corpora / "word-align-en-fr"
    gold = list(read_lines(folder / "enfr.gold"))
    pairs = [line.split("|||") for line in read_lines(folder / "enfr.src-tgt")]
    draw = random.Random(3)
    found = []
    for src, tgt in pairs:
        n_src, n_tgt = len(src.split()), len(tgt.split())
        links = {(draw.randrange(n_src) if draw.random() < noise else t * n_src // n_tgt, t) for t in range(n_tgt)}
        found.append(" ".join(f"{s}-{t}" for s, t in links))
    score = score_alignments(read_links(Text("h", found)), read_gold(Text("g", gold)))
    assert score.error_rate == pytest.approx(slow_error_rate(found, gold), abs=1e-12)
    assert 0.2 < score.error_rate < 1


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(DataError, match="1 alignments but 2 gold ones"):
        score_alignments([set()], [Gold(set(), set())] * 2)
    with pytest.raises(DataError, match="not one link"):
        score_alignments([set()], [Gold(set(), set())])
