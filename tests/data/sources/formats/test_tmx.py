import logging
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.files.text import MAX_LINE_BYTES
from tests.data.conftest import pairs_of, source_of
from tests.data.sources.formats.documents import TMX_HEAD, tmx, tmx_of

BILLION_LAUGHS = (
    '<!DOCTYPE tmx [<!ENTITY a "ha">'
    + "".join(
        f'\n<!ENTITY a{n} "{"&a" + str(n - 1 or "") + ";"}{"&a" + str(n - 1 or "") + ";"}">' for n in range(1, 40)
    )
    + "]>\n"
)


def unit(*variants: tuple[str, str]) -> str:
    return "<tu>" + "".join(f'<tuv xml:lang="{lang}"><seg>{seg}</seg></tuv>' for lang, seg in variants) + "</tu>"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.tmx"


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        ([("EN-us", "one"), ("de_DE", "eins")], ("one", "eins")),
        ([("de", "eins"), ("fr", "un"), ("en", "one")], ("one", "eins")),
        ([("en", "one"), ("en", "uno"), ("de", "eins"), ("de", "ein")], ("one", "eins")),
        ([("en-GB", "colour"), ("en", "color"), ("en", "third"), ("de-AT", "x"), ("de", "y")], ("color", "y")),
        ([("en-GB", "colour"), ("en-US", "color"), ("de", "x")], ("colour", "x")),
    ],
)
def test_languages_match_whatever_their_case_and_region(
    variants: list[tuple[str, str]], expected: tuple[str, str], path: Path
) -> None:
    path.write_text(tmx_of(unit(*variants)))
    assert pairs_of(source_of(str(path))) == [expected]


def test_the_language_may_stand_where_tmx_1_1_has_it(path: Path) -> None:
    path.write_text(tmx_of('<tu><tuv lang="EN"><seg>one</seg></tuv><tuv lang="DE"><seg>eins</seg></tuv></tu>'))
    assert pairs_of(source_of(str(path))) == [("one", "eins")]


def test_a_source_has_its_own_direction(path: Path) -> None:
    path.write_text(tmx([("one", "eins")]))
    assert pairs_of(source_of({"tmx": str(path), "src_lang": "de", "tgt_lang": "en"})) == [("eins", "one")]


def test_a_namespace_of_the_document_is_looked_through(path: Path) -> None:
    text = tmx([("one", "eins")]).replace("<tmx ", '<tmx xmlns="http://www.lisa.org/tmx14" xmlns:x="urn:x" ')
    path.write_text(text.replace("<seg>one", "<x:seg>not this</x:seg><seg>one"))
    assert pairs_of(source_of(str(path))) == [("one", "eins")]


@pytest.mark.parametrize(
    ("seg", "expected"),
    [
        ('a <hi type="b">bold <hi>word</hi></hi> b', "a bold word b"),
        ('a <bpt i="1">&lt;b&gt;</bpt>bold<ept i="1">&lt;/b&gt;</ept> b', "a bold b"),
        ('a<ph>&lt;img alt="<sub>inner <ph>x</ph> text</sub>"&gt;</ph>b<it pos="begin">x</it><ut>y</ut>', "ab"),
        ('one<ph type="lb">&lt;br/&gt;</ph>two<ph type="image">x</ph>', "one two"),
        ("one\n      two\r\n\tthree", "one two three"),
        ("\n   laid out\n   ", "laid out"),
        ("  kept \t blanks  ", "  kept \t blanks  "),
        ("a&#10;b&#xA;c", "a b c"),
        ("<![CDATA[<b> & ]]>x", "<b> & x"),
        ("a<!-- comment -->b<?pi x?>", "ab"),
        ("", ""),
    ],
)
def test_markup_is_left_out_and_a_segment_is_one_line(seg: str, expected: str, path: Path) -> None:
    path.write_text(tmx_of(unit(("en", seg), ("de", "x"))))
    assert pairs_of(source_of(str(path))) == [(expected, "x")]


def test_text_outside_segments_is_none(path: Path) -> None:
    path.write_text(
        tmx_of(
            '<tu>\n<note>n</note><prop type="x">p</prop><tuv xml:lang="en"><note>n</note><seg>one</seg>tail</tuv>'
            '<tuv xml:lang="de"><prop>p</prop><seg>eins</seg></tuv></tu>'
        )
    )
    assert pairs_of(source_of(str(path))) == [("one", "eins")]


def test_units_without_both_languages_are_counted_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    units = [unit(("en", "a")), unit(("en", "b"), ("de", "B")), unit(("de", "C"), ("fr", "c")), "<tu/>"]
    path.write_text(tmx_of("".join(units)))
    source = source_of(str(path))
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source) == pairs_of(source) == [("b", "B")]
    assert [record.message for record in caplog.records] == [f"{path}: skipped 3 of 4 units, not in both en and de"]


def test_a_file_in_other_languages_says_in_which(path: Path) -> None:
    path.write_text(tmx_of(unit(("it", "a"), ("fr-CA", "b"), ("en", "c"))))
    with pytest.raises(DataError, match=r"a\.tmx: none of 1 unit is in both en and de \(the file has it, fr-CA, en\)"):
        pairs_of(source_of(str(path)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "iso-8859-1", "windows-1252"])
def test_encodings_are_as_the_file_declares_them(encoding: str, path: Path) -> None:
    text = tmx([("café", "Äpfel")]).replace("UTF-8", "UTF-8" if encoding == "utf-8-sig" else encoding)
    path.write_bytes(text.encode(encoding))
    assert pairs_of(source_of(str(path))) == [("café", "Äpfel")]


GOOD = tmx([("one", "eins")])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (GOOD[: GOOD.index("</body>")], ":6: the file breaks off: no element found"),
        (GOOD[: GOOD.index("eins") + 2], ":5: the file breaks off: "),
        (GOOD[: GOOD.index("tuv>\n") + 1], ":4: the file breaks off: unclosed token"),
        ("", ":1: the file breaks off: no element found"),
        (GOOD.replace("</seg>", "", 1), ":4: not well-formed XML: mismatched tag"),
        (GOOD.replace("one", "a & b"), ":4: not well-formed XML: "),
        (GOOD.replace("one", "a &nbsp; b"), ":4: not well-formed XML: undefined entity"),
        (GOOD.replace("one", "\x01"), ":4: not well-formed XML: "),
        ("<html><p>404</p></html>", ":1: begins with <html> where <tmx> is expected"),
        (GOOD.replace("UTF-8", "klingon"), ":1: .*(unknown encoding|cannot be decoded)"),
        (tmx_of("<note>" * 10_000), ":1: more than 200 elements inside each other"),
        (GOOD.replace('"tmx14.dtd"', '"x" [<!ENTITY e "v">]'), ":2: declares the entity e; entities are not read"),
        (GOOD.replace('"tmx14.dtd"', '"x" [\n<!ENTITY e SYSTEM "file:///etc/passwd">]'), ":3: declares the entity e"),
        (GOOD.replace('"tmx14.dtd"', '"x" [<!ENTITY % p SYSTEM "http://x/y"> %p;]'), ":2: declares the entity p"),
        (GOOD.replace(TMX_HEAD, BILLION_LAUGHS), ":1: declares the entity a"),
    ],
    ids=range(15),
)
def test_a_bad_file_is_one_line(content: str, reason: str, path: Path) -> None:
    path.write_text(content)
    with pytest.raises(DataError, match=rf"a\.tmx{reason}") as caught:
        pairs_of(source_of(str(path)))
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_named(path: Path) -> None:
    path.write_bytes(GOOD.encode().replace(b"one", b"caf\xe9"))
    with pytest.raises(DataError, match=r"a\.tmx:4: not well-formed XML: [^(:]* another encoding than the file says$"):
        pairs_of(source_of(str(path)))


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("<tu><tuv xml:lang='en'><seg>", "a segment of more than 100 MB"),
        ("<!-- ", "a tag or comment of more than 10 MB"),
        ("<tu a='", "a tag or comment of more than 10 MB"),
    ],
)
def test_a_part_without_end_is_refused_before_it_is_read(before: str, reason: str, path: Path) -> None:
    block = b"x" * 1_000_000
    with path.open("wb") as file:
        file.write(b"<tmx>\n" + before.encode())
        for _ in range(int(1.1 * MAX_LINE_BYTES) // len(block)):
            file.write(block)
    with pytest.raises(DataError, match=rf"a\.tmx:2: {reason}"):
        pairs_of(source_of(str(path)))


def write_many(path: Path, n: int) -> None:
    text = "some words of a segment that is neither long nor short "
    with path.open("w", encoding="utf-8") as file:
        file.write(tmx_of("").removesuffix("</body></tmx>"))
        for i in range(n):
            file.write(unit(("en", f"{text}{i}"), ("de", f"{text}{i}")) + "\n")
        file.write("</body></tmx>")


READ = """
import sys
from pathlib import Path
from mtkit.data.sources.formats.tmx import TmxSource
from mtkit.machine.memory import peak_memory
chunks = TmxSource("tmx", Path(sys.argv[1]), ("en", "de")).chunks()
n = len(next(chunks).src) + len(next(chunks).src)
before = peak_memory()
n += sum(len(chunk.src) for chunk in chunks)
print(n, peak_memory() - before)
"""


@pytest.mark.parametrize("n", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_file(n: int, path: Path) -> None:
    write_many(path, n)
    assert path.stat().st_size > 180 * n
    ran = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    n_read, grown = map(int, ran.stdout.split())
    assert n_read == n
    assert grown < 4_000_000


def test_a_real_memory_is_read_whole(corpora: Path) -> None:
    path = corpora / "l10n" / "tico19.en-fr.tmx"
    segments = {
        lang: [
            unescape(seg) for seg in re.findall(rf'<tuv xml:lang="{lang}">\s*<seg>(.*?)</seg>', path.read_text("utf-8"))
        ]
        for lang in ("en", "fr")
    }
    found = pairs_of(source_of(str(path), tgt_lang="fr"))
    assert len(found) == 3_071
    assert found == list(zip(segments["en"], segments["fr"], strict=True))
