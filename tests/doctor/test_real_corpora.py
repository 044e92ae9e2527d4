"""Real corpora: clean ones stay calm, planted faults are found, and noise is called noise."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from mtkit.doctor.chunks import features
from mtkit.doctor.drift import align
from mtkit.doctor.findings import Severity
from tests.doctor.conftest import Examine, Pair, finding


def lines(path: Path) -> list[str]:
    """The lines of a packed file."""
    return gzip.decompress(path.read_bytes()).decode().split("\n")[:-1]


def pairs_of(corpora: Path, stem: str, languages: tuple[str, str] = ("en", "de")) -> list[Pair]:
    return list(zip(*(lines(corpora / f"{stem}.{language}.gz") for language in languages), strict=True))


def replaced(pairs: Sequence[Pair], targets: Sequence[str]) -> list[Pair]:
    """The same pairs with every hundredth target taken from elsewhere."""
    changed = list(pairs)
    for i in range(50, len(changed), 100):
        changed[i] = (changed[i][0], targets[i // 100])
    return changed


@pytest.mark.slow
def test_captions_are_calm(examined: Examine, corpora: Path) -> None:
    report = examined(pairs_of(corpora, "multi30k/train"), n_sample=5_000, n_workers=2)
    assert {found.name for found in report.findings if found.severity is not Severity.INFO} == set()
    assert "wrong_language_src" in report.not_found
    assert "drift" in report.not_found


@pytest.mark.slow
def test_twenty_test_pairs_in_training_are_all_named(examined: Examine, corpora: Path) -> None:
    train, test = (pairs_of(corpora, f"multi30k/{name}") for name in ("train", "test_2016_flickr"))
    leaked = list(range(100, 120))
    report = examined(train[:5_000] + [test[i] for i in leaked] + train[5_000:], test=test)
    found = finding(report, "leaked_pairs")
    assert found.places == [(f"crawl:{5_001 + k}", f"test:{i + 1}") for k, i in enumerate(leaked)]
    assert found.severity is Severity.SERIOUS


@pytest.mark.parametrize(
    ("stem", "languages"),
    [
        ("multi30k/train", ("en", "de")),
        ("tatoeba-en-de/train", ("en", "de")),
        ("newstest-en-de/newstest2014", ("en", "de")),
        ("lafand-en-sw/train", ("en", "sw")),
    ],
)
def test_one_lost_line_is_found_within_fifty(corpora: Path, stem: str, languages: tuple[str, str]) -> None:
    src, tgt = (list(side) for side in zip(*pairs_of(corpora, stem, languages), strict=True))
    src, tgt = src[:14_000], tgt[:14_000]
    assert align(features(src, tgt)).stretches == []
    lost = min(10_000, len(src) // 2)
    (stretch,) = align(features(src[:-1], tgt[:lost] + tgt[lost + 1 :])).stretches
    assert abs(stretch.first - lost) <= 50
    assert (stretch.shift, stretch.stop) == (-1, len(src) - 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stem", "foreign"),
    [
        ("multi30k/train", "multi30k/train.fr"),
        ("tatoeba-en-de/train", "multi30k/train.fr"),
        ("tatoeba-en-de/train", "tatoeba-en-de/dev.en"),
        ("tatoeba-en-de/train", "lafand-en-sw/train.sw"),
    ],
)
def test_one_in_a_hundred_in_another_language_is_one_in_a_hundred(
    examined: Examine, corpora: Path, stem: str, foreign: str
) -> None:
    pairs = pairs_of(corpora, stem)[:20_000]
    report = examined(replaced(pairs, lines(corpora / f"{foreign}.gz")), n_sample=20_000, n_workers=2)
    assert 0.008 <= finding(report, "wrong_language_tgt").share <= 0.012


@pytest.mark.slow
def test_a_web_crawl_is_noisy(examined: Examine, corpora: Path) -> None:
    report = examined(pairs_of(corpora, "noisy-en-de/train"), n_sample=10_000, n_workers=2)
    wanted = {found.name for found in report.findings if found.severity is not Severity.INFO}
    assert wanted >= {"drift", "entities", "replacement", "ratio", "wrong_language_src", "wrong_language_tgt"}
    # From pair 1,817 on it pairs articles of the English and the German Wikipedia, which are no translations.
    assert abs(report.sources[0].alignment.stretches[0].first - 1_816) <= 50
