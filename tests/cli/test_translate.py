import gzip
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from mtkit.bundle.bundle import load_bundle
from mtkit.cli.translate import translate
from mtkit.engines.conversion import converted, note_quality
from mtkit.engines.engine_choice import MUCH
from mtkit.errors import CheckpointError, ConfigError, DataError, DeviceError, MtkitError
from mtkit.forced.aligner import Aligner, pharaoh
from mtkit.log import logger
from mtkit.translation.translation import Translation
from mtkit.translation.translator import Translator
from tests.tiny import LINES, save_tiny_bundle

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from mtkit.cli import main; main()", "translate"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that no test may change, converted already."""
    directory = save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")
    Translator.load(directory, device="cpu", threads=1)
    return directory


@pytest.fixture(scope="module")
def expected(bundle: Path) -> list[Translation]:
    """What the Python interface makes of LINES."""
    return Translator.load(bundle, device="cpu", threads=1).translate(LINES, n_best=2)


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for processes of their own
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # so that what is not flushed does not come
    monkeypatch.setattr(logger, "propagate", True)  # for caplog


def run(*arguments: object, stdin: bytes | str = "") -> Result:
    """Run the command on the CPU; an MtkitError is left in ``result.exception``."""
    app = typer.Typer()
    app.command()(translate)
    return CliRunner().invoke(app, [*map(str, arguments), "--device", "cpu", "--threads", "1"], input=stdin)


def refused(*arguments: object, stdin: bytes | str = "") -> MtkitError:
    """The error that the command ends with, having written nothing."""
    result = run(*arguments, stdin=stdin)
    assert isinstance(result.exception, MtkitError), result.output
    assert result.stdout == ""
    return result.exception


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


class TestLines:
    def test_input_comes_from_stdin_or_a_file_and_goes_to_stdout_or_a_file(
        self, bundle: Path, expected: list[Translation], tmp_path: Path
    ) -> None:
        wanted = text([t.text for t in expected])
        Path("in.txt").write_text(text(LINES))
        Path("in.gz").write_bytes(gzip.compress(text(LINES).encode()))
        assert run("-m", bundle, stdin=text(LINES)).stdout == wanted
        assert run("-m", bundle, "-i", "-", "-o", "-", stdin=text(LINES)).stdout == wanted
        assert run("-m", bundle, "in.txt").stdout == wanted
        assert run("-m", bundle, "-i", "in.gz").stdout == wanted
        assert run(bundle, "-i", "in.gz").stdout == wanted  # a directory is a model
        assert "two models" in str(refused(bundle, "-m", bundle, "-i", "in.gz"))
        result = run("-m", bundle, "-i", "in.txt", "-o", "new/out.txt")
        assert (result.exit_code, result.stdout) == (0, "")
        assert Path("new/out.txt").read_text() == wanted
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["in.gz", "in.txt", "new", "out.txt"]

    def test_n_lines_in_are_n_lines_out_in_order(self, bundle: Path, expected: list[Translation]) -> None:
        cat, sing, birds, mat = LINES
        a, b, c, d = (t.text for t in expected)
        lines = ["", cat, "  ", f"\t{sing}", f"{birds}\r", "\r", mat, f"{mat}  ", ""]
        out = run("-m", bundle, "--buffer", "4", "--batch-size", "2", stdin=text(lines)).stdout_bytes.decode()
        assert out.split("\n") == ["", a, "  ", f"\t{b}", f"{c}\r", "\r", d, f"{d}  ", "", ""]

    def test_only_a_line_feed_ends_a_line(self, bundle: Path) -> None:
        out = run("-m", bundle, stdin=f"{LINES[0]}\u2028{LINES[3]}\x85\r{LINES[0]}".encode()).stdout_bytes
        assert out.count(b"\n") == 1

    def test_no_input_makes_no_output(self, bundle: Path) -> None:
        result = run("-m", bundle, stdin="")
        assert (result.exit_code, result.stdout) == (0, "")

    def test_long_lines_are_split_and_counted(
        self, bundle: Path, expected: list[Translation], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="mtkit")
        out = run("-m", bundle, stdin=text([f"{LINES[0]} {LINES[3]}", LINES[0]])).stdout
        assert out == text([f"{expected[0].text} {expected[3].text}", expected[0].text])
        assert "1 line translated in parts: sentence by sentence, or shorter" in caplog.text

    def test_what_was_chosen_is_shown(self, bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, logger="mtkit")
        run("-m", bundle, "--batch-type", "tokens", "--batch-size", "99", stdin="a\n")
        line = next(record.getMessage() for record in caplog.records if "translating" in record.getMessage())
        assert "cpu, 1 thread, fp32; beam 3, batches of 99 tokens" in line


class TestFormats:
    def test_scores_stand_before_a_tab(self, bundle: Path, expected: list[Translation]) -> None:
        out = run("-m", bundle, "--scores", stdin=text([*LINES, ""])).stdout
        assert out == text([*(f"{t.score:.4f}\t{t.text}" for t in expected), "0.0000\t"])

    def test_n_best_lists_are_those_of_moses(self, bundle: Path, expected: list[Translation]) -> None:
        out = run("-m", bundle, "--n-best", 2, "--buffer", 2, stdin=text([*LINES, ""])).stdout
        lists = [f"{i} ||| {c.text} ||| {c.score:.4f}" for i, t in enumerate(expected) for c in t.n_best]
        assert out == text([*lists, "4 |||  ||| 0.0000"])

    def test_json_has_source_translation_score_and_tokens(self, bundle: Path, expected: list[Translation]) -> None:
        out = run("-m", bundle, "--json", stdin=text([f"{LINES[0]}\r", ""])).stdout_bytes.decode().split("\n")
        first = json.loads(out[0])
        assert list(first) == ["source", "translation", "score", "tokens", "short", "missing"]
        assert first["source"] == LINES[0]
        assert first["translation"] == expected[0].text
        assert first["tokens"] == expected[0].tokens
        assert first["score"] == pytest.approx(expected[0].score, abs=1e-5)
        assert json.loads(out[1]) == {
            "source": "",
            "translation": "",
            "score": 0.0,
            "tokens": [],
            "short": False,
            "missing": [],
        }
        assert out[2:] == [""]

    def test_json_has_the_n_best_as_a_list(self, bundle: Path, expected: list[Translation]) -> None:
        record = json.loads(run("-m", bundle, "--json", "--n-best", 2, stdin=text(LINES[:1])).stdout)
        assert [c["translation"] for c in record["n_best"]] == [c.text for c in expected[0].n_best]

    def test_unknown_fields_of_jsonl_pass_through(self, bundle: Path, expected: list[Translation]) -> None:
        records = [{"id": 7, "source": LINES[0], "meta": {"ä": [1, None]}}, {"source": ""}]
        stdin = text([json.dumps(record) for record in records])
        out = run("-m", bundle, "--input-format", "jsonl", "--json", stdin=stdin).stdout.splitlines()
        first = json.loads(out[0])
        assert list(first) == ["id", "source", "meta", "translation", "score", "tokens", "short", "missing"]
        assert (first["id"], first["meta"], first["translation"]) == (7, {"ä": [1, None]}, expected[0].text)
        assert json.loads(out[1])["translation"] == ""
        assert run("-m", bundle, "--input-format", "jsonl", stdin=stdin).stdout == text([expected[0].text, ""])

    def test_alignments_go_to_a_file_of_their_own(self, bundle: Path, expected: list[Translation]) -> None:
        lines = [LINES[0], "", *LINES[1:]]
        out = run("-m", bundle, "--alignments", "links", "--buffer", "2", stdin=text(lines)).stdout
        translations = [expected[0].text, "", *(t.text for t in expected[1:])]
        assert out == text(translations)
        aligner = Aligner.load(bundle, device="cpu", threads=1)
        wanted = [pharaoh(links or set()) for links in aligner.align(lines, translations)]
        assert Path("links").read_text() == text(wanted)
        assert wanted[1] == ""
        assert any(wanted)

    def test_greedy_search_is_a_beam_of_one(self, bundle: Path) -> None:
        greedy = Translator.load(bundle, device="cpu", threads=1).translate(LINES, beam_size=1)
        assert run("-m", bundle, "-b", 1, stdin=text(LINES)).stdout == text([t.text for t in greedy])


class TestMistakes:
    def test_no_model_or_several_are_refused(self, bundle: Path) -> None:
        assert "give a run directory, a checkpoint or a bundle with -m" in str(refused())
        error = refused("-m", bundle, "-m", bundle)
        assert "ensembles are not supported yet" in str(error)
        assert error.exit_code == 2

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["a.txt", "-i", "b.txt"], "two inputs, a.txt and b.txt: name one"),
            (["--scores", "--json"], "--scores and --json do not go together"),
            (["--alignments", "-"], "--alignments -: name another file, for the alignments alone"),
            (
                ["-o", "x", "--alignments", "x"],
                "-o x and --alignments x are the same file: give each a different file",
            ),
            (["--n-best", "9"], "n-best 9 exceeds the beam size 3; add --beam-size 9"),
        ],
    )
    def test_options_that_do_not_go_together_are_refused(
        self, bundle: Path, arguments: list[str], message: str
    ) -> None:
        error = refused("-m", bundle, *arguments)
        assert isinstance(error, ConfigError)
        assert message in str(error)

    def test_a_missing_input_is_named(self, bundle: Path) -> None:
        assert str(refused("-m", bundle, "none.txt")) == "none.txt: No such file or directory"

    def test_a_line_that_is_not_utf_8_is_named_and_leaves_no_file(self, bundle: Path) -> None:
        Path("in.txt").write_bytes(b"a\n\xff\n")
        assert "in.txt:2: byte 1 of the line is not UTF-8 (0xff)" in str(refused("-m", bundle, "in.txt", "-o", "out"))
        assert os.listdir() == ["in.txt"]  # noqa: PTH208

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("no json", "not JSON at column 1: Expecting value"),
            ("[1]", "'[1]' is not a JSON object"),
            ('{"text": "a"}', 'the object has no "source"; it has text'),
            ('{"source": 3}', '"source" is 3, which is not text'),
            ('{"source": "\\ud800"}', "half of a surrogate pair (\\ud800 to \\udfff), which is not a character"),
            ('{"source": "a", "source": "c"}', "'source' is given twice"),
            ("[" * 100_000, "values are nested too deeply"),
        ],
    )
    def test_a_line_that_is_no_object_with_a_source_is_named(self, bundle: Path, line: str, reason: str) -> None:
        Path("in.jsonl").write_text(f'{{"source": "a"}}\n{line}\n')
        error = refused("-m", bundle, "in.jsonl", "--buffer", 1, "-o", "out")  # by its name
        assert str(error).startswith(f"in.jsonl:2: {reason}")
        assert run("-m", bundle, "in.jsonl", "--input-format", "text").exit_code == 0

    def test_an_output_that_cannot_be_written_is_named(self, bundle: Path) -> None:
        Path("folder").mkdir()
        Path("file").write_text("")
        assert "folder: is a directory" in str(refused("-m", bundle, "-o", "folder", stdin="a\n"))
        assert "file/out: cannot write" in str(refused("-m", bundle, "-o", "file/out", stdin="a\n"))

    def test_a_device_is_written_to_and_stays_one(self, bundle: Path) -> None:
        assert run("-m", bundle, "-o", "/dev/null", stdin="a\n").exit_code == 0
        assert not Path("/dev/null").is_file()

    def test_a_damaged_bundle_is_named(self, bundle: Path) -> None:
        copy = shutil.copytree(bundle, Path("copy"))
        (copy / "model.safetensors").write_bytes(b"")
        error = refused("-m", copy, stdin="a\n")
        assert isinstance(error, CheckpointError)
        assert "model.safetensors: damaged" in str(error)

    def test_a_full_memory_says_what_to_lower(self, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def exhausted(*_: object, **__: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr("mtkit.model.encoder_decoder.EncoderDecoder.encode", exhausted)
        error = refused("-m", bundle, "--engine", "torch", "--batch-size", 48, stdin="a\n")
        assert isinstance(error, DeviceError)
        assert str(error) == "the GPU's memory is full; lower --batch-size (now 48 sentences)"


class TestStreams:
    """In processes of their own, with pipes that stay open."""

    @contextmanager
    def started(self, bundle: Path, *arguments: str) -> "Iterator[tuple[subprocess.Popen[str], IO[str], IO[str]]]":
        """The process, its stdin and its stdout."""
        command = [*COMMAND, "-m", str(bundle), "--threads", "1", *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                yield process, process.stdin, process.stdout
            finally:
                process.kill()

    def log(self, process: "subprocess.Popen[str]") -> list[str]:
        """Lines of stderr."""
        assert process.stderr is not None
        return process.stderr.read().splitlines()

    def test_each_line_is_answered_at_once_and_ctrl_c_ends_quietly(
        self, bundle: Path, expected: list[Translation]
    ) -> None:
        with self.started(bundle) as (process, stdin, stdout):
            for line, translation in zip(LINES[:2], expected[:2], strict=True):
                stdin.write(f"{line}\n")
                stdin.flush()
                assert stdout.readline() == f"{translation.text}\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
            assert len(self.log(process)) == 1  # what was chosen, and nothing more

    @pytest.mark.slow
    def test_a_reader_that_closes_the_pipe_ends_it_quietly(self, bundle: Path) -> None:
        with self.started(bundle, "--buffer", "1") as (process, stdin, stdout):
            stdin.write(text(LINES * 20))
            stdin.flush()
            assert stdout.readline()
            stdout.close()
            assert process.wait(60) == 0
            assert len(self.log(process)) == 1

    @pytest.mark.slow
    def test_an_error_is_one_line_and_an_exit_code(self) -> None:
        result = subprocess.run([*COMMAND, "-m", "none"], input="a\n", capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert result.stdout == ""
        assert result.stderr == ("mtkit: error: none: no such model; give a run directory, a checkpoint or a bundle\n")

    @pytest.mark.slow
    def test_a_closed_stdin_or_stdout_is_an_error_of_one_line(self, bundle: Path) -> None:
        arguments = " ".join(f"'{argument}'" for argument in [*COMMAND, "-m", str(bundle)])
        for redirection, message in (("<&-", "standard input is closed"), ("</dev/null >&-", "standard output is")):
            result = subprocess.run(
                f"{arguments} {redirection}", shell=True, capture_output=True, text=True, check=False
            )
            assert result.returncode == 1
            assert message in result.stderr
            assert "Traceback" not in result.stderr


def test_data_errors_after_the_first_lines_keep_those_lines(bundle: Path, expected: list[Translation]) -> None:
    result = run("-m", bundle, stdin=f"{LINES[0]}\n".encode() + b"\xff\n")
    assert isinstance(result.exception, DataError)
    assert result.stdout == f"{expected[0].text}\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_standard_output_is_one_line(bundle: Path) -> None:
    command = f'exec "{sys.executable}" -m mtkit -q translate -m "{bundle}" > /dev/full'
    done = subprocess.run(["sh", "-c", command], input="a b\n", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "mtkit: error: standard output: cannot write: No space left on device\n",
    )


@pytest.mark.parametrize("option", ["-o", "--alignments"])
def test_an_output_over_its_own_input_is_refused(option: str, bundle: Path, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("a b\n")
    assert "is an input too; choose another file" in str(
        refused("-m", bundle, "-i", text, option, tmp_path / "." / "text")
    )
    assert text.read_text() == "a b\n"


def test_ctranslate2_translates_without_torch(bundle: Path, expected: list[Translation]) -> None:
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); import mtkit.__main__"
    command = [sys.executable, "-c", f"{code}; mtkit.__main__.main()", "-q", "translate", "-m", str(bundle)]
    done = subprocess.run(command, input=text(LINES), capture_output=True, text=True, check=True)
    assert done.stdout == text([t.text for t in expected])
    assert not {"torch", "numpy", "yaml", "tqdm", "datasets", "pyarrow"} & set(done.stderr.split())


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_a_long_file_is_a_reason_to_measure_a_new_processor(bundle: Path, form: str) -> None:
    model = shutil.copytree(bundle, Path("model"))
    rates = {"1": {"float32": 1, "int8": 2}, "3": {"float32": 1, "int8": 2}}
    speeds = {"processor": "elsewhere", "threads": 1, "n_lines": 9, "lines_per_second": rates}
    with converted(load_bundle(model), "int8") as conversion:
        note_quality(conversion, {"loss": 0.0, "speed": speeds})
    line = LINES[0] if form == "text" else json.dumps({"source": LINES[0]})
    content = text([line] * MUCH)
    Path("in").write_text(content)
    flags = ("-m", model, "-b", 1, "--input-format", form)
    run(*flags, stdin=content)
    run(*flags, "in", "--precision", "int8")
    note = model / "ctranslate2" / "speeds.json"
    assert not note.exists()
    assert len(run(*flags, "in").stdout.splitlines()) == MUCH
    assert note.exists()


def test_either_engine_can_be_asked_for_and_no_other(bundle: Path) -> None:
    outputs = [
        run("-m", bundle, "--engine", engine, "--precision", "fp32", "--json", stdin=text(LINES)).stdout
        for engine in ("torch", "ctranslate2")
    ]
    tokens = [[json.loads(line)["tokens"] for line in output.splitlines()] for output in outputs]
    assert [len(each) for each in tokens] == [len(LINES), len(LINES)]
    assert run("-m", bundle, "--engine", "marian", stdin="a\n").exit_code == 2


def test_sigterm_leaves_no_half_written_file(bundle: Path, tmp_path: Path) -> None:
    """A process that waits for its input has opened its output already."""
    command = [*COMMAND, "-m", str(bundle), "--threads", "1", "-o", "out"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith(b"translating with")
            while not list(tmp_path.glob(".out.*")):
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 130
        finally:
            process.kill()
    assert list(tmp_path.iterdir()) == []
