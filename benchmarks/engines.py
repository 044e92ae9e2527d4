"""``mtkit translate`` with each engine beside the bare CTranslate2 library, on the same text and model.

    python benchmarks/engines.py MODEL SRC [--beam 5 1] [--copies 3] [--runs 3] [--threads N] [--skip torch]

The bare library gets lines that are tokenised already, and its tokens are thrown away: neither reading nor tokenising
is counted. Of some ways to share the threads and of some batch sizes it takes the fastest, which is tried out for each
beam size and shown. mtkit does all that the command does, from the file's first byte to the last line written, without
its start. Every contender is a process of its own (so that peak memory is its own), runs once uncounted, and then in
turn with the others, so that a slow spell of the machine meets each. A figure is the median over the runs, with the
lowest and the highest; the ratio to the bare library is the median of the ratios within a round.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mtkit.bundle.bundle import load_bundle
from mtkit.engines.conversion import converted
from mtkit.files.text import read_lines
from mtkit.machine.memory import peak_memory
from mtkit.machine.threads import count_threads
from mtkit.translation.streaming import read_buffers
from mtkit.translation.translator import Translator
from mtkit.wording import bytes_shown

CONTENDERS = ("bare int8", "mtkit int8", "bare float32", "mtkit float32", "torch")
BARE = {"mtkit int8": "bare int8", "mtkit float32": "bare float32", "torch": "bare float32"}
BUFFER = 1024
TRIED_LINES = 512  # on which settings of the bare library are compared
BATCH_SIZES = (32, 64, 128)
Run = Callable[[int], str]
"""Translate everything with this beam size; returns what was set for it, if anything."""


def main() -> None:
    """Measure and print, or be one of the contenders."""
    arguments = _arguments()
    if arguments.contender:
        _serve(arguments)
    else:
        _measure(arguments)


def _measure(arguments: argparse.Namespace) -> None:
    names = [name for name in CONTENDERS if name not in arguments.skip]
    lines = list(read_lines(arguments.src)) * arguments.copies
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        text.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        command = [sys.executable, __file__, str(arguments.model), str(text), "--threads", str(arguments.threads)]
        workers = {
            name: subprocess.Popen(
                [*command, "--contender", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for name in names
        }
        print(f"{len(lines)} lines, {arguments.threads} threads", flush=True)
        print(f"{'':15}{'beam':>5}{'lines/s':>9}{'lowest':>9}{'highest':>9}{'to bare':>9}{'peak':>10}")
        for beam in arguments.beam:
            settings = {name: _ask(workers[name], beam)[2] for name in names}  # warms up, too
            rounds = [{name: _ask(workers[name], beam) for name in names} for _ in range(arguments.runs)]
            for name in names:
                rates = [len(lines) / each[name][0] for each in rounds]
                ratio = ""
                if BARE.get(name) in names:
                    ratio = f"{statistics.median(each[BARE[name]][0] / each[name][0] for each in rounds):.3f}"
                speeds = "".join(f"{rate:9.1f}" for rate in (statistics.median(rates), min(rates), max(rates)))
                line = f"{name:15}{beam:5}{speeds}{ratio:>9}{bytes_shown(rounds[-1][name][1]):>10}"
                print(f"{line}  {settings[name]}".rstrip(), flush=True)
        for worker in workers.values():
            worker.communicate()


def _ask(worker: "subprocess.Popen[str]", beam: int) -> tuple[float, int, str]:
    """Let a contender translate everything once; returns seconds, its peak memory in bytes, and its settings."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{beam}\n")
    worker.stdin.flush()
    seconds, peak, setting = json.loads(worker.stdout.readline())
    return seconds, peak, setting


def _serve(arguments: argparse.Namespace) -> None:
    """Translate everything once for every beam size that is read."""
    run = _bare(arguments) if arguments.contender.startswith("bare") else _mtkit(arguments)
    for line in sys.stdin:
        start = time.perf_counter()
        setting = run(int(line))
        print(json.dumps([time.perf_counter() - start, peak_memory(), setting]), flush=True)


def _bare(arguments: argparse.Namespace) -> Run:
    """The library as fast as it goes, with the settings that turn out to be the best ones for a beam size."""
    import ctranslate2

    bundle, quantization = load_bundle(arguments.model), arguments.contender.split()[1]
    tokens = [bundle.tokenizer.src_tokens(ids) for ids in bundle.tokenizer.encode_src(list(read_lines(arguments.src)))]
    best: dict[int, tuple[int, int]] = {}

    def load(n_batches: int) -> Any:
        """Threads that each search a batch of their own, or else one batch after the other on all threads."""
        with converted(bundle, quantization) as conversion:
            return ctranslate2.Translator(
                str(conversion.directory),
                device="cpu",
                compute_type=quantization,
                inter_threads=n_batches,
                intra_threads=arguments.threads // n_batches,
            )

    libraries = {n_batches: load(n_batches) for n_batches in {arguments.threads, 1}}

    def seconds(lines: list[list[str]], beam: int, n_batches: int, size: int) -> float:
        start = time.perf_counter()
        libraries[n_batches].translate_batch(lines, beam_size=beam, max_batch_size=size, max_decoding_length=80)
        return time.perf_counter() - start

    def run(beam: int) -> str:
        if beam not in best:
            settings = list(itertools.product(libraries, BATCH_SIZES))
            tried = tokens[:: -(-len(tokens) // TRIED_LINES)]
            passes = [{each: seconds(tried, beam, *each) for each in settings} for _ in range(3)]
            best[beam] = min(settings, key=lambda each: statistics.median(found[each] for found in passes))
        n_batches, size = best[beam]
        seconds(tokens, beam, n_batches, size)
        return f"{n_batches} x {arguments.threads // n_batches} threads, batches of {size}"

    return run


def _mtkit(arguments: argparse.Namespace) -> Run:
    """What ``mtkit translate`` does once its model is loaded."""
    engine, precision = {
        "mtkit int8": ("ctranslate2", "int8"),
        "mtkit float32": ("ctranslate2", "fp32"),
        "torch": ("torch", "auto"),
    }[arguments.contender]
    translator = Translator.load(
        arguments.model,
        engine=engine,  # type: ignore[arg-type]
        device="cpu",
        precision=precision,
        threads=arguments.threads,
    )

    def run(beam: int) -> str:
        options = translator.search_options(beam_size=beam, scores=False)
        with tempfile.TemporaryFile() as out:
            for translations in translator.translate_ahead(read_buffers(arguments.src, BUFFER), options, n_ahead=1):
                out.write("".join(f"{translation.text}\n" for translation in translations).encode())
        return ""

    return run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="run directory, checkpoint or bundle")
    parser.add_argument("src", type=Path, help="text to translate")
    parser.add_argument("--beam", type=int, nargs="+", default=[5, 1])
    parser.add_argument("--copies", type=int, default=3, help="how often the text is repeated")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=count_threads(None))
    parser.add_argument("--skip", nargs="*", default=[], choices=CONTENDERS)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
