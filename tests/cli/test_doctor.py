import json
import random
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mtkit.cli.doctor import doctor
from mtkit.cli.preprocess import preprocess
from mtkit.errors import ConfigError, DataError, MtkitError
from mtkit.settings.resolve import Settings

RECIPE = """
data:
  src_lang: en
  tgt_lang: de
  train: {src: train.en, tgt: train.de, name: fruit}
  valid: {src: valid.en, tgt: valid.de}
  test: {src: valid.en, tgt: valid.de, name: held-out}
tokenizer:
  type: word
"""
KEYS = {
    "format", "mtkit", "src_lang", "tgt_lang", "n_pairs", "cleaning", "n_serious", "sources", "findings",
    "not_found", "not_examined", "lengths", "tokens", "cures",
}  # fmt: skip
FINDING_KEYS = {
    "name", "severity", "count", "share", "of", "what", "cure", "remark", "by_source", "samples", "places",
}  # fmt: skip


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with a recipe and its corpus, in which the commands run; ten of its hundred pairs are copies."""
    (tmp_path / "fruit.yaml").write_text(RECIPE)
    pairs = [(f"{n} apples", f"{n} Äpfel") for n in range(90)] + [(f"{n} figs", f"{n} figs") for n in range(10)]
    for name, lines in {
        "train.en": [src for src, _ in pairs],
        "train.de": [tgt for _, tgt in pairs],
        "valid.en": ["7 apples", "a plum"],
        "valid.de": ["7 Äpfel", "eine Pflaume"],
    }.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(doctor)
    return CliRunner().invoke(app, arguments)


def refused(*arguments: str) -> MtkitError:
    """The error that the command ends with."""
    result = run(*arguments)
    assert isinstance(result.exception, MtkitError), result.output
    return result.exception


def test_the_report_says_what_was_found_and_what_would_cure_it() -> None:
    result = run("fruit.yaml")
    assert result.exit_code == 0
    shown = result.stdout.splitlines()
    assert shown[:3] == ["train fruit: 100 pairs", "valid valid: 2 pairs", "test held-out: 2 pairs"]
    assert "serious: copied: 10 pairs whose target is the source, copied, 10.0 % of 100 pairs" in shown
    assert "  cure: data.cleaning.steps: [identical]" in shown
    assert "  all: fruit:8=valid:1, fruit:8=held-out:1" in shown


def test_json_has_the_keys_that_are_documented() -> None:
    report = json.loads(run("-c", "fruit.yaml", "--json").stdout)
    assert set(report) == KEYS
    assert report["format"] == 1
    assert all(set(found) == FINDING_KEYS for found in report["findings"])
    documented = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert [key for key in KEYS | FINDING_KEYS if f"`{key}`" not in documented] == []


def test_every_finding_is_documented() -> None:
    from mtkit.doctor.findings import KINDS

    documented = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert [name for name in KINDS if f"`{name}`" not in documented] == []


def test_two_files_need_no_recipe() -> None:
    recipe, files = (
        json.loads(run(*arguments, "--json").stdout)
        for arguments in (["fruit.yaml"], ["--src", "train.en", "--tgt", "train.de"])
    )
    copied = [next(f for f in report["findings"] if f["name"] == "copied") for report in (recipe, files)]
    assert copied[0]["count"] == copied[1]["count"] == 10
    assert files["src_lang"] == "en"
    assert files["sources"] == [{"place": "train", "name": "train", "n_src": 100, "n_tgt": 100, "n_pairs": 100}]


def test_the_recipe_s_tokenizer_is_taken_where_it_is() -> None:
    assert json.loads(run("fruit.yaml", "--json").stdout)["tokens"] is None
    app = typer.Typer()
    app.command()(preprocess)
    assert CliRunner().invoke(app, ["fruit.yaml"]).exit_code == 0
    src, _ = json.loads(run("fruit.yaml", "--json").stdout)["tokens"]
    assert (src["n_words"], src["tokens_per_word"], src["n_unknown"]) == (200, 1.0, 0)
    _, tgt = json.loads(
        run("--src", "valid.de", "--tgt", "valid.en", "--tokenizer", "prepared/fruit", "--json").stdout
    )["tokens"]
    assert tgt["uncovered"] == {"u": 1, "m": 1}  # of a plum, where apples have been seen


def test_strict_fails_where_something_is_serious() -> None:
    error = refused("fruit.yaml", "--strict")
    assert isinstance(error, DataError)
    assert str(error).startswith("--strict: ")
    Path("good.en").write_text("One apple.\nTwo pears.\n")
    Path("good.de").write_text("Ein Apfel.\nZwei Birnen.\n")
    assert run("--src", "good.en", "--tgt", "good.de", "--strict").exit_code == 0


def test_line_ends_and_byte_order_marks_are_seen() -> None:
    Path("mixed.en").write_bytes(b"\xef\xbb\xbfOne apple.\r\nTwo pears.\n")
    Path("plain.de").write_bytes(b"Ein Apfel.\r\nZwei Birnen.\r\n")
    report = json.loads(run("--src", "mixed.en", "--tgt", "plain.de", "--json").stdout)
    found = {f["name"]: f for f in report["findings"]}
    assert (found["mixed_line_ends"]["count"], found["mixed_line_ends"]["of"]) == (1, "2 lines")
    assert found["byte_order_mark"]["remark"] == "mixed.en"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fruit.yaml", "-c", "fruit.yaml"],
        ["fruit.yaml", "--src", "train.en", "--tgt", "train.de"],
        ["--src", "train.en"],
        ["fruit.yaml", "--src-lang", "en"],
    ],
)
def test_one_corpus_is_needed(arguments: list[str]) -> None:
    assert isinstance(refused(*arguments), ConfigError)


def test_a_missing_file_is_one_line() -> None:
    assert "absent.en: no such file" in str(refused("--src", "absent.en", "--tgt", "train.de"))


def test_a_missing_tokenizer_is_one_line() -> None:
    assert "nowhere" in str(refused("fruit.yaml", "--tokenizer", "nowhere"))


def with_cleaning(steps: str) -> list[str]:
    return ["fruit.yaml", "--set", f"data.cleaning.steps={steps}"]


def test_what_the_doctor_prescribes_turns_strict_green() -> None:
    for path in Path().glob("*.??"):  # in letters, so that pairs are not near duplicates of each other
        path.write_text(path.read_text(encoding="utf-8").translate(str.maketrans("0123456789", "abcdefghij")))
    assert isinstance(refused("fruit.yaml", "--strict"), DataError)
    cured = with_cleaning("[identical, leakage]")
    result = run(*cured, "--strict")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:3] == [
        "after the recipe's 2 cleaning steps, which dropped 11 of 100 pairs; --raw examines the files as they are",
        "train fruit: 89 pairs of 100",
        "valid valid: 2 pairs",
    ]
    assert isinstance(refused(*cured, "--strict", "--raw"), DataError)


def test_raw_and_a_recipe_without_steps_examine_the_files_as_they_are() -> None:
    plain = run("fruit.yaml").stdout
    assert run("fruit.yaml", "--raw").stdout == run(*with_cleaning("[identical]"), "--raw").stdout == plain


def test_what_cleaning_did_is_in_the_json() -> None:
    report = json.loads(run(*with_cleaning("[identical, leakage]"), "--json").stdout)
    dropped = {"identical": 10, "leakage": 1}
    assert report["cleaning"] == {"n_steps": 2, "n_read": 100, "n_kept": 89, "dropped": dropped}
    assert (report["n_pairs"], report["sources"][0]["n_pairs"], report["sources"][0]["n_src"]) == (89, 89, 100)
    documented = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert [key for key in report["cleaning"] if f"`{key}`" not in documented] == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_after_cleaning_numbers_are_still_those_of_the_files(workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtkit.data.sources.pairs.CHUNK_PAIRS", 16)
    draw = random.Random(3)
    kinds = {
        "copied": lambda n: (f"copy {n}", f"copy {n}"),
        "ratio": lambda n: (f"{n} words", f"{n} Wörter, und noch sehr viele mehr, als es der Quelle nach sein sollten"),
        "numbers": lambda n: (f"{n} words in {n + 1}", f"{n} Wörter in {n + 2}"),
        "near": lambda n: (f"all of the words{'!' * n}", f"alle die Wörter{'!' * n}"),
        "leaked": lambda n: (f"{n} apples", f"andere Äpfel {n}"),
        "plain": lambda n: (f"{n} red words", f"{n} rote Wörter"),
    }
    text = {}
    for name in ("one", "two"):
        pairs = [kinds[draw.choice(list(kinds))](n + 1) for n in range(200)]
        text[name] = pairs = [("drop", "drop")] * 20 + pairs  # whole chunks are dropped, and most in part
        for side, ending in enumerate(("en", "de")):
            Path(f"{name}.{ending}").write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    Path("valid.en").write_text("".join(f"{n} apples\n" for n in range(300)))
    Path("valid.de").write_text("".join(f"x{n}\n" for n in range(300)))
    two = "data.train=[{src: one.en, tgt: one.de}, {src: two.en, tgt: two.de, filters: [numbers]}]"
    report = json.loads(run(*with_cleaning("[identical]"), "--set", two, "--json", "--workers", workers).stdout)
    found = {finding["name"]: finding for finding in report["findings"]}
    assert "copied" not in found
    assert {"ratio", "numbers", "near_duplicates", "leaked_sources"} <= found.keys()
    assert {name for finding in report["findings"] for name in finding["by_source"]} >= {"one"}
    assert found["numbers"]["by_source"].keys() == {"one"}
    for finding in report["findings"]:
        for sample in finding["samples"]:
            src, tgt = text[sample["source"]][sample["pair"] - 1]
            assert (sample["src"], sample["tgt"]) == (src, tgt), finding["name"]
    for sample in found["near_duplicates"]["samples"]:
        name, _, number = sample["note"].removeprefix("as ").partition(":")
        alike, seen = (re.sub("[^a-z]", "", src) for src in (text[name][int(number) - 1][0], sample["src"]))
        assert alike == seen
    for ours, theirs in found["leaked_sources"]["places"]:
        name, _, number = ours.partition(":")
        assert text[name][int(number) - 1][0] == f"{int(theirs.partition(':')[2]) - 1} apples"


def test_what_is_wrong_with_the_files_is_seen_before_cleaning() -> None:
    with Path("train.en").open("a") as file:
        file.write("one line more\n")
    report = json.loads(run(*with_cleaning("[identical]"), "--json").stdout)
    assert next(f for f in report["findings"] if f["name"] == "unequal_counts")["count"] == 1


def test_cleaning_that_leaves_nothing_says_which_step_did_it() -> None:
    message = str(refused(*with_cleaning("[{length: {min_words: 9}}]")))
    assert message.startswith("no training pair is left after cleaning (100 length)")


def test_swapped_files_are_not_to_be_cured_by_dropping_them() -> None:
    pytest.importorskip("py3langid")
    fruits = {"apples": "Äpfel", "pears": "Birnen", "plums": "Pflaumen", "cherries": "Kirschen", "figs": "Feigen"}
    english = [f"The children would like to eat {n} more of the {fruit} today." for fruit in fruits for n in range(20)]
    german = [
        f"Die Kinder möchten heute noch {n} von den {fruit} essen." for fruit in fruits.values() for n in range(20)
    ]
    for name, src, tgt in (("good", english, german), ("bad", german, english)):
        Path(f"{name}.en").write_text("\n".join(src) + "\n")
        Path(f"{name}.de").write_text("\n".join(tgt) + "\n")
    both = "data.train=[{src: good.en, tgt: good.de}, {src: bad.en, tgt: bad.de}]"
    report = json.loads(run("fruit.yaml", "--set", both, "--json").stdout)
    cures = {f["name"]: f["cure"] for f in report["findings"] if f["name"].startswith("wrong_language")}
    cure = "by hand: the two sides of bad are swapped: exchange the files, then look again"
    assert cures == {"wrong_language_src": cure, "wrong_language_tgt": cure}
    one_side = "data.train=[{src: good.en, tgt: good.de}, {src: good.en, tgt: bad.de}]"  # English on both
    report = json.loads(run("fruit.yaml", "--set", one_side, "--json").stdout)
    cures = {f["name"]: f["cure"] for f in report["findings"] if f["name"].startswith("wrong_language")}
    assert cures == {"wrong_language_tgt": "data.cleaning.steps: [language]"}


@pytest.mark.parametrize("name", ["train.en", "train.de", "valid.en", "fruit.yaml"])
def test_a_page_over_an_input_is_refused(name: str) -> None:
    before = Path(name).read_bytes()
    assert f"--html {name}: is an input too" in str(refused("fruit.yaml", "--html", name))
    if name.startswith("train"):
        files = ("--src", "train.en", "--tgt", "train.de")
        assert f"--html {name}: is an input too" in str(refused(*files, "--html", name))
    assert Path(name).read_bytes() == before


def test_the_cures_are_one_block_for_the_recipe() -> None:
    shown = run("fruit.yaml").stdout
    block = shown.partition("of a recipe:\n")[2].partition("or as options")[0]
    Path("cured.yaml").write_text(RECIPE.replace("\ntokenizer:", f"\n{block}tokenizer:"))
    again = run("cured.yaml")
    assert again.exit_code == 0, again.exception
    assert "copied" not in [finding["name"] for finding in json.loads(run("cured.yaml", "--json").stdout)["findings"]]


def test_steps_that_a_recipe_has_stay_among_the_cures() -> None:
    own = "  cleaning: {max_tokens: 50, steps: [spaces, {length: {max_words: 9}}]}"
    Path("fruit.yaml").write_text(RECIPE.replace("\ntokenizer:", f"\n{own}\ntokenizer:"))
    cures = json.loads(run("fruit.yaml", "--json").stdout)["cures"]
    assert cures["data.cleaning.max_tokens"] == 50
    spaces, length, *added = cures["data.cleaning.steps"]
    assert (spaces, length["length"]["max_words"]) == ("spaces", 9)
    assert "identical" in added


def test_the_cures_of_two_files_are_options_of_the_command_line() -> None:
    shown = run("--src", "train.en", "--tgt", "train.de").stdout
    (line,) = (line for line in shown.splitlines() if line.startswith("or as options: "))
    options = shlex.split(line.removeprefix("or as options: "))
    assert options[::2] == ["--set"] * (len(options) // 2)
    steps = Settings.load(Path("fruit.yaml"), overrides=options[1::2]).config().data.cleaning.steps
    assert "identical" in [step.name for step in steps]


def test_what_belongs_to_a_recipe_is_refused_without_one() -> None:
    for option in (["--raw"], ["--set", "data.cleaning.max_tokens=3"]):
        error = refused("--src", "train.en", "--tgt", "train.de", *option)
        assert str(error) == f"{option[0]}: only with a recipe; leave it out"
