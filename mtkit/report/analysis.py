"""Where a system does well and where it does not: by length, kind of sentence, document, rarity of words, n-gram."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from mtkit.report.words import count_of, is_word, words

LENGTHS = (10, 20, 30, 40, 60)
"""Upper ends of the groups of sentences by length, in words; longer ones are a group by themselves."""

FREQUENCIES = (0, 1, 4, 9, 99, 999)
"""Upper ends of the groups of words by how often they occur; more frequent ones are a group by themselves."""

ENOUGH = 30
"""Sentences of a group that can tell whether systems differ there: the mean of fewer is not normally distributed."""

LONG = 40
"""A sentence of more words is long."""

_CLOSING = " \t\"'”’»“)]」』"
_Z = 1.96  # of the normal distribution, for 95 %


@dataclass(frozen=True)
class Mean:
    """A mean over sentences."""

    value: float
    half_width: float | None
    """Half the width of the 95 % confidence interval, by the normal distribution; None for one sentence."""


@dataclass(frozen=True)
class Group:
    """Sentences that have something in common, and how the systems did on them."""

    name: str
    n: int
    means: list[Mean]
    """Mean of the scores of single sentences, for each system."""

    difference: Mean | None
    """Second system minus first, sentence by sentence; None of one system."""

    @property
    def clear(self) -> bool:
        """Whether there is a difference that chance hardly explains."""
        found = self.difference
        return self.n >= ENOUGH and found is not None and abs(found.value) > (found.half_width or 0)

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self) | {"clear": self.clear}


@dataclass(frozen=True)
class WordGroup:
    """Words of the references that are about equally frequent."""

    name: str
    n: int
    """Occurrences in the references."""

    accuracies: list[float]
    """Percentage of them that each system has in the same sentence; from 0 to 100, higher is better."""


@dataclass(frozen=True)
class Ngram:
    """How often a sequence of words stands in an output and in the references."""

    text: str
    n_hyp: int
    n_ref: int


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and 95 % interval of at least one value."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return Mean(mean, None)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return Mean(mean, _Z * math.sqrt(variance / len(values)))


def groups(members: Iterable[tuple[str, Sequence[int]]], scores: Sequence[Sequence[float]]) -> list[Group]:
    """How each system did on each group that has members.

    Args:
        members: Name of a group, and its sentences, counted from 0.
        scores: For each system one score per sentence.
    """
    found = []
    for name, lines in members:
        if not lines:
            continue
        chosen = [[of_system[n] for n in lines] for of_system in scores]
        difference = None
        if len(chosen) == 2:
            difference = mean_of([second - first for first, second in zip(*chosen, strict=True)])
        found.append(Group(name, len(lines), [mean_of(each) for each in chosen], difference))
    return found


def by_length(text: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Sentences by their number of words."""
    members: list[list[int]] = [[] for _ in range(len(LENGTHS) + 1)]
    for n, line in enumerate(text):
        members[_place(count_of(line), LENGTHS)].append(n)
    return list(zip(_ranges(0, LENGTHS), members, strict=True))


def by_type(text: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Sentences by what they look like; one can be of several types.

    A question or an exclamation ends in its mark, quotation marks and brackets aside. Numbers are digits; capitals are
    a word of at least two letters, all of them capitals. The rest is plain.
    """
    members: dict[str, list[int]] = {
        name: [] for name in ("question", "exclamation", "with numbers", "with capitals", "long", "plain")
    }
    for n, line in enumerate(text):
        for name in sentence_types(line) or ["plain"]:
            members[name].append(n)
    return list(members.items())


def sentence_types(line: str) -> list[str]:
    """The types of one sentence; empty where it is plain."""
    end = line.rstrip(_CLOSING)[-1:]
    rules = {
        "question": end in ("?", "？", "؟"),
        "exclamation": end in ("!", "！"),
        "with numbers": any(map(str.isdigit, line)),
        "with capitals": any(len(word) > 1 and word.isupper() and word.isalpha() for word in words(line)),
        "long": count_of(line) > LONG,
    }
    return [name for name, holds in rules.items() if holds]


def by_document(docs: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Sentences by their document, in the order of first lines."""
    members: dict[str, list[int]] = {}
    for n, doc in enumerate(docs):
        members.setdefault(doc, []).append(n)
    return list(members.items())


def count_words(text: Iterable[str], only: Iterable[str] | None = None) -> Counter[str]:
    """How often each word occurs.

    Args:
        text: Lines; none is kept.
        only: Count no others, so that memory does not grow with the text.
    """
    wanted = None if only is None else frozenset(only)
    counts: Counter[str] = Counter()
    for line in text:
        counts.update(word for word in words(line) if is_word(word) and (wanted is None or word in wanted))
    return counts


def word_accuracy(
    ref_text: Sequence[str], hyp_texts: Sequence[Sequence[str]], frequency: Counter[str]
) -> list[WordGroup]:
    """Which share of the references' words the systems have, by how frequent the words are.

    A word counts as matched as often as it stands in both sentences, wherever it stands.
    """
    totals = [0] * (len(FREQUENCIES) + 1)
    matched = [[0] * len(totals) for _ in hyp_texts]
    for ref, *hyps in zip(ref_text, *hyp_texts, strict=True):
        found = [Counter(words(hyp)) for hyp in hyps]
        for word, n in Counter(filter(is_word, words(ref))).items():
            place = _place(frequency[word], FREQUENCIES)
            totals[place] += n
            for of_system, counts in zip(matched, found, strict=True):
                of_system[place] += min(n, counts[word])
    return [
        WordGroup(name, n, [100 * of_system[place] / n for of_system in matched])
        for place, (name, n) in enumerate(zip(_ranges(0, FREQUENCIES), totals, strict=True))
        if n
    ]


def ngram_differences(
    hyp_text: Sequence[str], ref_text: Sequence[str], order: int, n_most: int
) -> tuple[list[Ngram], list[Ngram]]:
    """The n-grams that an output has most too often, and those that it has most too seldom, over all its lines.

    They are of words that follow each other: none has a punctuation mark, or reaches across one.

    Args:
        hyp_text: The output.
        ref_text: The reference.
        order: Words of an n-gram.
        n_most: How many of either.
    """
    n_hyp, n_ref = _count_ngrams(hyp_text, order), _count_ngrams(ref_text, order)
    over = sorted((n_hyp - n_ref).items(), key=lambda item: (-item[1], item[0]))[:n_most]
    under = sorted((n_ref - n_hyp).items(), key=lambda item: (-item[1], item[0]))[:n_most]

    def shown(found: list[tuple[tuple[str, ...], int]]) -> list[Ngram]:
        return [Ngram(" ".join(ngram), n_hyp[ngram], n_ref[ngram]) for ngram, _ in found]

    return shown(over), shown(under)


def mark_differences(hyp_text: Sequence[str], ref_text: Sequence[str], n_most: int) -> list[Ngram]:
    """The punctuation marks whose counts in an output and in the reference differ most."""
    n_hyp, n_ref = _count_marks(hyp_text), _count_marks(ref_text)
    found = [Ngram(mark, n_hyp[mark], n_ref[mark]) for mark in n_hyp | n_ref if n_hyp[mark] != n_ref[mark]]
    return sorted(found, key=lambda mark: (-abs(mark.n_hyp - mark.n_ref), mark.text))[:n_most]


def _count_ngrams(text: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for line in text:
        for of_words, run in groupby(words(line), is_word):
            found = list(run) if of_words else []
            counts.update(tuple(found[i : i + order]) for i in range(len(found) - order + 1))
    return counts


def _count_marks(text: Sequence[str]) -> Counter[str]:
    return Counter(found for line in text for found in words(line) if not is_word(found))


def _place(value: int, ends: Sequence[int]) -> int:
    return sum(value > end for end in ends)


def _ranges(first: int, ends: Sequence[int]) -> list[str]:
    """``0-10``, ``11-20``, ``21 and more``; ``1`` where both ends are the same."""
    starts = [first, *(end + 1 for end in ends)]
    names = [f"{a:,}" if a == b else f"{a:,}-{b:,}" for a, b in zip(starts, ends, strict=False)]
    return [*names, f"{starts[-1]:,} and more"]
