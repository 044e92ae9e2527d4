"""What every page that mtkit writes has in common: it needs no network, and text from a corpus stays text."""

import html
import json
from pathlib import Path

_SHARED = Path(__file__)  # with another ending


def page_head(title: str, style: str) -> str:
    """The page up to its first heading.

    Args:
        title: Shown in the window's title and as the heading.
        style: CSS, after what all pages share.
    """
    name = html.escape(title)
    shared = _SHARED.with_suffix(".css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'\">\n"
        f"<title>{name}</title>\n<style>\n{shared}{style}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
    )


def json_element(name: str, value: object) -> str:
    """A script element of the class ``name`` that holds a value as JSON, for the page's program to read."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # In a script element only "<" could end it or begin a comment.
    return f'<script type="application/json" class="{name}">{data.replace("<", chr(92) + "u003c")}</script>\n'


def page_program(*paths: Path) -> str:
    """The end of a page: its program, JavaScript files in order, after what the programs of all pages share."""
    program = "\n".join(part.read_text(encoding="utf-8") for part in (_SHARED.with_suffix(".js"), *paths))
    return f"<script>\n{program}</script>\n</body>\n</html>\n"
