"""What a file is that should be UTF-8 text and is not."""

_PACKERS = {b"\x1f\x8b": (".gz", "gzip"), b"\x28\xb5\x2f\xfd": (".zst", "zstd"), b"\xfd7zXZ\x00": (".xz", "xz")}
_PACKERS[b"BZh"] = (".bz2", "bzip2")

_DOCUMENTS = {
    b"PK\x03\x04": "a document or archive in ZIP (docx, xlsx, odt, zip)",
    b"%PDF-": "a PDF",
    b"\xd0\xcf\x11\xe0": "an Office document",
}

_MANY = 0.4
"""Share of NUL bytes at every second place from which on that is UTF-16: the letters of most languages have one."""


def what_is_wrong(head: bytes, path: str, *, may_be_named: bool) -> str | None:
    """What a file is, and the way out; None where it may be text in some other encoding.

    Args:
        head: Its first bytes, a few thousand, or as many as there are.
        path: Its name.
        may_be_named: Whether another ending would have it unpacked.
    """
    for magic, (ending, packer) in _PACKERS.items():
        if head.startswith(magic):
            return f"is packed with {packer}: " + (f"name it {path}{ending}" if may_be_named else "unpack it first")
    for magic, what in _DOCUMENTS.items():
        if head.startswith(magic):
            return f"is {what}: save it as plain text in UTF-8, a segment a line"
    if (encoding := _wide(head)) is not None:
        return f"is {encoding.upper()}: convert it with iconv -f {encoding} -t utf-8"
    return "is no text: it has NUL bytes" if b"\x00" in head else None


def _wide(head: bytes) -> str | None:
    """The encoding of text that has two bytes for a character, or four."""
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    first, second = (head[place::2].count(b"\x00") * 2 / max(len(head), 1) for place in (0, 1))
    if max(first, second) < _MANY or min(first, second) > _MANY / 10:
        return None
    return "utf-16le" if second > first else "utf-16be"
