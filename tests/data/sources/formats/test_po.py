import ast
import gettext
import gzip
import logging
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

from mtkit.errors import DataError
from tests.data.conftest import pairs_of, source_of
from tests.data.sources.formats.documents import PO_HEAD, po


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


NO_CHARSETS = ["undefined", "utf-16", "utf-32", "utf-7", "punycode", "idna", "rot13", "hex", "unicode_escape"]
NO_CHARSETS += ["raw_unicode_escape", "cp037", "utf-8\\000", "x" * 300]


@pytest.mark.parametrize("charset", NO_CHARSETS)
def test_a_charset_that_no_catalogue_has_is_said_in_one_line(charset: str, path: Path) -> None:
    path.write_bytes(po([("one", "eins")]).replace("UTF-8", charset).encode())
    with pytest.raises(DataError, match=r"de\.po: the header names the charset \S{3,40}, which is unknown") as caught:
        pairs_of(source_of(str(path)))
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize("charset", ["shift_jis", "johab", "euc-jp", "big5hkscs", "gb18030", "tis-620", "cp950"])
def test_charsets_of_msgfmt_are_taken(charset: str, path: Path) -> None:
    path.write_bytes(f'{PO_HEAD}msgid "one"\nmsgstr "1 (\\x41)"\n'.replace("UTF-8", charset).encode())
    assert pairs_of(source_of(str(path))) == [("one", "1 (A)")]


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
        (LATIN, r":7: not UTF-8, the charset of its header"),
        (b'msgid "one"\nmsgstr "f\xfcnf"\n', r":2: not utf-8, the charset .* of PO files; correct the header"),
        (po([("one", "eins")]).encode("utf-16"), ": is UTF-16: convert it with iconv -f utf-16 -t utf-8"),
        (gzip.compress(b"x"), ": is packed with gzip: name it .*de.po.gz"),
        (LATIN.replace(b"UTF-8", b"klingon"), ": the header names the charset klingon, which is unknown"),
        (LATIN.replace(b"UTF-8", b"ascii"), ":7: not ascii, "),
        (po([("one", "eins")]).encode()[:-5], ":7: malformed PO file: a string without its closing quotation mark"),
        (b"<html><p>404</p></html>\n", ":1: malformed PO file: '<html><p>404</p></html>' is not a keyword"),
        (b"\x00\x01\x02", ":1: malformed PO file: "),
        (b'msgid "a"\nmsgid "b"\nmsgstr "c"\n', ":2: malformed PO file: a msgid without msgstr"),
        (b'msgid "a"\nmsgstr "\\q"\n', r":2: malformed PO file: .q is not an escape"),
        (b'msgid "a"\nmsgstr "\\374"\n', r":2: malformed PO file: bytes written as escapes that are not utf-8"),
        (b'msgid "a"\nmsgid_plural "b"\nmsgstr "x"\n', r":3: malformed PO file: a string where \[0\] is expected"),
        (b'msgctxt "a"\nmsgstr "b"\n', ":2: malformed PO file: msgstr without a msgid before it"),
        (b'msgid "a"\nmsgstr "b"\nmsgctxt "c"\n', ":4: malformed PO file: a msgctxt without msgid"),
    ],
    ids=range(15),
)
def test_a_bad_file_is_one_line(content: bytes, reason: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"de\.po.*{reason}") as caught:
        pairs_of(source_of(str(path)))
    assert "\n" not in str(caught.value)


WAYS_TO_WRITE = [
    ('  msgid "a"\n\tmsgstr "b"\n', [("a", "b")]),
    ('msgid"a" "b" msgstr"c""d"', [("ab", "cd")]),
    ('msgid\n"a"\n\n"b"\nmsgstr ""\n"x"\r\n"y"\n', [("ab", "xy")]),
    (r'msgid "\101\t\\\"\x42"' + "\n" + r'msgstr "\303\274\x41 \0601\a\b\f\v\r."', [('A\t\\"B', "üA 01\a\b\f\v\r.")]),
    ('msgid "a\\\nb"\nmsgstr "c"', [("ab", "c")]),
    (
        'msgctxt "x" msgid "a" msgstr "b"\nmsgctxt "" msgid "a" msgstr "c"\nmsgid "a" msgstr "d"',
        [("a", c) for c in "bcd"],
    ),
    ('#,c-format , fuzzy\nmsgid "a"\nmsgstr "b"\n#, no-fuzzy\nmsgid "c"\nmsgstr "d"', [("c", "d")]),
    ('#, fuzzy\n#~ msgid "o"\n#~ msgstr "p"\n\nmsgid "a"\nmsgstr "b"', [("a", "b")]),
    ('#| msgctxt "x"\n#| msgid "old"\n#| "er"\nmsgid "a # b"\nmsgstr "#b" # c\n', [("a # b", "#b")]),
    ('domain "x"\nmsgid "a\u2028b"\nmsgstr "c\u0085d"\n', [("a\u2028b", "c\u0085d")]),
]


@pytest.mark.parametrize(("written", "expected"), WAYS_TO_WRITE)
def test_a_message_may_be_written_in_every_way_that_msgfmt_takes(
    written: str, expected: list[tuple[str, str]], path: Path
) -> None:
    path.write_bytes((PO_HEAD + written).encode())
    assert pairs_of(source_of(str(path))) == expected


@pytest.mark.skipif(which("msgfmt") is None, reason="msgfmt is not installed")
@pytest.mark.parametrize(("written", "expected"), WAYS_TO_WRITE)
def test_msgfmt_takes_it(written: str, expected: list[tuple[str, str]], path: Path) -> None:
    path.write_bytes((PO_HEAD + written).encode())
    compiled = path.with_suffix(".mo")
    subprocess.run(["msgfmt", "-o", str(compiled), str(path)], check=True, capture_output=True)
    if compiled.exists():  # what stands below domain goes into a file of that name
        with compiled.open("rb") as file:
            catalogue = gettext.GNUTranslations(file)
        assert {catalogue.gettext(src) for src, _ in expected} <= {tgt for _, tgt in expected}


FORMULAS = {
    "de": ("n != 1", "FILE FILES", (0, 1)),
    "fr": ("(n > 1)", "FILE FILES", (0, 1)),
    "ja": ("0", "FILE", (0, 0)),
    "pl": ("(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2)", "0 1 2", (0, 2)),
    "sl": ("(n%100==1 ? 1 : n%100==2 ? 2 : n%100==3 || n%100==4 ? 3 : 0)", "0 1 2 3", (1, 0)),
    "lt": ("(n%10==1 && n%100!=11 ? 0 : n%10>=2 && (n%100<10 || n%100>=20) ? 1 : 2)", "0 1 2", (0, 1)),
    "ar": ("n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5", "0 1 2 3 4 5", (1, 4)),
    "cy": ("(n==0) ? 0 : (n==1) ? 1 : (n==2) ? 2 : (n==3) ? 3 : (n==6) ? 4 : 5", "0 1 2 3 4 5", (1, 5)),
}


@pytest.mark.parametrize("language", FORMULAS)
def test_plural_forms_are_paired_as_the_header_says(language: str, path: Path) -> None:
    formula, names, (one, many) = FORMULAS[language]
    forms = names.split()
    head = PO_HEAD.rstrip("\n") + f'\n"Plural-Forms: nplurals={len(forms)}; "\n"plural={formula};\\n"\n\n'
    translations = "".join(f'msgstr[{n}] "{form}"\n' for n, form in enumerate(forms))
    path.write_text(f'{head}msgid "%d file"\nmsgid_plural "%d files"\n{translations}')
    assert pairs_of(source_of(str(path))) == [("%d file", forms[one]), ("%d files", forms[many])]


def plural(msgid: str, *forms: str) -> str:
    translations = "".join(f'msgstr[{n}] "{form}"\n' for n, form in enumerate(forms))
    return f'msgid "{msgid}"\nmsgid_plural "{msgid}s"\n{translations}\n'


@pytest.mark.parametrize(
    ("formula", "forms", "expected", "said"),
    [
        ("n+1000", ["x", "y"], [], "1 of 2 messages lack a form that Plural-Forms asks for (form 1001 for one thing"),
        ("n != 1", ["x"], [("f", "x")], "1 of 2 messages lack a form that Plural-Forms asks for (form 0 for one thing"),
        ("n != 1", ["", "y"], [("fs", "y")], "and 1 for most numbers of things)"),
        ("n != 1", ["", ""], [], "skipped 1 of 2 messages, fuzzy or not translated"),
    ],
)
def test_a_form_that_is_not_there_is_counted(
    formula: str,
    forms: list[str],
    expected: list[tuple[str, str]],
    said: str,
    path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    head = PO_HEAD.rstrip("\n") + f'\n"Plural-Forms: nplurals=2; plural={formula};\\n"\n\n'
    path.write_text(f'{head}{plural("f", *forms)}msgid "a"\nmsgstr "b"\n')
    source = source_of(str(path))
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source) == [*expected, ("a", "b")]
        pairs_of(source)
    assert len(caplog.messages) == 1
    assert said in caplog.text


@pytest.mark.parametrize(
    "formula", ["n %", "n / 0", "__import__('os')", "n" * 2_000, "(" * 500 + "n" + ")" * 500, "n ? 1", "n ** 9"]
)
def test_a_formula_that_is_none_is_said_and_not_computed(
    formula: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = PO_HEAD.rstrip("\n") + f'\n"Plural-Forms: nplurals=2; plural={formula};\\n"\n\n'
    path.write_text(f'{head}msgid "f"\nmsgid_plural "fs"\nmsgstr[0] "x"\nmsgstr[1] "y"\n')
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source_of(str(path))) == [("f", "x"), ("fs", "y")]
    assert "its Plural-Forms" in caplog.text


def test_a_hint_of_an_old_catalogue_is_no_part_of_the_message(path: Path) -> None:
    path.write_text(PO_HEAD + 'msgid ""\n"_: Name of a month\\n"\n"May"\nmsgstr "Mai"\n')
    assert pairs_of(source_of(str(path))) == [("May", "Mai")]


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
