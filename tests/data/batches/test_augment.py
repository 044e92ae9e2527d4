"""Each change of a text, by rows worked out by hand, and how often it happens."""

from collections import Counter
from random import Random

import pytest

from mtkit.data.batches.augment import joined, noised, recased, with_typos, without_full_stop
from mtkit.settings.sampling import CasingConfig, NoiseConfig

WORDS = [f"word{i}" for i in range(30)]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (CasingConfig(upper=1), ("THE NATO DON'T, STRASSE", "DIE NATO, ÉTÉ")),
        (CasingConfig(title=1), ("The NATO Don't, Straße", "Die NATO, Été")),
        (CasingConfig(lower=1), ("the nato don't, straße", "die NATO, été")),
        (CasingConfig(), ("the NATO don't, straße", "die NATO, été")),
    ],
)
def test_case(config: CasingConfig, expected: tuple[str, str]) -> None:
    assert recased("the NATO don't, straße", "die NATO, été", Random(1), config) == expected


def test_shares_of_case() -> None:
    config, draw = CasingConfig(upper=0.2, title=0.3, lower=0.1), Random(1)
    seen = Counter(recased("a Bc", "x", draw, config)[0] for _ in range(5_000))
    for text, share in (("A BC", 0.2), ("A Bc", 0.3), ("a bc", 0.1), ("a Bc", 0.4)):
        assert seen[text] / 5_000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("Yes.", "Ja."), ("Yes", "Ja")),
        (("Yes. ", "是的。"), ("Yes", "是的")),
        (("Yes.", "Ja!"), ("Yes.", "Ja!")),
        (("Well...", "Na ja."), ("Well...", "Na ja.")),
        ((".", "."), (".", ".")),
        (("", "."), ("", ".")),
    ],
)
def test_a_full_stop_goes_from_both_sides_or_from_none(pair: tuple[str, str], expected: tuple[str, str]) -> None:
    assert without_full_stop(*pair) == expected


def test_slips_are_of_three_kinds_in_long_words_alone() -> None:
    draw = Random(1)
    seen = Counter(with_typos("it abcd 12345", draw, 1.0) for _ in range(3_000))
    swapped, doubled, left_out = ("bacd", "acbd", "abdc"), ("aabcd", "abbcd", "abccd"), ("bcd", "acd", "abd")
    assert set(seen) == {f"it {word} 12345" for word in (*swapped, *doubled, *left_out)}
    assert min(seen.values()) > 3_000 / 9 * 0.7
    changed = sum(with_typos("letters", draw, 0.3) != "letters" for _ in range(3_000))
    assert changed / 3_000 == pytest.approx(0.3 * (1 - 1 / 18), abs=0.03)  # tt swapped is tt: 1 of 6 places, 1 of 3


def test_noise_drops_its_share_and_never_all() -> None:
    draw = Random(1)
    config = NoiseConfig(drop=0.3, swap=0)
    kept = [noised(" ".join(WORDS), draw, config).split() for _ in range(300)]
    assert sum(map(len, kept)) / (300 * 30) == pytest.approx(0.7, abs=0.02)
    assert all(words == sorted(words, key=WORDS.index) for words in kept)
    assert {noised("a b", draw, NoiseConfig(drop=1, swap=0)) for _ in range(50)} == {"a", "b"}
    assert noised("", draw, NoiseConfig(drop=1)) == ""


@pytest.mark.parametrize("k", [1, 3])
def test_noise_moves_words_by_k_places_at_most(k: int) -> None:
    draw = Random(1)
    moves = set()
    for _ in range(300):
        words = noised(" ".join(WORDS), draw, NoiseConfig(drop=0, swap=k)).split()
        assert sorted(words) == sorted(WORDS)
        moves |= {abs(i - WORDS.index(word)) for i, word in enumerate(words)}
    assert moves == set(range(k + 1))


def test_noise_masks_its_share() -> None:
    text = noised(" ".join(WORDS * 50), Random(1), NoiseConfig(drop=0, swap=0, mask=0.2))
    words = text.split()
    assert words.count("<mask>") / len(words) == pytest.approx(0.2, abs=0.03)
    assert all(word in ("<mask>", original) for word, original in zip(words, WORDS * 50, strict=True))


def test_segments_are_joined_as_their_script_does() -> None:
    assert joined("One.", "Two.") == "One. Two."
    assert joined("一。", "二。") == "一。二。"
