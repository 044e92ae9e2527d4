import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mtkit.inspection.findings import findings
from mtkit.inspection.inspector import Inspector
from mtkit.inspection.look import Look
from mtkit.inspection.page import page
from tests.tiny import LINES, save_tiny_bundle

EVIL = "</script><script>document.title = 'run'</script><!-- & \u2028 <b>"
SOURCE = "</script><script>x<!--<b>"  # short enough for the model


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> list[Look]:
    bundle = save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model", n_decoder_layers=2)
    inspector = Inspector.load(bundle, device="cpu", threads=1)
    options = inspector.options()
    found = [inspector.look(1, LINES[0], options), inspector.look(2, SOURCE, options, forced=LINES[1])]
    return [look for look in found if isinstance(look, Look)]


def whole(looks: list[Look], title: str = "a model") -> str:
    return "".join(page(looks, title=title, src_lang="en", tgt_lang="ar"))


def test_the_page_holds_the_numbers_of_the_looks(looks: list[Look]) -> None:
    assert len(looks) == 2
    held = re.findall(r'<script type="application/json" class="look">(.*?)</script>', whole(looks), flags=re.DOTALL)
    for text, look in zip(held, looks, strict=True):
        expected = look.as_json() | {"findings": findings(look), "src_lang": "en", "tgt_lang": "ar"}
        assert json.loads(text) == json.loads(json.dumps(expected))


def test_no_text_becomes_markup(looks: list[Look]) -> None:
    text = whole(looks, title=EVIL)
    assert looks[1].source == SOURCE
    assert text.count("<script") == 3  # two looks and the program
    assert text.count("</script>") == 3
    assert "<b>" not in text
    assert "<!--" not in text


def test_the_page_needs_nothing_else(looks: list[Look]) -> None:
    text = whole(looks).replace("http://www.w3.org/2000/svg", "")
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|//[a-z]+\.|\bsrc=|@import|\burl\(", text)


def test_the_program_sets_no_markup() -> None:
    program = (Path(__file__).parents[2] / "mtkit" / "inspection" / "page.js").read_text()
    assert "textContent" in program
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", program)


@pytest.mark.slow
def test_a_browser_draws_it(looks: list[Look], tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium on this machine")
    path = tmp_path / "page.html"
    path.write_text(whole(looks, title=EVIL), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    run = subprocess.run([browser, *flags, path.as_uri()], capture_output=True, timeout=120, check=True)
    drawn = run.stdout.decode()
    look = looks[0]
    assert drawn.count('class="piece"') == len(look.shown.positions)
    assert len(re.findall(r'<g class="[^"]*\bbest\b', drawn)) == len(look.n_best[0].path)
    assert len(re.findall(r'<g class="pruned', drawn)) == sum(node.fate == "pruned" for node in look.history)
    assert drawn.count('class="arc"') == len(look.alignment)
    assert "<title>run</title>" not in drawn
    assert drawn.count("&lt;/script&gt;") >= 1
