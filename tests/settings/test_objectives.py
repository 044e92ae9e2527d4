"""What the settings of objectives refuse, each in one line that names the setting and the way out."""

import pytest

from mtkit.errors import ConfigError
from mtkit.settings.consistency import ConsistencyConfig
from mtkit.settings.resolve import Settings
from mtkit.settings.training import TrainingConfig

DATA: dict[str, object] = {
    "data.src_lang": "en",
    "data.tgt_lang": "de",
    "data.train": ["a.tsv"],
    "data.valid": ["b.tsv"],
}


def refused(training: dict[str, object], **model: object) -> str:
    flags = DATA | {f"training.{name}": value for name, value in training.items()}
    flags |= {f"model.{name}": value for name, value in model.items()}
    with pytest.raises(ConfigError) as error:
        Settings.load(None, flags=flags).before_corpus().config()
    return str(error.value)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"consistency.alpha": -0.1}, "training.consistency.alpha: must be at least 0"),
        ({"consistency.alpha": 1.0}, "training.consistency.alpha: does nothing here: give consistency.method"),
        ({"consistency.cutoff": 0.1}, "training.consistency.cutoff: does nothing here: give consistency.method"),
        ({"consistency": {"method": "r_drop", "cutoff": 0.1}}, "training.consistency.cutoff: does nothing with r_drop"),
        ({"consistency": {"method": "simcut", "cutoff": 1.0}}, "training.consistency.cutoff: must be less than 1"),
        ({"consistency": {"method": "simcut", "cutoff": -0.1}}, "training.consistency.cutoff: must be at least 0"),
        ({"consistency.method": "rdrop"}, "did you mean 'r_drop'?"),
        ({"adversarial.epsilon": 2.0}, "training.adversarial.epsilon: does nothing here: give adversarial.method"),
        ({"adversarial.side": "src"}, "training.adversarial.side: does nothing here: give adversarial.method"),
        ({"adversarial.weight": 2.0}, "training.adversarial.weight: does nothing here: give adversarial.method"),
        ({"adversarial": {"method": "vat", "epsilon": 0}}, "training.adversarial.epsilon: must be greater than 0"),
        ({"adversarial": {"method": "vat", "weight": -1}}, "training.adversarial.weight: must be at least 0"),
        (
            {"adversarial.method": "fgm", "consistency.method": "simcut"},
            "training.adversarial.method: does not go with consistency.method: simcut; use one",
        ),
    ],
)
def test_a_mistake_is_told_at_its_setting(training: dict[str, object], message: str) -> None:
    assert message in refused(training)


def test_r_drop_needs_something_that_drops() -> None:
    message = "training.consistency.method r_drop compares passes with different dropout, and this model has none"
    assert message in refused({"consistency.method": "r_drop"}, dropout=0)
    flags = DATA | {"training.consistency.method": "r_drop"}
    for setting in ("model.activation_dropout", "model.layer_drop"):
        settings = Settings.load(None, flags=flags | {"model.dropout": 0, setting: 0.1})
        assert settings.before_corpus().config().model.drops


@pytest.mark.parametrize(("method", "alpha"), [("none", 0.0), ("r_drop", 5.0), ("simcut", 3.0)])
def test_alpha_is_that_of_the_paper_unless_given(method: str, alpha: float) -> None:
    assert ConsistencyConfig.model_validate({"method": method}).weight == alpha
    if method != "none":
        assert ConsistencyConfig.model_validate({"method": method, "alpha": 0.5}).weight == 0.5


def test_by_default_there_is_none() -> None:
    training = TrainingConfig()
    assert (training.consistency.method, training.adversarial.method) == ("none", "none")
