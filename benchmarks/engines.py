"""``mtkit translate`` with each engine beside the bare CTranslate2 library, on the same text and model.

    python benchmarks/engines.py MODEL SRC [--beam 5 1] [--copies 3] [--runs 3] [--threads N] [--skip torch]

The bare library gets lines that are tokenised already, and its tokens are thrown away: neither reading nor tokenising
is counted. mtkit does all that the command does, from the file's first byte to the last line written, without its
start. Every contender is a process of its own (so that peak memory is its own), warmed up, and runs in turn with the
others, so that a slow spell of the machine meets each. A figure is the median over the runs, with the lowest and the
highest; the ratio to the bare library is the median of the ratios within a round.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mtkit.device import count_threads
from mtkit.io import read_lines
from mtkit.log import bytes_shown, peak_memory
from mtkit.translation.bundle import load_bundle
from mtkit.translation.streaming import read_buffers
from mtkit.translation.translator import Translator

CONTENDERS = ("bare int8", "mtkit int8", "bare float32", "mtkit float32", "torch")
BARE = {"mtkit int8": "bare int8", "mtkit float32": "bare float32", "torch": "bare float32"}
BUFFER = 1024
Run = Callable[[int], None]
"""Translate everything with this beam size."""


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
            rounds = [{name: _ask(workers[name], beam) for name in names} for _ in range(arguments.runs)]
            for name in names:
                rates = [len(lines) / each[name][0] for each in rounds]
                ratio = ""
                if BARE.get(name) in names:
                    ratio = f"{statistics.median(each[BARE[name]][0] / each[name][0] for each in rounds):.3f}"
                speeds = "".join(f"{rate:9.1f}" for rate in (statistics.median(rates), min(rates), max(rates)))
                print(f"{name:15}{beam:5}{speeds}{ratio:>9}{bytes_shown(rounds[-1][name][1]):>10}", flush=True)
        for worker in workers.values():
            worker.communicate()


def _ask(worker: "subprocess.Popen[str]", beam: int) -> tuple[float, int]:
    """Let a contender translate everything once; returns seconds and its peak memory in bytes."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{beam}\n")
    worker.stdin.flush()
    seconds, peak = json.loads(worker.stdout.readline())
    return seconds, peak


def _serve(arguments: argparse.Namespace) -> None:
    """Translate everything once for every beam size that is read."""
    run = _bare(arguments) if arguments.contender.startswith("bare") else _mtkit(arguments)
    for line in sys.stdin:
        start = time.perf_counter()
        run(int(line))
        print(json.dumps([time.perf_counter() - start, peak_memory()]), flush=True)


def _bare(arguments: argparse.Namespace) -> Run:
    """The library as fast as it goes: a batch for each thread, and each thread to itself."""
    import ctranslate2

    from mtkit.translation.conversion import converted

    bundle, quantization = load_bundle(arguments.model), arguments.contender.split()[1]
    with converted(bundle, quantization) as conversion:
        library = ctranslate2.Translator(
            str(conversion.directory),
            device="cpu",
            compute_type=quantization,
            inter_threads=arguments.threads,
            intra_threads=1,
        )
    tokens = [bundle.tokenizer.src_tokens(ids) for ids in bundle.tokenizer.encode_src(list(read_lines(arguments.src)))]

    def run(beam: int) -> None:
        library.translate_batch(tokens, beam_size=beam, max_batch_size=arguments.batch_size, max_decoding_length=80)

    library.translate_batch(tokens[:64])
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

    def run(beam: int) -> None:
        options = translator.search_options(beam_size=beam, scores=False)
        with tempfile.TemporaryFile() as out:
            for translations in translator.translate_ahead(read_buffers(arguments.src, BUFFER), options, n_ahead=1):
                out.write("".join(f"{translation.text}\n" for translation in translations).encode())

    translator.translate(list(read_lines(arguments.src))[:64])
    return run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="run directory, checkpoint or bundle")
    parser.add_argument("src", type=Path, help="text to translate")
    parser.add_argument("--beam", type=int, nargs="+", default=[5, 1])
    parser.add_argument("--copies", type=int, default=3, help="how often the text is repeated")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=count_threads(None))
    parser.add_argument("--batch-size", type=int, default=64, help="of the bare library")
    parser.add_argument("--skip", nargs="*", default=[], choices=CONTENDERS)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
