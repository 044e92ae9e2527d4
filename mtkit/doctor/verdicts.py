"""The findings that follow from what was counted, with their samples and remarks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mtkit.data.sources.formats.text import TextSource
from mtkit.data.sources.pairs import Source
from mtkit.doctor.chunks import N_SAMPLES
from mtkit.doctor.drift import Stretch
from mtkit.doctor.findings import Finding, Sample, shown
from mtkit.doctor.language import LanguageCount
from mtkit.doctor.lengths import outliers
from mtkit.doctor.reading import LineEnds
from mtkit.doctor.report import SourceSeen
from mtkit.doctor.tally import Tally
from mtkit.doctor.tokens import TokenCount
from mtkit.doctor.training_pairs import PairsAsRead, TrainingPairs
from mtkit.languages.identification import MIN_BYTES
from mtkit.wording import counted

MAX_PLACES = 1_000


def text_of(source: TrainingPairs, pairs: Sequence[int], notes: Sequence[str]) -> list[Sample]:
    """Look up some of the examined pairs of a source, counted from 0: it is read again as far as the last of them."""
    note_of = dict(zip(pairs, notes, strict=True))
    found: dict[int, Sample] = {}
    first = 0
    for chunk in source.chunks():
        if len(found) == len(note_of):
            break
        for pair in note_of:
            if first <= pair < first + len(chunk.src):
                src, tgt = chunk.src[pair - first], chunk.tgt[pair - first]
                found[pair] = Sample(source.name, source.row(pair) + 1, shown(src), shown(tgt), note_of[pair])
        first += len(chunk.src)
    return [found[pair] for pair in note_of]


def of_chunks(tally: Tally) -> list[Finding]:
    """What pairs show by themselves."""
    n = sum(tally.n_pairs)
    return [
        Finding(name, counts.total(), counts.total() / n, _pairs(n), tally.samples[name], dict(counts))
        for name, counts in tally.counts.items()
    ]


def _lines_of(seen: SourceSeen, source: Source) -> str:
    """How many lines each side of a source has, by the names of its files."""
    if isinstance(source, TextSource):
        return f"{source.src} has {seen.n_src:,} lines, {source.tgt} has {seen.n_tgt:,}"
    return f"{seen.name} has {seen.n_src:,} and {seen.n_tgt:,} lines"


def of_alignment(seen: Sequence[SourceSeen], sources: Sequence[Source]) -> list[Finding]:
    """Unequal numbers of lines, and stretches that do not fit."""
    findings = []
    unequal = {s.name: abs(s.n_src - s.n_tgt) for s in seen if s.n_src != s.n_tgt}
    if unequal:
        remark = "; ".join(_lines_of(s, source) for s, source in zip(seen, sources, strict=True) if s.name in unequal)
        n = sum(max(s.n_src, s.n_tgt) for s in seen)
        count = sum(unequal.values())
        findings.append(Finding("unequal_counts", count, count / n, f"{n:,} lines", [], unequal, remark))
    counts: Counter[str] = Counter()
    samples: list[Sample] = []
    remarks: list[str] = []
    share = 0.0
    for s, source in zip(seen, sources, strict=True):
        stretches = s.alignment.stretches
        if not stretches:
            continue
        counts[s.name] = sum(stretch.stop - stretch.first for stretch in stretches)
        share = max(share, counts[s.name] / s.n_lines)
        remarks += [_stretch(s, stretch) for stretch in stretches[:N_SAMPLES]]
        if len(stretches) > N_SAMPLES:
            remarks.append(f"and {len(stretches) - N_SAMPLES:,} more such stretches")
        first = stretches[:N_SAMPLES]
        samples += text_of(PairsAsRead(source), [stretch.first for stretch in first], [""] * len(first))
    if counts:
        of = "the pairs of the source that has most of them"
        remark = "; ".join(remarks)
        findings.append(Finding("drift", counts.total(), share, of, samples[:N_SAMPLES], dict(counts), remark))
    return findings


def _stretch(source: SourceSeen, stretch: Stretch) -> str:
    where = f"{source.name} from about pair {stretch.first + 1:,}"
    where += " to the end" if stretch.stop >= source.n_lines else f" to {stretch.stop:,}"
    if stretch.shift is None:
        return f"{where}: the lines there translate neither each other nor their neighbours"
    return f"{where}: source n fits target n{stretch.shift:+d}"


def of_repeats(tally: Tally, sources: Sequence[TrainingPairs]) -> list[Finding]:
    """Duplicates, exact and near."""
    n = sum(tally.n_pairs)
    findings = []
    for name, (count, places) in tally.repeats().items():
        if count:
            samples: list[Sample] = []
            for pair, before in places:
                (source, row), (source_before, row_before) = tally.place(pair), tally.place(before)
                note = f"as {tally.names[source_before]}:{sources[source_before].row(row_before) + 1:,}"
                samples += text_of(sources[source], [row], [note])
            findings.append(Finding(name, count, count / n, _pairs(n), samples))
    return findings


def of_ratios(tally: Tally, sources: Sequence[TrainingPairs]) -> list[Finding]:
    """Pairs whose lengths do not fit, against what is usual in the whole corpus."""
    usual = tally.lengths.ratio_of(0.5)
    counts: Counter[str] = Counter()
    samples: list[Sample] = []
    for number, source in enumerate(sources):
        features = tally.features(number)
        found = outliers(features, usual, N_SAMPLES - len(samples))
        if found.count:
            counts[source.name] = found.count
            notes = [f"{features['src'][pair]:,} and {features['tgt'][pair]:,} characters" for pair in found.worst]
            samples += text_of(source, found.worst, notes)
    if not counts:
        return []
    n = sum(tally.n_pairs)
    remark = f"usually {usual:.2f} target characters per source character; these differ from that by a factor over 3"
    return [Finding("ratio", counts.total(), counts.total() / n, _pairs(n), samples, dict(counts), remark)]


def of_leaks(tally: Tally, held: Sequence[SourceSeen], sources: Sequence[TrainingPairs]) -> list[Finding]:
    """Held-out pairs that are in training; each counts once, by the worst way."""
    findings = []
    for name, leaks in tally.leaks_by_way().items():
        if not leaks:
            continue
        samples: list[Sample] = []
        counts: Counter[str] = Counter()
        places = [(tally.place(pair), _place(held, number)) for pair, number in leaks]
        for (source, row), (held_source, held_row) in places:
            name_held = f"{held[held_source].place} {held[held_source].name}"
            counts[name_held] += 1
            if len(samples) < N_SAMPLES:
                samples += text_of(sources[source], [row], [f"as {name_held}:{held_row + 1:,}"])
        share = max(counts[f"{s.place} {s.name}"] / s.n_pairs for s in held if s.n_pairs)
        findings.append(
            Finding(
                name,
                len(leaks),
                share,
                "the held-out set that has most of them",
                samples,
                dict(counts),
                places=[
                    (f"{tally.names[s]}:{sources[s].row(row) + 1}", f"{held[h].name}:{held_row + 1}")
                    for (s, row), (h, held_row) in places[:MAX_PLACES]
                ],
            )
        )
    return findings


def _place(held: Sequence[SourceSeen], number: int) -> tuple[int, int]:
    """Held-out set and pair in it, counted from 0, of a pair counted over all of them."""
    for source, seen in enumerate(held):
        if number < seen.n_pairs:
            return source, number
        number -= seen.n_pairs
    raise IndexError(number)


def of_line_ends(ends: Iterable[LineEnds]) -> list[Finding]:
    """Files with two kinds of line ends, or with a byte order mark."""
    ends = list(ends)
    findings = []
    mixed = [end for end in ends if end.mixed]
    if mixed:
        n_crlf, n = sum(end.n_crlf for end in mixed), sum(end.n_lines for end in mixed)
        remark = ", ".join(f"{end.path}: {end.n_crlf:,} of {end.n_lines:,} lines" for end in mixed)
        findings.append(Finding("mixed_line_ends", n_crlf, n_crlf / n, f"{n:,} lines", remark=remark))
    marked = [str(end.path) for end in ends if end.has_bom]
    if marked:
        share = len(marked) / len(ends)
        findings.append(Finding("byte_order_mark", len(marked), share, f"{len(ends)} files", remark=", ".join(marked)))
    return findings


def of_language(name: str, count: LanguageCount, names: Sequence[str], n_sample: int) -> list[Finding]:
    """Segments of one side that are in another language; the share is of those long enough to be judged."""
    if not count.wrong:
        return []
    n_wrong = count.wrong.total()
    most = ", ".join(f"{language} {n:,}" for language, n in count.wrong.most_common(5))
    remark = (
        f"{most}; the language of {count.n_told / count.n_judged:.0%} of the segments is certain, "
        f"those under {MIN_BYTES} bytes were skipped"
    )
    samples = [
        Sample(names[pair.source], pair.pair + 1, shown(pair.src), shown(pair.tgt), language)
        for pair, language in count.samples
    ]
    by_source = {names[source]: n for source, n in sorted(count.by_source.items())}
    of = f"{count.n_judged:,} segments in {counted(n_sample, 'pair')} drawn evenly"
    return [Finding(name, n_wrong, n_wrong / count.n_judged, of, samples, by_source, remark)]


def swapped(counts: Sequence[LanguageCount | None], names: Sequence[str]) -> list[str]:
    """The sources of which most segments of either side are in the language of the other."""
    src, tgt = counts
    if src is None or tgt is None:
        return []
    return [
        name
        for number, name in enumerate(names)
        if all(2 * side.crossed[number] > side.judged_by_source[number] for side in (src, tgt))
    ]


def with_sides_exchanged(findings: Sequence[Finding], names: Sequence[str]) -> list[Finding]:
    """Findings of a wrong language or script, of which exchanging the sides of some sources is the cure.

    The usual cures would drop nearly all of those sources.
    """
    if not names:
        return list(findings)
    what = f"the two sides of {', '.join(names)} are swapped: exchange the files, then look again"
    return [
        replace(finding, by_hand=what) if finding.name.startswith(("wrong_language", "wrong_script")) else finding
        for finding in findings
    ]


def of_tokens(counts: tuple[TokenCount, TokenCount]) -> list[Finding]:
    """Characters without a piece."""
    findings = []
    for side, count in zip(("src", "tgt"), counts, strict=True):
        n = count.uncovered.total()
        if n:
            most = " ".join(f"{shown(character)} {times:,}" for character, times in count.uncovered.most_common(10))
            of = f"{count.n_characters:,} characters in {counted(count.n_segments, 'pair')} drawn evenly"
            findings.append(Finding(f"uncovered_{side}", n, n / count.n_characters, of, remark=most))
    return findings


def _pairs(n: int) -> str:
    return counted(n, "pair")
