import json
import sys
from pathlib import Path

import pytest
import yaml

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.cli import main
from mtkit.training import starting
from mtkit.training.run import train
from tests.conftest import ToyTask
from tests.data.sources.formats.documents import tmx
from tests.tiny_foreign import save_foreign_bundle


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["mtkit", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.fixture
def files(toy_task: ToyTask, tmp_path: Path) -> tuple[Path, Path]:
    src, tgt = tmp_path / "my.num", tmp_path / "my.abc"
    src.write_bytes((toy_task.directory / "train.num").read_bytes())
    tgt.write_bytes((toy_task.directory / "train.abc").read_bytes())
    return src, tgt


def test_two_text_files_become_a_scored_model(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    src, tgt = files
    smaller = ["model.d_model=16", "model.d_ff=16", "model.n_encoder_layers=1", "model.n_decoder_layers=1"]
    smaller += ["training.max_updates=2", "tokenizer.type=char", "training.threads=1"]
    overrides = [word for setting in smaller for word in ("--set", setting)]
    command = ["train", "--src", src, "--tgt", tgt, "-o", tmp_path / "run", *overrides]
    assert run(monkeypatch, *command) == 0
    out, err = capsys.readouterr()
    assert "BLEU" in out
    assert "nrefs:1|case:mixed" in out
    assert f"mtkit translate -m {tmp_path / 'run'} -i FILE" in out
    assert "preset tiny: the corpus has" in err

    recipe = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert (recipe["data"]["src_lang"], recipe["data"]["tgt_lang"]) == ("num", "abc")
    bundle = json.loads((tmp_path / "run" / "model" / "mtkit.json").read_text())
    assert {score["name"] for score in bundle["scores"]["test"]} == {"BLEU", "chrF2"}
    assert all(score["signature"] for score in bundle["scores"]["test"])
    assert any(path.endswith("train.num") for path in bundle["data"])

    assert run(monkeypatch, *command) == 0
    again, err = capsys.readouterr()
    assert again == out
    assert "finished at update 2, nothing to do" in err


def test_a_preset_is_chosen_by_name(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    src, tgt = files
    command = ["train", "--src", src, "--tgt", tgt, "-o", tmp_path / "run", "--preset", "rnn-luong", "--print-config"]
    assert run(monkeypatch, *command) == 0
    shown = capsys.readouterr().out
    assert "model.preset: rnn-luong  # flag" in shown
    assert "model.input_feeding: true  # preset rnn-luong" in shown


def test_print_config_shows_every_setting_and_does_nothing(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "toy.yaml"
    config = toy_task.recipe(data__prepared=str(tmp_path / "prepared")).config()
    path.write_text(yaml.safe_dump({"data": config.model_dump(mode="json")["data"]}))
    arguments = ["train", "-c", path, "-o", tmp_path / "run", "--seed", 9, "--set", "model.d_ff=64", "--print-config"]
    assert run(monkeypatch, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "training.seed: 9  # flag" in lines
    assert "model.d_ff: 64  # --set" in lines
    assert f"data.src_lang: num  # {path}" in lines
    assert "training.label_smoothing: 0.1  # default" in lines
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "prepared").exists()


def test_print_config_of_two_text_files_writes_nothing(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    command = ["train", "--src", files[0], "--tgt", files[1], "-o", tmp_path / "run", "--overwrite", "--print-config"]
    assert run(monkeypatch, *command, "--seed", 9) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "training.seed: 9  # flag" in lines
    assert "data.src_lang: num  # mtkit train --src" in lines
    assert "name: run  # mtkit train --src" in lines
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "extra", [{"training": {"schedule": "cosine", "max_updates": 3000}}, {"model": {"d_model": 100}}]
)
def test_a_recipe_that_is_valid_for_its_corpus_alone_is_accepted(
    extra: dict[str, object],
    toy_task: ToyTask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "toy.yaml"
    data = toy_task.recipe(data__prepared=str(tmp_path / "prepared")).config().model_dump(mode="json")["data"]
    path.write_text(yaml.safe_dump({"data": data, "tokenizer": {"type": "word"}} | extra))
    for command in (["train", "-c", path], ["preprocess", path]):
        assert run(monkeypatch, *command, "--print-config") == 0
    assert run(monkeypatch, "preprocess", path) == 0
    capsys.readouterr()
    assert run(monkeypatch, "train", "-c", path, "--print-config") == 0
    assert "training.warmup_updates: 1000  # preset tiny" in capsys.readouterr().out


def test_average_writes_a_bundle_that_translates(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mtkit.training.run import train

    train(toy_task.recipe(), tmp_path / "run")
    averaged = tmp_path / "averaged"
    assert run(monkeypatch, "average", tmp_path / "run", "--last", 3, "-o", averaged) == 0
    assert capsys.readouterr().out == f"averaged updates 6, 9, 12 into {averaged}\n"
    (tmp_path / "in").write_text("1 2 3\n\n4 5\n")
    assert run(monkeypatch, "translate", "-m", averaged, "-i", tmp_path / "in", "--threads", 1) == 0
    assert len(capsys.readouterr().out.split("\n")) == 4
    assert run(monkeypatch, "average", tmp_path / "run", "--last", 3, "-o", averaged) == 2
    assert "exists; choose another -o, or --overwrite" in capsys.readouterr().err
    (tmp_path / "file").write_text("mine")
    for output, reason in ((tmp_path / "run", "exists and is not a bundle"), (tmp_path / "file", "not a directory")):
        assert run(monkeypatch, "average", tmp_path / "run", "--last", 1, "-o", output, "--overwrite") == 2
        assert f"{output}: {reason}; choose another -o" in capsys.readouterr().err
    assert (tmp_path / "run" / "checkpoints").is_dir()
    assert (tmp_path / "file").read_text() == "mine"
    assert run(monkeypatch, "average", tmp_path / "run", "--last", 1, "-o", averaged, "--overwrite") == 0
    assert run(monkeypatch, "average", tmp_path / "run", "--last", 1, "-o", tmp_path / "file" / "x") == 1
    assert f"{tmp_path / 'file' / 'x'}: cannot write" in capsys.readouterr().err
    assert run(monkeypatch, "average", tmp_path / "run", "--last", 30, "-o", tmp_path / "more") == 1
    said = "has 4 checkpoints to choose from, not 30: use --last 4, or train with training.keep_last: 30"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        ("0", "--minutes: must be at least 1e-06 (got 0.0)"),
        ("-5", "--minutes: must be at least 1e-06 (got -5.0)"),
        ("nan", "--minutes: "),
        ("ten", "--minutes ten: is not a number"),
    ],
)
def test_wrong_minutes_are_refused_at_once(
    files: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    minutes: str,
    message: str,
) -> None:
    command = ["train", "--src", files[0], "--tgt", files[1], "-o", tmp_path / "run", "--minutes", minutes]
    assert run(monkeypatch, *command) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_no_time_to_train_in_is_one_line_that_says_what_to_type(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--src", files[0], "--tgt", files[1], "-o", tmp_path / "run", "--minutes", "1e-6"]
    command += ["--set", "tokenizer.type=char", "--set", "model.d_model=16", "--threads", 1]
    assert run(monkeypatch, *command) == 1
    err = capsys.readouterr().err
    assert "nothing of 1e-06 minutes was left for the first update" in err
    assert "give the run more time with --minutes" in err
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("place", ["my.num/run", "/proc/run"])
def test_a_place_that_cannot_be_written_is_found_before_any_work(
    place: str,
    files: tuple[Path, Path],
    toy_task: ToyTask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    config = toy_task.recipe(data__prepared="prepared").config()
    Path("toy.yaml").write_text(yaml.safe_dump({"data": config.model_dump(mode="json")["data"]}))
    before = sorted(Path().rglob("*"))
    for what in (["toy.yaml"], ["--src", *files[:1], "--tgt", *files[1:]]):
        assert run(monkeypatch, "train", *what, "-o", place) == 1
        assert capsys.readouterr().err.startswith(f"mtkit: error: {place}: cannot write there: No")
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("mistyped", [("--set", "model.dropot=0.3"), ("--preset", "smal"), ("--minutes", "0")])
def test_what_is_mistyped_is_told_before_a_run_is_begun(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistyped: tuple[str, str]
) -> None:
    assert run(monkeypatch, "train", "--src", files[0], "--tgt", files[1], "-o", tmp_path / "run", *mistyped) == 2
    assert not (tmp_path / "run").exists()


def test_a_file_of_pairs_becomes_a_scored_model(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(zip(*(path.read_text().splitlines() for path in files), strict=True))
    (tmp_path / "my.tmx").write_text(tmx(rows, src_lang="num", tgt_lang="abc"))
    smaller = ["model.d_model=16", "model.d_ff=16", "model.n_encoder_layers=1", "model.n_decoder_layers=1"]
    smaller += ["training.max_updates=2", "tokenizer.type=char", "training.threads=1"]
    overrides = [word for setting in smaller for word in ("--set", setting)]
    command = ["train", tmp_path / "my.tmx", "-o", tmp_path / "run", *overrides]
    assert run(monkeypatch, *command) == 0
    assert "BLEU" in capsys.readouterr().out
    recipe = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert (recipe["data"]["src_lang"], recipe["data"]["tgt_lang"]) == ("num", "abc")
    assert run(monkeypatch, *command) == 0
    assert "finished at update 2, nothing to do" in capsys.readouterr().err


def test_given_sets_take_the_place_of_what_is_held_out(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    src, tgt = files
    sets = {
        flag: path for place in ("valid", "test") for flag, path in ((f"--{place}-src", src), (f"--{place}-tgt", tgt))
    }
    flags = [word for flag, path in sets.items() for word in (flag, path)]
    shown = {}
    for n in (0, 4, 8):
        command = ["train", "--src", src, "--tgt", tgt, "-o", tmp_path / "run", *flags[:n], "--print-config"]
        assert run(monkeypatch, *command) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("data.")]
        shown[n] = {line.partition(":")[0]: f"{src}," in line for line in lines}
    places = ("data.train", "data.valid", "data.test")
    assert [[shown[n][place] for place in places] for n in (0, 4, 8)] == [[False] * 3, [False, True, False], [True] * 3]
    assert run(monkeypatch, "train", "--src", src, "--tgt", tgt, "-o", "x", "--valid-tgt", tgt) == 2
    assert "--valid-src and --valid-tgt go together" in capsys.readouterr().err
    assert run(monkeypatch, "train", "--src", src, "--tgt", tgt, "-o", "x", "--test-src", src) == 2
    assert "--test-src and --test-tgt go together: name both files, or one file of pairs" in capsys.readouterr().err
    assert run(monkeypatch, "train", "r.yaml", "--test-src", src) == 2
    assert "--test-src goes with --src; a recipe names its own sets under data.test" in capsys.readouterr().err


def test_a_file_of_pairs_that_names_no_languages_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.tmx").write_text(tmx([]))
    for command in ("train", "preprocess", "doctor"):
        output = [] if command == "doctor" else ["-o", tmp_path / "run"]
        for named in (["--src", tmp_path / "m.tmx"], [tmp_path / "m.tmx"], ["-c", tmp_path / "m.tmx"]):
            assert run(monkeypatch, command, *named, *output) == 2
            err = capsys.readouterr().err
            assert "m.tmx: names no languages; say which with --src-lang" in err
            assert err.count("\n") == 1
        assert run(monkeypatch, command, tmp_path / "m.tmx", "--src", tmp_path / "m.tmx", *output) == 2
        assert "two corpora" in capsys.readouterr().err


def test_a_model_is_fitted_to_two_text_files(
    toy_task: ToyTask,
    files: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = tmp_path / "base"
    train(toy_task.recipe(), base)
    src, tgt = files
    command = ["train", "--src", src, "--tgt", tgt, "--from", base, "-o", tmp_path / "run"]
    assert run(monkeypatch, *command, "--keep-test", src) == 2
    assert "--keep-test and --keep-test-tgt go together" in capsys.readouterr().err
    kept = [toy_task.directory / f"valid.{side}" for side in ("num", "abc")]
    command += ["--keep-test", kept[0], "--keep-test-tgt", kept[1], "--set"]
    assert run(monkeypatch, *command, "training.max_updates=3", "--print-config") == 0
    shown = capsys.readouterr().out
    assert f"training.from: {base}  # flag" in shown
    assert f"model.d_model: 32  # model {base}" in shown
    assert "training.learning_rate: 0.001  # fine-tuning" in shown
    assert "training.max_updates: 3  # --set" in shown
    assert run(monkeypatch, *command, "model.d_model=64") == 2
    assert f"mtkit: error: --set: model.d_model: 64 here, 32 in {base}: the model comes" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    read: list[Path] = []

    def reading(path: Path) -> Bundle:
        read.append(path)
        return load_bundle(path)

    monkeypatch.setattr(starting, "load_bundle", reading)
    assert run(monkeypatch, *command, "training.max_updates=3") == 0
    out, err = capsys.readouterr()
    assert read == [base]  # its weights are hashed once
    assert "BLEU" in out
    assert f"starting from {base}" in err
    table = out[out.index(f"before and after, from {base}:") :]
    assert "old test set valid, 20 lines (*)" in table
    assert run(monkeypatch, "describe", "-m", tmp_path / "run") == 0
    assert table.partition("the model:")[0].strip() in capsys.readouterr().out
    hyp = ["report", "--hyp", kept[1], "-r", kept[1], "--run", tmp_path / "run", "-o", tmp_path / "page.html", "--json"]
    assert run(monkeypatch, *hyp) == 0
    (tuning,) = json.loads(capsys.readouterr().out)["tunings"]
    assert (tuning["base"], tuning["sets"][0]["kind"]) == (str(base), "new")
    assert "Before and after fine-tuning" in (tmp_path / "page.html").read_text()
    assert run(monkeypatch, *command, "training.max_updates=3") == 0
    again, err = capsys.readouterr()
    assert again == out
    assert "finished at update 3, nothing to do" in err
    prepare = ["preprocess", "--src", src, "--tgt", tgt, "-o", tmp_path / "prepared", "--set", f"training.from={base}"]
    assert run(monkeypatch, *prepare) == 0
    assert "vocabulary: 24 pieces for both languages, word" in capsys.readouterr().out
    other = [tmp_path / "none" if word == base else word for word in command]
    assert run(monkeypatch, *other, "training.max_updates=3", "--overwrite") == 1
    assert "none: no such model" in capsys.readouterr().err
    assert (tmp_path / "run" / "model").exists()


def test_what_a_model_cannot_be_fitted_to_is_told_before_anything_is_written(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = save_foreign_bundle(tmp_path / "base", needed=True, max_length=120)
    src, tgt = files
    command = ["train", "--src", src, "--tgt", tgt, "-o", tmp_path / "run", "--from", base, "-s", "en", "-t"]
    kept = ["--keep-test", src, "--keep-test-tgt"]
    (tmp_path / "short").write_text("a\n")
    for wrong, told in (
        (["it"], f"data.tgt_lang: it: {base} was not trained on it; it knows "),
        (["fr", "--set", "training.freeze=encoders"], "training.freeze: encoders: the model has nothing of this name"),
        (["fr", *kept, tmp_path / "short"], "short"),
        (["fr", *kept, "/dev/zero"], "/dev/zero: a pipe, a socket or a device, not a file"),
    ):
        assert run(monkeypatch, *command, *wrong) in (1, 2)
        err = capsys.readouterr().err
        assert told in err
        assert err.count("\n") == 1
        assert not (tmp_path / "run").exists()
    del command[7:9]
    assert run(monkeypatch, *command, "fr", *kept, tgt) == 2
    err = capsys.readouterr().err
    assert "--keep-test: needs the model that it is of: name it with training.from, or --from MODEL" in err
    assert "SourceConfig" not in err
    assert not (tmp_path / "run").exists()
