"""Models for other programs: CTranslate2 with its loss measured, and plain safetensors with JSON."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtkit.bundle.bundle import WEIGHTS, Bundle
from mtkit.bundle.foreign import EXPORT
from mtkit.engines.conversion import Conversion, convert, inexpressible, note_quality
from mtkit.engines.engine import Engine
from mtkit.engines.engine_choice import load_engine
from mtkit.engines.speed import SECONDS, Speeds, measure_speeds
from mtkit.engines.torch_precision import note_torch_precision
from mtkit.evaluation.metrics.metrics import Score, score
from mtkit.evaluation.telling import NAMES, TextMetric, judge_of
from mtkit.files.whole import atomic_directory, write_json
from mtkit.log import logger
from mtkit.machine.device import bf16_is_native, choose_device
from mtkit.machine.threads import count_threads, set_threads
from mtkit.settings.model import ModelConfig
from mtkit.settings.section import TRAINING_ONLY, marked
from mtkit.translation.in_time import Deadline, translate_in_time
from mtkit.translation.test_sets import HeldOut, translate_lines
from mtkit.translation.translator import Translator
from mtkit.version import __version__

MAX_MEASURED = 1_000  # lines that are translated twice to see what quantisation costs
_MIN_MEASURED = 200  # of fewer lines the loss would be chance

_TENSORS = {
    "tgt_embedding.tokens.weight": "(tgt_vocab_size, d_model); a token's row times sqrt(d_model) unless "
    "scale_embeddings is false, plus its position",
    "src_embedding.tokens.weight": "the same of the source; absent where tie_embeddings is all or inputs: the target's "
    "serves",
    "EMBEDDING.positions": "(max_length, d_model), where positions are learned",
    "EMBEDDING.norm": "layer normalisation of tokens and positions, where embedding_norm is true",
    "output.weight": "(tgt_vocab_size, d_model), where tie_embeddings is none or inputs; else the target's embedding "
    "serves",
    "output_bias": "(tgt_vocab_size,), added to the logits where output_bias is true",
    "SIDE.positions.weight": "(32, n_heads), what positions t5 add to the scores, where shared_positions is true; else "
    "SIDE.layers.N.self_attention.relative.weight",
    "SIDE.layers.N.ATTENTION.q_proj": "(n_heads d_head, d_model) queries, all heads; weight and, unless bias is false, "
    "bias, y = x weight^T + bias; d_head is d_model / n_heads unless given",
    "SIDE.layers.N.ATTENTION.kv_proj": "(2 n_heads d_head, d_model) keys above values",
    "SIDE.layers.N.ATTENTION.out_proj": "(d_model, n_heads d_head)",
    "SIDE.layers.N.feed_forward.inner": "(d_ff, d_model), before the activation",
    "SIDE.layers.N.feed_forward.linear": "(d_ff, d_model), what multiplies the activation of swiglu and geglu",
    "SIDE.layers.N.feed_forward.outer": "(d_model, d_ff), after it",
    "SIDE.layers.N.residuals.M.norm": "normalisation of sublayer M, counted as they are applied: before the "
    "sublayer where norm is pre, after the residual sum where it is post",
    "SIDE.norm": "normalisation after the last layer, where norm is pre",
    "names": "SIDE is encoder or decoder, EMBEDDING src_embedding or tgt_embedding, "
    "N counts from 0, ATTENTION is self_attention or (decoder) cross_attention",
}

_TENSORS_OF_OTHERS = {"all": f"named and shaped as the modules of mtkit {__version__}, package mtkit.model"}


def export_ctranslate2(
    bundle: Bundle,
    quantization: str,
    held_out: HeldOut | None,
    threads: int | None,
    *,
    deadline: Deadline | None = None,
) -> Conversion:
    """Convert a model into its own directory, and note there what quantisation costs and, of int8, how fast it is.

    float32 is put beside int8: ``mtkit evaluate`` computes in it, and translating too where it is the faster one.

    Args:
        bundle: The model.
        quantization: int8, int16, float16, bfloat16 or float32.
        held_out: What the loss is measured on; None leaves it unmeasured.
        threads: CPU threads; by default one per core.
        deadline: Deadline of the measurement, which then takes fewer lines or is left out.

    Raises:
        CheckpointError: If the weights are damaged.
        OSError: If the model's directory cannot be written.
    """
    conversion = convert(bundle, quantization)
    if held_out is not None and quantization != "float32":
        try:
            quality = measure_quality(bundle, conversion, held_out, threads, deadline)
        except (RuntimeError, ValueError) as error:
            logger.warning("%s cannot be measured on this machine: %s", quantization, error)
        else:
            if quality is None:
                logger.info("the loss of %s was not measured: there was no time", quantization)
            else:
                note_quality(conversion, quality)
                conversion = replace(conversion, quality=quality)
    if quantization == "int8":
        convert(bundle, "float32")
    return conversion


def measure_quality(
    bundle: Bundle, conversion: Conversion, held_out: HeldOut, threads: int | None, deadline: Deadline | None = None
) -> dict[str, Any] | None:
    """Translate held-out text in float32 and quantised, and compare the scores, and of int8 the speeds.

    Returns:
        JSON values: ``bleu``, ``chrf``, ``float32_bleu`` and ``float32_chrf`` (sacreBLEU's scores, with signatures),
        ``metric`` (which of both tells how good the model is) and ``loss`` (float32's less the other's, in that),
        ``held_out``, ``n_lines``, ``beam_size`` and ``speed`` (``Speeds.as_json``; None where that was not measured).
        None where the time was up too soon to tell.
    """
    from mtkit.engines.ctranslate2_engine import CTranslate2Engine

    n_threads = count_threads(threads)
    engines: dict[str, Engine] = {
        each.quantization: CTranslate2Engine.of(bundle, each, n_threads)
        for each in (convert(bundle, "float32"), conversion)
    }
    compared = _compared(bundle, engines, held_out, deadline)
    if compared is None:
        return None
    measures_speed = conversion.quantization == "int8"
    speeds = _speeds(bundle, engines, held_out, n_threads, deadline) if measures_speed else None
    return {
        "metric": compared.metric,
        "loss": compared.loss,
        **{each.metric: each.as_json() for each in compared.other},
        **{f"float32_{each.metric}": each.as_json() for each in compared.exact},
        "held_out": held_out.name,
        "n_lines": compared.n_lines,
        "beam_size": bundle.decoding.beam_size,
        "speed": None if speeds is None else speeds.as_json(),
    }


def measure_torch_precision(
    bundle: Bundle, held_out: HeldOut, threads: int | None, deadline: Deadline | None = None
) -> None:
    """Note in a model's directory what PyTorch loses and gains in bf16 on this CPU, if it multiplies in that itself.

    Raises:
        CheckpointError: If the weights are damaged.
        OSError: If the model's directory cannot be written.
    """
    if not bf16_is_native(choose_device("cpu")):
        return
    engines = {
        name: load_engine(bundle, engine="torch", device="cpu", precision=name, threads=threads)
        for name in ("fp32", "bf16")
    }
    compared = _compared(bundle, engines, held_out, deadline)
    speeds = _speeds(bundle, engines, held_out, set_threads(threads), deadline) if compared is not None else None
    if compared is not None and speeds is not None:
        logger.info("bf16 loses %.2f %s against float32", compared.loss, NAMES[compared.metric])
        note_torch_precision(bundle, loss=compared.loss, metric=compared.metric, speeds=speeds)


@dataclass(frozen=True)
class _Compared:
    """Scores of a model in float32 and otherwise, on the same lines."""

    metric: TextMetric
    """What tells how good it is."""

    exact: list[Score]
    other: list[Score]
    n_lines: int

    @property
    def loss(self) -> float:
        """What the other loses, in ``metric``."""
        exact, other = (
            next(each.value for each in scores if each.metric == self.metric) for scores in (self.exact, self.other)
        )
        return exact - other


def _compared(
    bundle: Bundle, engines: Mapping[str, Engine], held_out: HeldOut, deadline: Deadline | None
) -> _Compared | None:
    """Scores of two engines, float32 first; None where the time was up too soon to tell."""
    src_text, ref_text = held_out.src_text[:MAX_MEASURED], held_out.ref_text[:MAX_MEASURED]
    logger.info("translating up to %d lines of %s in %s", len(src_text), held_out.name, " and ".join(engines))
    translators = [Translator.of(engine, bundle).prefixed(*held_out.prefix) for engine in engines.values()]
    if deadline is None:
        hyp_texts = [
            translate_lines(translator, src_text, label=name)
            for name, translator in zip(engines, translators, strict=True)
        ]
    else:
        part = translate_in_time(translators, src_text, deadline, least=_MIN_MEASURED)
        if part is None:
            return None
        hyp_texts, ref_text = part.hyp_texts, [ref_text[row] for row in part.rows]
    tgt_lang = held_out.tgt_lang or bundle.tgt_lang
    exact, other = (score(hyp_text, [ref_text], ["bleu", "chrf"], tgt_lang=tgt_lang) for hyp_text in hyp_texts)
    judge = judge_of(exact, ref_text, tgt_lang)
    return _Compared("bleu" if judge is not None and judge.metric == "bleu" else "chrf", exact, other, len(ref_text))


def _speeds(
    bundle: Bundle, engines: Mapping[str, Engine], held_out: HeldOut, threads: int, deadline: Deadline | None
) -> Speeds | None:
    texts = held_out.src_text[:MAX_MEASURED]
    sources = [[*held_out.prefix.src, *ids] for ids in bundle.tokenizer.encode_src(texts)]
    seconds = SECONDS if deadline is None else min(SECONDS, deadline.left())
    speeds = measure_speeds(engines, sources, bundle.decoding, threads=threads, seconds=seconds) if seconds else None
    logger.info("translates: %s", speeds or "nothing was measured of the speed")
    return speeds


def copy_conversion(conversion: Conversion, bundle: Bundle, output: Path) -> None:
    """Write a converted model with its tokenizer as a separate directory."""
    with atomic_directory(output) as work:
        shutil.copytree(conversion.directory, work, dirs_exist_ok=True)
        bundle.tokenizer.save(work)


def export_safetensors(bundle: Bundle, output: Path) -> None:
    """Write the weights, a ``config.json`` that says what they are, and the tokenizer.

    Raises:
        CheckpointError: If a weight is not finite.
        OSError: If the directory cannot be written.
    """
    from torch import nn

    bundle.check_finite()
    tokenizer = bundle.tokenizer
    in_training = marked(ModelConfig, TRAINING_ONLY)
    model = {name: value for name, value in bundle.model.in_use().items() if name not in in_training}
    config = {
        "mtkit_version": __version__,
        "src_lang": bundle.src_lang,
        "tgt_lang": bundle.tgt_lang,
        **model,
        "src_vocab_size": tokenizer.src_vocab_size,
        "tgt_vocab_size": tokenizer.tgt_vocab_size,
        "pad_id": tokenizer.pad_id,
        "unk_id": tokenizer.unk_id,
        "bos_id": tokenizer.special.bos,
        "eos_id": tokenizer.eos_id,
        "start_id": tokenizer.start_id,
        "layer_norm_epsilon": nn.LayerNorm(1).eps,
        "sinusoidal_positions": "from 0: PE(p, 2i) = sin(p / 10000^(2i / d_model)), PE(p, 2i + 1) = cos of the same",
        "sequences": "the source ends with eos; the decoder reads bos first; pad and bos are never predicted",
        "decoding": bundle.decoding.model_dump(mode="json"),
        "tensors": _TENSORS if inexpressible(bundle.model) is None else _TENSORS_OF_OTHERS,
    }
    with atomic_directory(output) as work:
        shutil.copyfile(bundle.directory / WEIGHTS, work / WEIGHTS)
        tokenizer.save(work)
        write_json(work / EXPORT, config)
