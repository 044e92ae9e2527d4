"""Noise that is to be undone, by what it leaves of a text, and by how often each kind of span comes."""

import itertools
import math
from collections import Counter
from random import Random

import pytest

from mtkit.data.batches.denoising import infilled, permuted, span_masked

SHARE, MEAN_SPAN = 0.35, 3.5


def numbered(n: int) -> str:
    """A text whose words tell their places."""
    return " ".join(map(str, range(n)))


def read_back(noised: str, n: int) -> tuple[int, list[int], int]:
    """How many of ``n`` numbered words are masked, the lengths of the runs that lie between the words that are left,
    and the number of masks.
    """
    left = noised.split()
    kept = [-1, *(int(word) for word in left if word != "<mask>"), n]
    assert kept == sorted(kept)  # nothing moves
    runs = [after - before - 1 for before, after in itertools.pairwise(kept)]
    return n - (len(kept) - 2), [run for run in runs if run], left.count("<mask>")


@pytest.mark.parametrize("n", [1, 2, 6, 20, 57])
def test_the_share_of_masked_words_is_that_of_the_settings_for_any_length(n: int) -> None:
    draw, n_texts = Random(3), 60_000 // n
    n_masked = sum(
        read_back(infilled(numbered(n), draw, share=SHARE, mean_span=MEAN_SPAN), n)[0] for _ in range(n_texts)
    )
    # A text masks floor(.35 n + u) words, whose variance is at most 1/4: .01 is four deviations of the mean.
    assert n_masked / (n * n_texts) == pytest.approx(SHARE, abs=max(0.01, 2 / math.sqrt(n_texts) / n))


def test_length_after_infilling_is_that_without_the_masked_words_and_with_the_spans() -> None:
    draw = Random(5)
    for n in range(60):
        noised = infilled(numbered(n), draw, share=SHARE, mean_span=MEAN_SPAN)
        n_masked, runs, n_masks = read_back(noised, n)
        assert len(noised.split()) == n - n_masked + n_masks
        assert n_masks >= len(runs)  # a run of masked words holds a mask or more, and some masks hold none
        assert math.floor(SHARE * n) <= n_masked <= math.floor(SHARE * n) + 1


def test_spans_are_poisson_long() -> None:
    """In a long text few spans touch, and the last one, cut to the share, is one of many."""
    draw, n = Random(7), 4_000
    n_masked, n_masks, n_inserted = 0, 0, 0
    for _ in range(40):
        noised = infilled(numbered(n), draw, share=SHARE, mean_span=MEAN_SPAN)
        of_text, _, masks = read_back(noised, n)
        n_masked, n_masks = n_masked + of_text, n_masks + masks
        words = [*noised.split(), str(n)]
        n_inserted += sum(
            mask == "<mask>" and before.isdecimal() and after.isdecimal() and int(after) == int(before) + 1
            for before, mask, after in zip(words, words[1:], words[2:], strict=False)
        )
    assert n_masked / n_masks == pytest.approx(MEAN_SPAN, rel=0.02)
    # Both neighbours of an inserted mask are words, not other masks, about four times in five.
    n_alone = math.exp(-MEAN_SPAN) * n_masks * (1 - n_masks / (40 * n * (1 - SHARE) + n_masks)) ** 2
    assert n_inserted == pytest.approx(n_alone, rel=0.25)


def test_every_way_to_lay_out_the_spans_is_as_likely() -> None:
    """With spans of two words nearly always cut from a budget of two, a mask stands at each place as often."""
    draw = Random(9)
    seen = Counter(infilled(numbered(6), draw, share=2 / 6, mean_span=60.0) for _ in range(6_000))
    ways = {" ".join(map(str, [*range(i), "<mask>", *range(i + 2, 6)])) for i in range(5)}
    assert {text for text, count in seen.items() if count > 60} == ways
    assert min(seen[text] for text in ways) > 6_000 / 5 * 0.85


def test_nothing_to_mask_leaves_a_text_as_it_is() -> None:
    assert infilled("one two", Random(1), share=0.0, mean_span=3.5) == "one two"
    assert infilled("", Random(1), share=0.9, mean_span=3.5) == ""
    assert infilled("one", Random(1), share=1.0, mean_span=3.5).split().count("<mask>") >= 1


def test_a_script_without_spaces_is_masked_by_the_character() -> None:
    text, draw = "今日はとても良い天気ですね", Random(2)
    for _ in range(50):
        noised = infilled(text, draw, share=0.5, mean_span=2.0)
        kept = noised.split("<mask>")
        assert " " not in noised
        assert len("".join(kept)) in (math.floor(0.5 * len(text)), math.ceil(0.5 * len(text)))
    masked, span = span_masked(text, draw, share=0.5)
    assert masked.count("<mask>") == len(span)
    assert span in text


def test_sentences_come_in_every_order_and_keep_their_words() -> None:
    text, draw = "One is here. Two came. Three left!", Random(4)
    seen = Counter(permuted(text, draw) for _ in range(3_000))
    parts = text.replace(". ", ".|").split("|")
    assert set(seen) == {" ".join(order) for order in itertools.permutations(parts)}
    assert min(seen.values()) > 3_000 / 6 * 0.75
    assert permuted("A single sentence, as most lines are.", draw) == "A single sentence, as most lines are."
    assert permuted("", draw) == ""


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_a_masked_span_and_what_is_left_are_the_text(n: int) -> None:
    draw, text = Random(6), numbered(n)
    starts = Counter[int]()
    for _ in range(2_000):
        masked, span = span_masked(text, draw, share=0.5)
        words, lost = masked.split(), span.split()
        start = words.index("<mask>")
        assert words[start : start + len(lost)] == ["<mask>"] * len(lost)
        assert [*words[:start], *lost, *words[start + len(lost) :]] == text.split()
        assert max(1, math.floor(n / 2)) <= len(lost) <= math.ceil(n / 2)
        starts[start] += 1
    assert set(starts) == set(range(n - max(1, n // 2) + 1))


def test_the_same_draw_gives_the_same_noise() -> None:
    text = numbered(30)
    for seed in range(20):
        once, again = (infilled(text, Random(seed), share=SHARE, mean_span=MEAN_SPAN) for _ in range(2))
        assert once == again
    assert len({infilled(text, Random(seed), share=SHARE, mean_span=MEAN_SPAN) for seed in range(20)}) == 20
