"""Speed and memory of translation, greedy, with a beam, and one line at a time, beside the machine's matrix products.

    python benchmarks/translate.py [MODEL SRC] [--beam 5] [--batch-size N] [--lines 1000] [--runs 5] [--threads N]

Without a model it takes the small preset with random weights and an 8,000-piece vocabulary, on sources of 8 to 22
tokens that each yield at most one token more than they have. The searches run in turn, so that a slow spell of the
machine meets all; each figure is the median over the runs, with the slowest and the fastest behind it. One line at a
time, every tenth line is translated.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import torch

from mtkit.data.tokens.special import OWN
from mtkit.engines.batching import BATCH_SIZE
from mtkit.engines.torch_engine import TorchEngine
from mtkit.files.text import read_lines
from mtkit.machine.compute import Compute
from mtkit.machine.memory import peak_memory
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.hypothesis import SearchOptions
from mtkit.settings.decoding import DecodingConfig
from mtkit.settings.model import ModelConfig
from mtkit.settings.presets import SIZE_CLASSES
from mtkit.translation.translator import Translator
from mtkit.wording import bytes_shown

Search = Callable[[int, int | None], tuple[int, int]]
"""Translate with this beam size everything in batches of this size (None: the command's own), or every tenth line if it
is 1; returns the numbers of lines and of output tokens, ends of sentence counted."""


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    compute = Compute.choose(arguments.device, arguments.precision, arguments.threads)
    if arguments.model is None:
        model, search, n_lines = _random(arguments, compute)
    else:
        model, search, n_lines = _given(arguments)
    print(f"{n_lines} lines, {model.n_parameters() / 1e6:.1f} million parameters, {compute.describe()}")
    beams = [1] if arguments.beam == 1 else [1, arguments.beam]
    cases = [(beam, size) for size in (arguments.batch_size, 1) for beam in beams]
    seconds: dict[tuple[int, int | None], list[float]] = {case: [] for case in cases}
    counts = {case: search(*case) for case in cases}  # warms up
    probes = [_matrix_speed(compute)]
    for _ in range(arguments.runs):
        for case in cases:
            start = time.perf_counter()
            search(*case)
            seconds[case].append(time.perf_counter() - start)
            probes.append(_matrix_speed(compute))
    for case in cases:
        (n, tokens), (beam, size) = counts[case], case
        median, low, high = statistics.median(seconds[case]), min(seconds[case]), max(seconds[case])
        print(
            f"beam {beam}{', one line at a time' if size == 1 else ''}: {n / median:.1f} lines/s "
            f"({n / high:.1f} to {n / low:.1f}), {tokens / median:.0f} output tokens/s, {tokens / n:.1f} tokens a line"
        )
    print(f"peak memory {bytes_shown(_peak(compute.device))}")
    low, high = min(probes), max(probes)
    print(f"machine: {statistics.median(probes):.0f} GFLOP/s in a 1024-cubed fp32 product ({low:.0f} to {high:.0f})")


def _given(arguments: argparse.Namespace) -> tuple[EncoderDecoder, Search, int]:
    """A model and a text; pieces are part of what is measured."""
    translator = Translator.load(
        arguments.model,
        engine="torch",
        device=arguments.device,
        precision=arguments.precision,
        threads=arguments.threads,
    )
    texts = list(islice(read_lines(arguments.src), arguments.lines))

    def search(beam: int, size: int | None) -> tuple[int, int]:
        if size == 1:
            found = [t for text in texts[::10] for t in translator.translate([text], beam_size=beam)]
        else:
            found = translator.translate(texts, beam_size=beam, batch_size=size)
        return len(found), sum(len(t.tokens) + t.finished for t in found)

    assert isinstance(translator.engine, TorchEngine)
    return translator.engine.model, search, len(texts)


def _random(arguments: argparse.Namespace, compute: Compute) -> tuple[EncoderDecoder, Search, int]:
    """Random weights and random sources."""
    torch.manual_seed(0)
    config = ModelConfig.model_validate(SIZE_CLASSES["small"].model)
    model = EncoderDecoder(config, src_vocab_size=8_000, tgt_vocab_size=8_000, pad_id=0).to(compute.device).eval()
    engine = TorchEngine(model, special=OWN, compute=compute)
    draw = random.Random(0)
    sources = [[draw.randrange(4, 8_000) for _ in range(draw.randint(8, 22))] for _ in range(arguments.lines)]
    sources.sort(key=len, reverse=True)

    def search(beam: int, size: int | None) -> tuple[int, int]:
        penalty = DecodingConfig().length_penalty
        options = SearchOptions(beam, 1, penalty, max_length_ratio=1.0, max_length_offset=1)
        if size == 1:
            found = [best for ids in sources[::10] for [best, *_] in engine.translate_ids([ids], options)]
        else:
            size = size or BATCH_SIZE["sentences"]
            found = [best for best, *_ in engine.begin(sources, options, batch_size=size, batch_type="sentences")()]
        return len(found), sum(len(best.ids) + best.finished for best in found)

    return model, search, len(sources)


def _matrix_speed(compute: Compute) -> float:
    """Billions of floating-point operations a second."""
    a = torch.randn(1024, 1024, device=compute.device)
    with compute.with_precision("fp32").autocast():
        start = time.perf_counter()
        for _ in range(5):
            product = a @ a
        product[0, 0].item()  # waits for a GPU
    return 5 * 2 * 1024**3 / (time.perf_counter() - start) / 1e9


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, help="run directory, checkpoint or bundle")
    parser.add_argument("src", nargs="?", type=Path, help="text to translate")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--batch-size", type=int, help="sentences; by default the command's own")
    parser.add_argument("--lines", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    if (arguments.model is None) != (arguments.src is None):
        parser.error("MODEL and SRC go together")
    return arguments


if __name__ == "__main__":
    main()
