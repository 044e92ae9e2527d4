"""What changed between two translations of the same lines."""

import json
import random
from dataclasses import replace

import pytest

from mtkit.evaluation.certainty.before_after import BeforeAfter, SetDifference, comparison_in, differences_of
from mtkit.evaluation.metrics.metrics import score

WORDS = ["the", "cat", "sat", "on", "a", "red", "mat", "and", "sang"]
REFS = [" ".join(random.Random(n).choices(WORDS, k=7)) for n in range(120)]
WORSE = [line.replace("cat", "dog") for line in REFS]


def test_a_difference_has_the_scores_of_both_and_an_interval_around_it() -> None:
    for before, after in ((WORSE, REFS), (REFS, WORSE)):
        for each in differences_of(before, after, REFS, tgt_lang="en"):
            values = [score(hyp, [REFS], [each.metric], tgt_lang="en")[0].value for hyp in (before, after)]
            assert [each.before, each.after] == pytest.approx(values)
            assert each.low < each.difference < each.high
            assert (each.low > 0) == (each.difference > 0) == (after is REFS)
            assert (each.high < 0) == (each.difference < 0)
            assert each.p_value < 0.05
            assert "bs:1000" in each.signature


def test_what_has_not_changed_has_no_difference() -> None:
    assert {(each.difference, each.low, each.high) for each in differences_of(WORSE, WORSE, REFS, tgt_lang="en")} == {
        (0, 0, 0)
    }


def comparison(before: list[str], after: list[str], n: int = 120) -> BeforeAfter:
    differences = differences_of(before[:n], after[:n], REFS[:n], tgt_lang="en")
    sets = [SetDifference("flickr", "old", n, 120, differences), SetDifference("x", "validation", n, n, differences)]
    return BeforeAfter("runs/base", "0" * 64, sets)


def test_the_table_has_a_row_for_each_set_and_metric() -> None:
    lines = list(comparison(REFS, WORSE).lines())
    assert lines[0] == "before and after, from runs/base:"
    assert lines[2].startswith("  old test set flickr, 120 lines")
    assert "BLEU     100.00" in lines[2]
    assert "  -" in lines[2]
    assert [line.split()[0] for line in lines[3:]] == ["chrF2", "validation", "chrF2"]
    small = list(comparison(REFS, WORSE, 50).lines())
    assert "flickr, 50 of 120 lines (*)  BLEU" in small[2]
    assert small[-1] == "  (*) fewer than 100 lines: the interval is rough"
    assert "(*)" not in "".join(lines)


def test_only_what_is_certainly_lower_is_lost() -> None:
    assert comparison(REFS, WORSE).sets[0].lost()
    assert comparison(REFS, WORSE, 50).sets[0].lost()  # few lines, and yet by more than chance
    assert not comparison(WORSE, REFS).sets[0].lost()
    assert not comparison(WORSE, WORSE).sets[0].lost()
    (bleu, chrf), (lower, _) = comparison(WORSE, REFS).sets[0].differences, comparison(REFS, WORSE).sets[0].differences
    assert not SetDifference("mixed", "new", 120, 120, [lower, chrf]).lost()
    assert SetDifference("mixed", "new", 120, 120, [lower, replace(bleu, p_value=0.5)]).lost()


def test_json_and_back_and_what_is_something_else() -> None:
    own = comparison(WORSE, REFS)
    plain = json.loads(json.dumps(own.as_json()))
    assert comparison_in({"comparison": plain}) == own
    assert comparison_in({}) is None
    assert comparison_in({"comparison": [1]}) is None
    assert comparison_in({"comparison": {**plain, "sets": [{"set": "x"}]}}) is None
