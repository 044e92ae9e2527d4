import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mtkit.evaluation.assessment import Method
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.sets import EvaluationSet, System
from mtkit.report.analysis import ENOUGH
from mtkit.report.collect import Report, collect
from mtkit.report.curves import Curve, Plot
from mtkit.report.page import page

EVIL = "</script><script>document.title = 'run'</script><!-- & \u2028 <b> 7"
METHOD = Method(["bleu", "chrf"], confidence=True, n_samples=20)
PAIRED = Method(["bleu", "chrf"], confidence=True, paired="bs", n_samples=20)


def material_of(refs: list[str], *hyps: list[str], src: list[str] | None = None) -> EvaluationSet:
    systems = [System(f"system {name}", Text(f"{name}.de", hyp)) for name, hyp in zip("AB", hyps, strict=False)]
    return EvaluationSet("test", [Text("ref.de", refs)], Text("src.en", src) if src else None, systems=systems)


def two_systems() -> Report:
    refs = ["das Haus ist alt", "ein Hund", EVIL]
    first = ["das Haus war alt", "eine Katze", EVIL]
    second = ["das Haus ist so gut", "ein ein ein Hund", "<i>8"]
    return collect(material_of(refs, first, second, src=["the house is old", "a dog", EVIL]), PAIRED)


def whole(report: Report, title: str | None = None) -> str:
    return "".join(page(report, title=title))


def held(text: str, name: str) -> dict[str, object]:
    (found,) = re.findall(rf'<script type="application/json" class="{name}">(.*?)</script>', text, flags=re.DOTALL)
    value = json.loads(found)
    assert isinstance(value, dict)
    return value


def test_the_page_holds_numbers_and_sentences() -> None:
    report = two_systems()
    text = whole(report)
    assert held(text, "report").items() >= json.loads(json.dumps(report.as_json())).items()
    sentences = held(text, "sentences")
    assert sentences["hyps"] == report.sentences.hyps
    assert sentences["faults"] == [[0, 0, 0], [0, 2, 8 + 16 + 64]]  # repetition; number, placeholder, too short


def test_wins_and_losses_are_the_second_systems() -> None:
    assert two_systems().extremes()["wins"][0] == 2
    assert two_systems().extremes()["losses"] == [3]


@pytest.mark.parametrize(("n", "clear"), [(2, False), (ENOUGH - 1, False), (ENOUGH, True)])
def test_a_group_of_few_sentences_tells_no_systems_apart(n: int, clear: bool) -> None:
    good, bad = [f"das Haus {i} ist alt" for i in range(n)], [f"ein Hund {i}" for i in range(n)]
    report = collect(material_of(good, bad, good), PAIRED)
    lengths = report.as_json()["lengths"]
    assert isinstance(lengths, list)
    assert [group["clear"] for group in lengths] == [clear]


def test_one_system_has_best_and_worst() -> None:
    report = collect(material_of(["ein Hund", "das Haus"], ["ein Hund", "xyz"]), METHOD)
    assert report.extremes() == {"worst": [2, 1], "best": [1, 2]}
    assert report.as_json()["comparisons"] == []


def test_without_a_source_no_copy_is_looked_for() -> None:
    report = collect(material_of(["ein Hund"], ["a dog"]), METHOD)
    assert "untranslated" not in [fault.name for fault in report.faults]
    assert report.as_json()["lengths_of"] == "reference"


def test_a_training_file_says_how_frequent_a_word_is() -> None:
    material = material_of(["ein Hund"], ["ein Hund"])
    report = collect(material, METHOD, train_tgt=("train.de", iter(["ein ein", "ein, Haus"])))
    assert [(group.name, group.n) for group in report.frequencies] == [("0", 1), ("2-4", 1)]
    assert report.counted_in == "train.de"


def test_no_text_becomes_markup() -> None:
    text = whole(two_systems(), title=EVIL)
    assert text.count("<script") == text.count("</script>") == 3  # numbers, sentences, the program
    assert "<b>" not in text
    assert "<!--" not in text


def test_the_page_needs_nothing_else() -> None:
    text = whole(two_systems()).replace("http://www.w3.org/2000/svg", "")
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|\bsrc=|@import|\burl\(", text)


@pytest.mark.parametrize("page", ["pages/html_page.css", "report/page.css", "inspection/page.css", "doctor/page.py"])
def test_paper_is_light(page: str) -> None:
    style = (Path(__file__).parents[2] / "mtkit" / page).read_text(encoding="utf-8")
    dark = re.findall(r"@media ([^{]*prefers-color-scheme: dark[^{]*){", style)
    assert [condition.strip() for condition in dark] == ["screen and (prefers-color-scheme: dark)"]


def test_the_program_sets_no_markup() -> None:
    program = (Path(__file__).parents[2] / "mtkit" / "report" / "page.js").read_text()
    assert "textContent" in program
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", program)


@pytest.fixture(scope="module")
def many() -> str:
    """The page of 10,000 sentences of 10 to 30 words."""
    draw = random.Random(0)
    vocabulary = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(2000)]
    refs = [draw.choices(vocabulary, k=draw.randint(10, 30)) for _ in range(10_000)]
    noisy = [
        [" ".join(draw.choice(vocabulary) if draw.random() < 0.3 else word for word in ref) for ref in refs]
        for _ in range(3)
    ]
    noisy[0][4321] = "needle"
    texts = material_of([" ".join(ref) for ref in refs], noisy[0], noisy[1], src=noisy[2])
    return whole(collect(texts, Method(["bleu"], confidence=True, paired="bs", n_samples=20)))


@pytest.mark.slow
def test_ten_thousand_sentences_stay_below_20_megabytes(many: str) -> None:
    assert len(many.encode()) < 20_000_000


def dump(path: Path, tmp_path: Path) -> str:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium on this machine")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    run = subprocess.run([browser, *flags, path.as_uri()], capture_output=True, timeout=120, check=True)
    return run.stdout.decode()


@pytest.mark.slow
def test_a_browser_draws_it(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(whole(two_systems(), title=EVIL), encoding="utf-8")
    drawn = dump(path, tmp_path)
    assert "data-ready" in drawn  # the program came to its end
    for side, name in (("first", "system A"), ("second", "system B")):
        heads = re.findall(rf'<th class="([^"]*)"[^>]*>{name}</th>', drawn)
        assert heads == [f"n {side}"] * 5  # scores, lengths, kinds, frequencies, errors
    for kind in ("Too often", "Too rarely"):  # the orders of a kind share their row with no other kind
        tables = re.findall(rf'<h3>{kind}</h3><div class="beside wide ngrams">(.*?)</div>', drawn)
        assert [re.findall(r">(\d)-grams<", row) for row in tables] == [["1", "2", "3", "4"]] * 2
    listed = drawn.partition('class="list"')[2]
    assert listed.count('class="sentence"') == 3
    assert "das Haus <mark>war</mark> alt" in listed
    assert "das Haus ist <mark>so gut</mark>" in listed
    assert '<span class="fault" dir="ltr" lang="en">repetition</span>' in listed
    assert "<title>run</title>" not in drawn


@pytest.mark.slow
def test_a_run_has_one_colour_in_all_plots(tmp_path: Path) -> None:
    plots = [Plot(name, [Curve(run, run, [(1, 2), (2, 1)]) for run in runs]) for name, runs in
             (("loss", "abc"), ("valid loss", "bc"), ("BLEU", "c"))]  # fmt: skip
    report = collect(material_of(["ein Hund"], ["ein Hund"]), METHOD, curves=plots)
    path = tmp_path / "page.html"
    path.write_text(whole(report), encoding="utf-8")
    drawn = re.findall(r'<path stroke="([^"]*)"[^>]*><title>(\w)</title>', dump(path, tmp_path))
    assert [run for _, run in drawn] == list("abcbcc")
    assert len(set(drawn)) == len({colour for colour, _ in drawn}) == 3


@pytest.mark.slow
def test_what_cannot_be_seen_has_a_name(tmp_path: Path) -> None:
    unseen = {
        "a\u200bb": "zero-width space",
        "a\u00adb": "soft hyphen",
        "\ufeffab": "byte order mark",
        "a\u200cb": "zero-width non-joiner",
    }
    joined = ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\U0001f469\u200d\U0001f680"]  # Persian, an emoji
    lines = [*unseen, *joined]
    path = tmp_path / "page.html"
    path.write_text(whole(collect(material_of(["x"] * len(lines), lines, src=lines), METHOD)), encoding="utf-8")
    listed = dump(path, tmp_path).partition('class="list"')[2]
    named = re.findall(r'class="unseen" title="U\+[0-9A-F]{4}, ([^"]*)"', listed)
    assert sorted(named) == sorted(2 * list(unseen.values()))  # in the source and in the output


@pytest.mark.slow
def test_a_browser_opens_and_filters_ten_thousand_sentences_without_stalling(many: str, tmp_path: Path) -> None:
    after = (
        "<script>const took = (change) => { change(); refresh(); return Number(view.list.dataset.milliseconds); };\n"
        "document.documentElement.dataset.first = took(() => { view.text.value = 'NEEDLE'; });\n"
        "document.documentElement.dataset.found = view.list.textContent;\n"
        "const all = () => [...document.querySelectorAll('.controls button')];\n"
        "const click = (text) => all().find((button) => button.textContent === text).click();\n"
        "const places = (text) => { click(text); return view.count.textContent; };\n"
        "view.text.value = ''; refresh();\n"
        "document.documentElement.dataset.turned = ['last', 'previous', 'first', 'next'].map(places).join('; ');\n"
        "document.documentElement.dataset.again = took(() => { view.text.value = 'ab'; view.sort.value = 'win'; });\n"
        "</script></body>"
    )
    path = tmp_path / "page.html"
    path.write_text(many.replace("</body>", after), encoding="utf-8")
    drawn = dump(path, tmp_path)
    names = ("ready", "first", "again", "found", "turned")
    measured = {name: re.findall(rf'data-{name}="([^"]*)"', drawn) for name in names}
    assert "line 4,322" in measured["found"][0]
    places = ["9,951 to 10,000", "9,901 to 9,950", "1 to 50", "51 to 100"]
    assert measured["turned"] == ["; ".join(f"{place} of 10,000" for place in places)]
    assert float(measured["ready"][0]) < 10_000
    assert float(measured["first"][0]) < 2_000
    assert float(measured["again"][0]) < 2_000
