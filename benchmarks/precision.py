"""The loss curve in bf16 beside that in float32: the same model, batches and dropout masks.

    python benchmarks/precision.py [--src FILE --tgt FILE] [--preset small] [--updates 1000] [--batch-tokens 1000]

On a machine that does not multiply in bf16, that is emulated: operands and results of every linear map, of attention
and of the projection onto the vocabulary are rounded to bf16, forward and backward, and the products between are exact.
"""

import argparse
import statistics
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mtkit.data.batches.batches import BatchPlan
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared
from mtkit.machine.compute import Compute
from mtkit.machine.device import Precision, bf16_is_native
from mtkit.machine.memory import keep_freed_memory
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.data import DataConfig
from mtkit.settings.model import ModelConfig
from mtkit.settings.presets import SIZE_CLASSES
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.accumulation import GradientAccumulator
from mtkit.training.objectives.objective import objective_of
from mtkit.training.optimizer import build_optimizer
from mtkit.training.schedule import learning_rate
from mtkit.training.working_copy import WorkingCopy

DATA = Path(__file__).parents[1] / "data"


class _Round(torch.autograd.Function):
    """To bf16 and back, value and gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004  # the signature that autograd calls
        return x.bfloat16().float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        return gradients[0].bfloat16().float()


class _EmulatedBf16(TorchFunctionMode):
    """Rounds what goes into a product and what comes out of it."""

    _PRODUCTS = (F.linear, F.scaled_dot_product_attention, Tensor.matmul, Tensor.__matmul__)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in self._PRODUCTS:
            return func(*args, **(kwargs or {}))
        rounded = [_Round.apply(x) if _is_float(x) else x for x in args]  # type: ignore[no-untyped-call]
        return _Round.apply(func(*rounded, **(kwargs or {})))  # type: ignore[no-untyped-call]


def _is_float(x: object) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


def main() -> None:
    """Train twice and print both curves."""
    arguments = _arguments()
    compute = Compute.choose("auto", "fp32", arguments.threads)
    keep_freed_memory()
    native = bf16_is_native(compute.device)
    products: dict[Precision, Any] = {"fp32": nullcontext, "bf16": nullcontext if native else _EmulatedBf16}
    with tempfile.TemporaryDirectory() as work:
        files = {"src": str(arguments.src), "tgt": str(arguments.tgt)}
        data = DataConfig.model_validate({"src_lang": "src", "tgt_lang": "tgt", "train": [files], "valid": [files]})
        prepared = prepare(data, TokenizerConfig(vocab_size=arguments.vocab_size), Path(work) / "prepared")
        curves = {
            name: _curve(
                arguments, prepared, compute.with_precision(name if context is nullcontext else "fp32"), context
            )
            for name, context in products.items()
        }
    print(
        f"{arguments.preset}, {arguments.batch_tokens:,} target tokens an update; bf16 {'' if native else 'emulated'}"
    )
    print("nats per token, mean of the updates since the line before")
    print(f"{'update':>8}{'fp32':>10}{'bf16':>10}{'difference':>12}")
    every = max(arguments.updates // 20, 1)
    for end in range(every, arguments.updates + 1, every):
        fp32, bf16 = (statistics.mean(curves[name][end - every : end]) for name in curves)
        print(f"{end:>8,}{fp32:>10.4f}{bf16:>10.4f}{bf16 - fp32:>+12.4f}", flush=True)


def _curve(arguments: argparse.Namespace, prepared: Prepared, compute: Compute, products: Any) -> list[float]:
    """Loss per token of each update."""
    size = SIZE_CLASSES[arguments.preset]
    training = TrainingConfig.model_validate(
        {**size.training, "batch_tokens": arguments.batch_tokens, "max_updates": arguments.updates}
        | {"schedule": "linear", "warmup_updates": arguments.updates // 10}
    )
    seed_dropout(1, 0)
    tokenizer = prepared.tokenizer
    model = EncoderDecoder.for_tokenizer(ModelConfig.model_validate(size.model), tokenizer).to(compute.device)
    optimizer = build_optimizer(model, training)
    objective = objective_of(training, tokenizer.pad_id)
    working = WorkingCopy(model, compute=compute)
    accumulate = GradientAccumulator(working, objective)
    losses = []
    updates = iter(
        BatchPlan(prepared.store("train"), special=prepared.tokenizer.special, batch_tokens=arguments.batch_tokens)
    )
    for update in range(1, arguments.updates + 1):
        batch = next(updates)[0]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(update, training)
        context: AbstractContextManager[Any] = products()
        with context:
            ((_, loss),) = accumulate([batch], lambda part: seed_dropout(1, update, part))  # noqa: B023  # called at once
        nn.utils.clip_grad_norm_(model.parameters(), training.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        working.refresh()
        losses.append(float(loss.total.detach()) / loss.n_tokens)
    return losses


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--src", type=Path, default=DATA / "train.en")
    parser.add_argument("--tgt", type=Path, default=DATA / "train.de")
    parser.add_argument("--preset", choices=SIZE_CLASSES, default="tiny")
    parser.add_argument("--vocab-size", type=int)
    parser.add_argument("--batch-tokens", type=int, default=1_000)
    parser.add_argument("--updates", type=int, default=1_000)
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
