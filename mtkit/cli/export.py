"""``mtkit export``."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.help import of_metrics, of_output, of_settings
from mtkit.cli.options import ModelOption, OverwriteOption, RunArgument, ThreadsOption, needed
from mtkit.cli.typed import refuse_idle
from mtkit.errors import CheckpointError, ConfigError, DataError, reason
from mtkit.files.output_directory import check_output_directory, check_replaceable

if TYPE_CHECKING:
    from mtkit.bundle.bundle import Bundle
    from mtkit.engines.conversion import Conversion
    from mtkit.translation.test_sets import HeldOut


_OF_CONVERSION = ("quantization", "src", "ref")


class Format(StrEnum):
    """The formats of exported models."""

    CTRANSLATE2 = "ctranslate2"
    SAFETENSORS = "safetensors"
    HUGGINGFACE = "huggingface"


class Quantization(StrEnum):
    """How CTranslate2 stores weights."""

    INT8 = "int8"
    INT16 = "int16"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


def export(
    context: typer.Context,
    run: RunArgument = None,
    model: ModelOption = None,
    to: Annotated[
        Format | None,
        of_output("--to", metavar="ctranslate2|safetensors|huggingface", help="Target format. Required."),
    ] = None,
    output: Annotated[
        Path | None,
        of_output("--output", "-o", metavar="DIR", help="Output directory. Default for ctranslate2: inside the model."),
    ] = None,
    quantization: Annotated[
        Quantization,
        of_settings(
            "--quantization",
            metavar="TYPE",
            help="Weight type for ctranslate2: int8, int16, float16, bfloat16 or float32. "
            "mtkit translate loads int8 and float32.",
        ),
    ] = Quantization.INT8,
    measure: Annotated[
        bool, of_metrics("--measure/--no-measure", help="Comparison of its BLEU and speed with float32's.")
    ] = True,
    src: Annotated[
        str | None,
        of_metrics("--src", "--input", "-i", metavar="FILE", help="Source text to measure on; needs --ref."),
    ] = None,
    ref: Annotated[str | None, of_metrics("--ref", "-r", metavar="FILE", help="Reference of this text.")] = None,
    licence: Annotated[
        str | None,
        of_output(
            "--licence",
            "--license",
            metavar="NAME",
            help="Licence for the model card of huggingface, such as cc-by-4.0.",
        ),
    ] = None,
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Convert a model for another program or faster translation.

    \b
    mtkit export -m RUN --to ctranslate2 --quantization int8    into the model
    mtkit export -m RUN --to safetensors -o DIR                 weights and JSON
    mtkit export -m RUN --to huggingface -o DIR                 for transformers

    mtkit translate uses CTranslate2 on a CPU. The BLEU and speed of the quantised model are measured on the run's
    validation set, or on -i FILE --ref FILE, and stored in the model: mtkit translate uses int8 by default if it loses
    at most 0.3 BLEU, unless float32 is faster.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    model = needed(model, run)
    if to is None:
        raise ConfigError(
            "for what? --to ctranslate2, for translating faster, --to huggingface, for transformers, or --to "
            "safetensors, for other programs"
        )
    if to is not Format.CTRANSLATE2:
        refuse_idle(context, _OF_CONVERSION, "of --to ctranslate2; leave it out")
    if to is not Format.HUGGINGFACE:
        refuse_idle(context, ["licence"], "of --to huggingface; leave it out")
    if not measure or quantization is Quantization.FLOAT32:
        refuse_idle(context, ["src", "ref"], "for measuring, which is not done; leave it out")
    if licence is not None and not licence.strip():
        raise ConfigError("--licence is empty; name the licence, or leave it out")
    if (src is None) != (ref is None):
        raise ConfigError("-i and --ref go together: the text to translate and its reference")
    if to is not Format.CTRANSLATE2 and output is None:
        raise ConfigError("where to? name a directory with -o DIR")
    if output is not None:
        check_output_directory(output)
        check_replaceable(output)
    if output is not None and output.exists() and not overwrite:
        raise ConfigError(f"{output}: exists; choose another -o, or --overwrite")
    if output is not None and output.exists() and not _is_export(output):
        raise ConfigError(f"{output}: exists and is not an export; choose another -o")

    from mtkit.bundle.bundle import load_bundle
    from mtkit.engines.conversion import check_convertible
    from mtkit.exchange.huggingface_export import export_huggingface
    from mtkit.translation.export import copy_conversion, export_ctranslate2, export_safetensors

    bundle = load_bundle(model)
    if to is Format.CTRANSLATE2:
        check_convertible(bundle.model)
    if output is not None and licence is None:
        _warn_of_licence(bundle, may_name=to is Format.HUGGINGFACE)
    try:
        if to is Format.SAFETENSORS:
            assert output is not None
            export_safetensors(bundle, output)
            typer.echo(f"exported to {output}")
            return
        if to is Format.HUGGINGFACE:
            assert output is not None
            typer.echo(f"exported to {output} ({export_huggingface(bundle, output, licence=licence)})")
            return
        held_out = _held_out(bundle, src, ref) if measure and quantization is not Quantization.FLOAT32 else None
        conversion = export_ctranslate2(bundle, quantization.value, held_out, threads)
        if output is not None:
            copy_conversion(conversion, bundle, output)
    except OSError as error:
        raise CheckpointError(f"{output or bundle.directory}: cannot write: {reason(error)}") from error
    typer.echo(_summary(conversion, output or conversion.directory))


def _warn_of_licence(bundle: "Bundle", *, may_name: bool) -> None:
    """Say so where the base of a model that is passed on names no licence."""
    from mtkit.exchange.licence import unknown_to_pass_on
    from mtkit.exchange.origin import Origin
    from mtkit.log import logger

    origin = Origin.of(bundle.metadata, bundle.directory)
    if origin is not None and origin.licence is None:
        logger.warning("%s", unknown_to_pass_on(origin.source, ", or name it with --licence" * may_name))


def _is_export(path: Path) -> bool:
    """Whether there is nothing but what this command writes, or nothing at all."""
    if not path.is_dir():
        return False
    names = {inner.name for inner in path.iterdir()}
    is_flat = not any(inner.is_dir() for inner in path.iterdir())
    written = "config.json" in names and ("model.safetensors" in names or "model.bin" in names)
    written = written or ("README.md" in names and any(name.endswith((".npz", ".bin")) for name in names))
    return not names or (is_flat and written and "mtkit.json" not in names)


def _held_out(bundle: "Bundle", src: str | None, ref: str | None) -> "HeldOut | None":
    """The text that the loss is measured on: the user's files, else the validation set, else nothing."""
    from mtkit.files.text import read_lines
    from mtkit.log import logger
    from mtkit.translation.test_sets import HeldOut, validation_set

    if src is not None and ref is not None:
        src_text, ref_text = list(read_lines(src)), list(read_lines(ref))
        if len(src_text) != len(ref_text) or not src_text:
            raise DataError(
                f"{src} has {len(src_text):,} lines, {ref} {len(ref_text):,}: they must be as many, and some"
            )
        return HeldOut(src, src_text, ref_text)
    try:
        return validation_set(bundle)
    except DataError as error:
        reason = str(error).partition(";")[0]
        logger.warning("not measured: %s; give a text with -i FILE --ref FILE", reason)
        return None


def _summary(conversion: "Conversion", directory: Path) -> str:
    from mtkit.evaluation.telling import NAMES

    line = f"exported to {directory} ({conversion.quantization})"
    if conversion.quality is None:
        return line
    quality = conversion.quality
    metric = quality.get("metric", "bleu")
    name, own, float32 = NAMES[metric], quality[metric]["value"], quality[f"float32_{metric}"]["value"]
    return (
        f"{line}: {name} {own:.2f}, in float32 {float32:.2f}, on {quality['n_lines']:,} lines of {quality['held_out']}"
    )
