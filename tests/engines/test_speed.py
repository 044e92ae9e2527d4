import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtkit.bundle.bundle import load_bundle
from mtkit.engines.engine_choice import load_engine
from mtkit.engines.speed import Speeds, measure_speeds
from mtkit.machine.processor import cpu_kind
from tests.tiny import LINES

SPEEDS = Speeds("Some CPU", 2, 128, {1: {"int8": 1860, "float32": 1380}, 5: {"int8": 308, "float32": 359}})


@pytest.mark.parametrize(
    ("other", "chosen"), [(50.0, "usual"), (100.0, "usual"), (104.9, "usual"), (105.1, "other"), (300.0, "other")]
)
def test_the_other_precision_has_to_be_faster_by_a_margin(other: float, chosen: str) -> None:
    speeds = Speeds("Some CPU", 1, 16, {1: {"usual": 100.0, "other": other}})
    assert speeds.choice("usual", "other", 1) == chosen
    assert speeds.choice("usual", "other", 4) == chosen  # greedy search is the model's own


def test_every_beam_goes_by_the_one_that_was_measured_but_greedy_search() -> None:
    assert [SPEEDS.choice("int8", "float32", beam) for beam in (1, 2, 5, 12)] == ["int8"] + ["float32"] * 3
    assert SPEEDS.shown(1) == "float32 1,380 and int8 1,860 lines/s with greedy search"
    assert SPEEDS.shown(2) == "float32 359 and int8 308 lines/s with beam 5"
    assert str(SPEEDS) == f"{SPEEDS.shown(1)}; {SPEEDS.shown(5)} (Some CPU)"


def test_speeds_are_read_as_they_were_written() -> None:
    assert Speeds.from_json(json.loads(json.dumps(SPEEDS.as_json())), ("float32", "int8")) == SPEEDS


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        SPEEDS.as_json() | {"lines_per_second": {}},
        SPEEDS.as_json() | {"lines_per_second": {"5": {"int8": 1, "float32": 1}}},
        SPEEDS.as_json() | {"lines_per_second": {"1": {"int8": 1}}},
        SPEEDS.as_json() | {"lines_per_second": {"1": {"int8": 0, "float32": 1}}},
        SPEEDS.as_json() | {"lines_per_second": {"greedy": {"int8": 1, "float32": 1}}},
        SPEEDS.as_json() | {"threads": "many"},
    ],
)
def test_what_is_damaged_is_as_good_as_not_measured(value: Any) -> None:
    assert Speeds.from_json(value, ("float32", "int8")) is None


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_engines_are_measured_on_what_they_can_read(bundle_directory: Path, seconds: float) -> None:
    bundle = load_bundle(bundle_directory)
    engines = {
        name: load_engine(bundle, engine="ctranslate2", device="cpu", precision=name, threads=1)
        for name in ("fp32", "int8")
    }
    readable = bundle.tokenizer.encode_src(LINES) * 100
    too_long = [5] * bundle.model.max_length

    def measured(sources: list[list[int]]) -> Speeds | None:
        return measure_speeds(engines, sources, bundle.decoding, threads=1, seconds=seconds)

    speeds = measured([[], too_long, *readable])
    assert speeds is not None
    assert (speeds.processor, speeds.threads) == (cpu_kind(), 1)
    assert 1 <= speeds.n_lines <= len(readable)
    assert list(speeds.lines_per_second) == [1, bundle.decoding.beam_size]
    assert all(min(rates[name] for name in engines) > 0 for rates in speeds.lines_per_second.values())
    assert measured([[], too_long]) is None
    greedy = replace(bundle, decoding=bundle.decoding.model_copy(update={"beam_size": 1}))
    alone = measure_speeds(engines, readable, greedy.decoding, threads=1, seconds=seconds)
    assert alone is not None
    assert list(alone.lines_per_second) == [1]
