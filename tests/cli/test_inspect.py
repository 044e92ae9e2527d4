import builtins
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mtkit.cli import app
from mtkit.errors import MtkitError
from mtkit.translation.translator import Translator
from tests.tiny import LINES, save_tiny_bundle

pytestmark = pytest.mark.processor


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model", n_decoder_layers=2)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").write_text("".join(f"{line}\n" for line in LINES))
    Path("b").write_text("".join(f"{line}\n" for line in LINES[::-1]))


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["inspect", *map(str, arguments), "--threads", "1"], input=stdin)


def test_an_object_for_each_line(model: Path) -> None:
    result = run("-m", model, "-i", "a", "--json", "-b", 4, "--n-best", 2, "--top", 3)
    found = [json.loads(line) for line in result.stdout.split("\n")[:-1]]
    translator = Translator.load(model, engine="torch", device="cpu", threads=1)
    whole = translator.decoding_by(translator.decoding.model_copy(update={"split": "never"}))
    expected = whole.translate(LINES, beam_size=4, n_best=2)
    assert [one["number"] for one in found] == [1, 2, 3, 4]
    for one, line, translation in zip(found, LINES, expected, strict=True):
        assert one["source"] == line
        assert [c["text"] for c in one["n_best"]] == [c.text for c in translation.n_best]
        assert [c["log_prob"] for c in one["n_best"]] == pytest.approx(
            [c.log_prob for c in translation.n_best], abs=1e-4
        )
        assert all(len(position["alternatives"]) == 3 for position in one["shown"]["positions"])
        assert set(one["history"][0]) == {"step", "place", "parent", "token_id", "log_prob", "fate"}
        assert len(one["history"]) == len(one["history_tokens"])
        assert {heads["part"] for heads in one["attention"]} == {"encoder", "decoder", "cross"}
        assert all(len(link) == 2 for link in one["alignment"])


def test_text_shows_every_piece(model: Path) -> None:
    shown = run("-m", model, LINES[0], "--json")
    plain = json.loads(shown.stdout)
    text = run("-m", model, LINES[0]).stdout
    assert text == run("-m", model, stdin=f"{LINES[0]}\n").stdout
    table = text.partition("instead\n")[2].split("\n")
    for line, position in zip(table, plain["shown"]["positions"], strict=False):
        assert line.split()[0] == position["token"]
        assert int(line.split()[2]) == position["rank"]


def test_given_translations_are_shown_instead(model: Path) -> None:
    found = run("-m", model, "-i", "a", "--tgt", "b", "--json").stdout.split("\n")[:-1]
    assert [json.loads(line)["shown"]["text"] for line in found] == LINES[::-1]
    Path("one").write_text(f"{LINES[2]}\n")
    text = run("-m", model, LINES[0], "--tgt", "one").stdout
    assert f"given        {LINES[2]}" in text
    assert "It left the beam at piece" in text


def test_files_are_written_by_their_endings(model: Path) -> None:
    for name, start in (("a.html", b"<!DOCTYPE html>"), ("a.json", b'{"number": 1'), ("a.txt", b"line 1")):
        assert run("-m", model, "-i", "a", "-o", name).stdout == ""
        assert Path(name).read_bytes().startswith(start)
    assert Path("a.html").read_text().count('class="look"') == 4


def test_a_large_page_is_told_with_its_size(model: Path) -> None:
    Path("many").write_text("".join(f"{line}\n" for line in LINES * 13))
    told = run("-m", model, "-i", "many", "-o", "page.html", "-b", 1).stderr
    assert f"page.html: 52 sentences on one page, {Path('page.html').stat().st_size / 1e6:.1f} MB" in told
    assert "on one page" not in run("-m", model, "-i", "a", "-o", "page.html").stderr


def test_help_and_error_name_the_same_endings(model: Path) -> None:
    told = str(run("-m", model, "x", "-o", "page").exception).partition("ends in ")[2]
    shown = "".join(run("--help").stdout.replace("│", "").split())
    assert "".join(told.split()) in shown


def test_a_picture_is_drawn(model: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run("-m", model, LINES[0], "-o", "a.png")
    assert result.exception is None
    content = Path("a.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    assert width > 700
    assert height > 500
    from matplotlib.image import imread

    red, green, blue = imread("a.png")[:, :, :3].reshape(-1, 3).T
    pale_blue = (red < green) & (green < blue) & (red > 0.6)  # weights; bars and letters are darker
    assert pale_blue.mean() > 0.1


def test_what_cannot_be_looked_at_is_left_out(model: Path) -> None:
    Path("c").write_text(f"\n{LINES[0]}\n{' '.join(LINES)}\n")
    result = run("-m", model, "-i", "c", "--json")
    assert [json.loads(line)["number"] for line in result.stdout.split("\n")[:-1]] == [2]
    assert "c:1: left out: blank" in result.stderr
    assert "c:3: left out: " in result.stderr


def test_a_sentence_without_quotes_is_told(model: Path) -> None:
    warned = "2 sentences of one word each; for one sentence quote it: mtkit inspect -m "
    assert f"{warned}{model} 'Hello there?'" in run("-m", model, "Hello", "there?").stderr
    assert warned not in run("-m", model, "Hello there?", "there").stderr
    assert warned not in run("-m", model, "你好", "谢谢").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["text"], "no model"),
        (["-m", "MODEL", "text", "-i", "a"], "not both"),
        (["-m", "MODEL", "-i", "-", "--tgt", "-"], "read only once"),
        (["-m", "MODEL", "text", "-o", "page"], "name a file that ends in .html"),
        (["-m", "MODEL", "text", "-o", "page.html", "--json"], "--json does not go with page.html"),
        (["-m", "MODEL", "-i", "a", "-o", "a.png"], "a picture holds one sentence"),
        (["-m", "MODEL", "-i", "a", "--tgt", "short"], "a has 4 lines but short has 1"),
        (["-m", "MODEL", "x", "y", "--tgt", "short"], "2 sentences but short has 1 line"),
        (["-m", "nothing", "x", "--tgt", "a"], "1 sentence but a has 4 lines"),
        (["-m", "nothing", "-i", "none"], "none: No such file"),  # before the model is loaded
        (["-m", "nothing", "x", "--tgt", "none"], "none: No such file"),
        (["-m", "MODEL", " "], "TEXT: no sentence to look at"),
        (["-m", "MODEL", "-i", "none"], "none: No such file"),
        (["-m", "MODEL", "text", "-b", "2", "--n-best", "3"], "n-best 3 exceeds the beam size 2"),
        (["-m", "nothing", "text"], "nothing: no such model"),
        (["-m", "MODEL", "text", "--tgt-lang", "qq"], "qq is not a language code; it knows"),
        (["-m", "MODEL", "half \udcff"], "sentence 1: not UTF-8"),
        (["-m", "MODEL", "text", "-o", "folder.html"], "folder.html: is a directory"),
    ],
)
def test_mistakes_get_one_clear_line(model: Path, arguments: list[str], message: str) -> None:
    Path("short").write_text("one\n")
    Path("folder.html").mkdir()
    error = run(*[str(model) if argument == "MODEL" else argument for argument in arguments]).exception
    assert isinstance(error, MtkitError)
    assert message in str(error)
    assert "\n" not in str(error)


def test_a_picture_without_matplotlib_is_a_clear_line(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> object:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", without)
    error = run("-m", model, LINES[0], "-o", "a.png").exception
    assert isinstance(error, MtkitError)
    assert 'pip install "mtkit[report]"' in str(error)
