"""Which engine translates, and in which precision."""

from typing import Literal, get_args

from mtkit.device import choose_device, choose_precision, count_threads, set_threads
from mtkit.errors import ConfigError, DeviceError
from mtkit.log import logger
from mtkit.translation.bundle import Bundle
from mtkit.translation.conversion import converted, default_quantization, inexpressible
from mtkit.translation.engine import Engine

EngineName = Literal["auto", "torch", "ctranslate2"]

_PRECISIONS = ("auto", "fp32", "bf16", "int8")


class _UnsuitableError(Exception):
    """Why CTranslate2 cannot do what is asked."""


def load_engine(bundle: Bundle, *, engine: EngineName, device: str, precision: str, threads: int | None) -> Engine:
    """Load a model into the engine that is asked for; arguments and errors as in ``Translator.load``."""
    if engine not in get_args(EngineName):
        raise ConfigError(f"engine {engine}: unknown; use auto, torch or ctranslate2")
    if precision not in _PRECISIONS:
        raise DeviceError(f"precision {precision}: unknown; use auto, fp32, bf16 or int8")
    if engine != "torch":
        try:
            return _ctranslate2_engine(bundle, device, precision, threads)
        except _UnsuitableError as reason:
            if engine == "ctranslate2" or precision == "int8":
                raise ConfigError(f"{reason}; use --engine torch with --precision auto, fp32 or bf16") from None
            logger.info("translating with torch: %s", reason)
    if precision == "int8":
        raise ConfigError("precision int8: torch does not compute in it; use --engine ctranslate2, or fp32 or bf16")
    return _torch_engine(bundle, device, precision, threads)


def _ctranslate2_engine(bundle: Bundle, device: str, precision: str, threads: int | None) -> Engine:
    if device not in ("auto", "cpu"):
        raise _UnsuitableError(f"CTranslate2 translates on the CPU, not on {device}")
    if precision == "bf16":
        raise _UnsuitableError("CTranslate2 does not translate in bf16")
    setting = inexpressible(bundle.model)
    if setting is not None:
        raise _UnsuitableError(f"CTranslate2 has no {setting}")
    try:
        import ctranslate2

        from mtkit.translation.ctranslate2_engine import CTranslate2Engine
    except (ImportError, OSError) as error:
        raise _UnsuitableError(f"CTranslate2 cannot be imported ({error})") from None
    if device == "auto" and ctranslate2.get_cuda_device_count():
        raise _UnsuitableError("there is a GPU")
    quantization = {"fp32": "float32", "int8": "int8"}.get(precision) or default_quantization(bundle)
    with converted(bundle, quantization) as conversion:
        try:
            return CTranslate2Engine(
                conversion.directory,
                bundle.tokenizer,
                quantization=quantization,
                threads=count_threads(threads),
                max_length=bundle.model.max_length,
                n_parameters=bundle.n_parameters(),
            )
        except (RuntimeError, ValueError) as error:
            raise _UnsuitableError(f"CTranslate2 cannot load {conversion.directory}: {error}") from None


def _torch_engine(bundle: Bundle, device: str, precision: str, threads: int | None) -> Engine:
    import torch
    from torch import nn

    from mtkit.acceleration import keep_freed_memory
    from mtkit.translation.torch_engine import TorchEngine

    set_threads(threads)
    keep_freed_memory()
    chosen = choose_device(device)
    chosen_precision = choose_precision(precision, chosen)
    model = bundle.build_model().to(chosen)
    if chosen_precision == "bf16":  # once, and not at each step; all that is not a matrix product stays in float32
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.to(torch.bfloat16)
    else:
        model.fix()
    tokenizer = bundle.tokenizer
    return TorchEngine(
        model, bos_id=tokenizer.bos_id, eos_id=tokenizer.eos_id, device=chosen, precision=chosen_precision
    )
