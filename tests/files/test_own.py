from pathlib import Path

import pytest

from mtkit.errors import ConfigError
from mtkit.files.outputs import check_outputs
from mtkit.files.own import owner_of


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with its model and corpus, by their names alone."""
    for name in (
        *(".mtkit", "config.yaml", "tokenizer.model", "test.hyp.de", "checkpoints/update-1/model.safetensors"),
        "checkpoints/update-1/manifest.json",
        *("checkpoints/update-1/state.json", "model/mtkit.json", "model/model.safetensors", "model/out.txt"),
        *("model/ctranslate2/int8/model.bin", "model/ctranslate2/int8/conversion.json"),
        *(
            "base.json",
            "before.json",
            "base_tokenizer/tokenizer.model",
            "origin/config.json",
            "model/origin/vocab.json",
        ),
        *("model/origin/source.spm", "model/origin/tokenizer_config.json", "model/origin/README.md"),
        *("adapter/adapter_config.json", "adapter/adapter_model.safetensors"),
        *("prepared/manifest.json", "prepared/train/data-00000-of-00001.arrow"),
    ):
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("model/mtkit.json", "model"),
        ("model/model.safetensors", "model"),
        ("model/ctranslate2/int8/model.bin", "model"),
        ("model/ctranslate2/int8/conversion.json", "model"),
        ("config.yaml", "run"),
        ("tokenizer.model", "run"),
        ("base.json", "run"),
        ("before.json", "run"),
        ("base_tokenizer/tokenizer.model", "run"),
        ("adapter/adapter_config.json", "run"),
        ("adapter/adapter_model.safetensors", "run"),
        ("origin/config.json", "run"),
        ("model/origin/vocab.json", "model"),
        ("model/origin/source.spm", "model"),
        ("model/origin/tokenizer_config.json", "model"),
        ("model/origin/README.md", "model"),
        (".mtkit", "run"),
        ("checkpoints/update-1/model.safetensors", "checkpoint"),
        ("checkpoints/update-1/state.json", "checkpoint"),
        ("prepared/train/data-00000-of-00001.arrow", "corpus"),
        ("prepared/manifest.json", "corpus"),
    ],
)
def test_results_do_not_take_the_place_of_what_a_model_is_made_of(run: Path, name: str, owner: str) -> None:
    (run.parent / "link").symlink_to(run / name)
    for path in (run / name, run.parent / "link"):
        with pytest.raises(ConfigError, match=rf"^-o {path}: belongs to the {owner} in .*; choose another file$"):
            check_outputs({"-o": path})


@pytest.mark.parametrize("name", ["test.hyp.de", "new.txt", "model/out.txt", "model/new.json", "../config.yaml"])
def test_other_files_may_lie_beside_them(run: Path, name: str) -> None:
    (run.parent / "config.yaml").write_text("of somebody's own")
    assert owner_of(run / name) is None
    check_outputs({"-o": run / name})
