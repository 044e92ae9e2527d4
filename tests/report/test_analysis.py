from collections import Counter

import pytest

from mtkit.report.analysis import (
    Ngram,
    by_document,
    by_length,
    by_type,
    count_words,
    groups,
    mark_differences,
    mean_of,
    ngram_differences,
    sentence_types,
    word_accuracy,
)


def test_a_mean_has_the_interval_of_the_textbook() -> None:
    found = mean_of([1.0, 2.0, 3.0])  # standard deviation 1
    assert found.value == 2
    assert found.half_width == pytest.approx(1.96 / 3**0.5)
    assert mean_of([4.0]).half_width is None


def test_groups_compare_the_second_system_with_the_first() -> None:
    (found,) = groups([("some", [0, 2]), ("none", [])], [[10.0, 99.0, 30.0], [11.0, 0.0, 35.0]])
    assert (found.name, found.n) == ("some", 2)
    assert [mean.value for mean in found.means] == [20, 23]
    assert found.difference is not None
    assert found.difference.value == 3
    assert found.difference.half_width == pytest.approx(1.96 * 8**0.5 / 2**0.5)


def test_one_system_has_no_difference() -> None:
    (found,) = groups([("all", [0])], [[10.0]])
    assert found.difference is None


def test_lengths_are_groups_of_words() -> None:
    text = ["", "a, " * 9 + "a !", " ".join("a" * 11), " ".join("a" * 60), " ".join("a" * 61)]
    found = {name: lines for name, lines in by_length(text) if lines}
    assert found == {"0-10": [0, 1], "11-20": [2], "41-60": [3], "61 and more": [4]}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Why?", ["question"]),
        ("„Warum?“ ", ["question"]),
        ("为什么？", ["question"]),
        ("لماذا؟", ["question"]),
        ("Stop!", ["exclamation"]),
        ("Is it? Yes.", []),
        ("In 1999.", ["with numbers"]),
        ("The EU.", ["with capitals"]),
        ("I am.", []),
        (" ".join("a" * 41), ["long"]),
        (" ".join("a" * 40), []),
        (" ".join("a" * 40) + " , , .", []),
        ("NATO in 2020?", ["question", "with numbers", "with capitals"]),
        ("", []),
    ],
)
def test_the_type_of_a_sentence(line: str, expected: list[str]) -> None:
    assert sentence_types(line) == expected


def test_sentences_of_no_type_are_plain() -> None:
    found = dict(by_type(["Why 3?", "So."]))
    assert (found["question"], found["with numbers"], found["plain"]) == ([0], [0], [1])


def test_documents_stand_in_their_order() -> None:
    assert by_document(["b", "a", "b"]) == [("b", [0, 2]), ("a", [1])]


def test_words_are_counted_without_punctuation() -> None:
    assert count_words(["a b, a", "b ."]) == Counter(a=2, b=2)
    assert count_words(iter(["a b, a", "b ."]), only=["b", "z"]) == Counter(b=2)


def test_word_accuracy_by_hand() -> None:
    ref = ["the cat and the dog", "a bird"]
    hyps = [["the cat or dog", "birds"], ["the the the", "a bird a"]]
    frequency = Counter({"the": 1000, "cat": 5, "and": 100, "dog": 5, "a": 100})  # bird: never
    found = {group.name: (group.n, group.accuracies) for group in word_accuracy(ref, hyps, frequency)}
    assert found == {
        "0": (1, [0, 100]),
        "5-9": (2, [100, 0]),
        "100-999": (2, [0, 50]),
        "1,000 and more": (2, [50, 100]),
    }


def test_ngrams_are_counted_over_all_lines() -> None:
    hyp, ref = ["a a b", "c"], ["a b b", "c d"]
    over, under = ngram_differences(hyp, ref, 1, 5)
    assert over == [Ngram("a", 2, 1)]
    assert under == [Ngram("b", 1, 2), Ngram("d", 0, 1)]
    over, under = ngram_differences(hyp, ref, 2, 1)
    assert over == [Ngram("a a", 1, 0)]
    assert under == [Ngram("b b", 0, 1)]  # no n-gram spans two lines


def test_no_ngram_has_a_punctuation_mark_or_reaches_across_one() -> None:
    hyp, ref = ["a b, c d."], ["x"]
    assert [ngram.text for ngram in ngram_differences(hyp, ref, 1, 9)[0]] == ["a", "b", "c", "d"]
    assert [ngram.text for ngram in ngram_differences(hyp, ref, 2, 9)[0]] == ["a b", "c d"]
    assert ngram_differences(hyp, ref, 3, 9)[0] == []


def test_punctuation_marks_are_compared_by_themselves() -> None:
    hyp, ref = ["a, b, c.", "d!"], ["a b c.", "„d!“ !"]
    assert mark_differences(hyp, ref, 9) == [
        Ngram(",", 2, 0),
        Ngram("!", 1, 2),
        Ngram("“", 0, 1),
        Ngram("„", 0, 1),
    ]
    assert mark_differences(hyp, ref, 1) == [Ngram(",", 2, 0)]
