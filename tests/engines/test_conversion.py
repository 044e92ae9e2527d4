import json
import logging
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctranslate2
import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import load_bundle
from mtkit.engines.conversion import Conversion, converted, default_quantization, note_quality, remember
from mtkit.engines.engine_choice import MUCH
from mtkit.engines.speed import Speeds
from mtkit.files.reading import sha256_file
from mtkit.log import logger
from mtkit.machine.processor import cpu_kind
from mtkit.translation.translator import Translator
from tests.tiny import LINES

pytestmark = pytest.mark.processor


@pytest.fixture
def bundle(bundle_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle to convert, with a cache that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return shutil.copytree(bundle_directory, tmp_path / "model", ignore=shutil.ignore_patterns("ctranslate2"))


def find_or_convert(bundle: Path, quantization: str) -> Conversion:
    with converted(load_bundle(bundle), quantization) as conversion:
        return conversion


def translations(path: Path) -> list[str]:
    translator = Translator.load(path, engine="ctranslate2", precision="fp32", threads=1)
    return [translation.text for translation in translator.translate(LINES)]


def change_weights(bundle: Path) -> None:
    """Other weights, that the bundle's manifest knows of."""
    tensors = load_file(bundle / "model.safetensors")
    tensors["output.weight"].neg_()
    save_file(tensors, bundle / "model.safetensors")
    manifest = json.loads((bundle / "mtkit.json").read_text())
    manifest["files"]["model.safetensors"] = sha256_file(bundle / "model.safetensors")
    (bundle / "mtkit.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("quantization", ["float32", "int8"])
def test_a_conversion_lies_in_the_bundle_and_the_library_loads_it(bundle: Path, quantization: str) -> None:
    conversion = find_or_convert(bundle, quantization)
    assert conversion.directory == bundle / "ctranslate2" / quantization
    assert ctranslate2.contains_model(str(conversion.directory))
    note = json.loads((conversion.directory / "conversion.json").read_text())
    files = {path.name: path for path in conversion.directory.iterdir() if path.name != "conversion.json"}
    assert note["files"] == {name: sha256_file(path) for name, path in files.items()}
    assert note["source"]["model.safetensors"] == sha256_file(bundle / "model.safetensors")
    assert load_bundle(bundle).directory == bundle
    assert not [path for path in (bundle / "ctranslate2").iterdir() if path.name.startswith(".")]


def test_int8_is_smaller_than_float32(bundle: Path) -> None:
    sizes = [(find_or_convert(bundle, q).directory / "model.bin").stat().st_size for q in ("float32", "int8")]
    assert sizes[1] < sizes[0]


def test_a_model_is_converted_once(bundle: Path) -> None:
    made = [(find_or_convert(bundle, "int8").directory / "model.bin").stat() for _ in range(2)]
    assert made[0].st_mtime_ns == made[1].st_mtime_ns
    assert made[0].st_ino == made[1].st_ino


def test_weights_that_changed_are_converted_again(bundle: Path) -> None:
    before = translations(bundle)
    change_weights(bundle)
    after = translations(bundle)
    assert after != before
    shutil.rmtree(bundle / "ctranslate2")
    assert translations(bundle) == after


def test_a_copied_conversion_of_another_model_is_not_loaded(bundle: Path, tmp_path: Path) -> None:
    other = shutil.copytree(bundle, tmp_path / "other")
    change_weights(other)
    expected = translations(other)
    shutil.rmtree(other / "ctranslate2")
    translations(bundle)
    shutil.copytree(bundle / "ctranslate2", other / "ctranslate2")
    assert translations(other) == expected


@pytest.mark.parametrize("name", ["model.bin", "config.json", "shared_vocabulary.json"])
def test_a_damaged_conversion_is_made_again(
    bundle: Path, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logger, "propagate", True)
    expected = translations(bundle)
    damaged = bundle / "ctranslate2" / "float32" / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert translations(bundle) == expected
    assert f"{name}: damaged" in caplog.text
    caplog.clear()
    assert translations(bundle) == expected
    assert caplog.text == ""


def test_a_setting_that_an_older_version_did_not_note_had_its_default(bundle: Path) -> None:
    find_or_convert(bundle, "float32")
    note = bundle / "ctranslate2" / "float32" / "conversion.json"
    told = json.loads(note.read_text())
    del told["source"]["model"]["output_bias"]
    note.write_text(json.dumps(told))
    find_or_convert(bundle, "float32")
    assert json.loads(note.read_text()) == told
    del told["source"]["model"]["d_model"]
    note.write_text(json.dumps(told))
    find_or_convert(bundle, "float32")
    assert json.loads(note.read_text()) != told


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format_version": 1, "quality": 3}'])
def test_a_torn_note_is_as_good_as_none(bundle: Path, content: str) -> None:
    expected = translations(bundle)
    note = bundle / "ctranslate2" / "float32" / "conversion.json"
    note.write_text(content)
    assert translations(bundle) == expected
    assert json.loads(note.read_text())["quantization"] == "float32"


def test_a_bundle_that_cannot_be_written_is_converted_into_the_cache(bundle: Path, tmp_path: Path) -> None:
    (bundle / "ctranslate2").write_text("in the way of the directory")
    conversion = find_or_convert(bundle, "float32")
    assert (tmp_path / "cache") in conversion.directory.parents
    assert find_or_convert(bundle, "float32") == conversion
    before = translations(bundle)
    change_weights(bundle)
    assert find_or_convert(bundle, "float32").directory != conversion.directory
    assert translations(bundle) != before


def test_without_a_place_to_write_it_is_converted_for_the_time_being(bundle: Path, tmp_path: Path) -> None:
    expected = translations(bundle)
    shutil.rmtree(bundle / "ctranslate2")
    for path in (bundle / "ctranslate2", tmp_path / "cache"):
        path.write_text("in the way of the directory")
    with converted(load_bundle(bundle), "float32") as conversion:
        assert ctranslate2.contains_model(str(conversion.directory))
    assert not conversion.directory.exists()
    assert translations(bundle) == expected


def _translations_of(path: Path) -> list[str]:
    torch.set_num_threads(1)
    return translations(path)


def test_two_processes_at_once_do_not_clash(bundle: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_translations_of, [bundle, bundle])
    assert first == second == translations(bundle)
    assert [path.name for path in (bundle / "ctranslate2").iterdir()] == ["float32"]


def default(bundle: Path, beam_size: int = 3) -> str:
    return default_quantization(load_bundle(bundle), beam_size).quantization


def speed(processor: str, *, greedy: tuple[float, float], beam: tuple[float, float]) -> Speeds:
    """Lines per second in (float32, int8)."""
    rates = {1: greedy, 3: beam}
    return Speeds(processor, 1, 9, {k: dict(zip(("float32", "int8"), each, strict=True)) for k, each in rates.items()})


def test_int8_translates_by_default_where_its_measured_loss_is_small(bundle: Path) -> None:
    assert default(bundle) == "float32"
    conversion = find_or_convert(bundle, "int8")
    assert default(bundle) == "float32"  # not measured
    for loss, expected in ((0.3, "int8"), (0.31, "float32"), (-1.0, "int8")):
        note_quality(conversion, {"loss": loss})  # as a version did that measured no speed
        assert default(bundle) == expected
    assert "int8" in Translator.load(bundle, threads=1, device="cpu").engine.description
    change_weights(bundle)
    assert default(bundle) == "float32"


def test_the_faster_of_those_allowed_translates_by_default(bundle: Path) -> None:
    conversion = find_or_convert(bundle, "int8")
    here = speed(cpu_kind(), greedy=(1380, 1860), beam=(359, 308)).as_json()
    note_quality(conversion, {"loss": 0.02, "speed": here})
    assert [default(bundle, beam) for beam in (1, 2, 3, 9)] == ["int8", "float32", "float32", "float32"]
    note_quality(conversion, {"loss": 0.5, "speed": here})
    assert default(bundle, 1) == "float32"
    note_quality(conversion, {"loss": 0.02, "speed": {"lines_per_second": {"1": {"int8": 3}}}})
    assert default(bundle) == "int8"  # damaged: as if it had not been measured


def test_the_choice_follows_the_beam_and_is_told_on_one_line(
    bundle: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.DEBUG, logger="mtkit")
    here = speed(cpu_kind(), greedy=(1380, 1860), beam=(359, 308)).as_json()
    conversion = find_or_convert(bundle, "int8")
    note_quality(conversion, {"loss": 0.02, "speed": here})

    def told(**options: Any) -> tuple[str, list[str]]:
        caplog.clear()
        translator = Translator.load(bundle, threads=1, device="cpu", **options)
        records = {
            id(record): record.getMessage() for record in caplog.records
        }  # one that two handlers saw counts once
        return translator.engine.description.split()[-1], [line for line in records.values() if "chose" in line]

    greedy = "chose int8: float32 1,380 and int8 1,860 lines/s with greedy search; int8 loses 0.02 BLEU"
    assert told(beam_size=1) == ("int8", [greedy])
    beam = "chose float32: float32 359 and int8 308 lines/s with beam 3; int8 loses 0.02 BLEU"
    assert told() == ("fp32", [beam])
    assert told(precision="int8") == ("int8", [])  # what is asked for needs no reason
    note_quality(conversion, {"loss": 0.02, "speed": here | {"processor": "Some CPU"}})
    assert told()[1] == [beam.replace(";", " on Some CPU;")]
    caplog.set_level(logging.INFO, logger="mtkit")
    assert told()[1] == []  # what never changes
    assert len(told(sample=LINES * (MUCH // len(LINES)))[1]) == 1  # measured now


@pytest.mark.parametrize("writable", [True, False])
def test_another_processor_is_measured_once_and_remembered(bundle: Path, tmp_path: Path, *, writable: bool) -> None:
    quality = {"loss": 0.02, "speed": speed("elsewhere", greedy=(10, 99), beam=(10, 99)).as_json()}
    note_quality(find_or_convert(bundle, "int8"), quality)
    if not writable:
        (bundle / "ctranslate2" / "speeds.json").mkdir()  # in the way

    def load(n_lines: int) -> str:
        sample = (LINES * 125)[:n_lines]
        return Translator.load(bundle, threads=1, device="cpu", sample=sample).engine.description

    def notes() -> list[Path]:
        return [path for path in tmp_path.rglob("speeds.json") if path.is_file()]

    assert "int8" in load(MUCH - 1)
    assert notes() == []
    load(MUCH)
    (note,) = notes()
    assert note.is_relative_to(bundle if writable else tmp_path / "cache")
    written = note.read_bytes()
    choice = default_quantization(load_bundle(bundle), 3)
    assert choice.speeds is not None
    assert (choice.is_from_here(), choice.speeds.processor) == (True, cpu_kind())
    load(MUCH)
    assert (notes(), note.read_bytes()) == ([note], written)
    remember(load_bundle(bundle), speed(cpu_kind(), greedy=(20, 10), beam=(10, 20)))
    assert [default(bundle, beam) for beam in (1, 3)] == ["float32", "int8"]
    remember(load_bundle(bundle), speed("a third", greedy=(10, 20), beam=(20, 10)))
    assert [default(bundle, beam) for beam in (1, 3)] == ["float32", "int8"]
    change_weights(bundle)
    note_quality(find_or_convert(bundle, "int8"), quality)
    assert not default_quantization(load_bundle(bundle), 3).is_from_here()


def test_what_was_measured_outlives_damage(bundle: Path) -> None:
    note_quality(find_or_convert(bundle, "int8"), {"loss": 0.1})
    (bundle / "ctranslate2" / "int8" / "model.bin").write_bytes(b"")
    assert find_or_convert(bundle, "int8").quality == {"loss": 0.1}


def swap_vocabulary(place: Path) -> None:
    path = place / "shared_vocabulary.json"
    pieces = json.loads(path.read_text())
    path.write_text(json.dumps(pieces[:4] + pieces[:3:-1]))


def forget_files(place: Path) -> None:
    note = json.loads((place / "conversion.json").read_text())
    files = {name: digest for name, digest in note["files"].items() if "vocabulary" in name}
    (place / "conversion.json").write_text(json.dumps(note | {"files": files}))
    (place / "model.bin").write_bytes(b"")


def cut_model(place: Path) -> None:
    content = (place / "model.bin").read_bytes()
    (place / "model.bin").write_bytes(content[: len(content) // 2])


def edit_config(place: Path) -> None:
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | {"add_source_eos": False}))


def pipe_in_place_of_model(place: Path) -> None:
    (place / "model.bin").unlink()
    os.mkfifo(place / "model.bin")


def pipe_in_place_of_note(place: Path) -> None:
    (place / "conversion.json").unlink()
    os.mkfifo(place / "conversion.json")


@pytest.mark.parametrize("mended", [False, True])
@pytest.mark.parametrize(
    "change",
    [swap_vocabulary, forget_files, cut_model, edit_config, pipe_in_place_of_model, pipe_in_place_of_note],
    ids=lambda change: change.__name__,
)
def test_a_conversion_that_does_not_fit_is_made_again(
    bundle: Path, change: Callable[[Path], None], mended: bool
) -> None:
    expected = translations(bundle)
    place = bundle / "ctranslate2" / "float32"
    change(place)
    if mended and change in (swap_vocabulary, edit_config):
        note = json.loads((place / "conversion.json").read_text())
        note["files"] = {name: sha256_file(place / name) for name in note["files"]}
        (place / "conversion.json").write_text(json.dumps(note))
    assert translations(bundle) == expected
