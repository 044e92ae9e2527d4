import json
from pathlib import Path

import pytest

from mtkit.data.sources.named_corpus import named_corpus
from mtkit.errors import CheckpointError, ConfigError, DataError
from mtkit.training.quickstart import Given, write_recipe
from mtkit.training.saving.run_directory import sole_user


def cut(folder: Path, run_dir: Path, *, text: str = "line", overwrite: bool = False) -> Path:
    """Writes 100 pairs of ``text`` and starts from them in ``run_dir``."""
    files = folder / "my.en", folder / "my.de"
    for path in files:
        path.write_text("".join(f"{text} {n}\n" for n in range(100)))
    return write_recipe(Given(named_corpus(files[:1], files[1:], None, None)), run_dir, overwrite=overwrite)


def content(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("leftover", [".corpus.partial/train.en", ".recipe.yaml.x1y2", ".config.yaml.x1y2", ".lock"])
def test_what_a_killed_process_left_half_written_is_no_obstacle(tmp_path: Path, leftover: str) -> None:
    path = tmp_path / "run" / leftover
    path.parent.mkdir(parents=True)
    path.write_text("half")
    assert cut(tmp_path, tmp_path / "run").exists()


def test_a_process_killed_before_the_recipe_was_written_is_no_obstacle(tmp_path: Path) -> None:
    recipe = cut(tmp_path, tmp_path / "run")
    before = recipe.read_bytes()
    recipe.unlink()
    assert cut(tmp_path, tmp_path / "run").read_bytes() == before


def test_overwrite_cuts_other_files_anew(tmp_path: Path) -> None:
    cut(tmp_path, tmp_path / "run")
    (tmp_path / "run" / "prepared").mkdir()
    (tmp_path / "run" / "prepared" / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="run: was started with different --src and --tgt files"):
        cut(tmp_path, tmp_path / "run", text="other")
    cut(tmp_path, tmp_path / "run", text="other", overwrite=True)
    assert (tmp_path / "run" / "corpus" / "train.en").read_text().startswith("other")
    assert not (tmp_path / "run" / "prepared").exists()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("theirs", "beside_ours"),
    [
        ("thesis.tex", False),
        ("recipe.yaml", False),
        ("corpus/mine.en", False),
        ("prepared/mine.bin", False),
        ("recipe.yaml", True),
        ("prepared/mine.bin", True),
    ],
)
def test_what_belongs_to_somebody_else_is_left_alone(
    tmp_path: Path, theirs: str, beside_ours: bool, overwrite: bool
) -> None:
    run_dir = tmp_path / "run"
    if beside_ours:
        cut(tmp_path, run_dir)
    path = run_dir / theirs
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("data: {src_lang: en}\n")
    before = content(run_dir)
    with pytest.raises(ConfigError, match="not empty, and not a run of mtkit; choose another -o"):
        cut(tmp_path, run_dir, overwrite=overwrite)
    assert content(run_dir) == before


@pytest.mark.parametrize("text", ["", "# Written by mt"])
def test_a_torn_recipe_or_origin_is_written_again(tmp_path: Path, text: str) -> None:
    cut(tmp_path, tmp_path / "run")
    before = content(tmp_path / "run")
    (tmp_path / "run" / "recipe.yaml").write_text(text)
    (tmp_path / "run" / "corpus" / "origin.json").write_text("")
    cut(tmp_path, tmp_path / "run")
    assert content(tmp_path / "run") == before


def test_nothing_is_deleted_under_a_run_that_is_being_trained(tmp_path: Path) -> None:
    cut(tmp_path, tmp_path / "run")
    before = content(tmp_path / "run")
    with sole_user(tmp_path / "run"), pytest.raises(CheckpointError, match="another mtkit train is at work there"):
        cut(tmp_path, tmp_path / "run", text="other", overwrite=True)
    assert content(tmp_path / "run") == before
    assert json.loads((tmp_path / "run" / "corpus" / "origin.json").read_text())["seed"] == 1


def test_a_file_in_place_of_the_run_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ConfigError, match=r"run: not a directory; choose another -o"):
        cut(tmp_path, tmp_path / "run")
