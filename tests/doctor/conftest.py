"""A clean corpus that is made up, and what examines it."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mtkit.data.sources.formats.text import TextSource
from mtkit.data.sources.sources import Place
from mtkit.doctor.examine import examine
from mtkit.doctor.findings import Finding
from mtkit.doctor.report import Report

Pair = tuple[str, str]
Examine = Callable[..., Report]

WORDS = {
    "dog": "Hund", "house": "Haus", "river": "Fluss", "garden": "Garten", "mountain": "Berg", "bread": "Brot",
    "old": "alte", "small": "kleine", "beautiful": "schöne", "sees": "sieht", "finds": "findet",
    "remembers": "erinnert", "tomorrow": "morgen", "carefully": "vorsichtig", "teacher": "Lehrer", "window": "Fenster",
    "letter": "Brief", "writes": "schreibt", "nothing": "nichts", "always": "immer", "because": "weil", "child": "Kind",
}  # fmt: skip


def clean_pairs(n: int, seed: int = 1) -> list[Pair]:
    """Pairs of different words in a row, all different, that translate each other word by word."""
    draw = random.Random(seed)
    english = list(WORDS)
    found: dict[str, str] = {}
    while len(found) < n:
        words = draw.sample(english, draw.randint(4, 14))
        found[f"The {' '.join(words)}."] = f"Der {' '.join(WORDS[word] for word in words)}."
    return list(found.items())


@pytest.fixture
def examined(tmp_path: Path) -> Examine:
    """Examines pairs of English and German, given as lists by their place; or two sides of unequal length."""

    def write(name: str, lines: Sequence[str]) -> Path:
        path = tmp_path / name
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())
        return path

    def run(
        train: Sequence[Pair] | tuple[Sequence[str], Sequence[str]],
        *,
        n_workers: int = 1,
        languages: tuple[str, str] = ("en", "de"),
        n_sample: int = 100,
        apart: bool = False,
        **held: Sequence[Pair],
    ) -> Report:
        sides = train if apart else tuple(zip(*train, strict=True))
        sources: dict[Place, list[TextSource]] = {
            "train": [TextSource("crawl", write("train.en", sides[0]), write("train.de", sides[1]))]
        }
        for place, pairs in held.items():
            src, tgt = zip(*pairs, strict=True)
            sources[place] = [TextSource(place, write(f"{place}.en", src), write(f"{place}.de", tgt))]  # type: ignore[index]
        return examine(sources, languages, n_sample=n_sample, n_workers=n_workers)

    return run


def finding(report: Report, name: str) -> Finding:
    """The finding of a name, which must be there."""
    found = {found.name: found for found in report.findings}
    assert name in found, f"no {name} among {sorted(found)}"
    return found[name]
