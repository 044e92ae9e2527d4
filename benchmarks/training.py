"""Speed, padding and memory of training, against a plain ``torch.nn.Transformer`` loop on the same batches in turn.

    python benchmarks/training.py [--src FILE --tgt FILE] [--preset small] [--vocab-size 8000] [--updates 30]

The plain loop is what a tutorial would write: ``nn.Transformer``, ``F.cross_entropy`` over all logits at once,
``clip_grad_norm_``, AdamW. Tokens are real target tokens, the end of sentence counted, padding not.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtkit.data.batches.batch import Batch, padding_share
from mtkit.data.batches.batches import BatchPlan
from mtkit.data.corpus.prepare import prepare
from mtkit.machine.compute import Compute
from mtkit.machine.device import Precision
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.positions import sinusoidal_positions
from mtkit.settings.data import DataConfig
from mtkit.settings.model import ModelConfig
from mtkit.settings.presets import SIZE_CLASSES
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.accumulation import GradientAccumulator
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.optimizer import build_optimizer, step
from mtkit.training.planning.tuning import fastest_way
from mtkit.training.working_copy import WorkingCopy

DATA = Path(__file__).parents[1] / "data"
SMOOTHING = 0.1


class PlainTransformer(nn.Module):
    """Embeddings, sinusoidal positions and ``nn.Transformer``, all embeddings tied."""

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, config.d_model, padding_idx=0)
        self.register_buffer("positions", sinusoidal_positions(config.max_length, config.d_model))
        self.transformer = nn.Transformer(
            config.d_model,
            config.n_heads,
            config.n_encoder_layers,
            config.n_decoder_layers,
            config.d_ff,
            config.dropout,
            batch_first=True,
            norm_first=True,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.scale = config.d_model**0.5

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, T, V)."""
        padding = batch.src == 0
        causal = nn.Transformer.generate_square_subsequent_mask(batch.tgt_in.size(1), device=batch.tgt_in.device)
        hidden = self.transformer(
            self._embed(batch.src),
            self._embed(batch.tgt_in),
            tgt_mask=causal,
            src_key_padding_mask=padding.float().masked_fill(padding, float("-inf")),
            memory_key_padding_mask=padding.float().masked_fill(padding, float("-inf")),
        )
        return F.linear(hidden, self.embedding.weight)

    def _embed(self, ids: Tensor) -> Tensor:
        positions = self.get_buffer("positions")
        return self.dropout(self.embedding(ids) * self.scale + positions[: ids.size(1)])


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    compute = Compute.choose("auto", "auto", None)
    device = compute.device
    size = SIZE_CLASSES[arguments.preset]
    config = ModelConfig.model_validate(size.model)
    training = TrainingConfig(batch_tokens=arguments.batch_tokens)
    with tempfile.TemporaryDirectory() as work:
        updates, vocab_size = _updates(arguments, Path(work), training)
        torch.manual_seed(0)
        model = EncoderDecoder(config, src_vocab_size=vocab_size, tgt_vocab_size=vocab_size, pad_id=0).to(device)
        plain = PlainTransformer(config, vocab_size).to(device)
        optimizer, plain_optimizer = build_optimizer(model, training), torch.optim.AdamW(plain.parameters(), lr=1e-4)
        objective = CrossEntropy(pad_id=0, smoothing=SMOOTHING)

        way, tried = fastest_way(training, model, lambda _: updates, compute)
        compute = compute.with_precision(way.precision)
        working = WorkingCopy(model, compute=compute)
        accumulate = GradientAccumulator(working, objective, n_workers=way.n_workers)

        def ours(batch: Batch) -> None:
            accumulate([batch], lambda part: seed_dropout(1, len(seen), part))
            step(optimizer, training.max_grad_norm)
            optimizer.zero_grad(set_to_none=True)
            working.refresh()

        def theirs(batch: Batch, plain_precision: Precision) -> None:
            with compute.with_precision(plain_precision).autocast():
                logits = plain(batch).flatten(0, 1).float()
                loss = F.cross_entropy(logits, batch.tgt_out.flatten(), ignore_index=0, label_smoothing=SMOOTHING)
            loss.backward()
            nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
            plain_optimizer.step()
            plain_optimizer.zero_grad()

        seen: list[Batch] = []
        runners: dict[str, Callable[[Batch], None]] = {"mtkit": ours, "plain": partial(theirs, plain_precision="fp32")}
        if compute.precision == "bf16":
            runners["plain, bf16"] = partial(theirs, plain_precision="bf16")
        speeds = _race(runners, updates, arguments.updates, device, seen)
    print(f"model                     {arguments.preset}, vocabulary {vocab_size:,}, {compute.describe()}")
    print(f"chosen                    {way} of {', '.join(f'{w}: {speed:,.0f}' for w, speed in tried.items())}")
    for name, values in speeds.items():
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        print(f"{name:<25} {statistics.median(values):,.0f} target tokens/s ({spread})")
    for name in list(speeds)[1:]:
        ratios = [a / b for a, b in zip(speeds["mtkit"], speeds[name], strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{f'mtkit / {name}':<25} {statistics.median(ratios):.2f} ({spread})")
    print(f"padding                   {100 * padding_share(seen):.1f} % of source and target positions")
    print(f"machine                   {_probe(device):,.0f} GFLOP/s in a float32 product of 1024 x 1024 matrices")
    print(f"peak memory of both       {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--src", type=Path, default=DATA / "train.en")
    parser.add_argument("--tgt", type=Path, default=DATA / "train.de")
    parser.add_argument("--preset", choices=SIZE_CLASSES, default="small")
    parser.add_argument("--vocab-size", type=int)
    parser.add_argument("--batch-tokens", type=int, default=3_500)
    parser.add_argument("--updates", type=int, default=30)
    return parser.parse_args()


def _updates(arguments: argparse.Namespace, work: Path, training: TrainingConfig) -> tuple[Iterator[list[Batch]], int]:
    """The batches of a real run over the corpus, and the size of its vocabulary."""
    files = {"src": str(arguments.src), "tgt": str(arguments.tgt)}
    data = DataConfig.model_validate({"src_lang": "src", "tgt_lang": "tgt", "train": [files], "valid": [files]})
    prepared = prepare(data, TokenizerConfig(vocab_size=arguments.vocab_size), work / "prepared")
    plan = BatchPlan(prepared.store("train"), special=prepared.tokenizer.special, batch_tokens=training.batch_tokens)
    return iter(plan), prepared.manifest.tgt_vocab_size


def _race(
    loops: dict[str, Callable[[Batch], None]],
    updates: Iterator[list[Batch]],
    n: int,
    device: torch.device,
    seen: list[Batch],
) -> dict[str, list[float]]:
    """Target tokens per second of each loop for each batch, in turn, after three that do not count."""
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(n + 3):
        batch = next(updates)[0].to(device)
        for name, update in loops.items():
            start = time.perf_counter()
            update(batch)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number >= 3:
                speeds[name].append(batch.n_tgt_tokens / (time.perf_counter() - start))
        seen.append(batch)
    return speeds


def _probe(device: torch.device) -> float:
    """GFLOP/s in a matrix product: what the machine gives at this moment."""
    matrix = torch.randn(1024, 1024, device=device)
    seconds = []
    for _ in range(9):
        start = time.perf_counter()
        (matrix @ matrix)[0, 0].item()
        seconds.append(time.perf_counter() - start)
    return 2 * 1024**3 / statistics.median(seconds) / 1e9


if __name__ == "__main__":
    main()
