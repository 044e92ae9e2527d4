"""The speed of translation: the search that ``mtkit translate`` runs, over the same sentences again and again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from mtkit.bench.training import Spread
from mtkit.data.corpus.store import Store
from mtkit.data.tokens.special import OWN
from mtkit.engines.batching import BATCH_SIZE
from mtkit.engines.torch_engine import TorchEngine
from mtkit.machine.compute import Compute
from mtkit.machine.memory import memory_advice
from mtkit.machine.peak import Peak
from mtkit.model.cost import decoding_flop
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.hypothesis import SearchOptions
from mtkit.settings.decoding import DecodingConfig
from mtkit.settings.model import ModelConfig
from mtkit.translation.translator import Translator

_LINES = 256


@dataclass(frozen=True)
class TranslationSpeed:
    """How fast sentences are translated with one beam size."""

    engine: str
    """What translated, where, and in which precision."""

    beam_size: int
    n_lines: int
    n_passes: int
    """Times that all lines were translated."""

    lines_per_second: Spread
    tgt_tokens_per_second: float
    """Tokens of the translations returned, ends of sentence included."""

    share_of_peak: float
    """Matrix products of all K hypotheses over the machine's peak."""


def measure_random(
    config: ModelConfig,
    decoding: DecodingConfig,
    store: Store,
    *,
    vocab_sizes: tuple[int, int],
    compute: Compute,
    peak: Peak,
    seconds: float,
) -> list[TranslationSpeed]:
    """Search with random weights, greedily and with the recipe's beam; every output is as long as its source.

    Raises:
        DeviceError: If a batch does not fit into memory.
    """
    torch.manual_seed(0)
    model = EncoderDecoder(config, src_vocab_size=vocab_sizes[0], tgt_vocab_size=vocab_sizes[1], pad_id=OWN.pad)
    model.to(compute.device)
    model.eval()
    engine = TorchEngine(model, special=OWN, compute=compute)
    sources = [store.src_ids(row).tolist()[: config.max_length - 1] for row in range(min(_LINES, len(store)))]
    size = BATCH_SIZE["sentences"]

    def search(n_lines: int, beam_size: int) -> int:
        # Random weights hardly ever end a sentence by themselves.
        options = SearchOptions.of(decoding, beam_size=beam_size, max_length_ratio=1.0, max_length_offset=0)
        lines = sorted(sources[:n_lines], key=len, reverse=True)
        batches = [lines[start : start + size] for start in range(0, n_lines, size)]
        found = [best for batch in batches for best, *_ in engine.translate_ids(batch, options)]
        return sum(len(best.ids) + best.finished for best in found)

    work = _Work(engine.description, config, vocab_sizes[1], [len(ids) + 1 for ids in sources])
    return _measure(search, work, _beams(decoding.beam_size), peak, seconds)


def measure_model(
    translator: Translator, config: ModelConfig, texts: Sequence[str], *, peak: Peak, seconds: float
) -> list[TranslationSpeed]:
    """Translate texts with a trained model, greedily and with its own beam, pieces and text included.

    Args:
        translator: The model.
        config: Its sizes.
        texts: Up to 256 of them are used, evenly spread.
        peak: What shares of peak refer to.
        seconds: How long.

    Raises:
        DeviceError: If a batch does not fit into memory.
    """
    texts = texts[:: -(-len(texts) // _LINES)]

    def search(n_lines: int, beam_size: int) -> int:
        found = translator.translate(texts[:n_lines], beam_size=beam_size)
        return sum(len(t.tokens) + t.finished for t in found)

    src_lengths = [len(ids) + 1 for ids in translator.tokenizer.encode_src(texts)]
    work = _Work(translator.engine.description, config, translator.tokenizer.tgt_vocab_size, src_lengths)
    return _measure(search, work, _beams(translator.decoding.beam_size), peak, seconds)


@dataclass(frozen=True)
class _Work:
    """What there is to read, and with which model."""

    engine: str
    config: ModelConfig
    vocab_size: int
    src_lengths: list[int]
    """Tokens of each line, end of sentence counted."""


def _beams(beam_size: int) -> list[int]:
    return sorted({1, beam_size})


def _measure(
    search: Callable[[int, int], int],
    work: _Work,
    beams: list[int],
    peak: Peak,
    seconds: float,
) -> list[TranslationSpeed]:
    """Each beam size for its share of the time.

    ``search`` translates the first so many lines with a beam size and returns the number of tokens that it found.
    """
    speeds = []
    with memory_advice("choose a smaller model or --set decoding.beam_size=1"):
        n_lines = _lines_in_time(search, len(work.src_lengths), seconds / sum(beams))
        for beam_size in beams:
            end = time.perf_counter() + seconds * beam_size / sum(beams)
            n_tokens = 0
            passes: list[float] = []
            while not passes or time.perf_counter() < end:
                start = time.perf_counter()
                n_tokens = search(n_lines, beam_size)  # ends with the ids on the host: nothing is left to wait for
                passes.append(time.perf_counter() - start)
            flop = decoding_flop(
                work.config,
                n_sentences=n_lines,
                n_src_tokens=sum(work.src_lengths[:n_lines]),
                n_tgt_tokens=n_tokens,
                vocab_size=work.vocab_size,
                beam_size=beam_size,
            )
            rate = Spread.of([n_lines / taken for taken in passes])
            speeds.append(
                TranslationSpeed(
                    engine=work.engine,
                    beam_size=beam_size,
                    n_lines=n_lines,
                    n_passes=len(passes),
                    lines_per_second=rate,
                    tgt_tokens_per_second=rate.median * n_tokens / n_lines,
                    share_of_peak=rate.median * sum(flop.values()) / n_lines / peak.flop_per_second,
                )
            )
    return speeds


def _lines_in_time(search: Callable[[int, int], int], n_lines: int, seconds: float) -> int:
    """Number of lines that greedy search translates three times in ``seconds``, but at least a batch."""
    few = min(n_lines, 32)
    search(few, 1)  # warms up
    start = time.perf_counter()
    search(few, 1)
    per_line = (time.perf_counter() - start) / few
    return min(n_lines, max(int(seconds / 3 / per_line), BATCH_SIZE["sentences"]))
