import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.machine.compute import Compute
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.planning import tuning
from mtkit.training.planning.tuning import Way, fastest_way, measure_ways, possible_ways, preferred, remembered_way

pytestmark = pytest.mark.processor

CPU = Compute(torch.device("cpu"), "fp32", 2)
OBJECTIVE = CrossEntropy(pad_id=0, smoothing=0.1)
FP32, BF16, SHARED_FP32, SHARED_BF16 = (Way(p, n) for n in (1, 2) for p in ("fp32", "bf16"))


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def new_model() -> EncoderDecoder:
    torch.manual_seed(0)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1, dropout=0.1)
    return EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)


def settings(**values: object) -> TrainingConfig:
    return TrainingConfig.model_validate({"batch_tokens": 2_000} | values)


def updates(n_tokens: int) -> Iterator[list[Batch]]:
    while True:
        yield [collate([[5] * 9] * (n_tokens // 10), [[6] * 9] * (n_tokens // 10), OWN)]


@pytest.mark.parametrize(
    ("native", "values", "expected"),
    [
        (False, {}, [SHARED_FP32, FP32]),
        (True, {}, [SHARED_FP32, FP32, SHARED_BF16, BF16]),
        (True, {"precision": "fp32"}, [SHARED_FP32, FP32]),
        (False, {"precision": "bf16"}, [SHARED_BF16, BF16]),
        (True, {"compile": True}, [FP32, BF16]),
    ],
)
def test_what_can_be_tried_follows_the_processor_and_the_settings(
    native: bool, values: dict[str, object], expected: list[Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "bf16_is_native", lambda _: native)
    compute = CPU.with_precision("bf16" if values.get("precision") == "bf16" else "fp32")
    assert possible_ways(settings(**values), new_model(), 1_000, compute) == expected
    assert possible_ways(settings(**values), new_model(), 499, compute) == [
        way for way in expected if way.n_workers == 1
    ]


def test_on_a_gpu_nothing_is_tried() -> None:
    compute = Compute(torch.device("cuda"), "fp32", 2)
    assert possible_ways(settings(precision="fp32"), new_model(), 9_999, compute) == [FP32]


def test_the_fastest_is_preferred_and_of_equals_the_first() -> None:
    assert preferred({SHARED_FP32: 100.0, FP32: 90.0, SHARED_BF16: 300.0, BF16: 200.0}) == SHARED_BF16
    assert preferred({SHARED_FP32: 96.0, FP32: 90.0, SHARED_BF16: 100.0}) == SHARED_FP32
    assert preferred({SHARED_FP32: 94.0, FP32: 96.0, SHARED_BF16: 100.0}) == FP32


def test_all_ways_take_turns_and_the_best_turn_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that says what each trial took; the first turn of each is not counted."""
    took = {"warm": [9.0, 9.0], "first": [2.0, 8.0], "second": [4.0, 5.0]}
    ticks = iter([tick for turn in took.values() for seconds in turn for tick in (0.0, seconds)])
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    model = new_model()
    before = [p.clone() for p in model.parameters()]
    batches = [batch for _, (batch,) in zip(took, updates(100), strict=False)]
    speeds = measure_ways([FP32, BF16], model, OBJECTIVE, batches, compute=CPU, seconds=1e9)
    assert speeds == {FP32: 100 / 2.0, BF16: 100 / 5.0}
    assert all(torch.equal(p, old) and p.grad is None for p, old in zip(model.parameters(), before, strict=True))


def test_no_round_begins_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    n_turns = 0

    def taken(*_: object) -> float:
        nonlocal n_turns
        n_turns += 1
        return 1.0

    monkeypatch.setattr(tuning, "_tokens_per_second", taken)
    batches = [batch for _, (batch,) in zip(range(9), updates(100), strict=False)]
    measure_ways([FP32], new_model(), OBJECTIVE, batches, compute=CPU, seconds=0)
    assert n_turns == 2


def test_a_small_model_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "bf16_is_native", lambda _: True)
    assert fastest_way(settings(), new_model(), updates, CPU) == (SHARED_FP32, {})


def test_a_run_keeps_what_was_measured_when_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tuning, "bf16_is_native", lambda _: True)
    monkeypatch.setattr(tuning, "_SMALL_FLOP", 0.0)
    speeds = {SHARED_FP32: 1_000.0, FP32: 1_100.0, SHARED_BF16: 12_345.6, BF16: 1_200.0}
    monkeypatch.setattr(tuning, "measure_ways", lambda *_, **__: speeds)
    with caplog.at_level("INFO", logger="mtkit"):
        assert remembered_way(settings(), new_model(), updates, tmp_path, CPU) == SHARED_BF16
    assert "target tokens a second: fp32, 2 workers: 1,000; fp32, 1 worker: 1,100; bf16, 2 workers: 12,346" in (
        caplog.text
    )
    speeds[FP32] = 1e9
    assert remembered_way(settings(), new_model(), updates, tmp_path, CPU) == SHARED_BF16
    assert remembered_way(settings(precision="fp32"), new_model(), updates, tmp_path, CPU) == SHARED_FP32
    (tmp_path / "fitted.json").write_text('{"bits": "many", "workers": 1}')
    assert remembered_way(settings(), new_model(), updates, tmp_path, CPU) == FP32  # no checkpoint depends on it yet


def test_a_run_that_was_killed_while_it_noted_its_way_is_computed_as_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "fastest_way", lambda *_: (FP32, {}))
    (tmp_path / "fitted.json").write_text('{"bits": 16}')
    ways = [remembered_way(settings(), new_model(), updates, tmp_path, CPU) for _ in range(2)]
    assert ways == [BF16, BF16]


def test_the_ways_are_really_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "bf16_is_native", lambda _: True)
    monkeypatch.setattr(tuning, "_SMALL_FLOP", 0.0)
    way, speeds = fastest_way(settings(), new_model(), updates, CPU)
    assert list(speeds) == [SHARED_FP32, FP32, SHARED_BF16, BF16]
    assert all(speed > 0 for speed in speeds.values())
    assert way in speeds
