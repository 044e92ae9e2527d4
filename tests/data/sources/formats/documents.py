"""Writes pairs as the documents that the formats read."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

TMX_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n'


def xml_text(text: str) -> str:
    """Text as it stands in XML; a carriage return would become a line feed if it were not written as a reference."""
    return escape(text, {"\r": "&#13;"})


def tmx(pairs: Sequence[tuple[str, str]], *, src_lang: str = "en", tgt_lang: str = "de") -> str:
    units = "".join(
        f'<tu><tuv xml:lang="{src_lang}"><seg>{xml_text(src)}</seg></tuv>\n'
        f'<tuv xml:lang="{tgt_lang}"><seg>{xml_text(tgt)}</seg></tuv></tu>\n'
        for src, tgt in pairs
    )
    return f'{TMX_HEAD}<tmx version="1.4"><header srclang="*all*"/><body>\n{units}</body></tmx>\n'


def tmx_of(units: str) -> str:
    return f'<tmx version="1.4"><header srclang="en"/><body>{units}</body></tmx>'


def xliff_1(pairs: Sequence[tuple[str, str]]) -> str:
    return xliff_1_of(
        "".join(
            f"<trans-unit><source>{xml_text(src)}</source><target>{xml_text(tgt)}</target></trans-unit>\n"
            for src, tgt in pairs
        )
    )


def xliff_1_of(units: str, languages: str = 'source-language="en" target-language="de"') -> str:
    return (
        '<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2" version="1.2">'
        f"<file {languages}><body>{units}</body></file></xliff>"
    )


def xliff_2(pairs: Sequence[tuple[str, str]]) -> str:
    return xliff_2_of(
        "".join(
            f"<unit><segment><source>{xml_text(src)}</source><target>{xml_text(tgt)}</target></segment></unit>\n"
            for src, tgt in pairs
        )
    )


def xliff_2_of(units: str, languages: str = 'srcLang="en" trgLang="de"') -> str:
    return (
        f'<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" {languages}><file>{units}</file></xliff>'
    )


PO_HEAD = 'msgid ""\nmsgstr ""\n"Language: de\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def po(pairs: Sequence[tuple[str, str]]) -> str:
    return PO_HEAD + "".join(f'msgid "{_c_escaped(src)}"\nmsgstr "{_c_escaped(tgt)}"\n\n' for src, tgt in pairs)


def _c_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\r", "\\r")
