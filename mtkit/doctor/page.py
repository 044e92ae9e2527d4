"""The report as one HTML page that needs nothing else: plots inline, no script, light and dark, printable."""

import html
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtkit.doctor.findings import Finding, Sample, Severity, names_of_unseen, ordered
from mtkit.doctor.lengths import RATIO_BINS, quantile
from mtkit.doctor.report import Report
from mtkit.doctor.text import cures_shown, share_shown, summary, what_was_examined
from mtkit.errors import DataError
from mtkit.files.outputs import write_output
from mtkit.pages.html_page import page_head

_INK = "#010203"
"""Stands in plots for the colour of the page's text, which is not the same in light and dark."""

_COLOURS = ("#2a78c8", "#d9822b")
_SHOWN_SHARE = 0.995

_STYLE = """
:root { --serious: #b3261e; --notable: #9a6700; --info: #57606a; }
@media screen and (prefers-color-scheme: dark) { :root { --serious: #ff8a80; --notable: #e3b341; --info: #9aa4ae; } }
body { max-width: 60rem; }
section { border-left: 4px solid var(--colour); padding: 0 1rem; margin: 1.5rem 0; break-inside: avoid; }
.serious { --colour: var(--serious); } .notable { --colour: var(--notable); } .info { --colour: var(--info); }
h3 { margin: 0; font-size: 1rem; } h3 b { color: var(--colour); }
p { margin: .3rem 0; } code { font-size: .9em; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: .9rem; width: 100%; }
td, th { border-bottom: 1px solid var(--line); padding: .2rem .5rem; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; } td:first-child { white-space: nowrap; } .wide { overflow-x: auto; }
table.numbers td, table.numbers th { text-align: right; } table.numbers :first-child { text-align: left; }
figure { margin: 1rem 0; break-inside: avoid; overflow-x: auto; }
svg { max-width: 100%; min-width: 30rem; height: auto; }
@media (max-width: 40rem) {
  td:first-child { white-space: normal; overflow-wrap: break-word; min-width: 4rem; }
  td, th { padding-inline: .25rem; } table.numbers { font-size: .8rem; }
  table.numbers td, table.numbers th { overflow-wrap: normal; }
}
.quiet { color: var(--info); font-size: .9rem; }
@media print { body { max-width: none; margin: 0; } .wide, figure { overflow: visible; } svg { min-width: 0; } }
"""


_WIDE = '<div class="wide" tabindex="0">'
"""What is too wide for a narrow window scrolls by itself, by the keyboard too."""


def write_page(path: Path, report: Report) -> None:
    """Write the page, whole or not at all.

    Raises:
        DataError: If matplotlib is not installed, or the file cannot be written.
    """
    page = "\n".join(_page(report))
    write_output(path, [f"{page}\n".encode()])


def check_plots() -> None:
    """Find out whether plots can be drawn.

    Raises:
        DataError: If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise DataError("--html draws with matplotlib: pip install 'mtkit[report]'") from None


def _page(report: Report) -> Iterator[str]:
    title = f"{report.src_lang}-{report.tgt_lang}: {report.n_pairs:,} pairs"
    yield page_head(title, _STYLE)
    yield f"<p>{_safe(summary(report))}</p>"
    yield f"<p>{'<br>'.join(map(_safe, what_was_examined(report)))}</p>"
    yield "<h2>Findings</h2>"
    for finding in ordered(report.findings):
        yield from _finding(finding)
    if report.not_found:
        yield f'<p class="quiet">Not found: {_safe(", ".join(report.not_found))}.</p>'
    for left in report.not_examined:
        yield f'<p class="quiet">Not examined: {_safe(", ".join(left.names) or "a part")} ({_safe(left.reason)}).</p>'
    if report.prescription is not None:
        yield "<h2>Cures as settings</h2>"
        yield f"<pre>{_safe(chr(10).join(cures_shown(report.prescription)))}</pre>"
    yield "<h2>Lengths</h2>"
    yield from _lengths(report)
    for draw, caption in _plots(report):
        yield f"<figure>{_svg(draw, salt=caption)}<figcaption>{_safe(caption)}</figcaption></figure>"
    yield "</body></html>"


def _finding(finding: Finding) -> Iterator[str]:
    severity = finding.severity.value
    count = f"{finding.count:,} {finding.what}, {share_shown(finding.share)} of {finding.of}"
    yield f'<section class="{severity}"><h3><b>{severity}</b> {_safe(finding.name)}</h3><p>{_safe(count)}</p>'
    if finding.remark:
        yield f"<p>{_safe(finding.remark)}</p>"
    if len(finding.by_source) > 1:
        by_source = ", ".join(f"{name} {n:,}" for name, n in finding.by_source.items())
        yield f"<p>By source: {_safe(by_source)}</p>"
    if finding.severity is not Severity.INFO:
        yield f"<p>Cure: <code>{_safe(finding.cure)}</code></p>"
    if finding.samples:
        yield f"{_WIDE}<table>{''.join(map(_row, finding.samples))}</table></div>"
    if unseen := names_of_unseen(finding.samples):
        yield f'<p class="quiet">{_safe(", ".join(unseen))}.</p>'
    if finding.places:
        places = ", ".join(f"{ours} = {theirs}" for ours, theirs in finding.places)
        yield f"<details><summary>Where they are</summary><p><code>{_safe(places)}</code></p></details>"
    yield "</section>"


def _row(sample: Sample) -> str:
    note = f"<br>{_safe(sample.note)}" if sample.note else ""
    return (
        f"<tr><td>{_safe(sample.source)}:{sample.pair:,}{note}</td>"
        f'<td dir="auto">{_safe(sample.src)}</td><td dir="auto">{_safe(sample.tgt)}</td></tr>'
    )


def _lengths(report: Report) -> Iterator[str]:
    table = report.length_table()
    heads = "".join(f"<th>{_safe(name.replace('_', ' '))}</th>" for name in table)
    yield f'{_WIDE}<table class="numbers"><tr><th>at most this</th>{heads}</tr>'
    for rank in next(iter(table.values())):
        cells = "".join(f"<td>{row[rank]:,.{2 if name == 'ratio' else 0}f}</td>" for name, row in table.items())
        yield f"<tr><td>in {float(rank):.0%}</td>{cells}</tr>"
    yield "</table></div>"
    if report.tokens is not None:
        src, tgt = (count.tokens_per_word for count in report.tokens)
        yield f"<p>Tokens per word: {src:.2f} in the source, {tgt:.2f} in the target.</p>"


def _plots(report: Report) -> Iterator[tuple[Callable[[Any], None], str]]:
    """What draws each plot, and its caption."""
    languages = (report.src_lang, report.tgt_lang)
    for unit, histograms in (("characters", report.lengths.characters), ("words", report.lengths.words)):

        def lengths(axes: Any, unit: str = unit, histograms: NDArray[np.int64] = histograms) -> None:
            _draw_lengths(axes, histograms, languages, unit)

        yield lengths, f"How many segments have how many {unit}; the longest in two hundred are left out."
    yield lambda axes: _draw_ratios(axes, report.lengths.ratios), "Target characters to one of the source."
    for source in report.sources:
        if len(source.alignment.curve) > 1:

            def curve(axes: Any, curve: list[tuple[int, float]] = source.alignment.curve) -> None:
                _draw_curve(axes, curve)

            yield curve, f"How well the lengths of both sides fit along {source.place} {source.name}; 1 is perfectly."


def _draw_lengths(axes: Any, histograms: NDArray[np.int64], languages: tuple[str, str], unit: str) -> None:
    longest = max(quantile(histogram, _SHOWN_SHARE) for histogram in histograms) + 1
    width = max(longest // 80, 1)
    edges = np.arange(0, longest + width, width)
    for histogram, language, colour in zip(histograms, languages, _COLOURS, strict=True):
        binned = np.add.reduceat(histogram[: edges[-1]], edges[:-1])
        axes.stairs(binned, edges, color=colour, label=language, linewidth=1.5)
    axes.set_xlabel(unit)
    axes.set_ylabel("segments")
    axes.legend(frameon=False)


def _draw_ratios(axes: Any, ratios: NDArray[np.int64]) -> None:
    middle = len(ratios) // 2
    shown = slice(middle - 3 * RATIO_BINS, middle + 3 * RATIO_BINS + 1)
    x = 2.0 ** ((np.arange(len(ratios)) - middle) / RATIO_BINS)
    axes.fill_between(x[shown], ratios[shown], color=_COLOURS[0], linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks([0.125, 0.25, 0.5, 1, 2, 4, 8], ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    axes.set_ylabel("pairs")


def _draw_curve(axes: Any, curve: list[tuple[int, float]]) -> None:
    axes.plot([first + 1 for first, _ in curve], [value for _, value in curve], color=_COLOURS[0], linewidth=1.5)
    axes.set_ylim(min(-0.2, *(value for _, value in curve)), 1)
    axes.set_xlabel("pair")
    axes.set_ylabel("correlation of lengths")


def _svg(draw: Callable[[Any], None], *, salt: str) -> str:
    """A plot as an SVG element in the colours of the page; the same numbers give the same text."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # The salt keeps names that elements refer to each other by apart from those of other plots on the page.
    style: dict[Any, str] = {"svg.fonttype": "none", "svg.hashsalt": salt, "text.color": _INK, "axes.labelcolor": _INK}
    style |= {"axes.edgecolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "font.size": "10"}
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.patch.set_visible(False)
        draw(axes)
        drawing = io.StringIO()
        figure.savefig(drawing, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = drawing.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return svg.replace(_INK, "currentColor")


def _safe(text: str) -> str:
    return html.escape(text)
