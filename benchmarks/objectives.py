"""What an update costs with each objective, as a ratio to the plain cross-entropy on the same batches, in turn.

    python benchmarks/objectives.py [--preset tiny] [--batch-tokens 1000] [--updates 40] [--threads 1]

Forward and backward passes, the gradient's norm and the optimiser's step, on the sample corpus; each objective trains a
model of its own. Beside the measured ratio stands that of the arithmetic, by which MFU is counted.
"""

import argparse
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from mtkit.data.batches.batch import Batch
from mtkit.data.batches.batches import BatchPlan
from mtkit.data.corpus.prepare import prepare
from mtkit.machine.compute import Compute
from mtkit.machine.memory import keep_freed_memory
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.data import DataConfig
from mtkit.settings.model import ModelConfig
from mtkit.settings.presets import SIZE_CLASSES
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.accumulation import GradientAccumulator
from mtkit.training.arithmetic import batch_flop
from mtkit.training.objectives.objective import objective_of
from mtkit.training.objectives.passes import passes_of
from mtkit.training.optimizer import build_optimizer, step
from mtkit.training.working_copy import WorkingCopy

DATA = Path(__file__).parents[1] / "data"
OBJECTIVES: dict[str, dict[str, Any]] = {
    "cross-entropy": {},
    "R-Drop": {"consistency": {"method": "r_drop"}},
    "SimCut": {"consistency": {"method": "simcut"}},
    "FGM": {"adversarial": {"method": "fgm"}},
    "FGM, target": {"adversarial": {"method": "fgm", "side": "tgt"}},
    "VAT": {"adversarial": {"method": "vat"}},
    "VAT, target": {"adversarial": {"method": "vat", "side": "tgt"}},
}


class Trained:
    """A model in training with one objective."""

    def __init__(self, objective: dict[str, Any], config: ModelConfig, tokenizer: Any, compute: Compute) -> None:
        self.training = TrainingConfig.model_validate(objective)
        seed_dropout(1, 0)
        self.model = EncoderDecoder.for_tokenizer(config, tokenizer).to(compute.device)
        self._compute = compute
        self._optimizer = build_optimizer(self.model, self.training)
        self._working = WorkingCopy(self.model, compute=compute)
        self._accumulate = GradientAccumulator(self._working, objective_of(self.training, tokenizer.pad_id))

    def seconds(self, batch: Batch, number: int) -> float:
        """Of an update."""
        started = time.perf_counter()
        self._accumulate([batch], lambda part: seed_dropout(1, number, part))
        step(self._optimizer, self.training.max_grad_norm)
        self._optimizer.zero_grad(set_to_none=True)
        self._working.refresh()
        self._compute.synchronize()
        return time.perf_counter() - started


def main() -> None:
    """Train all of them in turn and print the ratios."""
    arguments = _arguments()
    compute = Compute.choose("auto", "fp32", arguments.threads)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as work:
        files = {"src": str(DATA / "train.en"), "tgt": str(DATA / "train.de")}
        data = DataConfig.model_validate({"src_lang": "en", "tgt_lang": "de", "train": [files], "valid": [files]})
        prepared = prepare(data, TokenizerConfig(vocab_size=2_000), Path(work) / "prepared")
        config = ModelConfig.model_validate(SIZE_CLASSES[arguments.preset].model)
        tokenizer = prepared.tokenizer
        plan = BatchPlan(prepared.store("train"), special=tokenizer.special, batch_tokens=arguments.batch_tokens)
        batches = [compute.put(update[0]) for update in islice(plan, arguments.updates + 1)]
    trained = {name: Trained(objective, config, tokenizer, compute) for name, objective in OBJECTIVES.items()}
    seconds: dict[str, list[float]] = {name: [] for name in trained}
    for number, batch in enumerate(batches):
        for name, each in trained.items():
            seconds[name].append(each.seconds(batch, number))
    print(f"{arguments.preset}, {arguments.batch_tokens:,} target tokens, {compute.describe()}, median of the ratios")
    print(f"{'objective':<16}{'ms an update':>14}{'ratio':>8}{'arithmetic':>12}")
    plain = seconds["cross-entropy"][1:]  # the first prepares what the others find ready
    for name, each in trained.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(seconds[name][1:], plain, strict=True))
        flop = [
            batch_flop(each.model, batches[1], passes_of(training))
            for training in (each.training, trained["cross-entropy"].training)
        ]
        milliseconds = 1000 * statistics.median(seconds[name][1:])
        print(f"{name:<16}{milliseconds:>14.1f}{ratio:>8.2f}{flop[0] / flop[1]:>12.2f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=SIZE_CLASSES, default="tiny")
    parser.add_argument("--batch-tokens", type=int, default=1_000)
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
