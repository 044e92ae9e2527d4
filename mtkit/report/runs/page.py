"""A comparison of runs as one page that needs nothing else: no network, no other file."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from mtkit.pages.html_page import json_element, page_head, page_program
from mtkit.report.runs.comparing import RunComparison
from mtkit.version import __version__

_HERE = Path(__file__).parent


def page(found: RunComparison, *, title: str | None = None) -> Iterator[str]:
    """Yield an HTML page part by part; it holds the numbers as JSON, and a program that draws them.

    Args:
        found: The comparison.
        title: By default the names of the runs.
    """
    style = (_HERE.parent / "page.css").read_text(encoding="utf-8")
    yield page_head(title or " and ".join(group.name for group in found.groups), style)
    yield "<noscript>This page is drawn by JavaScript.</noscript>\n<main></main>\n"
    curves = [asdict(plot) for plot in found.curves]
    yield json_element("comparison", found.as_json() | {"curves": curves, "version": __version__})
    yield page_program(_HERE.parent / "curves.js", _HERE / "page.js")
