import pytest

from mtkit.evaluation.metrics.metrics import BleuDetails, Score
from mtkit.evaluation.report import score_lines, value_shown


def test_scores_stand_in_columns_with_their_signatures() -> None:
    scores = [
        Score("bleu", "BLEU", 38.306, "nrefs:1|tok:13a", BleuDetails(0.9871, 0.9872, 987, 1000, (60.0, 40.0))),
        Score("chrf++", "chrF2++", 100.0, "nrefs:1|nw:2"),
        Score("ter", "TER", 9.5, "nrefs:1|case:lc"),
    ]
    assert score_lines(scores) == [
        "BLEU      38.31  BP 0.987  ratio 0.987  nrefs:1|tok:13a",
        "chrF2++  100.00                         nrefs:1|nw:2",
        "TER        9.50  lower is better        nrefs:1|case:lc",
    ]
    assert score_lines(scores[2:], decimals=0) == ["TER  10  lower is better  nrefs:1|case:lc"]
    assert score_lines(scores[1:2]) == ["chrF2++  100.00  nrefs:1|nw:2"]
    assert score_lines([]) == []


@pytest.mark.parametrize(("decimals", "expected"), [(2, "0.9877"), (4, "0.9877"), (6, "0.987654")])
def test_ratios_have_the_decimals_asked_for_but_no_less_than_four(decimals: int, expected: str) -> None:
    assert value_shown(Score("length", "length ratio", 0.9876543, "nrefs:1"), decimals) == expected
