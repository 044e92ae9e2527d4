from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mtkit.cli import app
from mtkit.errors import MtkitError
from mtkit.forced.aligner import Aligner, pharaoh
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


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["align", *map(str, arguments), "--threads", "1"])


def test_a_line_of_links_for_each_pair(model: Path) -> None:
    aligner = Aligner.load(model, layer=2, reading=True, device="cpu", threads=1)
    expected = [pharaoh(found or set()) for found in aligner.align(LINES, LINES[::-1])]
    result = run("-m", model, "--src", "a", "--tgt", "b", "--layer", 2, "--reading")
    assert result.stdout.split("\n")[:-1] == expected
    Path("long").write_text("\n".join([" ".join(LINES * 9), *LINES[1:]]) + "\n")
    assert run("-m", model, "--src", "long", "--tgt", "b").stdout.split("\n")[0] == ""


def test_layers_are_compared_on_gold_alignments_and_the_best_is_remembered(model: Path) -> None:
    """The gold alignments are what the second layer says while it reads: it must come first, without an error."""
    aligner = Aligner.load(model, layer=2, reading=True, device="cpu", threads=1)
    with Path("gold").open("w") as gold:
        for found in aligner.align(LINES, LINES[::-1]):
            gold.write(" ".join(f"{s + 1}-{t + 1}" for s, t in found or set()) + "\n")
    lines = run("-m", model, "--src", "a", "--tgt", "b", "--gold", "gold", "--remember").stdout.split("\n")[:-1]
    assert len(lines) == 4
    assert lines[0].startswith("AER   0.00 %")
    assert lines[0].endswith("layer 2, as the word is read")
    assert all(not line.startswith("AER   0.00 %") for line in lines[1:])
    plain = run("-m", model, "--src", "a", "--tgt", "b").stdout
    assert plain == run("-m", model, "--src", "a", "--tgt", "b", "--layer", 2, "--reading").stdout
    assert plain != run("-m", model, "--src", "a", "--tgt", "b", "--layer", 1, "--predicting").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--src", "a", "--tgt", "b"], "no model"),
        (["-m", "MODEL", "--src", "a"], "give the pairs"),
        (["-m", "MODEL", "--src", "-", "--tgt", "-"], "read only once"),
        (["-m", "MODEL", "--src", "a", "--tgt", "b", "--remember"], "--remember needs --gold"),
        (["-m", "MODEL", "--src", "a", "--tgt", "b", "--gold", "a", "--layer", "1"], "leave out --layer"),
        (["-m", "MODEL", "--src", "a", "--tgt", "b", "--gold", "a"], "a:1: 'The' is not a link"),
        (["-m", "nowhere", "--src", "a", "--tgt", "none"], "none: No such file"),  # before the model is loaded
        (["-m", "nowhere", "--src", "a", "--tgt", "b", "--gold", "none"], "none: No such file"),
        (["-m", "MODEL", "--src", "a", "--tgt", "short"], "a has 4 lines but short has 1"),
        (["-m", "MODEL", "--src", "a", "--tgt", "b", "--layer", "9"], "layer 9: the decoder attends in layers 1 to 2"),
    ],
)
def test_mistakes_get_one_clear_line(model: Path, arguments: list[str], message: str) -> None:
    Path("short").write_text("one\n")
    error = run(*[str(model) if argument == "MODEL" else argument for argument in arguments]).exception
    assert isinstance(error, MtkitError)
    assert message in str(error)
    assert "\n" not in str(error)


def test_an_output_file_holds_what_would_be_printed_and_is_no_input(model: Path) -> None:
    printed = run("-m", model, "--src", "a", "--tgt", "b").stdout
    assert run("-m", model, "--src", "a", "--tgt", "b", "-o", "links").stdout == ""
    assert Path("links").read_text() == printed
    error = run("-m", model, "--src", "a", "--tgt", "b", "-o", "a").exception
    assert "-o a: is an input too" in str(error)
    assert Path("a").read_text().startswith(LINES[0])
