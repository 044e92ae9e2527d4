"""``mtkit translate``."""

import shlex
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.options import (
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
from mtkit.translation.records import Record, formatter, json_record, text_record  # noqa: TID253  # light

if TYPE_CHECKING:
    from mtkit.forced.aligner import Aligner
    from mtkit.translation.translation import Translation


_SAMPLE = 2_000  # lines of a file that show what there is to translate
_BUFFERS_AHEAD = 1  # what an engine with threads of its own has to do while one buffer is written


class BatchType(StrEnum):
    """What the batch size counts."""

    SENTENCES = "sentences"
    TOKENS = "tokens"


class Split(StrEnum):
    """What is translated in parts."""

    AUTO = "auto"
    SENTENCES = "sentences"
    NEVER = "never"


class InputFormat(StrEnum):
    """What a line of the input is."""

    TEXT = "text"
    JSONL = "jsonl"


def translate(
    file: Annotated[str | None, typer.Argument(metavar="INPUT", help="Text; - or none is stdin.")] = None,
    models: Annotated[
        list[Path] | None, typer.Option("--model", "-m", help="A run directory, a checkpoint or a model bundle.")
    ] = None,
    input_file: Annotated[
        str | None, typer.Option("--input", "-i", metavar="FILE", help="Text to translate (plain, .gz, .zst).")
    ] = None,
    output: OutputOption = None,
    beam_size: Annotated[
        int | None, typer.Option("--beam-size", "-b", min=1, help="1 is greedy search. Default: the model's.")
    ] = None,
    n_best: Annotated[int, typer.Option("--n-best", min=1, help="Translations per line: id ||| text ||| score.")] = 1,
    length_penalty: Annotated[
        float | None,
        typer.Option(
            parser=number(LENGTH_PENALTY),
            metavar="PENALTY",
            help="score = log_prob / length ** PENALTY. Default: the model's.",
        ),
    ] = None,
    scores: Annotated[bool, typer.Option("--scores", help="Begin each line with its score and a tab.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object a line: source, translation, score, tokens.")
    ] = False,
    alignments: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write which words belong together here: 0-0 1-2 a line, source first."),
    ] = None,
    src_lang: SrcLangOption = None,
    tgt_lang: TgtLangOption = None,
    input_format: Annotated[
        InputFormat, typer.Option(help='jsonl: objects with the text under "source".')
    ] = InputFormat.TEXT,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Sentences or tokens searched at once.")] = None,
    batch_type: Annotated[BatchType, typer.Option(help="What --batch-size counts.")] = BatchType.SENTENCES,
    buffer: Annotated[int, typer.Option(min=1, help="Lines read ahead and sorted by length.")] = 1024,
    split: Annotated[
        Split | None,
        typer.Option(help="auto: what is longer than the model was trained on, in parts. Default: the model's."),
    ] = None,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = "auto",
    precision: TranslationPrecisionOption = "auto",
    threads: ThreadsOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors on stderr.")] = False,
) -> None:
    """Translate lines: n lines in, n lines out, in order.

    \b
    mtkit translate -m RUN -i test.en -o test.de
    cat test.en | mtkit translate -m RUN | less

    Blank lines and the white space around a line stay as they are. A line of more sentences than the model was trained
    on is translated sentence by sentence. From a pipe or a terminal, what has arrived is translated at once.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    model = needed(models[0] if models else None)
    if models and len(models) > 1:
        raise ConfigError(f"-m was given {len(models)} times: ensembles are not supported yet; give one model")
    if file is not None and input_file is not None:
        raise ConfigError(f"two inputs, {file} and {input_file}: name one")
    if scores and as_json:
        raise ConfigError("--scores and --json do not go together: --json has the score")
    if alignments == STANDARD_OUTPUT:
        raise ConfigError(f"--alignments {alignments}: holds the alignments alone; name a file of its own")
    source = file or input_file or "-"
    if source == file and not Path(source).exists() and any(map(str.isspace, source)):
        raise DataError(
            f"{source}: no such file; a sentence goes through a pipe: "
            f"echo {shlex.quote(source)} | mtkit translate -m {model}"
        )
    check_inputs(source)
    check_outputs({"-o": output or STANDARD_OUTPUT, "--alignments": alignments}, source)
    try:
        from mtkit.bundle.bundle import load_bundle
        from mtkit.engines.batching import BATCH_SIZE
        from mtkit.files.outputs import open_output
        from mtkit.log import logger, set_up_logging
        from mtkit.machine.memory import memory_advice
        from mtkit.translation.tally import Tally
        from mtkit.translation.translator import Translator

        read = json_record if input_format is InputFormat.JSONL else text_record
        if quiet:
            set_up_logging(quiet=True)
        bundle = load_bundle(model)
        translator = Translator.load(
            bundle,
            engine=engine.value,
            device=device,
            precision=precision,
            threads=threads,
            src_lang=src_lang,
            tgt_lang=tgt_lang,
            beam_size=beam_size,
            sample=_beginning(source, read) if precision == "auto" else (),
        )
        if split is not None:
            translator = translator.decoding_by(translator.decoding.model_copy(update={"split": split.value}))
        interrupts.check()
        options = translator.search_options(
            beam_size=beam_size,
            n_best=n_best,
            length_penalty=length_penalty,
            scores=scores or as_json or n_best > 1,
        )
        size = batch_size or BATCH_SIZE[batch_type.value]
        logger.info(
            "translating with %s (%.1f million parameters) on %s; beam %d, batches of %d %s",
            model,
            translator.engine.n_parameters / 1e6,
            translator.engine.description,
            options.beam_size,
            size,
            batch_type.value,
        )
        search = partial(translator.translate_ahead, options=options, batch_size=size, batch_type=batch_type.value)
        show = formatter(as_json=as_json, n_best=n_best > 1, scores=scores)
        tally = Tally()

        def load_aligner() -> "Aligner":
            from mtkit.forced.aligner import Aligner

            return Aligner.load(bundle, device=device, threads=threads, src_lang=src_lang, tgt_lang=tgt_lang)

        with (
            open_output(output) as out,
            _aligning(alignments, load_aligner) as align,
            memory_advice(f"lower --batch-size (now {size} {batch_type.value})"),
        ):
            for lines in _translated(source, buffer, read, search):
                done = list(lines)
                for (_, fields, end), translation in done:
                    out.write((show(tally.n_lines, fields, translation) + end + "\n").encode())
                    tally.add(translation)
                out.flush()
                align([(text, translation.text) for (text, _, _), translation in done])
        tally.log()
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _beginning(source: str, read: "Callable[[str, str], Record]") -> list[str]:
    """Texts at the beginning of a file; none of a pipe, which can be read but once, and of what cannot be read."""
    from mtkit.files.text import read_raw_lines

    with suppress(DataError, OSError):
        if Path(source).is_file():
            return [read(line, source)[0] for line in islice(read_raw_lines(source), _SAMPLE)]
    return []


def _translated(
    source: str,
    buffer: int,
    read: "Callable[[str, str], Record]",
    search: "Callable[..., Iterator[list[Translation]]]",
) -> "Iterator[Iterator[tuple[Record, Translation]]]":
    """Each buffer of the input with its translations, line by line."""
    from mtkit.translation.streaming import read_buffers

    begun: deque[list[Record]] = deque()

    def texts() -> Iterator[list[str]]:
        n_read = 0
        for lines in read_buffers(source, buffer, before_waiting=interrupts.check):
            records = [read(line, f"{source}:{number}") for number, line in enumerate(lines, n_read + 1)]
            if records:
                begun.append(records)
            n_read += len(lines)
            yield [text for text, _, _ in records]

    for translations in search(texts(), n_ahead=_BUFFERS_AHEAD):
        yield zip(begun.popleft(), translations, strict=True)


@contextmanager
def _aligning(
    path: Path | None, load_aligner: "Callable[[], Aligner]"
) -> Iterator[Callable[[list[tuple[str, str]]], None]]:
    """What to do with pairs of source and translation: write their word alignments, where somebody asks for them."""
    if path is None:
        yield lambda _: None
        return
    from mtkit.files.outputs import open_output
    from mtkit.forced.aligner import pharaoh

    aligner = load_aligner()
    with open_output(path) as out:

        def align(pairs: list[tuple[str, str]]) -> None:
            for links in aligner.align([src for src, _ in pairs], [tgt for _, tgt in pairs]):
                out.write(f"{pharaoh(links or set())}\n".encode())

        yield align
