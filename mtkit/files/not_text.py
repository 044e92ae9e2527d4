"""What a file is that should be UTF-8 text and is not, and what to do about it."""

import re

_PACKERS = {b"\x1f\x8b": (".gz", "gzip"), b"\x28\xb5\x2f\xfd": (".zst", "zstd"), b"\xfd7zXZ\x00": (".xz", "xz")}
_PACKERS |= {b"BZh%d1AY&SY" % level: (".bz2", "bzip2") for level in range(1, 10)}

_TARS = (".tgz", ".tbz2", ".txz", *(f".tar{ending}" for ending, _ in _PACKERS.values()))

_SAVE = "save it as plain text in UTF-8, one segment per line"
_TABLE = "save it as tab-separated text in UTF-8"

_OFFICE = {
    ".docx": (b"word/", f"is a Word document: {_SAVE}"),
    ".xlsx": (b"xl/", f"is a spreadsheet: {_TABLE}"),
    ".pptx": (b"ppt/", f"is a presentation: {_SAVE}"),
    ".odt": (b"mimetypeapplication/vnd.oasis.opendocument.text", f"is an OpenDocument text: {_SAVE}"),
    ".ods": (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", f"is a spreadsheet: {_TABLE}"),
    ".odp": (b"mimetypeapplication/vnd.oasis.opendocument.presentation", f"is a presentation: {_SAVE}"),
    ".epub": (b"mimetypeapplication/epub", f"is an EPUB book: {_SAVE}"),
}
"""Files that are ZIP archives inside: what is in the first of their bytes."""

_OTHERS = (
    (b"%PDF-", f"is a PDF document: {_SAVE}"),
    (b"{\\rtf", f"is an RTF document: {_SAVE}"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"is a document of an old Office program: {_SAVE}"),
    (b"7z\xbc\xaf\x27\x1c", "is packed with 7-Zip: unpack it first"),
    (b"Rar!\x1a\x07", "is packed with RAR: unpack it first"),
    (b"\x04\x22\x4d\x18", "is packed with lz4: unpack it first"),
    (b"\x89PNG\r\n", "is a picture (PNG), and text is needed"),
    (b"\xff\xd8\xff", "is a picture (JPEG), and text is needed"),
    (b"GIF87a", "is a picture (GIF), and text is needed"),
    (b"GIF89a", "is a picture (GIF), and text is needed"),
    (b"II*\x00", "is a picture (TIFF), and text is needed"),
    (b"MM\x00*", "is a picture (TIFF), and text is needed"),
    (b"PAR1\x15", "is a Parquet file: name it in a recipe, with hf: in front"),
    (b"ARROW1\x00\x00", "is an Arrow file, and text is needed"),
    (b"SQLite format 3\x00", "is a SQLite database, and text is needed"),
    (b"\x93NUMPY", "is an array of NumPy, and text is needed"),
)

_PAIRS = "which is a corpus for mtkit train FILE -o DIR; here a text is needed, one segment per line: take it out"
_PROMISED = {
    "a document": (*_OFFICE, ".pdf", ".rtf", ".doc", ".xls", ".ppt"),
    "an archive": (".zip", ".7z", ".rar", ".tar", ".lz4", *(ending for ending in _TARS if ending.count(".") == 1)),
    "a picture": (".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp"),
    "a table in binary form": (".parquet", ".arrow", ".npy", ".npz", ".sqlite", ".db"),
    "a model": (".safetensors", ".pth", ".bin", ".onnx"),  # not .pt, which is Portuguese too
}
"""What a name says of a file that is neither text nor a page, by its ending."""

_TMX = f"is TMX, {_PAIRS} of the file"
_XLIFF = f"is XLIFF, {_PAIRS}, for example with xliff2po and po2txt of translate-toolkit"
_PO = f"is a PO file, {_PAIRS}, for example with po2txt of translate-toolkit"
_NULS = "is not text: it has NUL bytes"
_HTML = f"is HTML: {_SAVE}"
_XML = "is XML: take its text out, one segment per line"
_SGML = "is SGML, as of a test set of WMT: take its text out, one segment per line, for example with sacrebleu --echo"

_ROOTS = {"tmx": _TMX, "xliff": _XLIFF, "html": _HTML, "srcset": _SGML, "refset": _SGML, "tstset": _SGML}
_BY_NAME = {".html": _HTML, ".htm": _HTML, ".xhtml": _HTML, ".xml": _XML, ".sgm": _SGML, ".sgml": _SGML}
_BY_NAME |= {".tmx": _TMX, ".xlf": _XLIFF, ".xliff": _XLIFF}

# A line of a corpus may be a tag, as in texts of programs: a document goes on with another one.
_DOCUMENT = re.compile(rb"\s*(?:<\?xml[^>]*\?>|<!doctype[^>]*>)\s*<", re.IGNORECASE)
_ROOT = re.compile(rb"\s*<(\w+)[^>]*>[ \t\r]*\n\s*<", re.IGNORECASE)
_TAG = re.compile(rb"<[a-z!?/]", re.IGNORECASE)
_MESSAGES = re.compile(rb'(?:#[^\n]*\n|\s*\n)*msg(?:id|ctxt) "')

_MANY = 0.4
"""Share of NUL bytes at every second place from which on that is UTF-16: the letters of most languages have one."""

_LEAST = 8  # bytes, to judge by that

_LEAST_NULS = 4
"""Bytes, to judge by the share of NULs among all: one in a short line is a character like any other."""


def promised_by(path: str) -> str | None:
    """What a name promises that is neither text nor a page, packed or not; None of other names."""
    name = path.lower()
    for ending, _ in _PACKERS.values():
        name = name.removesuffix(ending)
    return next((what for what, endings in _PROMISED.items() if name.endswith(endings)), None)


def what_is_wrong(head: bytes, path: str, *, may_be_named: bool) -> str | None:
    """What a file is whose bytes are not UTF-8, and the way out; None where it may be text in another encoding.

    Args:
        head: Its first bytes, a few thousand, or as many as there are.
        path: Its name.
        may_be_named: Whether another ending would have it unpacked.
    """
    wrong = other_kind(head, path, may_be_named=may_be_named) or _wide_text(head)
    return wrong or (_NULS if b"\x00" in head else None)


def other_kind(head: bytes, path: str, *, may_be_named: bool) -> str | None:
    """What a file is that is an archive, a document, a picture or the like, and the way out; arguments as above."""
    for magic, (ending, packer) in _PACKERS.items():
        if head.startswith(magic):
            if path.lower().endswith(_TARS):
                return f"is a tar archive, packed with {packer}: unpack it with tar -xf {path}"
            return f"is packed with {packer}: " + (f"name it {path}{ending}" if may_be_named else "unpack it first")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(head, path)
    if head[257:262] == b"ustar":
        return f"is a tar archive: unpack it with tar -xf {path}"
    if head[8:10] == b'{"' and head[7:8] == b"\x00":
        return "holds the weights of a model (safetensors), and text is needed"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "is a picture (WebP), and text is needed"
    return next((what for magic, what in _OTHERS if head.startswith(magic)), None)


def other_text(head: bytes, path: str) -> str | None:
    """What a file is that is text, but of documents, pages or messages with marks; None where it may be lines."""
    if (wide := _wide_text(head)) is not None:
        return wide
    head = head.removeprefix(b"\xef\xbb\xbf")
    if _MESSAGES.match(head):
        return _PO
    root = _ROOT.match(head)
    if root is not None and (what := _ROOTS.get(_lower(root[1]))) is not None:
        return what
    if _DOCUMENT.match(head):
        names = re.findall(rb"<(\w+)[\s>]", head)
        return next((_ROOTS[name] for name in map(_lower, names) if name in _ROOTS), _XML)
    named = next((what for ending, what in _BY_NAME.items() if path.lower().endswith(ending)), None)
    return named if named is not None and _TAG.search(head) else None


def _lower(name: bytes) -> str:
    return name.decode("ascii", "replace").lower()


def _zip_kind(head: bytes, path: str) -> str:
    for ending, (inside, what) in _OFFICE.items():
        if path.lower().endswith(ending) or inside in head:
            return what
    if b"/data.pkl" in head:
        return "holds a model of PyTorch, and text is needed"
    return f"is packed with zip: unpack it, for example with unzip {path}"


def _wide_text(head: bytes) -> str | None:
    encoding = _wide(head)
    if encoding is not None:
        return f"is {encoding.upper()}: convert it with iconv -f {encoding} -t utf-8"
    return _NULS if len(head) >= _LEAST_NULS and head.count(b"\x00") >= _MANY * len(head) else None


def _wide(head: bytes) -> str | None:
    """The encoding of text that has two bytes for a character, or four."""
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(head) < _LEAST:
        return None
    of_four = [head[place::4].count(b"\x00") * 4 / len(head) for place in range(4)]
    if max(of_four[0], 1 - of_four[1], 1 - of_four[2], 1 - of_four[3]) < _MANY / 4:
        return "utf-32le"
    if max(1 - of_four[0], 1 - of_four[1], 1 - of_four[2], of_four[3]) < _MANY / 4:
        return "utf-32be"
    first, second = (head[place::2].count(b"\x00") * 2 / max(len(head), 1) for place in (0, 1))
    if max(first, second) < _MANY or min(first, second) > _MANY / 10:
        return None
    return "utf-16le" if second > first else "utf-16be"
