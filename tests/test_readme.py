"""What the documentation tells people to type works."""

import ast
import gzip
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "recipes").glob("*/README.md")), *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = {"mtkit", "tests", "benchmarks", "docs", "recipes", "data"}
SMALL = [
    *("training.max_updates=6", "training.warmup_updates=2", "training.validate_every=4", "training.save_every=1"),
    *("training.keep_last=5", "training.average.n=0", "model.d_model=16", "model.d_ff=16", "model.n_heads=2"),
    *("tokenizer.vocab_size=400", "decoding.beam_size=2"),
]


def commands(page: Path) -> list[list[str]]:
    """The mtkit commands of a page's code blocks, word by word, without comments and what stands around a pipe."""
    found = []
    text = page.read_text(encoding="utf-8")
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        for line in [] if language not in ("", "sh") else block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if "mtkit" in words:
                found.append(words[words.index("mtkit") + 1 :])
    return found


def help_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mtkit", *command, "--help"], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    found = {name: help_of(name) for name in commands_in(help_of())}
    for name, text in list(found.items()):
        found |= {f"{name} {inner}": help_of(name, inner) for inner in commands_in(text)}
    return found


def commands_in(text: str) -> list[str]:
    return re.findall(r"^  ([a-z]+)  ", text.partition("Commands:")[2], flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_and_option_exists(page: Path, helps: dict[str, str]) -> None:
    assert commands(page), "no command on the page"
    for command, *words in commands(page):
        if words and f"{command} {words[0]}" in helps:
            command = f"{command} {words.pop(0)}"
        assert command in helps
        for word in words:
            if re.fullmatch(r"--[a-z][a-z-]*|-[a-z]", word):
                assert re.search(rf"(^|[ ,]){word}[ ,]", helps[command]), f"mtkit {command} has no {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_named_is_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for name in re.findall(r"`([\w.-]+/[\w./-]*)`", text):
        if name.partition("/")[0] in ("mtkit", "tests", "benchmarks", "docs", "recipes", "data") or name.endswith(
            ".py"
        ):
            assert (ROOT / name).exists(), name


def test_the_layout_lists_every_room() -> None:
    layout = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Repository layout")[2].partition("\n## ")[0]
    rooms = re.findall(r"^  (\w+)/ ", layout, flags=re.MULTILINE)
    assert sorted(rooms) == sorted(path.parent.name for path in (ROOT / "mtkit").glob("*/__init__.py"))
    loose = re.findall(r"\w+\.py", re.findall(r"^  (\w+\.py.*)", layout, flags=re.MULTILINE)[0])
    assert {*loose, "__init__.py", "__main__.py"} == {path.name for path in (ROOT / "mtkit").glob("*.py")}


def test_every_page_is_in_the_index_and_the_site() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages == {*re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "index.md").read_text(encoding="utf-8"))}
    assert pages | {"index.md"} == {*re.findall(r"- docs/(.*)", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))}


def test_the_messages_that_troubleshooting_explains_exist() -> None:
    said = "\n".join(
        node.value
        for path in (ROOT / "mtkit").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    rows = re.findall(r"^\| (.*?) \|", (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
    quoted = [text for row in rows for text in re.findall(r"`(.*?)`", row) if not text.startswith("pip ")]
    messages = [text for text in quoted if text.count(" ") >= 2]
    assert len(messages) > 20
    assert [text for text in messages if text not in said] == []


@pytest.mark.slow
def test_the_commands_of_the_readme_work_in_an_empty_directory(tmp_path: Path) -> None:
    for name, source in (
        ("my", "train"), ("corpus", "train"), ("valid", "valid"), ("test", "test"), ("news", "test"), ("letter", "test")
    ):  # fmt: skip
        for language in ("en", "de"):
            lines = (
                (ROOT / "data" / f"{source}.{language}").read_text(encoding="utf-8").splitlines(keepends=True)[:1000]
            )
            (tmp_path / f"{name}.{language}").write_text("".join(lines), encoding="utf-8")
    sides = [
        (ROOT / "data" / f"valid.{language}").read_text(encoding="utf-8").splitlines() for language in ("en", "de")
    ]
    (tmp_path / "more.tsv").write_text("".join(f"{s}\t{t}\n" for s, t in zip(*sides, strict=True)), encoding="utf-8")
    for language in ("en", "de"):
        subprocess.run(["gzip", "corpus." + language], cwd=tmp_path, check=True)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    recipe = re.search(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert recipe is not None
    (tmp_path / "recipe.yaml").write_text(recipe[1].replace("    - hf:bentrevett/multi30k\n", ""), encoding="utf-8")

    _write_what_is_not_made(tmp_path)
    reverse = ["train", "--src", "my.de", "--tgt", "my.en", "-o", "runs/de-en"]
    for command, *words in [reverse, *commands(ROOT / "README.md")]:
        small = [word for setting in SMALL for word in ("--set", setting)] if command in ("train", "preprocess") else []
        if command == "bench":
            small = ["--seconds", "0"]
        if command == "preprocess":
            shutil.rmtree(tmp_path / "prepared", ignore_errors=True)
        done = subprocess.run(
            [sys.executable, "-m", "mtkit", command, *words, *small],
            cwd=tmp_path, input="Where is the station?\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
        expected = 3 if "--min-bleu" in words else 0
        if command == "forge" and done.returncode:  # a model of six updates writes loops, which nothing is made of
            assert "no line of the input became a pair" in done.stderr
            continue
        assert done.returncode == expected, f"mtkit {command} {words}: {done.stderr}"
        assert "Traceback" not in done.stderr

    assert "runs/de-en" in (ROOT / "README.md").read_text(encoding="utf-8")
    python = re.search(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert python is not None
    done = subprocess.run([sys.executable, "-c", python[1]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 2


def _write_what_is_not_made(folder: Path) -> None:
    """The files that commands of the README read and none of them writes."""
    source, reference = (
        (folder / f"test.{language}").read_text(encoding="utf-8").split("\n")[:-1] for language in ("en", "de")
    )
    (folder / "ours").write_text("".join(f"{line}\n" for line in reference), encoding="utf-8")
    (folder / "theirs").write_text("".join(f"{line} ja\n" for line in reference), encoding="utf-8")
    (folder / "a.en").write_text("".join(f"{line}\n" for line in source[:5]), encoding="utf-8")
    (folder / "gold").write_text("1-1 2p2\n" * 5, encoding="utf-8")
    (folder / "pronouns.tsv").write_text(f"{source[0]}\t{reference[0]}\t{reference[1]}\n", encoding="utf-8")
    units = "".join(
        f"<tu><tuv xml:lang='en'><seg>{escape(src)}</seg></tuv><tuv xml:lang='de'><seg>{escape(tgt)}</seg></tuv></tu>"
        for src, tgt in zip(source, reference, strict=True)
    )
    (folder / "memory.tmx").write_text(f"<tmx version='1.4'><header/><body>{units}</body></tmx>", encoding="utf-8")
    news = (folder / "news.de").read_bytes().split(b"\n")[:20]
    (folder / "news.de.gz").write_bytes(gzip.compress(b"\n".join([*news, b""])))
