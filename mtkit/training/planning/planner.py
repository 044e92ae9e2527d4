"""Which pairs a run trains on, in which order and guise, from its recipe and its corpus."""

import torch

from mtkit.data.batches.batches import BatchPlan
from mtkit.data.batches.mixed_batches import MixedPlan
from mtkit.data.batches.mixing import mix_of
from mtkit.data.batches.sampling import Sampler, SamplingRecipe
from mtkit.data.corpus.prepared import Prepared
from mtkit.settings.recipe import Config
from mtkit.settings.sampling import SamplingConfig
from mtkit.settings.training import TrainingConfig

_MAX_WORKERS = 4


class Planner:
    """Makes the plan of a run, for as many tokens as are asked for."""

    def __init__(self, config: Config, prepared: Prepared) -> None:
        """Read what the recipe says of mixing and sampling.

        Raises:
            DataError: If the prepared corpus has other training sources than the recipe.
        """
        training, data = config.training, config.data
        self._special = prepared.tokenizer.special
        self._store = prepared.store("train")
        self._seed = training.seed
        self._mix = mix_of(data, prepared.manifest)
        recipe = SamplingRecipe(prepared.directory, training.sampling, training.seed, data.cleaning.max_tokens)
        self._sampler = Sampler(recipe, prepared) if training.sampling.active else None

    def plan(self, batch_tokens: int, accumulate: int = 1) -> BatchPlan:
        """The plan of the run; arguments as for ``BatchPlan``.

        Raises:
            ConfigError: If a corpus has so little weight that it would never be seen.
        """
        if self._mix is None:
            return BatchPlan(
                self._store,
                special=self._special,
                batch_tokens=batch_tokens,
                accumulate=accumulate,
                seed=self._seed,
                sampler=self._sampler,
            )
        return MixedPlan(
            self._store,
            self._mix,
            special=self._special,
            batch_tokens=batch_tokens,
            accumulate=accumulate,
            seed=self._seed,
            sampler=self._sampler,
        )


def noise_of_validation(config: Config, prepared: Prepared) -> Sampler | None:
    """What puts the noise on the validation set that a model learns to undo; None where it learns something else."""
    noise = config.training.sampling.noise
    if config.data.task != "reconstruct" or not noise.probability:
        return None
    alone = SamplingConfig(noise=noise)
    recipe = SamplingRecipe(prepared.directory, alone, config.training.seed, config.data.cleaning.max_tokens)
    return Sampler(recipe, prepared, place="valid")


def count_sampling_workers(training: TrainingConfig) -> int:
    """Processes that sample: as many as the settings say, else one for every four CPU threads up to four."""
    if training.workers is not None:
        return training.workers
    return min(max(torch.get_num_threads() // 4, 1), _MAX_WORKERS)
