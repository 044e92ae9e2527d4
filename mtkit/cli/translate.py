"""``mtkit translate``."""

import shlex
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.help import of_input, of_model, of_output, of_search, of_speed
from mtkit.cli.options import (
    AdapterOption,
    DeviceOption,
    Engine,
    EngineOption,
    OutputOption,
    SrcLangOption,
    TgtLangOption,
    ThreadsOption,
    TranslationPrecisionOption,
    check_inputs,
    needed,
    number,
)
from mtkit.errors import ConfigError, DataError
from mtkit.files.outputs import STANDARD_OUTPUT, check_outputs
from mtkit.machine import interrupts
from mtkit.settings.bounds import LENGTH_PENALTY


class BatchType(StrEnum):
    """The units of the batch size."""

    SENTENCES = "sentences"
    TOKENS = "tokens"


class Split(StrEnum):
    """The kinds of lines that are translated in parts."""

    AUTO = "auto"
    SENTENCES = "sentences"
    NEVER = "never"


class InputFormat(StrEnum):
    """The formats of the input."""

    TEXT = "text"
    JSONL = "jsonl"


def translate(
    file: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="Text to translate, or a model as with -m. Default: stdin, as is -."),
    ] = None,
    models: Annotated[
        list[Path] | None,
        of_model("--model", "-m", metavar="RUN", help="Run directory, checkpoint or model bundle."),
    ] = None,
    adapter: AdapterOption = None,
    input_file: Annotated[
        str | None,
        of_input("--input", "-i", metavar="FILE", help="Text to translate; may be packed (.gz, .zst, .xz, .bz2)."),
    ] = None,
    output: OutputOption = None,
    beam_size: Annotated[
        int | None,
        of_search("--beam-size", "-b", metavar="N", min=1, help="Beam size; 1 is greedy. Default: the model's."),
    ] = None,
    n_best: Annotated[
        int,
        of_search("--n-best", metavar="N", min=1, help="Translations per line, written as: id ||| text ||| score."),
    ] = 1,
    length_penalty: Annotated[
        float | None,
        of_search(
            "--length-penalty",
            parser=number(LENGTH_PENALTY),
            metavar="PENALTY",
            help="Exponent in score = log_prob / length ** PENALTY. Default: the model's.",
        ),
    ] = None,
    scores: Annotated[bool, of_output("--scores", help="Prefix each line with its score and a tab.")] = False,
    as_json: Annotated[
        bool,
        of_output("--json", help="Print one JSON object per line: source, translation, score, tokens, short, missing."),
    ] = False,
    alignments: Annotated[
        Path | None,
        of_output("--alignments", metavar="FILE", help="Also write word alignments to FILE (Pharaoh format: 0-0 1-2)."),
    ] = None,
    src_lang: SrcLangOption = None,
    tgt_lang: TgtLangOption = None,
    input_format: Annotated[
        InputFormat | None,
        of_input(
            "--input-format",
            metavar="text|jsonl",
            help='Input format. jsonl: objects with a "source" text. Default: by the file name.',
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        of_speed(
            "--batch-size",
            metavar="N",
            min=1,
            help="Batch size, counted by --batch-type. Default: 64 sentences or 2,000 tokens.",
        ),
    ] = None,
    batch_type: Annotated[
        BatchType, of_speed("--batch-type", metavar="sentences|tokens", help="Unit of --batch-size.")
    ] = BatchType.SENTENCES,
    buffer: Annotated[
        int, of_speed("--buffer", metavar="LINES", min=1, help="Lines read ahead and sorted by length.")
    ] = 1024,
    split: Annotated[
        Split | None,
        of_search(
            "--split",
            metavar="auto|sentences|never",
            help="Lines to translate in parts. auto: those longer than the training data. Default: the model's.",
        ),
    ] = None,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = "auto",
    precision: TranslationPrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Translate lines of text: n lines in, n lines out, in order.

    \b
    mtkit translate -m RUN -i test.en -o test.de
    cat test.en | mtkit translate -m RUN | less

    Blank lines and the white space around a line are kept. A line of more sentences than the model was trained on is
    translated sentence by sentence. From a pipe or a terminal, what has arrived is translated at once.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    named = Path(file) if file is not None and Path(file).is_dir() else None  # a directory holds a model, never a text
    model = needed(models[0] if models else None, named)
    file = None if named else file
    if models and len(models) > 1:
        raise ConfigError(f"-m was given {len(models)} times: ensembles are not supported yet; give one model")
    if file is not None and input_file is not None:
        raise ConfigError(f"two inputs, {file} and {input_file}: name one")
    if scores and as_json:
        raise ConfigError("--scores and --json do not go together: --json has the score")
    if alignments == STANDARD_OUTPUT:
        raise ConfigError(f"--alignments {alignments}: name another file, for the alignments alone")
    source = file or input_file or "-"
    if source == file and not Path(source).exists() and any(map(str.isspace, source)):
        raise DataError(
            f"{source}: no such file; a sentence goes through a pipe: "
            f"echo {shlex.quote(source)} | mtkit translate -m {model}"
        )
    check_inputs(source)
    check_outputs({"-o": output or STANDARD_OUTPUT, "--alignments": alignments}, source)
    temporary = ExitStack()
    try:
        from mtkit.bundle.languages import direction_of
        from mtkit.exchange.opening import opened
        from mtkit.translation.file import Alignments, FileOptions, beginning, format_by_name, translate_file
        from mtkit.translation.translator import Translator

        format_name = format_by_name(source) if input_format is None else input_format.value
        bundle = temporary.enter_context(opened(model, adapter))
        translator = Translator.load(
            bundle,
            engine=engine.value,
            device=device,
            precision=precision,
            threads=threads,
            src_lang=src_lang,
            tgt_lang=tgt_lang,
            beam_size=beam_size,
            sample=beginning(source, format_name) if precision == "auto" else (),
        )
        interrupts.check()
        options = FileOptions(
            input_format=format_name,
            as_json=as_json,
            scores=scores,
            beam_size=beam_size,
            n_best=n_best,
            length_penalty=length_penalty,
            split=None if split is None else split.value,
            batch_size=batch_size,
            batch_type=batch_type.value,
            buffer=buffer,
            languages=direction_of(bundle, src_lang, tgt_lang),
        )
        of_pairs = None
        if alignments is not None:
            from mtkit.forced.aligner import Aligner  # which needs torch

            aligner = Aligner.load(bundle, device=device, threads=threads, src_lang=src_lang, tgt_lang=tgt_lang)
            of_pairs = Alignments(alignments, aligner)
        translate_file(translator, source, output, options=options, alignments=of_pairs)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        temporary.close()
