"""Looks as one page that needs nothing else: no network, no other file."""

import html
from collections.abc import Iterable, Iterator
from pathlib import Path

from mtkit.inspection.findings import findings
from mtkit.inspection.look import Look
from mtkit.pages.html_page import json_element, page_head, page_program
from mtkit.version import __version__

_HERE = Path(__file__).parent


def page(looks: Iterable[Look], *, title: str, src_lang: str, tgt_lang: str) -> Iterator[str]:
    """Yield an HTML page part by part; it holds each look as JSON, and a program that draws it.

    Args:
        looks: One sentence after the other; no more than one is held.
        title: Such as the model's name.
        src_lang: Language code of the source, by which a browser chooses the shape of Chinese characters.
        tgt_lang: Language code of the translation, for the same purpose.
    """
    yield page_head(title, (_HERE / "page.css").read_text(encoding="utf-8"))
    yield (
        f'<p class="hint">mtkit {__version__}, {html.escape(src_lang)} to {html.escape(tgt_lang)}. '
        "Choose a line to open it.</p>\n<noscript>This page is drawn by JavaScript.</noscript>\n"
    )
    for look in looks:
        plain = look.as_json() | {"findings": findings(look), "src_lang": src_lang, "tgt_lang": tgt_lang}
        yield json_element("look", plain)
    yield page_program(_HERE / "page.js")
