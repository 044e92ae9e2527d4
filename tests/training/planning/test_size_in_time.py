import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import open_prepared
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.resolve import Settings, SizeInTime
from mtkit.training.planning import size_in_time
from mtkit.training.run import train
from tests.conftest import ToyTask

SIZES = ("d_model", "n_heads", "d_ff", "n_encoder_layers", "n_decoder_layers", "dropout")


def settings(toy_task: ToyTask, **more: object) -> Settings:
    """The toy task without a word on the size of the model, in ten minutes or two updates."""
    open_size = {f"model__{name}": None for name in SIZES}
    plan = {"training__max_minutes": 10, "training__max_updates": 2, "training__schedule": "linear"}
    return toy_task.recipe(**open_size | plan | {"training__warmup_updates": 1, "training__learning_rate": None} | more)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch, toy_task: ToyTask) -> dict[str, float]:
    """Passes over the corpus that ten minutes allow with each preset; a preset that is not in it is not to be tried."""
    table: dict[str, float] = {}
    config = toy_task.recipe().config()
    n_tokens = prepare(config.data, config.tokenizer, config.prepared_directory).manifest.n_train_tgt_tokens

    def speed(_: object, model: EncoderDecoder, *__: object) -> float:
        return table[model.config.preset] * n_tokens / (0.75 * 600)

    monkeypatch.setattr(size_in_time, "measured_speed", speed)
    return table


def now() -> float:
    """What the clock of the module says, which may stand still."""
    monotonic: Callable[[], float] = vars(size_in_time)["time"].monotonic
    return monotonic()


@pytest.fixture
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine loses no time between the beginning and the choice."""
    monkeypatch.setattr(size_in_time, "time", SimpleNamespace(monotonic=lambda: 1_000.0))


def chosen(toy_task: ToyTask, tmp_path: Path, **more: object) -> SizeInTime | None:
    own = settings(toy_task, **more)
    config = own.before_corpus().config()
    prepared = prepare(config.data, config.tokenizer, config.prepared_directory)
    return size_in_time.size_in_time(own, prepared, tmp_path / "run", now(), overwrite=False)


@pytest.mark.usefixtures("_clock")
def test_with_passes_enough_the_number_of_pairs_decides(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float]
) -> None:
    passes |= {"micro": 60.0, "mini": 30.0, "tiny": 15.0, "small": 5.0}
    assert chosen(toy_task, tmp_path) == SizeInTime("tiny", "the corpus has 600 training pairs")


@pytest.mark.usefixtures("_clock")
def test_where_the_time_ends_before_a_larger_model_overfits_that_is_taken(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float]
) -> None:
    passes |= {"micro": 60.0, "mini": 40.0, "tiny": 20.0, "small": 9.0}
    assert chosen(toy_task, tmp_path) == SizeInTime(
        "small",
        "the corpus has 600 training pairs, which tiny would suit, but 10 minutes allow only 20 passes with tiny and "
        "9.0 passes with small",
    )
    passes |= {"tiny": 60.0, "small": 26.0}
    assert chosen(toy_task, tmp_path) == SizeInTime("tiny", "the corpus has 600 training pairs")


@pytest.mark.usefixtures("_clock")
def test_with_fewer_passes_the_model_is_smaller(toy_task: ToyTask, tmp_path: Path, passes: dict[str, float]) -> None:
    passes |= {"micro": 30.0, "mini": 12.0, "tiny": 5.5}
    assert chosen(toy_task, tmp_path) == SizeInTime(
        "mini",
        "the corpus has 600 training pairs, which tiny would suit, but 10 minutes allow 12 passes with mini and "
        "5.5 passes with tiny",
    )


@pytest.mark.usefixtures("_clock")
def test_where_no_model_gets_passes_enough_the_smallest_is_taken_without_trying_others(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float]
) -> None:
    passes |= {"micro": 0.9}
    assert chosen(toy_task, tmp_path) == SizeInTime(
        "micro",
        "the corpus has 600 training pairs, which tiny would suit, but 10 minutes allow 0.9 passes with micro; "
        "dropout 0, as the passes are few",
        {"dropout": 0.0},
    )


@pytest.mark.usefixtures("_clock")
def test_between_six_and_eight_passes_dropout_is_smaller(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float]
) -> None:
    passes |= {"micro": 30.0, "mini": 14.0, "tiny": 7.0}
    assert chosen(toy_task, tmp_path) == SizeInTime(
        "tiny", "the corpus has 600 training pairs; dropout 0.1, as the passes are few", {"dropout": 0.1}
    )
    passes |= {"mini": 7.5, "tiny": 5.5}  # mini has no more than that by itself
    assert chosen(toy_task, tmp_path) == SizeInTime(
        "mini",
        "the corpus has 600 training pairs, which tiny would suit, but 10 minutes allow 7.5 passes with mini and "
        "5.5 passes with tiny",
    )


@pytest.mark.parametrize(
    "more",
    [
        {"model__preset": "tiny"},
        {"model__d_model": 64},
        {"model__n_decoder_layers": 1},
        {"training__max_minutes": None},
    ],
)
def test_what_the_recipe_says_is_not_changed(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float], more: dict[str, object]
) -> None:
    assert chosen(toy_task, tmp_path, **more) is None
    assert passes == {}


def test_a_run_keeps_the_size_that_it_began_with(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    passes |= {"micro": 9.0, "mini": 2.0}
    with caplog.at_level("INFO", logger="mtkit"):
        train(settings(toy_task), tmp_path / "run")
    assert "preset micro: the corpus has 600 training pairs, which tiny would suit" in caplog.text
    assert "model: transformer, 2+2 layers, d_model 64" in caplog.text
    passes.clear()  # nothing is to be measured again
    for more in (
        {"training__max_updates": 4, "training__max_minutes": 20},
        {"training__max_updates": 5, "training__max_minutes": None},
    ):
        caplog.clear()
        with caplog.at_level("INFO", logger="mtkit"):
            train(settings(toy_task, **more), tmp_path / "run")
        assert "preset micro: the run began with it" in caplog.text
        assert "model: transformer, 2+2 layers, d_model 64" in caplog.text
    passes |= {"micro": 30.0, "mini": 20.0, "tiny": 8.5}
    caplog.clear()
    with caplog.at_level("INFO", logger="mtkit"):
        train(settings(toy_task), tmp_path / "run", overwrite=True)
    assert "model: transformer, 4+4 layers" in caplog.text


def test_the_settings_tell_where_the_size_came_from(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float]
) -> None:
    passes |= {"micro": 2.0}
    train(settings(toy_task), tmp_path / "run")
    own = settings(toy_task)
    resolved, _ = own.for_corpus(600, size_in_time.begun_size(own, tmp_path / "run"))
    lines = resolved.explain().splitlines()
    assert "model.preset: micro  # preset micro" in lines
    assert "model.n_encoder_layers: 2  # preset micro" in lines
    assert "model.dropout: 0.0  # few passes" in lines
    given = settings(toy_task, model__dropout=0.25)
    config = given.for_corpus(600, size_in_time.begun_size(given, tmp_path / "run"))[0].config()
    assert config.model.dropout == 0.25


def test_the_speed_is_that_of_the_model_at_work(toy_task: ToyTask, tmp_path: Path) -> None:
    """Ten minutes are more than enough for 600 pairs of five tokens, whatever the machine."""
    n_threads = torch.get_num_threads()
    try:
        size = chosen(toy_task, tmp_path)
    finally:
        torch.set_num_threads(n_threads)
    assert size is not None
    assert size.preset in ("micro", "mini", "tiny")


def pieces(toy_task: ToyTask, tmp_path: Path, **more: object) -> int | None:
    own = {
        "data__prepared": str(tmp_path / "run" / "prepared"),
        "tokenizer__type": "bpe",
        "tokenizer__vocab_size": None,
    }
    by_time = settings(toy_task, **own | more)
    return size_in_time.vocabulary_in_time(by_time, tmp_path / "run", now(), overwrite=False)


@pytest.mark.parametrize(("speed", "n"), [(1.0, 1_000), (2_300.0, 2_000), (9_000.0, 8_000), (1e9, 32_000)])
def test_each_piece_of_the_vocabulary_is_to_be_seen_500_times(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: float, n: int
) -> None:
    """Three quarters of ten minutes are 450 seconds."""
    presets = []

    def measured(_: object, model: EncoderDecoder, *__: object) -> float:
        presets.append(model.config.preset)
        return speed

    monkeypatch.setattr(size_in_time, "measured_speed", measured)
    assert pieces(toy_task, tmp_path) == n
    assert pieces(toy_task, tmp_path, model__preset="small") == n
    assert presets == ["micro", "small"]


@pytest.mark.parametrize(
    "more",
    [
        {"data__prepared": "elsewhere"},
        {"tokenizer__vocab_size": 64},
        {"tokenizer__type": "word"},
        {"training__max_minutes": None},
    ],
)
def test_the_vocabulary_of_a_corpus_that_is_not_the_runs_own_affair_is_not_limited(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float], more: dict[str, object]
) -> None:
    assert pieces(toy_task, tmp_path, **more) is None
    assert passes == {}


def test_a_run_whose_corpus_was_deleted_gets_its_vocabulary_again(
    toy_task: ToyTask, tmp_path: Path, passes: dict[str, float]
) -> None:
    passes |= {"micro": 0.01}  # at a speed that allows no more than 1,000 pieces
    own = {
        "data__prepared": str(tmp_path / "run" / "prepared"),
        "tokenizer__type": "bpe",
        "tokenizer__vocab_size": None,
    }
    train(settings(toy_task, **own), tmp_path / "run")
    n_pieces = open_prepared(tmp_path / "run" / "prepared").manifest.src_vocab_size
    assert pieces(toy_task, tmp_path) is None  # there is a corpus
    shutil.rmtree(tmp_path / "run" / "prepared")
    passes.clear()
    assert pieces(toy_task, tmp_path) == n_pieces
    longer = settings(toy_task, training__max_minutes=20, training__max_updates=3, **own)
    assert train(longer, tmp_path / "run").reason == "max_updates 3 reached"


def test_the_speed_on_random_tokens_needs_no_corpus(toy_task: ToyTask, tmp_path: Path) -> None:
    n_threads = torch.get_num_threads()
    try:
        assert (pieces(toy_task, tmp_path) or 0) >= 1_000
    finally:
        torch.set_num_threads(n_threads)
