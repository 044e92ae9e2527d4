import gzip
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from mtkit.cli import app
from mtkit.errors import ConfigError, DataError, MtkitError
from mtkit.forge import corpus
from mtkit.settings.resolve import Settings
from mtkit.translation.translator import Translator
from tests.tiny import LINES, save_tiny_bundle

TEXT = [*LINES, "", "A bird sings on the mat.", "  ", "Dogs do not sing."]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Translates from en to xx."""
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("text.en").write_text("".join(f"{line}\n" for line in TEXT))
    Path("text.xx").write_text("x\n" * len(TEXT))
    recipe("recipe.yaml", "en", "xx")
    recipe("back.yaml", "xx", "en")
    return tmp_path


def recipe(name: str, src_lang: str, tgt_lang: str) -> None:
    files = {"src": f"text.{src_lang}", "tgt": f"text.{tgt_lang}"}
    tree = {"data": {"src_lang": src_lang, "tgt_lang": tgt_lang, "train": files, "valid": files}}
    Path(name).write_text(yaml.safe_dump(tree))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["forge", *map(str, arguments), "--threads", "1", "--engine", "torch"])


def refused(*arguments: object) -> MtkitError:
    error = run(*arguments).exception
    assert isinstance(error, MtkitError), error
    return error


def lines_of(path: str) -> list[str]:
    return gzip.decompress(Path(path).read_bytes()).decode().split("\n")[:-1]


def usable(model: Path) -> list[tuple[str, str]]:
    """What the model itself makes of the text, where that can be trained on."""
    texts = [line for line in TEXT if line.strip()]
    found = Translator.load(model, engine="torch", threads=1).translate(texts)
    pairs = [(text, t.text) for text, t in zip(texts, found, strict=True) if t.finished and t.text.strip()]
    assert 0 < len(pairs) < len(texts)  # so that the test sees both
    return pairs


def test_a_teacher_translates_the_training_text(model: Path) -> None:
    result = run("distill", "recipe.yaml", "-m", model, "-o", "taught", "--shard-lines", 2)
    assert result.exit_code == 0, result.exception
    wanted = usable(model)
    assert list(zip(lines_of("taught/forged.en.gz"), lines_of("taught/forged.xx.gz"), strict=True)) == wanted
    manifest = json.loads(Path("taught/manifest.json").read_text())
    assert (manifest["n_pairs"], manifest["n_dropped"]) == (len(wanted), 6 - len(wanted))
    assert set(manifest["job"]["inputs"]) == {"text.en", "text.xx"}
    assert sorted(path.name for path in Path("taught").iterdir()) == [
        "forged.en.gz", "forged.xx.gz", "manifest.json", "source.yaml"
    ]  # fmt: skip
    (source,) = yaml.safe_load(Path("taught/source.yaml").read_text())
    assert source == {"src": "taught/forged.en.gz", "tgt": "taught/forged.xx.gz", "name": "taught"}
    assert f"{len(wanted)} pair" in result.stdout


def test_text_of_the_target_language_becomes_the_target_side(model: Path) -> None:
    result = run("backtranslate", "back.yaml", "-m", model, "-i", "text.en", "-o", "forged/bt")
    assert result.exit_code == 0, result.exception
    assert list(zip(lines_of("forged/bt/forged.en.gz"), lines_of("forged/bt/forged.xx.gz"), strict=True)) == usable(
        model
    )
    (source,) = yaml.safe_load(Path("forged/bt/source.yaml").read_text())
    assert source["src"] == "forged/bt/forged.xx.gz"
    assert source["tags"] == ["<bt>"]


@pytest.mark.parametrize(
    ("train", "before"),
    [
        ("{src: text.xx, tgt: text.en}", [{"src": "text.xx", "tgt": "text.en"}]),
        ("[{src: text.xx, tgt: text.en, weight: {0: 1, 20: 3}}]", [{"src": "text.xx", "tgt": "text.en"}]),
        ("more.tsv", [{"tsv": "more.tsv"}]),
        ("[more.tsv, {src: text.xx, tgt: text.en}]", [{"tsv": "more.tsv"}, {"src": "text.xx", "tgt": "text.en"}]),
    ],
)
def test_what_is_printed_takes_the_place_of_train_however_that_was_written(
    model: Path, train: str, before: list[dict[str, str]]
) -> None:
    Path("more.tsv").write_text("x\ty\n")
    head = "data:\n  src_lang: xx\n  tgt_lang: en\n"
    valid = "  valid: {src: text.xx, tgt: text.en}\n"
    Path("back.yaml").write_text(f"{head}  train: {train}\n{valid}")
    result = run("backtranslate", "back.yaml", "-m", model, "-i", "text.en", "-o", "bt")
    _, _, printed = result.stdout.partition("\n")
    Path("new.yaml").write_text(f"{head}{printed}{valid}")
    *old, new = Settings.load(Path("new.yaml")).config().data.train
    assert [source.model_dump(exclude_defaults=True, exclude={"weight"}) for source in old] == before
    assert (new.src, new.tgt, new.tags) == ("bt/forged.xx.gz", "bt/forged.en.gz", ["<bt>"])
    assert [source.weight for source in old] == [
        source.weight for source in Settings.load(Path("back.yaml")).config().data.train
    ]


def test_a_student_learns_from_its_teacher_alone(model: Path) -> None:
    printed = run("distill", "recipe.yaml", "-m", model, "-o", "taught").stdout.partition("\n")[2]
    assert yaml.safe_load(printed) == {"train": yaml.safe_load(Path("taught/source.yaml").read_text())}


def test_an_interrupted_job_goes_on_and_ends_as_if_nothing_had_been(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("distill", "recipe.yaml", "-m", model, "--shard-lines", 2)
    assert run(*command, "-o", "whole").exit_code == 0
    translate, n_asked = Translator.translate, 0

    def interrupted(self: Translator, texts: list[str], **options: object) -> object:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 3:
            raise KeyboardInterrupt
        return translate(self, texts, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Translator, "translate", interrupted)
    error = refused(*command, "-o", "torn")
    assert str(error) == "torn: 2 shards done; the same command goes on"
    assert error.exit_code == 75
    assert run(*command, "-o", "torn").exit_code == 0
    assert n_asked == 4
    for name in ("forged.en.gz", "forged.xx.gz"):
        assert (Path("torn") / name).read_bytes() == (Path("whole") / name).read_bytes()
    assert run(*command, "-o", "torn").exit_code == 0  # nothing to do
    assert n_asked == 4


def test_mistakes_are_one_line(model: Path) -> None:
    error = refused("backtranslate", "recipe.yaml", "-m", model, "-i", "text.xx", "-o", "out")
    assert isinstance(error, ConfigError)
    assert "the model translates en to xx: to backtranslate for a recipe from en to xx it must translate xx" in str(
        error
    )
    assert "it must translate xx to en" in str(refused("distill", "back.yaml", "-m", model, "-o", "out"))
    assert isinstance(refused("distill", "recipe.yaml", "-m", model, "-i", "none.en", "-o", "out"), DataError)
    Path("blank.en").write_text("\n \n")
    assert "no line of the input became a pair" in str(
        refused("distill", "recipe.yaml", "-m", model, "-i", "blank.en", "-o", "out")
    )
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("x")
    for more in ([], ["--overwrite"]):
        assert "mine: " in str(refused("distill", "recipe.yaml", "-m", model, "-o", "mine", *more))
    assert Path("mine/thesis.txt").exists()


def test_other_inputs_need_another_directory(model: Path) -> None:
    assert run("distill", "recipe.yaml", "-m", model, "-o", "out").exit_code == 0
    assert run("backtranslate", "back.yaml", "-m", model, "-i", "text.en", "-o", "bt").exit_code == 0
    Path("more.en").write_text("The bird is blue.\nThe mat is red.\n" + "\n".join(LINES))
    other = ("distill", "recipe.yaml", "-m", model, "-i", "more.en", "-o", "out")
    assert "out: made from something else (inputs changed); choose" in str(refused(*other))
    assert "(beam_size, tags changed)" in str(
        refused("backtranslate", "back.yaml", "-m", model, "-i", "text.en", "-o", "bt", "-b", 2, "--tag", "")
    )
    assert run(*other, "--overwrite").exit_code == 0
    assert corpus.MANIFEST in {path.name for path in Path("out").iterdir()}


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("text.xx", "text.xx: not a directory; choose another -o"),
        ("text.xx/new", "text.xx/new: cannot write there: Not a directory"),
        ("/proc/new", "/proc/new: cannot write there: No such file or directory"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line(model: Path, output: str, why: str) -> None:
    before = sorted(Path().rglob("*"))
    assert str(refused("distill", "recipe.yaml", "-m", model, "-o", output)) == why
    assert sorted(Path().rglob("*")) == before
