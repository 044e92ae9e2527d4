from mtkit.evaluation.certainty.comparison import LEAST_SEGMENTS, Comparison, too_few_segments


def compared(p_value: float, n_segments: int) -> Comparison:
    return Comparison("bleu", "BLEU", "old", "new", 30.0, 28.5, p_value, "bs", 1_000, n_segments)


def test_a_difference_is_significant_only_where_there_are_segments_enough() -> None:
    assert compared(0.01, LEAST_SEGMENTS).significant
    assert not compared(0.05, LEAST_SEGMENTS).significant
    few = compared(0.0, LEAST_SEGMENTS - 1)
    assert (few.told, few.significant) == (False, False)


def test_what_is_told_is_in_the_json_too() -> None:
    found = compared(0.01, 500)
    assert found.difference == -1.5  # below the baseline
    plain = found.as_json()
    assert (plain["difference"], plain["told"], plain["significant"], plain["p_value"]) == (-1.5, True, True, 0.01)


def test_too_few_segments_are_counted_in_words() -> None:
    assert too_few_segments(1) == "one segment is too few to tell whether systems differ (at least 100)"
    assert too_few_segments(2) == "2 segments are too few to tell whether systems differ (at least 100)"
