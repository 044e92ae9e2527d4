import ast
import logging
import re
import sys
from pathlib import Path

import pytest

from mtkit.errors import DataError
from tests.data.conftest import pairs_of, source_of
from tests.data.formats.documents import PO_HEAD, po

pytest.importorskip("translate", reason="translate-toolkit reads PO files")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "de.po"


def test_header_fuzzy_obsolete_and_untranslated_messages_are_left_out(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(
        PO_HEAD + '#. comment\n#: file.c:1\nmsgctxt "menu"\nmsgid "Open"\nmsgstr "Öffnen"\n\n'
        '#, fuzzy\n#| msgid "old"\nmsgid "Close"\nmsgstr "Schluss"\n\n'
        'msgid "Save"\nmsgstr ""\n\n'
        '#, c-format\nmsgid ""\n"Two\\n"\n"lines of %s\\n"\nmsgstr ""\n"Zwei\\n"\n"Zeilen mit %s\\n"\n\n'
        '#~ msgid "Gone"\n#~ msgstr "Weg"\n'
    )
    source = source_of(str(path))
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source) == pairs_of(source) == [("Open", "Öffnen"), ("Two lines of %s", "Zwei Zeilen mit %s")]
    assert [record.message for record in caplog.records] == [
        f"{path}: skipped 2 of 4 messages, fuzzy or not translated"
    ]


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        (["eine Datei"], [("%d file", "eine Datei")]),
        (["eine Datei", "%d Dateien"], [("%d file", "eine Datei"), ("%d files", "%d Dateien")]),
        (["plik", "pliki", "plików"], [("%d file", "plik"), ("%d files", "pliki")]),
        (["", "%d Dateien"], [("%d files", "%d Dateien")]),
    ],
)
def test_plural_forms_are_two_pairs(forms: list[str], expected: list[tuple[str, str]], path: Path) -> None:
    translations = "".join(f'msgstr[{n}] "{form}"\n' for n, form in enumerate(forms))
    path.write_text(f'{PO_HEAD}msgid "%d file"\nmsgid_plural "%d files"\n{translations}')
    assert pairs_of(source_of(str(path))) == expected


def test_the_header_says_which_way_a_file_goes(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text(po([("one", "eins")]))
    assert pairs_of(source_of(str(path))) == [("one", "eins")]
    assert pairs_of(source_of(str(path), src_lang="de", tgt_lang="en")) == [("eins", "one")]
    assert pairs_of(source_of({"po": str(path), "src_lang": "de-DE", "tgt_lang": "en"})) == [("eins", "one")]
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source_of(str(path), tgt_lang="fr")) == [("one", "eins")]
    assert "its header says de, taken for fr" in caplog.text


def test_a_file_without_header_is_utf8(path: Path) -> None:
    path.write_text('msgid "one"\nmsgstr "fünf"\n')
    assert pairs_of(source_of(str(path))) == [("one", "fünf")]


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-8", "utf-8-sig", "koi8-u"])
def test_a_charset_is_as_the_header_names_it(charset: str, path: Path) -> None:
    word = "п'ять" if charset == "koi8-u" else "fünf"
    text = f"# charset={charset}\n{po([('one', word)])}"
    path.write_bytes(text.replace("UTF-8", charset.removesuffix("-sig")).encode(charset))
    assert pairs_of(source_of(str(path))) == [("one", word)]


LATIN = po([("one", "fünf")]).encode("latin-1")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (LATIN, r":7: not UTF-8, which is the charset its header names"),
        (b'msgid "one"\nmsgstr "f\xfcnf"\n', r":2: not utf-8, and no header names another charset"),
        (LATIN.replace(b"UTF-8", b"klingon"), ": the header names the charset klingon, which is unknown"),
        (LATIN.replace(b"UTF-8", b"ascii"), ":7: not ascii, "),
        (po([("one", "eins")]).encode()[:-5], "malformed PO file: .* line 7"),
        (b"<html><p>404</p></html>\n", "malformed PO file: "),
        (b"\x00\x01\x02", "malformed PO file: "),
    ],
    ids=range(7),
)
def test_a_bad_file_is_one_line(content: bytes, reason: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"de\.po.*{reason}") as caught:
        pairs_of(source_of(str(path)))
    assert "\n" not in str(caught.value)


def test_without_the_library_the_line_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(po([("one", "eins")]))
    monkeypatch.setitem(sys.modules, "translate.storage.pypo", None)
    with pytest.raises(DataError, match=r"de\.po: .*pip install mtkit\[formats\]"):
        pairs_of(source_of(str(path)))


def test_a_real_catalogue_is_read_whole(corpora: Path) -> None:
    path = corpora / "l10n" / "python-docs-json.es.po"

    def string(block: str, keyword: str) -> str:
        lines = re.search(rf'^{keyword} ((?:".*"\n?)+)', block, re.MULTILINE)
        assert lines is not None
        return "".join(ast.literal_eval(line) for line in lines[1].strip().split("\n"))

    blocks = [block for block in path.read_text("utf-8").split("\n\n") if re.search("^msgid ", block, re.MULTILINE)]
    messages = [(string(b, "msgid"), string(b, "msgstr")) for b in blocks[1:] if "#, fuzzy" not in b]
    expected = [(src, tgt) for src, tgt in messages if tgt]
    assert len(expected) == 140
    assert pairs_of(source_of(str(path), tgt_lang="es")) == expected
