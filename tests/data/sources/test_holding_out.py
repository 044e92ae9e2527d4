import pytest
from pydantic import ValidationError

from mtkit.data.corpus.prepare import prepare
from mtkit.data.sources.sources import Place, open_sources
from mtkit.errors import DataError
from mtkit.settings.data import DataConfig
from mtkit.settings.resolve import Settings
from mtkit.settings.source import SourceConfig
from tests.data.conftest import TOY, ToyData, WriteLines, pairs_of


def held(toy_data: ToyData, amount: float, **changes: object) -> DataConfig:
    return toy_data(valid=[], hold_out=amount, **changes)


def read(data: DataConfig) -> dict[Place, list[tuple[str, str]]]:
    return {
        place: [pair for source in sources for pair in pairs_of(source)]
        for place, sources in open_sources(data).items()
    }


@pytest.mark.parametrize("amount", [40, 1 / 15])
def test_nothing_that_is_held_out_is_left_in_training(
    amount: float, toy_data: ToyData, write_lines: WriteLines
) -> None:
    again = {"src": write_lines("again.en", [src for src, _ in TOY]), "tgt": write_lines("again.de", ["x"] * 200)}
    data = held(toy_data, amount, train_pairs=[*TOY, *TOY])
    data = data.model_copy(update={"train": [*data.train, SourceConfig.model_validate(again)]})
    found = read(data)
    assert len(found["valid"]) == len(found["test"]) == 40
    assert not set(found["valid"]) & set(found["test"])
    assert len(set(found["valid"])) == 40
    held_out: tuple[Place, ...] = ("valid", "test")
    for side in (0, 1):
        sides = {pair[side] for place in held_out for pair in found[place]}
        assert not sides & {pair[side] for pair in found["train"]}
    assert read(data) == found


def test_a_test_set_of_its_own_is_left_alone(toy_data: ToyData) -> None:
    data = held(toy_data, 10)
    data = data.model_copy(update={"test": data.train})
    found = read(data)
    assert (len(found["valid"]), found["test"]) == (10, TOY)


def test_a_corpus_is_prepared_with_what_is_held_out(
    toy_data: ToyData, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("prepared") / "p"
    values = {f"data.{key}": value for key, value in held(toy_data, 10).model_dump(exclude_defaults=True).items()}
    config = Settings.load(None, flags=values | {"tokenizer.vocab_size": 300}).before_corpus().config()
    prepared = prepare(config.data, config.tokenizer, directory)
    assert (prepared.manifest.n_train, prepared.manifest.n_valid, prepared.manifest.n_test) == (180, 10, {"test": 10})
    assert prepare(config.data, config.tokenizer, directory).manifest == prepared.manifest


def test_too_many_are_refused(toy_data: ToyData) -> None:
    with pytest.raises(
        DataError, match=r"data\.hold_out: 51 pairs for valid and as many for test are too many of 200 tr"
    ):
        read(held(toy_data, 51))
    assert len(read(held(toy_data, 50))["test"]) == 50


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"valid": []},
            "valid: required, but not given: name a set, or hold some out with data.hold_out, a number of pairs",
        ),
        ({"hold_out": 10}, "hold_out: does nothing where there is a validation set"),
        ({"valid": [], "hold_out": 0.6}, "hold_out: must be a number of pairs, or a share of them below 0.5"),
        ({"valid": [], "hold_out": 20.5}, "hold_out: must be a number of pairs"),
        (
            {"valid": [], "hold_out": 9, "train": ["a.tsv", {"tsv": "b.tsv", "tags": ["<bt>"]}]},
            "hold_out: cannot serve sources of several languages or tags",
        ),
    ],
)
def test_what_cannot_be_held_out_is_refused(changes: dict[str, object], reason: str, toy_data: ToyData) -> None:
    with pytest.raises(ValidationError, match=reason):
        toy_data(**changes)
