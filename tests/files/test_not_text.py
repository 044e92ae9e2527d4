"""Files that are given where lines of text are read, and are something else."""

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mtkit.bundle.bundle import load_bundle
from mtkit.cli import app
from mtkit.errors import DataError
from mtkit.files.text import check_text, read_blocks, read_line_chunks, read_lines
from tests.tiny import save_tiny_bundle


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return packed.getvalue()


def tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("corpus.en")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"a b\n"))
    return packed.getvalue()


SAFETENSORS = struct.pack("<Q", 30) + json.dumps({"w": {"dtype": "F32", "shape": [1]}}).encode()
ODT = zipped(mimetype="application/vnd.oasis.opendocument.text")
KINDS: list[tuple[str, bytes, str]] = [
    ("c.en.zip", zipped(a="a\nb\n"), "is packed with zip: unpack it, for example with unzip "),
    ("c.en", zipped(a="a\nb\n"), "is packed with zip: unpack it"),
    ("c.docx", zipped(word__document_DOT_xml="<w/>"), "is a Word document: save it as plain text in UTF-8"),
    ("c.en", zipped(word__document_DOT_xml="<w/>"), "is a Word document: save it as plain text in UTF-8"),
    ("c.xlsx", zipped(xl__workbook_DOT_xml="<w/>"), "is a spreadsheet: save it as tab-separated text"),
    ("c.pptx", zipped(ppt__slides_DOT_xml="<w/>"), "is a presentation: save it as plain text"),
    ("c.odt", ODT, "is an OpenDocument text: save it as plain text"),
    ("c.epub", zipped(mimetype="application/epub+zip"), "is an EPUB book: save it as plain text"),
    ("c.pdf", b"%PDF-1.4\nplain so far\n", "is a PDF document: save it as plain text"),
    ("c.rtf", b"{\\rtf1\\ansi Hello\n}", "is an RTF document: save it as plain text"),
    ("c.tar", tarred(), "is a tar archive: unpack it with tar -xf"),
    ("c.png", b"\x89PNG\r\n\x1a\n\x00\x00", "is a picture (PNG), and text is needed"),
    ("c.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "is a picture (JPEG), and text is needed"),
    ("m.safetensors", SAFETENSORS, "holds the weights of a model (safetensors), and text is needed"),
    ("c.txt", "plain text\n".encode("utf-16-le"), "is UTF-16LE: convert it with iconv"),
    (
        "c.po",
        b'# a comment\nmsgid ""\nmsgstr ""\n',
        "is a PO file, which is a corpus for mtkit train FILE -o DIR; here a text is needed",
    ),
    ("c.txt", b'msgid "a"\nmsgstr "b"\n', "is a PO file, which is a corpus"),
    (
        "c.tmx",
        b'<?xml version="1.0"?>\n<!DOCTYPE tmx>\n<tmx version="1.4">\n',
        "is TMX, which is a corpus for mtkit train",
    ),
    (
        "c.xlf",
        b'\xef\xbb\xbf<?xml version="1.0"?><xliff version="1.2">\n',
        "is XLIFF, which is a corpus for mtkit train",
    ),
    ("c.xml", b'<?xml version="1.0"?>\n<doc>\n', "is XML: take its text out"),
    ("c.html", b"<p>A paragraph.\n", "is HTML: save it as plain text"),
    ("c.txt", b"<!DOCTYPE html>\n<html lang='en'>\n", "is HTML: save it as plain text"),
    ("c.en", "Hello world\n".encode("utf-16-le"), "is UTF-16LE: convert it with iconv -f utf-16le -t utf-8"),
    ("c.en", "Hello world\n".encode("utf-32-le"), "is UTF-32LE: convert it with iconv -f utf-32le -t utf-8"),
    ("c.en", "Hello world\n".encode("utf-32-be"), "is UTF-32BE: convert it with iconv -f utf-32be -t utf-8"),
    ("c.en", "Hi\n".encode("utf-16-le"), "is not text: it has NUL bytes"),  # too short to tell which
    ("c.en", b"\x00" * 100, "is not text: it has NUL bytes"),
    ("c.sgm", b'<srcset setid="x">\n<doc>\n', "is SGML, as of a test set of WMT"),
]
PLAIN = [
    ("c.html", b"one\ntwo < three\n"),
    ("c.en", b"<html>\nHello\n"),  # lines of a program's texts
    ("c.en", b'<?xml version="1.0"?>\nHello\n'),
    ("c.en", b"msgid is a word\n"),
    ("c.en", b"BZh is one too, and %PDF\n"),
    ("c.en", b"PK and GIF8 and Rar!\n"),
    ("c.en", b"a NUL\x00 in a line\n"),
    ("c.po", b"one line\n"),
    ("c.en", b""),
    ("c.en", b"\x00\n"),
]


@pytest.mark.parametrize(("name", "content", "what"), KINDS)
@pytest.mark.parametrize("read", ["check", "lines", "chunks"])
def test_a_file_is_called_what_it_is(tmp_path: Path, name: str, content: bytes, what: str, read: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    ways: dict[str, Callable[[Path], object]] = {
        "check": check_text,
        "lines": lambda path: list(read_lines(path)),
        "chunks": lambda path: list(read_line_chunks(path, 9)),
    }
    with pytest.raises(DataError) as error:
        ways[read](path)
    assert str(error.value).startswith(f"{path}: {what}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "content"), PLAIN)
def test_lines_that_look_a_little_like_it_are_lines(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    check_text(path)
    assert [*read_lines(path)] == content.decode().splitlines()


@pytest.mark.parametrize("content", [b"\x00" * 100, "Hello world\n".encode("utf-16-le")])
def test_what_stands_in_for_standard_input_is_looked_at_too(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(DataError, match="standard input: is "):
        list(read_lines("-"))


@pytest.mark.parametrize("name", ["c.tmx", "c.po"])
def test_what_is_read_whole_is_no_archive_either(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(zipped(a="a"))
    with pytest.raises(DataError, match="is packed with zip: unpack it"):
        list(read_blocks(tmp_path / name))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


@pytest.mark.parametrize(
    "command",
    [
        "translate -m MODEL -i c.zip",
        "score -m MODEL --src c.zip --tgt c.zip",
        "inspect -m MODEL -i c.zip",
        "evaluate --hyp c.zip --ref c.zip --name x",
        "doctor --src c.zip --tgt c.zip",
        "train --src c.zip --tgt c.zip -o run",
    ],
)
def test_every_command_says_so(command: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.zip").write_bytes(zipped(a="a\n"))
    found = CliRunner().invoke(app, command.replace("MODEL", str(model)).split())
    assert str(found.exception) == "c.zip: is packed with zip: unpack it, for example with unzip c.zip"
    assert [path.name for path in tmp_path.iterdir()] == ["c.zip"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "m.zip",
            zipped(a="a"),
            "a model is a directory, and this is packed with zip: unpack it, for example with unzip",
        ),
        (
            "m.tar.gz",
            b"\x1f\x8b\x08",
            "a model is a directory, and this is a tar archive, packed with gzip: unpack it with",
        ),
        ("m.pt", zipped(archive__data_DOT_pkl="a"), "a model is a directory: give a run, a checkpoint or a bundle"),
    ],
)
def test_a_file_is_no_model(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    found = CliRunner().invoke(app, ["translate", "-m", str(tmp_path / name)], input="a\n")
    assert str(found.exception).startswith(f"{tmp_path / name}: {message}")


def test_a_file_of_a_model_names_the_directory(model: Path) -> None:
    with pytest.raises(Exception, match=rf"a model is a directory: give {model}$"):
        load_bundle(model / "model.safetensors")


def test_a_sentence_and_a_file_are_told_apart(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.txt").write_text("a b\n")
    error = CliRunner().invoke(app, ["translate", "-m", str(model), "It's a sentence."]).exception
    assert str(error) == (
        "It's a sentence.: no such file; a sentence goes through a pipe: "
        f"""echo 'It'"'"'s a sentence.' | mtkit translate -m {model}"""
    )
    error = CliRunner().invoke(app, ["inspect", "-m", str(model), "file.txt"]).exception
    assert str(error) == "file.txt is a file: for the sentences in it type -i file.txt"
