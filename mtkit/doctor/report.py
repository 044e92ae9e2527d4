"""All that was seen of a corpus, and its form for programs."""

from dataclasses import asdict, dataclass
from typing import Any

from mtkit.doctor.drift import Alignment
from mtkit.doctor.findings import KINDS, Finding, Severity, ordered
from mtkit.doctor.lengths import QUANTILES, Lengths, quantile
from mtkit.doctor.prescription import Prescription
from mtkit.doctor.tokens import TokenCount
from mtkit.doctor.training_pairs import Cleaning

FORMAT = 1
"""Version of the JSON; docs/doctor.md describes it."""


@dataclass(frozen=True)
class SourceSeen:
    """A source that was examined."""

    place: str
    """train, valid or test."""

    name: str
    n_src: int
    n_tgt: int
    """Lines of either side; they differ only where something is wrong."""

    alignment: Alignment
    """Alignment of the files as they are."""

    n_kept: int | None = None
    """Pairs that cleaning left, where it came first."""

    @property
    def n_lines(self) -> int:
        """Pairs in the files."""
        return min(self.n_src, self.n_tgt)

    @property
    def n_pairs(self) -> int:
        """Pairs that were examined."""
        return self.n_lines if self.n_kept is None else self.n_kept


@dataclass(frozen=True)
class NotExamined:
    """What was left out."""

    names: tuple[str, ...]
    """Findings that could not be made."""

    reason: str


@dataclass(frozen=True)
class Report:
    """What the doctor saw."""

    src_lang: str
    tgt_lang: str
    sources: list[SourceSeen]
    findings: list[Finding]
    lengths: Lengths
    tokens: tuple[TokenCount, TokenCount] | None
    not_examined: list[NotExamined]
    cleaning: Cleaning | None = None
    """What was done to the training pairs before; None where they were examined as they are."""

    prescription: Prescription | None = None
    """What would cure all of it, as far as settings do."""

    @property
    def n_pairs(self) -> int:
        """Pairs of training."""
        return sum(source.n_pairs for source in self.sources if source.place == "train")

    @property
    def n_serious(self) -> int:
        """Serious findings."""
        return sum(finding.severity is Severity.SERIOUS for finding in self.findings)

    @property
    def not_found(self) -> list[str]:
        """Names of what was looked for and is not there."""
        found = {finding.name for finding in self.findings}
        return [name for name in KINDS if name not in found.union(*(left.names for left in self.not_examined))]

    def as_json(self, version: str) -> dict[str, Any]:
        """The report for programs."""
        return {
            "format": FORMAT,
            "mtkit": version,
            "src_lang": self.src_lang,
            "tgt_lang": self.tgt_lang,
            "n_pairs": self.n_pairs,
            "cleaning": None if self.cleaning is None else asdict(self.cleaning),
            "n_serious": self.n_serious,
            "sources": [
                {"place": s.place, "name": s.name, "n_src": s.n_src, "n_tgt": s.n_tgt, "n_pairs": s.n_pairs}
                for s in self.sources
            ],
            "cures": {} if self.prescription is None else self.prescription.as_json(),
            "findings": [_finding_as_json(finding) for finding in ordered(self.findings)],
            "not_found": self.not_found,
            "not_examined": [{"findings": list(left.names), "reason": left.reason} for left in self.not_examined],
            "lengths": self.length_table(),
            "tokens": None if self.tokens is None else [_tokens_as_json(count) for count in self.tokens],
        }

    def length_table(self) -> dict[str, dict[str, float]]:
        """Quantiles of the lengths, by their rank: 0.5 is the median."""
        lengths = self.lengths
        table: dict[str, dict[str, float]] = {}
        for unit, histograms in (("characters", lengths.characters), ("words", lengths.words)):
            for side, histogram in zip(("src", "tgt"), histograms, strict=True):
                table[f"{side}_{unit}"] = {str(rank): quantile(histogram, rank) for rank in QUANTILES}
        table["ratio"] = {str(rank): round(lengths.ratio_of(rank), 3) for rank in QUANTILES}
        return table


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "severity": finding.severity.value,
        "count": finding.count,
        "share": finding.share,
        "of": finding.of,
        "what": finding.what,
        "cure": finding.cure,
        "remark": finding.remark,
        "by_source": finding.by_source,
        "samples": [asdict(sample) for sample in finding.samples],
        "places": [list(place) for place in finding.places],
    }


def _tokens_as_json(count: TokenCount) -> dict[str, Any]:
    return {
        "n_segments": count.n_segments,
        "n_words": count.n_words,
        "n_tokens": count.n_tokens,
        "tokens_per_word": round(count.tokens_per_word, 4),
        "n_unknown": count.n_unknown,
        "n_characters": count.n_characters,
        "uncovered": dict(count.uncovered.most_common(50)),
    }
