"""A report as one page that needs nothing else: no network, no other file."""

from collections.abc import Iterator
from pathlib import Path

from mtkit.pages.html_page import json_element, page_head, page_program
from mtkit.report.analysis import ENOUGH
from mtkit.report.collect import Report
from mtkit.report.faults import FAULTS
from mtkit.version import __version__

_HERE = Path(__file__).parent


def page(report: Report, *, title: str | None = None) -> Iterator[str]:
    """Yield an HTML page part by part; it holds the numbers and all sentences as JSON, and a program that draws them.

    Args:
        report: Report on one system or two.
        title: By default the systems' names.
    """
    yield page_head(title or " and ".join(report.systems), (_HERE / "page.css").read_text(encoding="utf-8"))
    yield "<noscript>This page is drawn by JavaScript.</noscript>\n<main></main>\n"
    yield json_element("report", report.as_json() | {"version": __version__, "kinds": list(FAULTS), "enough": ENOUGH})
    yield json_element("sentences", report.sentences.as_json())
    yield page_program(_HERE / "curves.js", _HERE / "page.js")
