"""Which engine translates, and in which precision."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.loading import open_model
from mtkit.engines.conversion import PRECISIONS, converted, default_quantization, remember, why_not_converted
from mtkit.engines.engine import Engine
from mtkit.engines.speed import Speeds, measure_speeds
from mtkit.engines.torch_precision import torch_precision
from mtkit.errors import ConfigError, UnknownDeviceError
from mtkit.log import ONCE, logger
from mtkit.machine.compute import Compute
from mtkit.machine.device import check_device
from mtkit.machine.threads import count_threads

EngineName = Literal["auto", "torch", "ctranslate2"]

MUCH = 500
"""Lines to translate from which on it pays to find out which precision is faster on this processor."""
_SECONDS = 2.0  # that finding out takes, loading both left out
_PRECISIONS = ("auto", "fp32", "bf16", "int8")


class _UnsuitableError(Exception):
    """Why CTranslate2 cannot do what is asked."""


def load_engine(
    bundle: Bundle,
    *,
    engine: EngineName,
    device: str,
    precision: str,
    threads: int | None,
    beam_size: int | None = None,
    sample: Sequence[str] = (),
) -> Engine:
    """Load a model into the engine that is asked for; arguments and errors as in ``Translator.load``."""
    if engine not in get_args(EngineName):
        raise ConfigError(f"engine {engine}: unknown; use auto, torch or ctranslate2")
    if precision not in _PRECISIONS:
        raise UnknownDeviceError(f"precision {precision}: unknown; use auto, fp32, bf16 or int8")
    check_device(device)
    beam_size = beam_size or bundle.decoding.beam_size
    if engine != "torch":
        try:
            return _ctranslate2_engine(bundle, device, precision, threads, beam_size, sample)
        except _UnsuitableError as reason:
            if engine == "ctranslate2" or precision == "int8":
                raise ConfigError(f"{reason}; use --engine torch with --precision auto, fp32 or bf16") from None
            logger.info("translating with torch: %s", reason, extra=ONCE)
    if precision == "int8":
        raise ConfigError("precision int8: torch does not compute in it; use --engine ctranslate2, or fp32 or bf16")
    return _torch_engine(bundle, device, precision, threads, beam_size)


def _ctranslate2_engine(
    bundle: Bundle, device: str, precision: str, threads: int | None, beam_size: int, sample: Sequence[str]
) -> Engine:
    if device not in ("auto", "cpu"):
        raise _UnsuitableError(f"CTranslate2 translates on the CPU, not on {device}")
    if precision == "bf16":
        raise _UnsuitableError("CTranslate2 does not translate in bf16")
    if (lacking := why_not_converted(bundle.model)) is not None:
        raise _UnsuitableError(lacking)
    try:
        import ctranslate2

        from mtkit.engines.ctranslate2_engine import CTranslate2Engine
    except (ImportError, OSError) as error:
        raise _UnsuitableError(f"CTranslate2 cannot be imported ({error})") from None
    if device == "auto" and ctranslate2.get_cuda_device_count():
        raise _UnsuitableError("there is a GPU")
    n_threads = count_threads(threads)
    quantization = {"fp32": "float32", "int8": "int8"}.get(precision)
    if quantization is None:
        quantization = _measured_choice(bundle, beam_size, sample, n_threads)
    with converted(bundle, quantization) as conversion:
        try:
            return CTranslate2Engine.of(bundle, conversion, n_threads)
        except RuntimeError as error:
            raise _UnsuitableError(f"CTranslate2 cannot load {conversion.directory}: {error}") from None


def _measured_choice(bundle: Bundle, beam_size: int, sample: Sequence[str], threads: int) -> str:
    """What CTranslate2 computes in by default; on a new processor it is measured where there is much to translate."""
    choice = default_quantization(bundle, beam_size)
    level = logging.DEBUG  # what every call chooses again is no news
    if not choice.is_from_here() and len(sample) >= MUCH:
        logger.info("measuring once which precision is faster on this processor")
        try:
            speeds = _measured_here(bundle, sample, threads)
        except (RuntimeError, ValueError) as error:
            logger.debug("not measured: %s", error)
        else:
            if speeds is not None:
                remember(bundle, speeds)
                level = logging.INFO
                choice = replace(choice, quantization=speeds.choice("int8", "float32", beam_size), speeds=speeds)
    if choice.speeds is not None:
        where = "" if choice.is_from_here() else f" on {choice.speeds.processor}"
        shown = choice.speeds.shown(beam_size)
        lost = f"{choice.loss:.2f} {choice.metric}"
        logger.log(level, "chose %s: %s%s; int8 loses %s", choice.quantization, shown, where, lost)
    return choice.quantization


def _measured_here(bundle: Bundle, sample: Sequence[str], threads: int) -> Speeds | None:
    from mtkit.engines.ctranslate2_engine import CTranslate2Engine

    engines = {}
    for quantization in PRECISIONS:
        with converted(bundle, quantization) as conversion:
            engines[quantization] = CTranslate2Engine.of(bundle, conversion, threads)
    sources = bundle.tokenizer.encode_src([line.strip() for line in sample])
    return measure_speeds(engines, sources, bundle.decoding, threads=threads, seconds=_SECONDS)


def _torch_engine(bundle: Bundle, device: str, precision: str, threads: int | None, beam_size: int) -> Engine:
    from mtkit.engines.torch_engine import TorchEngine

    compute = Compute.choose(device, precision, threads)
    if precision == "auto" and compute.on_cpu:
        compute = compute.with_precision(torch_precision(bundle, beam_size))
    opened = open_model(bundle, compute=compute, languages=None, for_search=True)
    return TorchEngine(opened.model, special=opened.tokenizer.special, compute=compute)
