"""What a run learns from beside its pairs, as its settings ask for it."""

import torch

from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.settings.recipe import Config
from mtkit.training.objectives.minimum_risk import SentenceRisk
from mtkit.training.objectives.objective import Guidance
from mtkit.training.teacher import Teacher


def guidance_of(config: Config, tokenizer: Tokenizer, teacher: Teacher | None, device: torch.device) -> Guidance:
    """The teacher on the device, and what scores the samples of the run's model.

    Args:
        config: Of the run.
        tokenizer: Of the run.
        teacher: One that is gone is left out: it is asked for where an update is to be made.
        device: That trains.

    Raises:
        CheckpointError: If the teacher is damaged.
        ConfigError: If the metric lacks its tokenizer.
    """
    there = teacher is not None and teacher.bundle is not None
    metric = config.training.minimum_risk.metric
    return Guidance(
        teacher=teacher.model_on(device) if teacher is not None and there else None,
        risk=None if metric is None else SentenceRisk(metric, tokenizer, tgt_lang=config.data.tgt_lang),
    )
