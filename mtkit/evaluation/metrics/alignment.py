"""How good word alignments are: the alignment error rate (Och and Ney, 2003)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtkit.errors import DataError
from mtkit.evaluation.pitfalls.checks import Text

Links = set[tuple[int, int]]
"""Of one pair: (source word, target word), both counted from 0."""

_LINK = re.compile(r"([0-9]{1,9})([-p])([0-9]{1,9})")
_ENOUGH_LINKS = 20  # nearly every sentence links its first word


@dataclass(frozen=True)
class Gold:
    """What people say of one pair."""

    sure: Links
    possible: Links
    """The sure ones among them."""


@dataclass(frozen=True)
class AlignmentScore:
    """Alignments of a corpus against gold ones; all between 0 and 1."""

    error_rate: float
    """1 - (|A and sure| + |A and possible|) / (|A| + |sure|); lower is better."""

    precision: float
    """|A and possible| / |A|."""

    recall: float
    """|A and sure| / |sure|."""

    n_links: int
    """Links of the output."""

    n_sure: int
    """Sure links of the gold alignments."""

    n_possible: int
    """All links of the gold alignments, the sure ones among them."""


def read_links(text: Text) -> list[Links]:
    """Alignments in Pharaoh format, ``0-0 1-2`` a line, source first, words counted from 0.

    Raises:
        DataError: Naming the line that is something else, or that only gold alignments can have.
    """
    found = []
    for number, line in enumerate(_read(text, first=0), start=1):
        if line.possible != line.sure:
            source, target = min(line.possible - line.sure)
            raise DataError(
                f"{text.name}:{number}: {source}p{target} is a possible link; only gold alignments have those"
            )
        found.append(line.sure)
    return found


def read_gold(text: Text) -> list[Gold]:
    """Gold alignments: ``1-1`` is sure, ``1p2`` possible, words counted from 1.

    Raises:
        DataError: Naming the line that is something else, or that counts from 0.
    """
    return list(_read(text, first=1))


def seem_to_count_from_one(alignments: Sequence[Links]) -> bool:
    """Whether no link has the number 0, though there are so many that one should."""
    links = [link for each in alignments for link in each]
    return len(links) >= _ENOUGH_LINKS and all(min(link) > 0 for link in links)


def score_alignments(found: Sequence[Links], gold: Sequence[Gold]) -> AlignmentScore:
    """Score a corpus.

    Raises:
        DataError: If the numbers of pairs differ, or there is nothing to compare.
    """
    if len(found) != len(gold):
        raise DataError(f"{len(found):,} alignments but {len(gold):,} gold ones: line n of each must be the same pair")
    n_links, n_sure = sum(map(len, found)), sum(len(one.sure) for one in gold)
    if n_links + n_sure == 0:
        raise DataError("nothing to compare: not one link")
    in_sure = sum(len(links & one.sure) for links, one in zip(found, gold, strict=True))
    in_possible = sum(len(links & one.possible) for links, one in zip(found, gold, strict=True))
    return AlignmentScore(
        error_rate=1 - (in_sure + in_possible) / (n_links + n_sure),
        precision=in_possible / n_links if n_links else 0.0,
        recall=in_sure / n_sure if n_sure else 0.0,
        n_links=n_links,
        n_sure=n_sure,
        n_possible=sum(len(one.possible) for one in gold),
    )


def _read(text: Text, *, first: int) -> Iterator[Gold]:
    """Line by line; ``first`` is the number of the first word in them."""
    for number, line in enumerate(text.lines, start=1):
        sure: Links = set()
        possible: Links = set()
        for word in line.split():
            match = _LINK.fullmatch(word)
            if match is None:
                raise DataError(
                    f"{text.name}:{number}: {word!r} is not a link; expected 0-0, or 1p2 for a possible link"
                )
            link = int(match[1]) - first, int(match[3]) - first
            if min(link) < 0:
                raise DataError(f"{text.name}:{number}: {word} counts words from 0, where the first word is 1")
            possible.add(link)
            if match[2] == "-":
                sure.add(link)
        yield Gold(sure, possible)
