import json
from pathlib import Path

import pytest

from mtkit.data.sources.named_corpus import named_corpus
from mtkit.errors import ConfigError, DataError
from tests.data.conftest import WriteLines, pairs_of
from tests.data.sources.formats.documents import po, tmx, tmx_of, xliff_1, xliff_2

ROWS = [("one", "eins"), ("two", "zwei")]
TRILINGUAL = tmx_of("<tu>" + "".join(f'<tuv xml:lang="{code}"/>' for code in ("en", "de", "fr")) + "</tu>")
FILES = {
    "a.tmx": tmx(ROWS, src_lang="EN-US", tgt_lang="DE"),
    "a.xlf": xliff_1(ROWS),
    "a.sdlxliff": xliff_2(ROWS),
    "a.po": po(ROWS).replace('"Language', '"X-Source-Language: en\\n"\n"Language'),
    "a.tsv": "en\tde\n" + "".join(f"{src}\t{tgt}\n" for src, tgt in ROWS),
    "a.csv": "id;en;de\n" + "".join(f"1;{src};{tgt}\n" for src, tgt in ROWS),
    "a.jsonl": "".join(json.dumps({"translation": {"en": src, "de": tgt}}) + "\n" for src, tgt in ROWS),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_pairs_says_its_languages(name: str, write_lines: WriteLines) -> None:
    path = Path(write_lines(name, FILES[name].rstrip("\n").split("\n")))
    src = "en-US" if name == "a.tmx" else "en"
    corpus = named_corpus([path], [], None, None)
    assert (corpus.languages, pairs_of(corpus.open())) == ((src, "de"), ROWS)
    turned = named_corpus([path], [], "de", None)
    assert (turned.languages, pairs_of(turned.open())) == (("de", src), [(tgt, src) for src, tgt in ROWS])
    austrian = named_corpus([path], [], None, "de-AT")
    assert (austrian.languages, pairs_of(austrian.open())) == ((src, "de-AT"), ROWS)


def test_the_header_of_a_memory_says_which_language_is_the_source(write_lines: WriteLines) -> None:
    units = '<tu><tuv xml:lang="de"><seg>a</seg></tuv><tuv xml:lang="en"><seg>b</seg></tuv></tu>'
    assert named_corpus([Path(write_lines("a.tmx", [tmx_of(units)]))], [], None, None).languages == ("en", "de")


@pytest.mark.parametrize(
    ("name", "lines", "given", "found"),
    [
        ("a.tmx", [tmx([])], (None, None), "names no languages"),
        ("a.tmx", [TRILINGUAL], (None, None), "is in en, de, fr"),
        ("a.tmx", [tmx(ROWS)], ("fr", None), "is in en, de"),
        ("a.tmx", [tmx(ROWS)], ("en", "fr"), "is in en, de"),
        ("a.po", [po(ROWS)], (None, None), "is in de and another language"),
        ("a.tsv", ["one\teins"], (None, None), "names no languages"),
        ("a.tsv", ["en\tde", "one\teins"], ("en", "fr"), "is in en, de"),
        ("a.jsonl", ['{"en": "a", "de": "b", "fr": "c"}'], (None, "fr"), "is in en, de, fr"),
    ],
)  # fmt: skip
def test_what_a_file_leaves_open_is_said_in_one_line(
    name: str, lines: list[str], given: tuple[str | None, str | None], found: str, write_lines: WriteLines
) -> None:
    with pytest.raises(
        ConfigError, match=rf"{name}: {found}; say which with --(src|tgt)-lang .* data\.train of a recipe$"
    ):
        named_corpus([Path(write_lines(name, lines))], [], *given)


def test_languages_may_be_given(write_lines: WriteLines) -> None:
    corpus = named_corpus([Path(write_lines("a.tsv", ["one\teins"]))], [], "en", "de")
    assert pairs_of(corpus.open()) == [("one", "eins")]
    corpus = named_corpus([Path(write_lines("a.po", po(ROWS).split("\n")))], [], "en", None)
    assert (corpus.languages, pairs_of(corpus.open())) == (("en", "de"), ROWS)


def test_one_language_is_asked_for_where_one_is_left(write_lines: WriteLines) -> None:
    path = Path(write_lines("a.po", po(ROWS).split("\n")))
    with pytest.raises(ConfigError, match="say which with --src-lang CODE, or --tgt-lang CODE, alone, or name"):
        named_corpus([path], [], None, None)
    with pytest.raises(ConfigError, match="names no languages; say which with --tgt-lang CODE, or name"):
        named_corpus([Path(write_lines("a.tsv", ["one\teins"]))], [], "en", None)


def test_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a directory; name a file"):
        named_corpus([tmp_path], [tmp_path], None, None)


def test_two_files_and_one_are_not_confused(write_lines: WriteLines, tmp_path: Path) -> None:
    text, pairs = Path(write_lines("a.en", ["one"])), Path(write_lines("a.tmx", [tmx(ROWS)]))
    assert named_corpus([text], [Path(write_lines("a.de", ["eins"]))], None, None).languages == ("en", "de")
    with pytest.raises(ConfigError, match=r"--src and --tgt go together: .*a\.en is not a file of pairs"):
        named_corpus([text], [], None, None)
    with pytest.raises(ConfigError, match=r"a\.tmx: a file of pairs, which --src takes alone"):
        named_corpus([pairs], [text], None, None)
    with pytest.raises(ConfigError, match=r"source and target are both en"):
        named_corpus([text], [text], None, None)
    with pytest.raises(DataError, match=r"b\.tmx: no such file"):
        named_corpus([tmp_path / "b.tmx"], [], None, None)
