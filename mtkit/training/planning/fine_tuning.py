"""What suits the training of a model that exists on a corpus, where the settings do not say it.

The weights are good already, and what trains a model from nothing takes larger steps than they need. The peak of the
learning rate lies where published fine-tuning lies, at 5e-5 to 2e-4, for models of 20 million parameters and more, and
above it for smaller ones, which take larger steps in training too; and it is the lower, the fewer the pairs.
docs/fine-tuning.md has measurements.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mtkit.wording import counted, parameters_shown

MOST_RATE, LEAST_RATE = 1e-3, 5e-5
_PUBLISHED_RATE, _PUBLISHED_PARAMETERS = 2e-4, 20e6
"""The highest rate of published fine-tuning, and the parameters that it is taken for; with others the rate goes with
one over the square root of their number."""

_FULL_RATE_PAIRS = 10_000
"""From which on the highest rate is taken; below it goes with the square root of their number."""

_PASSES = ((20_000, 10), (200_000, 5), (2_000_000, 3))
"""Passes over a corpus of up to so many pairs; one over larger ones."""

_LEAST_TOKENS, _MOST_TOKENS = 1_000, 8_000  # of an update
_UPDATES_A_PASS = 100  # at least, if updates need not be smaller than the least
_WARMUP_SHARE, _MOST_WARMUP = 10, 500
_LEAST_WARMUP = 100
"""Updates, or half of the run: Adam's mean of the squared gradients takes about 50 to settle, and until then its steps
are as large as the rate for every weight."""

_LEAST_UPDATES_IN_TIME = 500  # of a run by time, or as many as it makes anyway
_LORA = 10
"""Adapters begin at zero, and change a weight by a product of two small matrices: they take larger steps."""

_MOST = 1 << 62
_LARGE = 50e6
"""Parameters from which on the memory is asked how much of an update it holds at once."""


@dataclass(frozen=True)
class Suited:
    """Settings of the section training, and why they are so."""

    values: dict[str, Any]
    reasons: list[str]
    """For lines of the log; of settings that the recipe gives there are none."""


def suited(n_parameters: int, n_pairs: int, n_tokens: int, given: Mapping[str, Any]) -> Suited:
    """What suits a model and a corpus.

    Args:
        n_parameters: Of the model.
        n_pairs: Training pairs of the corpus.
        n_tokens: Target tokens of them.
        given: What the recipe and the command line say of the section training.
    """
    own: Collection[str] = {key for key in _CHOSEN if given.get(key) is None}
    batch_tokens = int(_number(given, "batch_tokens") or _rounded(n_tokens / _UPDATES_A_PASS))
    passes = _number(given, "max_epochs") or next((n for limit, n in _PASSES if n_pairs <= limit), 1)
    n_updates = int(_number(given, "max_updates") or math.ceil(passes * n_tokens / batch_tokens))
    warmup = min(_MOST_WARMUP, max(n_updates // _WARMUP_SHARE, min(_LEAST_WARMUP, n_updates // 2)))
    every = max(1, n_updates // 10)
    rate = peak_rate(n_parameters, n_pairs)
    values: dict[str, Any] = {
        "learning_rate": _LORA * min(rate, _PUBLISHED_RATE) if _has_lora(given) else rate,
        "batch_tokens": batch_tokens,
        "max_updates": n_updates,
        "schedule": "constant" if given.get("optimizer") == "schedule_free" else "linear",
        "warmup_updates": warmup,
        "validate_every": every,
        "save_every": every,
    }
    if n_parameters >= _LARGE:
        values["accumulate"] = "auto"
    if given.get("max_minutes") is not None and "batch_tokens" in own:
        values["min_updates"] = min(n_updates, _LEAST_UPDATES_IN_TIME)
    reasons = _reasons(values, own, n_parameters, n_pairs, passes)
    if _has_lora(given) and "learning_rate" in own:
        reasons.append("adapters take a higher rate than the model itself would")
    return Suited(values, reasons)


_CHOSEN = ("learning_rate", "batch_tokens", "max_updates", "schedule", "warmup_updates")


def _number(given: Mapping[str, Any], key: str) -> float | None:
    """What is given, if it can be; of what cannot others speak."""
    value = given.get(key)
    return value if isinstance(value, int | float) and 1 <= value < _MOST else None


def _has_lora(given: Mapping[str, Any]) -> bool:
    lora = given.get("lora")
    return isinstance(lora, Mapping) and lora.get("rank") is not None


def peak_rate(n_parameters: int, n_pairs: int) -> float:
    """The peak of the learning rate, to two digits."""
    rate = min(MOST_RATE, _PUBLISHED_RATE * math.sqrt(_PUBLISHED_PARAMETERS / n_parameters))
    rate *= min(1.0, math.sqrt(n_pairs / _FULL_RATE_PAIRS))
    return float(f"{max(LEAST_RATE, rate):.1e}")


def _rounded(n_tokens: float) -> int:
    """Tokens of an update, within the bounds, in hundreds."""
    return int(min(_MOST_TOKENS, max(_LEAST_TOKENS, n_tokens)) / 100) * 100


def _reasons(
    values: Mapping[str, Any], own: Collection[str], n_parameters: int, n_pairs: int, passes: float
) -> list[str]:
    found = []
    if "learning_rate" in own:
        model = parameters_shown(n_parameters)
        found.append(f"peak learning rate {values['learning_rate']:.1e}, for {model} and {n_pairs:,} pairs")
    if "max_updates" in own:
        made = f"{passes:g} {'pass' if passes == 1 else 'passes'} over them"
        found.append(f"{counted(values['max_updates'], 'update')} of {values['batch_tokens']:,} target tokens: {made}")
    if "warmup_updates" in own and values["warmup_updates"]:
        decay = ", then down to zero in a straight line" if "schedule" in own and values["schedule"] == "linear" else ""
        warmup = f"{counted(values['warmup_updates'], 'update')} of warm-up"
        found.append(f"{warmup}, so that no step is large at first{decay}")
    return found
