"""What a run by time is going to see of its corpus, told before it begins."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mtkit.log import logger
from mtkit.settings.presets import BY_TIME
from mtkit.settings.training import TrainingConfig
from mtkit.wording import counted

TRAINING_SHARE = 0.75  # of the time; the rest goes to validations, checkpoints and the end
_FEW_PASSES = 3.0
_HOUR = 3600.0


@dataclass(frozen=True)
class Foresight:
    """The speed of a machine against the size of a corpus."""

    tokens_per_second: float
    """Target tokens that are trained on."""

    n_pairs: int
    n_tokens: int
    """Target tokens of a pass over all pairs."""

    def passes(self, seconds: float) -> float:
        """Passes over the corpus that a run of so many seconds, everything included, makes."""
        return TRAINING_SHARE * max(seconds, 0.0) * self.tokens_per_second / self.n_tokens

    def seconds(self, passes: float) -> float:
        """Seconds that so many passes take, with the validations and checkpoints among them."""
        return passes * self.n_tokens / (TRAINING_SHARE * self.tokens_per_second)

    def tell(self, training: TrainingConfig, *, seconds: float, preset: str | None) -> None:
        """Log what the time allows, with a warning where that is little.

        Args:
            training: Of the run by time, with the size of its updates.
            seconds: Left of ``max_minutes``.
            preset: Of the model's sizes; the next smaller one is advised.
        """
        assert training.max_minutes is not None
        n_updates = TRAINING_SHARE * max(seconds, 0.0) * self.tokens_per_second / training.batch_tokens
        n_updates = max(1, round(min(n_updates, training.max_updates or n_updates)))
        passes = n_updates * training.batch_tokens / self.n_tokens
        logger.info(
            "%s: about %s of %s target tokens, %s over the %s pairs; an hour would give about %s",
            counted(training.max_minutes, "minute"),
            f"{n_updates:,} update{'s' * (n_updates != 1)}",
            f"{training.batch_tokens:,}",
            passes_shown(passes),
            f"{self.n_pairs:,}",
            passes_shown(self.passes(_HOUR)),
        )
        if passes < _FEW_PASSES:
            advice = "; ".join(
                ["so few passes teach a model little", *self._advice(training, seconds, preset, n_updates)]
            )
            logger.warning("%s", advice)

    def _advice(self, training: TrainingConfig, seconds: float, preset: str | None, n_updates: int) -> Iterator[str]:
        """What would let the run see more of the corpus."""
        assert training.max_minutes is not None
        if n_updates == training.max_updates:
            yield f"training.max_updates ({n_updates:,}) ends the run before its time: raise it"
            return
        spent = 60 * training.max_minutes - seconds
        yield f"{_FEW_PASSES:g} passes take about --minutes {math.ceil((spent + self.seconds(_FEW_PASSES)) / 60):,}"
        for name in BY_TIME[: BY_TIME.index(preset)][-1:] if preset in BY_TIME else []:
            yield f"a smaller model (--preset {name}) sees more in the same time"


def passes_shown(passes: float) -> str:
    """Such as ``1.1 passes``, ``0.03 passes`` or ``140 passes``."""
    digits = 0 if passes >= 9.95 else 1 if passes >= 0.095 else 2
    return f"{passes:,.{digits}f} passes"
