"""Models for other programs: CTranslate2 with its loss measured, and plain safetensors with JSON."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtkit import __version__
from mtkit.device import count_threads
from mtkit.evaluation.metrics import score
from mtkit.files import atomic_directory, write_json
from mtkit.log import logger
from mtkit.translation.bundle import WEIGHTS, Bundle
from mtkit.translation.conversion import WITHOUT_EFFECT, Conversion, convert, inexpressible, note_quality
from mtkit.translation.in_time import Deadline, translate_in_time
from mtkit.translation.scoring import HeldOut, translate_lines
from mtkit.translation.translator import Translator

MAX_MEASURED = 1_000  # lines that are translated twice to see what quantisation costs
_MIN_MEASURED = 200  # of fewer lines the loss would be chance

_TENSORS = {
    "tgt_embedding.tokens.weight": "(tgt_vocab_size, d_model); a token's row times sqrt(d_model), plus its position",
    "src_embedding.tokens.weight": "the same of the source; absent where tie_embeddings is all: the target's serves",
    "output.weight": "(tgt_vocab_size, d_model); absent unless tie_embeddings is none: the target's embedding serves",
    "SIDE.layers.N.ATTENTION.q_proj": "(d_model, d_model) queries, all heads; weight and bias, y = x weight^T + bias",
    "SIDE.layers.N.ATTENTION.kv_proj": "(2 d_model, d_model) keys above values",
    "SIDE.layers.N.ATTENTION.out_proj": "(d_model, d_model)",
    "SIDE.layers.N.feed_forward.inner": "(d_ff, d_model), before the activation",
    "SIDE.layers.N.feed_forward.outer": "(d_model, d_ff), after it",
    "SIDE.layers.N.residuals.M.norm": "layer normalisation of sublayer M, counted as they are applied: before the "
    "sublayer where norm is pre, after the residual sum where it is post",
    "SIDE.norm": "layer normalisation after the last layer, where norm is pre",
    "names": "SIDE is encoder or decoder, N counts from 0, ATTENTION is self_attention or (decoder) cross_attention",
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
    """Convert a model into its own directory, and note there what quantisation costs.

    Where int8 costs more than translating may lose by default, float32 is put beside it.

    Args:
        bundle: The model.
        quantization: int8, int16, float16, bfloat16 or float32.
        held_out: What the loss is measured on; None leaves it unmeasured.
        threads: CPU threads; by default one per core.
        deadline: Of the measurement, which takes fewer lines then, or is left out.

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
                logger.info("what %s loses is not measured: there was no time", quantization)
            else:
                note_quality(conversion, quality)
                conversion = replace(conversion, quality=quality)
    if quantization == "int8" and not conversion.loses_little():
        convert(bundle, "float32")
    return conversion


def measure_quality(
    bundle: Bundle, conversion: Conversion, held_out: HeldOut, threads: int | None, deadline: Deadline | None = None
) -> dict[str, Any] | None:
    """Translate held-out text in float32 and quantised, and compare the scores.

    Returns:
        JSON values: ``bleu`` and ``float32_bleu`` (sacreBLEU's scores, with signatures), ``loss`` (float32's less the
        other's, in BLEU), ``held_out``, ``n_lines`` and ``beam_size``. None where the time was up too soon to tell.
    """
    held_out = replace(held_out, src_text=held_out.src_text[:MAX_MEASURED], ref_text=held_out.ref_text[:MAX_MEASURED])
    with tempfile.TemporaryDirectory(prefix="mtkit-") as name:
        reference = convert(bundle, "float32", Path(name) / "float32")
        both = (reference, conversion)
        names = " and ".join(each.quantization for each in both)
        logger.info("translating up to %d lines of %s in %s", len(held_out.src_text), held_out.name, names)
        translators = [_translator(bundle, each, threads).prefixed(held_out.prefix) for each in both]
        if deadline is None:
            hyp_texts = [translate_lines(translator, held_out.src_text) for translator in translators]
            ref_text = held_out.ref_text
        else:
            part = translate_in_time(translators, held_out.src_text, deadline, least=_MIN_MEASURED)
            if part is None:
                return None
            hyp_texts, ref_text = part.hyp_texts, [held_out.ref_text[row] for row in part.rows]
    tgt_lang = held_out.tgt_lang or bundle.tgt_lang
    scores = [score(hyp_text, [ref_text], ["bleu"], tgt_lang=tgt_lang)[0] for hyp_text in hyp_texts]
    return {
        "loss": scores[0].value - scores[1].value,
        "bleu": scores[1].as_json(),
        "float32_bleu": scores[0].as_json(),
        "held_out": held_out.name,
        "n_lines": len(ref_text),
        "beam_size": bundle.decoding.beam_size,
    }


def _translator(bundle: Bundle, conversion: Conversion, threads: int | None) -> Translator:
    from mtkit.translation.ctranslate2_engine import CTranslate2Engine

    engine = CTranslate2Engine(
        conversion.directory,
        bundle.tokenizer,
        quantization=conversion.quantization,
        threads=count_threads(threads),
        max_length=bundle.model.max_length,
        n_parameters=bundle.n_parameters(),
    )
    return Translator(engine, bundle.tokenizer, bundle.decoding, max_src_tokens=bundle.max_src_tokens)


def copy_conversion(conversion: Conversion, bundle: Bundle, output: Path) -> None:
    """Write a converted model with its tokenizer as a directory of its own."""
    with atomic_directory(output) as work:
        shutil.copytree(conversion.directory, work, dirs_exist_ok=True)
        bundle.tokenizer.save(work)


def export_safetensors(bundle: Bundle, output: Path) -> None:
    """Write the weights, a ``config.json`` that says what they are, and the tokenizer.

    Raises:
        OSError: If the directory cannot be written.
    """
    from torch import nn

    tokenizer = bundle.tokenizer
    model = {name: value for name, value in bundle.model.in_use().items() if name not in WITHOUT_EFFECT}
    config = {
        "mtkit_version": __version__,
        "src_lang": bundle.src_lang,
        "tgt_lang": bundle.tgt_lang,
        **model,
        "src_vocab_size": tokenizer.src_vocab_size,
        "tgt_vocab_size": tokenizer.tgt_vocab_size,
        "pad_id": tokenizer.pad_id,
        "unk_id": tokenizer.unk_id,
        "bos_id": tokenizer.bos_id,
        "eos_id": tokenizer.eos_id,
        "layer_norm_epsilon": nn.LayerNorm(1).eps,
        "sinusoidal_positions": "from 0: PE(p, 2i) = sin(p / 10000^(2i / d_model)), PE(p, 2i + 1) = cos of the same",
        "sequences": "the source ends with eos; the decoder reads bos first; pad and bos are never predicted",
        "decoding": bundle.decoding.model_dump(mode="json"),
        "tensors": _TENSORS if inexpressible(bundle.model) is None else _TENSORS_OF_OTHERS,
    }
    with atomic_directory(output) as work:
        shutil.copyfile(bundle.directory / WEIGHTS, work / WEIGHTS)
        tokenizer.save(work)
        write_json(work / "config.json", config)
