import json
import re
from pathlib import Path

import pytest

import mtkit.report.runs.page as module
from mtkit.report.runs.comparing import compare_runs
from mtkit.report.runs.page import page
from tests.report.runs.made import make_run, with_mistakes
from tests.report.test_page import EVIL, dump


@pytest.fixture
def text(tmp_path: Path) -> str:
    runs = [make_run(tmp_path / name, with_mistakes(n), seed=n) for name, n in (("<b>a&", 5), ("second", 7))]
    return "".join(page(compare_runs(runs, n_samples=20), title=EVIL))


def test_the_page_holds_all_numbers_and_needs_nothing_else(text: str) -> None:
    (held,) = re.findall(r'<script type="application/json" class="comparison">(.*?)</script>', text, flags=re.DOTALL)
    plain = json.loads(held)
    assert {"runs", "settings", "course", "sets", "seeds", "curves", "version"} <= plain.keys()
    assert [plot["name"] for plot in plain["curves"]] == [
        "validation loss per token, in nats",
        "BLEU of the validation set",
    ]
    assert not re.search(r"https?:|\bsrc=|@import|\burl\(", text.replace("http://www.w3.org/2000/svg", ""))
    assert text.count("<script") == text.count("</script>") == 2
    assert "<b>" not in text


def test_its_program_sets_no_markup() -> None:
    for path in (Path(module.__file__).with_suffix(".js"), Path(module.__file__).parents[1] / "curves.js"):
        program = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", program)


@pytest.mark.slow
def test_a_browser_draws_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    drawn = dump(tmp_path / "page.html", tmp_path)
    assert "data-ready" in drawn  # the program came to its end
    assert len(re.findall(r'<path stroke="', drawn)) == 4
    assert "training.seed" in drawn
