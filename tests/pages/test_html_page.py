import json
import re
from pathlib import Path

import pytest

from mtkit.pages.html_page import json_element, page_head, page_program


def test_a_title_stays_text_and_the_page_asks_the_network_for_nothing() -> None:
    head = page_head("<b>a & b</b>", "p { color: red }")
    assert "<title>&lt;b&gt;a &amp; b&lt;/b&gt;</title>" in head
    assert "<h1>&lt;b&gt;a &amp; b&lt;/b&gt;</h1>" in head
    assert "default-src 'none'" in head
    assert head.index("p { color: red }") < head.index("</style>")
    assert not re.search(r"(src|href)=", head)


def test_json_cannot_end_its_element() -> None:
    value = {"text": "</script><!-- <b>ü", "n": [1.5, None]}
    element = json_element("data", value)
    content = re.fullmatch(r'<script type="application/json" class="data">(.*)</script>\n', element)
    assert content is not None
    assert "<" not in content[1]
    assert json.loads(content[1]) == value


def test_numbers_that_json_lacks_are_an_error() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_element("data", float("nan"))


def test_a_program_comes_after_what_all_share(tmp_path: Path) -> None:
    (tmp_path / "own.js").write_text("own()")
    program = page_program(tmp_path / "own.js")
    assert program.endswith("own()</script>\n</body>\n</html>\n")
    assert len(program) > 100
