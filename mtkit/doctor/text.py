"""The report for people, as lines of text."""

from collections.abc import Iterator

from mtkit.doctor.findings import Finding, Severity, names_of_unseen, ordered
from mtkit.doctor.prescription import Prescription
from mtkit.doctor.report import Report, SourceSeen
from mtkit.wording import counted

_MAX_PLACES = 20


def report_lines(report: Report) -> Iterator[str]:
    """What was examined, what was found with its cure, what was not found, and how long segments are."""
    yield from what_was_examined(report)
    for finding in ordered(report.findings):
        yield ""
        yield from _finding_lines(finding)
    yield ""
    if report.not_found:
        yield f"not found: {', '.join(report.not_found)}"
    for left in report.not_examined:
        yield f"not examined: {', '.join(left.names) or 'a part'} ({left.reason})"
    yield ""
    yield from _table(report)
    yield ""
    if report.prescription is not None:
        yield from cures_shown(report.prescription)
        yield ""
    yield summary(report)


def what_was_examined(report: Report) -> Iterator[str]:
    """What cleaning did before, and one line for each source."""
    if report.cleaning is not None:
        steps, n = counted(report.cleaning.n_steps, "cleaning step"), report.cleaning.n_read
        yield (
            f"after the recipe's {steps}, which dropped {n - report.cleaning.n_kept:,} of {counted(n, 'pair')}; "
            "--raw examines the files as they are"
        )
    yield from map(_source_line, report.sources)


def _source_line(source: SourceSeen) -> str:
    line = f"{source.place} {source.name}: {counted(source.n_pairs, 'pair')}"
    if source.n_kept is not None:
        line += f" of {source.n_lines:,}"
    if source.n_src != source.n_tgt:
        line += f" (of {source.n_src:,} source and {source.n_tgt:,} target lines)"
    return line


def summary(report: Report) -> str:
    """How many findings of each severity."""
    n = {severity: sum(finding.severity is severity for finding in report.findings) for severity in Severity}
    return f"{n[Severity.SERIOUS]} serious, {n[Severity.NOTABLE]} notable, {n[Severity.INFO]} for information"


def share_shown(share: float) -> str:
    """``0.0123`` as ``1.2 %``, small shares with the digits that tell."""
    percent = 100 * share
    if 0 < percent < 0.01:
        return "under 0.01 %"
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %"


def _finding_lines(finding: Finding) -> Iterator[str]:
    count = f"{finding.count:,} {finding.what}"
    yield f"{finding.severity.value}: {finding.name}: {count}, {share_shown(finding.share)} of {finding.of}"
    if finding.remark:
        yield f"  {finding.remark}"
    if len(finding.by_source) > 1:
        yield f"  by source: {', '.join(f'{name} {n:,}' for name, n in finding.by_source.items())}"
    for sample in finding.samples:
        note = f" ({sample.note})" if sample.note else ""
        yield f"  {sample.source}:{sample.pair:,}{note}"
        yield f"    {sample.src}"
        yield f"    {sample.tgt}"
    if unseen := names_of_unseen(finding.samples):
        yield f"  {', '.join(unseen)}"
    if finding.places:
        places = [f"{ours}={theirs}" for ours, theirs in finding.places[:_MAX_PLACES]]
        more = finding.count - len(places)
        yield f"  all: {', '.join(places)}{f' and {more:,} more (--json names up to 1,000)' if more > 0 else ''}"
    if finding.severity is not Severity.INFO:
        yield f"  cure: {finding.cure}"


def cures_shown(prescription: Prescription) -> Iterator[str]:
    """All cures together, for a recipe and for the command line."""
    yield "cures as settings, to paste below data: (in place of its cleaning:) of a recipe:"
    yield from prescription.block()
    yield f"or as options: {prescription.options()}"


def _table(report: Report) -> Iterator[str]:
    """Quantiles of lengths, one row for each."""
    table = report.length_table()
    ranks = list(next(iter(table.values())))
    heads = {"0.0": "least", "0.5": "median", "1.0": "most"}
    yield f"{'lengths':16}" + "".join(f"{heads.get(rank, f'{float(rank):.0%}'):>9}" for rank in ranks)
    for name, row in table.items():
        values = (f"{value:9.2f}" if name == "ratio" else f"{value:9,}" for value in row.values())
        yield f"{name.replace('_', ' '):16}" + "".join(values)
    if report.tokens is not None:
        src, tgt = (count.tokens_per_word for count in report.tokens)
        yield f"tokens per word: {src:.2f} source, {tgt:.2f} target"
