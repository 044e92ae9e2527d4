import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.data.conftest import pairs_of, source_of
from tests.data.sources.formats import documents

Write = Callable[[Sequence[tuple[str, str]]], str]

PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters="\n")
IN_XML = st.characters(
    exclude_categories=["Cs", "Cc"], include_characters="\t\r\x85", exclude_characters="\ufffe\uffff"
)
FORMATS: dict[str, tuple[Write, st.SearchStrategy[str]]] = {
    "jsonl": (lambda rows: "".join(f"{json.dumps({'en': en, 'de': de})}\n" for en, de in rows), st.text(PLAIN)),
    "tmx": (documents.tmx, st.text(IN_XML)),
    "xlf": (documents.xliff_1, st.text(IN_XML, min_size=1)),
    "xliff": (documents.xliff_2, st.text(IN_XML, min_size=1)),
    "po": (documents.po, st.text(IN_XML, min_size=1).filter(lambda text: not text.startswith("_:"))),
}


@pytest.mark.parametrize("ending", FORMATS)
def test_what_is_written_is_read_again(ending: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    write, texts = FORMATS[ending]
    path = tmp_path_factory.mktemp(ending) / f"a.{ending}"

    @given(st.lists(st.tuples(texts, texts), min_size=1))
    @example([("a\u2028b\x85c\rd", " <&>'\" ]]> %s\t\\n "), ("\ufeffx", "\U0001f600 &amp; <b>ö</b>")])
    def check(rows: list[tuple[str, str]]) -> None:
        path.write_bytes(write(rows).encode())
        assert pairs_of(source_of(str(path))) == rows

    check()
