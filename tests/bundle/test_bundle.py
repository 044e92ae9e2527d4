import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import Bundle, load_bundle, with_bundle
from mtkit.data.tokens.training import train_tokenizer
from mtkit.errors import CheckpointError, DeviceError, VocabularyError
from mtkit.files.reading import sha256_file
from mtkit.files.whole import write_json
from mtkit.model.weights import model_tensors
from mtkit.settings.resolve import dump_config
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.translation.translator import Translator
from tests.tiny import LINES, MAX_SRC_TOKENS, save_tiny_bundle, tiny_config


@pytest.fixture
def copy(bundle_directory: Path, tmp_path: Path) -> Path:
    """A bundle to damage."""
    return shutil.copytree(bundle_directory, tmp_path / "model")


def change_manifest(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((bundle / "mtkit.json").read_text())
    change(manifest)
    (bundle / "mtkit.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("setting", "value"), [("architecture", "mamba"), ("decoder_attention", "retention"), ("n_experts", 8)]
)
def test_a_kind_of_model_that_this_version_does_not_know_is_one_clear_line(
    copy: Path, setting: str, value: object
) -> None:
    change_manifest(copy, lambda manifest: manifest["model"].update({setting: value}))
    with pytest.raises(
        CheckpointError, match=f"does not know this kind of model .*{setting}.*; use the version"
    ) as caught:
        load_bundle(copy)
    assert "\n" not in str(caught.value)


def test_a_bundle_says_where_its_model_comes_from(bundle_directory: Path) -> None:
    metadata = json.loads((bundle_directory / "mtkit.json").read_text())
    assert metadata["format_version"] == 1
    assert (metadata["src_lang"], metadata["tgt_lang"]) == ("en", "xx")
    assert metadata["data"] == {"train.en": "0" * 64}
    assert metadata["scores"] == {"test": [{"bleu": 12.5}]}
    assert metadata["updates"] == [7]
    assert metadata["config"] == tiny_config().model_dump(mode="json")
    assert metadata["files"] == {
        name: sha256_file(bundle_directory / name) for name in ("model.safetensors", "tokenizer.model")
    }


def test_a_bundle_may_be_moved(bundle_directory: Path, copy: Path) -> None:
    moved = copy.rename(copy.with_name("elsewhere"))
    expected = Translator.load(bundle_directory, device="cpu", threads=1).translate(LINES)
    assert Translator.load(moved, device="cpu", threads=1).translate(LINES) == expected


def test_two_vocabularies_are_kept_apart(tmp_path: Path) -> None:
    path = save_tiny_bundle(tmp_path / "model", joint=False)
    assert {"tokenizer.src.model", "tokenizer.tgt.model"} < {file.name for file in path.iterdir()}
    assert len(Translator.load(path, device="cpu", threads=1).translate(LINES)) == len(LINES)


def test_the_longest_source_is_that_of_training(bundle_directory: Path) -> None:
    assert load_bundle(bundle_directory).max_src_tokens == MAX_SRC_TOKENS


class TestDamage:
    def test_no_such_model(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"none: no such model; give a run directory, a checkpoint or a bun"):
            load_bundle(tmp_path / "none")
        with pytest.raises(CheckpointError, match="holds no model"):
            load_bundle(tmp_path)

    @pytest.mark.parametrize("weights", ["model.safetensors", "model.bin"])
    def test_an_export_for_other_programs(self, tmp_path: Path, weights: str) -> None:
        for name in (weights, "config.json"):
            (tmp_path / name).write_bytes(b"{}")
        with pytest.raises(CheckpointError, match="is an export for other programs; name the run or model"):
            load_bundle(tmp_path)

    @pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.model"])
    def test_a_changed_file(self, copy: Path, name: str) -> None:
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=rf"{name}: damaged \(its sha256"):
            load_bundle(copy)

    def test_a_missing_file(self, copy: Path) -> None:
        (copy / "model.safetensors").unlink()
        with pytest.raises(CheckpointError, match=r"model\.safetensors: missing"):
            load_bundle(copy)

    def test_a_newer_format(self, copy: Path) -> None:
        change_manifest(copy, lambda m: m.update(format_version=2, mtkit_version="9.1"))
        message = r"mtkit\.json: made by mtkit 9\.1, format 2; this mtkit reads up to 1; update mtkit"
        with pytest.raises(CheckpointError, match=message):
            load_bundle(copy)

    def test_a_torn_manifest(self, copy: Path) -> None:
        (copy / "mtkit.json").write_text('{"format_version": 1, "mod')
        with pytest.raises(CheckpointError, match=r"mtkit\.json: not valid JSON"):
            load_bundle(copy)

    @pytest.mark.parametrize("key", ["format_version", "files", "model", "src_lang", "max_src_tokens"])
    def test_a_manifest_that_lacks_something(self, copy: Path, key: str) -> None:
        change_manifest(copy, lambda m: m.pop(key))
        with pytest.raises(CheckpointError, match=rf"mtkit\.json: damaged: .*{key}"):
            load_bundle(copy)

    def test_a_file_outside_the_bundle(self, copy: Path) -> None:
        secret = copy.with_name("secret")
        secret.write_text("a file of somebody else's")
        change_manifest(copy, lambda m: m["files"].update({"../secret": sha256_file(secret)}))
        with pytest.raises(CheckpointError, match="secret: missing"):
            load_bundle(copy)

    def test_weights_of_another_model(self, copy: Path) -> None:
        change_manifest(copy, lambda m: m["model"].update(d_ff=64))
        with pytest.raises(CheckpointError, match=r"the shape of .* belongs to another model"):
            load_bundle(copy).build_model()

    def test_a_tokenizer_of_another_model(self, copy: Path) -> None:
        change_manifest(copy, lambda m: m.update(tgt_vocab_size=7))
        with pytest.raises(CheckpointError, match="the tokenizer is not the one that the model was trained with"):
            load_bundle(copy)


class TestRunDirectory:
    @pytest.fixture
    def run_dir(self, bundle_directory: Path, tmp_path: Path) -> Path:
        """A run whose checkpoint 20 is the tiny model, and whose checkpoint 10 is another."""
        run_dir = tmp_path / "run"
        run_dir.mkdir()
        (run_dir / "config.yaml").write_text(dump_config(tiny_config()))
        shutil.copy(bundle_directory / "tokenizer.model", run_dir)
        model = load_bundle(bundle_directory).build_model()
        for update in (20, 10):
            checkpoint = run_dir / "checkpoints" / f"update-{update:08d}"
            checkpoint.mkdir(parents=True)
            weights = checkpoint / "model.safetensors"
            save_file(model_tensors(model), weights)
            files = {weights.name: {"size": weights.stat().st_size, "sha256": sha256_file(weights)}}
            write_json(checkpoint / "manifest.json", {"format_version": 1, "update": update, "files": files})
            with torch.no_grad():
                model.tgt_embedding.tokens.weight.neg_()
        (run_dir / "last").symlink_to("checkpoints/update-00000020")
        return run_dir

    def translations(self, path: Path) -> list[str]:
        return [t.text for t in Translator.load(path, device="cpu", threads=1).translate(LINES)]

    def test_one_checkpoint_of_it(self, run_dir: Path, translator: Translator) -> None:
        expected = [t.text for t in translator.translate(LINES)]
        assert self.translations(run_dir / "checkpoints" / "update-00000020") == expected
        assert self.translations(run_dir / "last") == expected
        assert self.translations(run_dir / "checkpoints" / "update-00000010") != expected

    def test_its_best_comes_before_its_last_and_its_bundle_before_both(
        self, run_dir: Path, bundle_directory: Path, translator: Translator
    ) -> None:
        expected = [t.text for t in translator.translate(LINES)]
        assert self.translations(run_dir) == expected
        (run_dir / "best").symlink_to("checkpoints/update-00000010")
        assert self.translations(run_dir) != expected
        shutil.copytree(bundle_directory, run_dir / "model")
        assert self.translations(run_dir) == expected

    def test_without_a_checkpoint(self, run_dir: Path) -> None:
        (run_dir / "last").unlink()
        with pytest.raises(CheckpointError, match="this run has no checkpoint yet"):
            load_bundle(run_dir)

    def test_damaged_weights(self, run_dir: Path) -> None:
        (run_dir / "last" / "model.safetensors").write_bytes(b"torn")
        with pytest.raises(CheckpointError, match=r"update-00000020/model\.safetensors: damaged"):
            load_bundle(run_dir)

    def test_a_checkpoint_torn_from_its_run(self, run_dir: Path, tmp_path: Path) -> None:
        alone = shutil.copytree(run_dir / "last", tmp_path / "alone")
        with pytest.raises(CheckpointError, match="a checkpoint is read where it was trained"):
            load_bundle(alone)

    def test_a_lost_tokenizer(self, run_dir: Path) -> None:
        (run_dir / "tokenizer.model").unlink()
        with pytest.raises(VocabularyError, match="tokenizer"):
            load_bundle(run_dir)

    @pytest.mark.parametrize("is_loaded", [False, True])
    def test_a_checkpoint_that_training_deletes_while_it_is_read_gives_way_to_the_next(
        self, run_dir: Path, is_loaded: bool
    ) -> None:
        seen = []

        def load(bundle: Bundle) -> int:
            seen.append(bundle.directory.name)
            if len(seen) == 1:
                shutil.rmtree(bundle.directory)
                (run_dir / "last").unlink()
                (run_dir / "last").symlink_to("checkpoints/update-00000010")
            return bundle.build_model().n_parameters()

        found = with_bundle(load_bundle(run_dir) if is_loaded else run_dir, load)
        assert found == load_bundle(run_dir).n_parameters()
        assert seen == ["update-00000020", "update-00000010"]

    def test_an_error_of_a_model_that_is_there_is_told_at_once(self, run_dir: Path) -> None:
        def load(_: Bundle) -> None:
            raise DeviceError("no such device")

        with pytest.raises(DeviceError, match="no such device"):
            with_bundle(run_dir, load)


def rehash(bundle: Path) -> None:
    """Note the hashes of the files as they are now."""
    change_manifest(bundle, lambda m: m["files"].update({name: sha256_file(bundle / name) for name in m["files"]}))


class TestLies:
    """What stands in ``mtkit.json`` is held against the weights before anything is made of it."""

    @pytest.mark.parametrize(
        ("sizes", "message"),
        [
            ({"d_model": 65_536, "n_heads": 1}, r"the shape of tgt_embedding.tokens.weight is .* another model"),
            ({"d_ff": 1_048_576}, "the shape of .* belongs to another model"),
            ({"n_encoder_layers": 1_000, "n_decoder_layers": 1_000}, "lacks weight .* belongs to another model"),
            ({"n_encoder_layers": 10**9}, "does not know this kind of model"),
            ({"d_ff": 10**12}, "does not know this kind of model"),
            ({"max_length": 10**9}, "does not know this kind of model"),
            ({"d_model": 15}, "does not know this kind of model"),
            ({"tie_embeddings": "all"}, "has an unknown weight .* belongs to another model"),
        ],
        ids=str,
    )
    def test_sizes_that_the_weights_do_not_have(self, copy: Path, sizes: dict[str, Any], message: str) -> None:
        change_manifest(copy, lambda m: m["model"].update(sizes))
        for engine in ("torch", "ctranslate2"):
            with pytest.raises(CheckpointError, match=message) as caught:
                Translator.load(copy, engine=engine, device="cpu", threads=1)
            assert "\n" not in str(caught.value)

    def test_sizes_of_hundreds_of_gigabytes_are_not_allocated(self, copy: Path) -> None:
        change_manifest(copy, lambda m: m["model"].update(d_ff=1 << 20, n_encoder_layers=1_000))
        code = f"from mtkit.bundle.bundle import load_bundle; load_bundle(__import__('pathlib').Path({str(copy)!r})"
        done = subprocess.run(
            ["bash", "-c", f'ulimit -v 8000000; exec {sys.executable} -c "{code}).build_model()"'],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "belongs to another model" in done.stderr
        assert "allocate" not in done.stderr

    def test_another_architecture(self, copy: Path) -> None:
        change_manifest(copy, lambda m: m["model"].update(architecture="rnn", d_ff=2048))
        with pytest.raises(CheckpointError, match="belongs to another model"):
            Translator.load(copy, engine="torch", device="cpu", threads=1)

    @pytest.mark.parametrize(
        "change",
        [
            {"files": {}},
            {"files": []},
            {"files": {"model.safetensors": 3}},
            {"files": {"model.safetensors": "0" * 64}},
            {"format_version": "1"},
            {"format_version": True},
            {"format_version": 0},
            {"format_version": None},
            {"src_lang": None},
            {"tgt_lang": ["xx"]},
            {"max_src_tokens": "28"},
            {"max_src_tokens": 0},
            {"max_src_tokens": -5},
            {"max_src_tokens": 1e400},
            {"src_vocab_size": "60"},
            {"tgt_vocab_size": 0},
            {"decoding": None},
            {"decoding": {"beam_size": 0}},
            {"decoding": {"beam_size": 10**9}},
            {"decoding": {"beam_sise": 5}},
            {"model": []},
            {"model": None},
        ],
        ids=str,
    )
    def test_values_of_another_kind(self, copy: Path, change: dict[str, Any]) -> None:
        change_manifest(copy, lambda m: m.update(change))
        with pytest.raises(CheckpointError, match=r"mtkit\.json") as caught:
            load_bundle(copy)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "content", [b"", b"[]", b"null", b"3", b'"x"', b"[" * 100_000, b"\xff", b'{"a": 1, "a": 2}', b"9" * 5_000]
    )
    def test_no_manifest_at_all(self, copy: Path, content: bytes) -> None:
        (copy / "mtkit.json").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"mtkit\.json") as caught:
            load_bundle(copy)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["mtkit.json", "model.safetensors", "tokenizer.model"])
    @pytest.mark.parametrize("kind", ["pipe", "zero", "directory"])
    def test_something_else_in_the_place_of_a_file(self, copy: Path, name: str, kind: str) -> None:
        (copy / name).unlink()
        if kind == "pipe":
            os.mkfifo(copy / name)
        elif kind == "zero":
            (copy / name).symlink_to("/dev/zero")
        else:
            (copy / name).mkdir()
        with pytest.raises((CheckpointError, VocabularyError), match=name.replace(".", r"\.")):
            load_bundle(copy)

    def test_weights_blown_up_to_a_terabyte_are_not_hashed(self, copy: Path) -> None:
        os.truncate(copy / "model.safetensors", 10**12)
        with pytest.raises(CheckpointError, match=r"model\.safetensors: damaged: it has 1,000,000,000,000 bytes"):
            load_bundle(copy)

    def test_weights_that_are_whole_numbers(self, copy: Path) -> None:
        tensors = load_file(copy / "model.safetensors")
        save_file({name: tensor.to(torch.int32) for name, tensor in tensors.items()}, copy / "model.safetensors")
        rehash(copy)
        with pytest.raises(CheckpointError, match=r"model\.safetensors: damaged: weights are floating-point numbers"):
            load_bundle(copy)

    def test_a_tokenizer_of_another_size(self, copy: Path) -> None:
        config = TokenizerConfig(type="char")
        train_tokenizer(LINES, LINES, config, 30, exact=False).save(copy)
        rehash(copy)
        with pytest.raises(CheckpointError, match="the tokenizer is not the one that the model was trained with"):
            load_bundle(copy)

    @pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 100, b"x"])
    def test_a_tokenizer_that_is_none(self, copy: Path, content: bytes) -> None:
        (copy / "tokenizer.model").write_bytes(content)
        rehash(copy)
        with pytest.raises(VocabularyError) as caught:
            load_bundle(copy)
        assert "\n" not in str(caught.value)

    def test_a_checkpoint_with_the_tokenizer_of_another_size(self, copy: Path, tmp_path: Path) -> None:
        run_dir = tmp_path / "run"
        checkpoint = run_dir / "checkpoints" / "update-00000003"
        checkpoint.mkdir(parents=True)
        (run_dir / "config.yaml").write_text(dump_config(tiny_config()))
        shutil.copy(copy / "model.safetensors", checkpoint)
        files = {"model.safetensors": {"size": 0, "sha256": sha256_file(copy / "model.safetensors")}}
        write_json(checkpoint / "manifest.json", {"format_version": 1, "files": files})
        train_tokenizer(LINES, LINES, TokenizerConfig(type="char"), 30, exact=False).save(run_dir)
        with pytest.raises(CheckpointError, match="belongs to another model"):
            load_bundle(checkpoint)
