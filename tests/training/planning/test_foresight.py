import pytest

from mtkit.settings.training import TrainingConfig
from mtkit.training.planning.foresight import Foresight


def by_time(**values: object) -> TrainingConfig:
    settings = {"max_minutes": 6, "max_updates": None, "schedule": "linear", "batch_tokens": 500}
    return TrainingConfig.model_validate(settings | values)


def told(
    caplog: pytest.LogCaptureFixture, tokens_per_second: float, training: TrainingConfig, preset: str | None = "tiny"
) -> list[str]:
    caplog.clear()
    with caplog.at_level("INFO", logger="mtkit"):
        Foresight(tokens_per_second, n_pairs=27_232, n_tokens=900_000).tell(training, seconds=340.0, preset=preset)
    return [record.getMessage() for record in caplog.records]


def test_three_quarters_of_the_time_are_for_updates() -> None:
    assert Foresight(2_000.0, 27_232, 900_000).passes(3_600) == pytest.approx(6)  # 0.75 * 3,600 * 2,000 / 900,000
    assert Foresight(2_000.0, 27_232, 900_000).passes(-1) == 0


def test_updates_and_passes_are_told_with_those_of_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, 12_000, by_time()) == [
        "6 minutes: about 6,120 updates of 500 target tokens, 3.4 passes over the 27,232 pairs; "
        "an hour would give about 36 passes"  # 0.75 * 340 * 12,000 / 500
    ]


@pytest.mark.parametrize(
    ("preset", "advice"),
    [
        # 3 * 900,000 / (0.75 * 300) = 12,000 seconds, and the 20 that are over already: 200.3 minutes
        (
            "base",
            "3 passes take about --minutes 201; a smaller model (--preset small) sees more in the same time",
        ),
        ("rnn-luong", "3 passes take about --minutes 201"),
        (None, "3 passes take about --minutes 201"),
    ],
)
def test_few_passes_are_warned_of_with_what_helps(
    preset: str | None, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    line, warning = told(caplog, 300, by_time(), preset)
    assert "about 153 updates of 500 target tokens, 0.09 passes over" in line
    assert line.endswith("an hour would give about 0.9 passes")
    assert warning == f"so few passes teach a model little; {advice}"


def test_a_limit_of_updates_counts_where_it_is_reached_first(caplog: pytest.LogCaptureFixture) -> None:
    line, warning = told(caplog, 12_000, by_time(max_updates=900))
    assert "about 900 updates of 500 target tokens, 0.5 passes over" in line
    assert warning == (
        "so few passes teach a model little; training.max_updates (900) ends the run before its time: raise it"
    )
