from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mtkit.doctor.page import write_page
from mtkit.doctor.text import report_lines
from tests.doctor.conftest import Examine, clean_pairs

pytest.importorskip("matplotlib", reason="plots need matplotlib")

FAULTS = [("<script>alert(1)</script> & co", "<b>fett"), ("A \x07 bell", "Eine Glocke")]
_VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Checks that tags are closed in order; keeps names, text, and whatever another file could be asked for by."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(examined: Examine, tmp_path: Path) -> str:
    """The page of a corpus with faults."""
    report = examined([*clean_pairs(1_000), *FAULTS], test=clean_pairs(600, seed=2))
    write_page(tmp_path / "report.html", report)
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_else(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert "script" not in reader.tags
    assert all(link.startswith("#") for link in reader.links)
    assert "@import" not in page
    assert "url(http" not in page


def test_what_the_corpus_says_stays_text(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert "<script>alert(1)</script> & co" in reader.text
    assert "A \\u0007 bell" in reader.text
    assert "\\u0007 is a control character" in reader.text


def test_plots_are_well_formed_and_in_the_colours_of_the_page(page: str) -> None:
    svgs = [part.partition("</svg>")[0] + "</svg>" for part in page.split("<figure>")[1:]]
    assert len(svgs) == 5  # characters, words, ratios, and the alignment of both sources
    ids: list[str] = []
    for svg in svgs:
        root = ElementTree.fromstring(svg)
        assert "currentColor" in svg
        ids += [name for element in root.iter() if (name := element.get("id", "")).startswith(("p", "m", "h"))]
    clips = [name for name in ids if name.startswith("p") and "patch" not in name]
    assert len(clips) == len(set(clips))


def test_the_same_report_gives_the_same_page(examined: Examine, tmp_path: Path, page: str) -> None:
    report = examined([*clean_pairs(1_000), *FAULTS], test=clean_pairs(600, seed=2))
    write_page(tmp_path / "again.html", report)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_the_text_names_what_the_page_names(examined: Examine) -> None:
    report = examined([*clean_pairs(1_000), *FAULTS])
    text = "\n".join(report_lines(report))
    assert "crawl:1,001 (</script>, <script> / <b>)" in text
    assert "info: tags: 1 pairs whose markup tags differ, 0.10 % of 1,002 pairs" in text
    assert "not examined: leaked_pairs" in text
