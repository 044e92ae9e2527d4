"""Numbers that no setting may have."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtkit.errors import ConfigError
from mtkit.settings.bounds import Bounds
from mtkit.settings.cleaning import CharactersStep, LanguageStep, RatioStep, ScoreStep
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings
from tests.settings.conftest import MINIMAL, write


def _numbers(schema: dict[str, Any], node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every number of a schema that need not be whole, by its place."""
    if isinstance(node, list):
        for part in node:
            yield from _numbers(schema, part, place)
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield from _numbers(schema, schema["$defs"][node["$ref"].rpartition("/")[2]], place)
    if node.get("type") == "number":
        yield place, node
    for key, part in node.items():
        if key == "properties":
            for name, setting in part.items():
                yield from _numbers(schema, setting, f"{place}.{name}")
        elif key in ("anyOf", "oneOf", "items", "prefixItems", "additionalProperties"):
            yield from _numbers(schema, part, place)


def test_every_number_has_a_least_and_a_greatest_value() -> None:
    schema = Config.model_json_schema()
    found = [*_numbers(schema, schema, "recipe")]
    for root in (CharactersStep, LanguageStep, RatioStep, ScoreStep):
        schema = root.model_json_schema()
        found += _numbers(schema, schema, root.__name__)
    assert len(found) > 30
    for place, number in found:
        assert {"minimum", "exclusiveMinimum"} & number.keys(), place
        assert {"maximum", "exclusiveMaximum"} & number.keys(), place


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1e308", "-1e308"])
@pytest.mark.parametrize(
    "setting",
    [
        *("decoding.length_penalty", "decoding.max_length_ratio", "training.learning_rate", "training.weight_decay"),
        *("training.adam_epsilon", "training.max_grad_norm", "training.max_minutes", "training.label_smoothing"),
        *("model.dropout", "data.mixing.temperature", "data.train.0.weight", "training.sampling.subword.alpha"),
        *("data.cleaning.max_ratio", "tokenizer.character_coverage", "training.adam_betas"),
    ],
)
def test_absurd_numbers_are_refused(tmp_path: Path, setting: str, value: str) -> None:
    given = f"[{value}, 0.5]" if setting.endswith("betas") else value
    if ".0." in setting:
        setting, given = "data.train", f"[{{src: a, tgt: b, weight: {value}}}]"
    with pytest.raises(ConfigError, match=r"must be|finite"):
        Settings.load(write(tmp_path, MINIMAL), overrides=[f"{setting}={given}"]).config()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-2, None),
        (1_000, None),
        (-2.5, "must be at least -2"),
        (1_000.5, "must be at most 1,000"),
        (float("nan"), "must be a finite number"),
        (float("inf"), "must be a finite number"),
    ],
)
def test_a_number_beyond_its_bounds_is_refused_with_the_reason(value: float, reason: str | None) -> None:
    bounds = Bounds(-2, 1_000)
    assert bounds.why_not(value) == reason
    if reason is None:
        bounds.check("size", value)
    else:
        with pytest.raises(ConfigError, match=f"^size {value:g}: {reason}$"):
            bounds.check("size", value)
