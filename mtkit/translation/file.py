"""The translation of a file, a pipe or a terminal: lines in, as many lines out, in order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from mtkit.engines.batching import BATCH_SIZE, BatchType
from mtkit.errors import DataError
from mtkit.files.outputs import open_output
from mtkit.files.text import read_raw_lines
from mtkit.languages.identification import other_language, same_language
from mtkit.log import logger
from mtkit.machine import interrupts
from mtkit.machine.memory import memory_advice
from mtkit.translation.records import Record, are_objects, formatter, json_record, text_record
from mtkit.translation.streaming import read_buffers
from mtkit.translation.tally import Tally
from mtkit.translation.translator import Translator

if TYPE_CHECKING:
    from mtkit.forced.aligner import Aligner

InputFormat = Literal["text", "jsonl"]

_MANY_LINES = 50  # that are worth half a second to find out their language
_SAMPLE = 2_000  # lines of a file that show what there is to translate
_BUFFERS_AHEAD = 1  # what an engine with threads of its own has to do while one buffer is written


@dataclass(frozen=True)
class FileOptions:
    """How a file is read, searched and written. None is the model's default."""

    input_format: InputFormat = "text"
    """jsonl: objects with the text under ``source``; their other fields are passed through with ``as_json``."""

    as_json: bool = False
    """One object a line in the output; without it text, with ``n_best`` in the format of Moses."""

    scores: bool = False
    """Whether each line of text begins with its score and a tab."""

    beam_size: int | None = None
    n_best: int = 1
    length_penalty: float | None = None
    split: Literal["auto", "sentences", "never"] | None = None
    """What is translated in parts."""

    batch_size: int | None = None
    """Sentences or source tokens that are searched at once; by default ``BATCH_SIZE``."""

    batch_type: BatchType = "sentences"
    languages: tuple[str, str] | None = None
    """Codes of source and target, to warn where the text is in the target language; by default nobody looks."""

    buffer: int = 1024
    """Lines read ahead and sorted by length."""

    @property
    def size(self) -> int:
        """The batch size, by default that of the batch type."""
        return self.batch_size or BATCH_SIZE[self.batch_type]

    @property
    def record(self) -> Callable[[str, str], Record]:
        """What reads a line of the input."""
        return json_record if self.input_format == "jsonl" else text_record


@dataclass(frozen=True)
class Alignments:
    """The file that word alignments of the translations are written to, and what finds them."""

    path: Path
    aligner: "Aligner"


def translate_file(
    translator: Translator,
    source: Path | str,
    output: Path | None = None,
    *,
    options: FileOptions | None = None,
    alignments: Alignments | None = None,
) -> Tally:
    """Translate a text line by line, and log how it went.

    Blank lines and the white space around a line stay as they are. What has arrived in a pipe is translated at once.

    Args:
        translator: What translates.
        source: Plain or packed text, a pipe, or ``-`` for standard input.
        output: The file to write, put in its place when it is complete; None is standard output.
        options: How it is read, searched and written; by default as ``FileOptions()``.
        alignments: Where the word alignments go, if they are wanted.

    Returns:
        The counts of what was translated.

    Raises:
        ConfigError: If ``n_best`` exceeds the beam size, or a number is not possible.
        DataError: If the source cannot be read or the output not written.
        CheckpointError: If what the model computes is not finite.
    """
    options = options or FileOptions()
    if options.split is not None:
        translator = translator.decoding_by(translator.decoding.model_copy(update={"split": options.split}))
    search = translator.search_options(
        beam_size=options.beam_size,
        n_best=options.n_best,
        length_penalty=options.length_penalty,
        scores=options.scores or options.as_json or options.n_best > 1,
    )
    engine, batches = translator.engine, f"{options.size} {options.batch_type}"
    told = "translating with %s (%.1f million parameters) on %s; beam %d, batches of %s"
    logger.info(told, translator.name, engine.n_parameters / 1e6, engine.description, search.beam_size, batches)
    show = formatter(as_json=options.as_json, n_best=options.n_best > 1, scores=options.scores)
    begun: deque[list[Record]] = deque()
    tally = Tally()
    with ExitStack() as stack:
        out = stack.enter_context(open_output(output))
        links_out = None if alignments is None else stack.enter_context(open_output(alignments.path))
        stack.enter_context(memory_advice(f"lower --batch-size (now {batches})"))
        for translations in translator.translate_ahead(
            _texts(source, options, begun),
            search,
            n_ahead=_BUFFERS_AHEAD,
            batch_size=options.size,
            batch_type=options.batch_type,
        ):
            records = begun.popleft()
            for (_, fields, end), translation in zip(records, translations, strict=True):
                out.write((show(tally.n_lines, fields, translation) + end + "\n").encode())
                tally.add(translation)
            out.flush()
            if alignments is not None and links_out is not None:
                texts = [text for text, _, _ in records]
                _align(links_out, alignments.aligner, texts, [translation.text for translation in translations])
    tally.log()
    return tally


def beginning(source: Path | str, input_format: InputFormat = "text") -> list[str]:
    """Texts at the beginning of a file, for ``Translator.load(sample=...)``.

    Returns:
        None of a pipe, which can be read only once, and of a file that cannot be read.
    """
    record = FileOptions(input_format).record
    with suppress(DataError, OSError):
        if Path(source).is_file():
            return [record(line, str(source))[0] for line in islice(read_raw_lines(source), _SAMPLE)]
    return []


def format_by_name(source: Path | str) -> InputFormat:
    """What a file is by its name, packed or not."""
    return "jsonl" if ".jsonl" in Path(source).suffixes else "text"


def _texts(source: Path | str, options: FileOptions, begun: deque[list[Record]]) -> Iterator[list[str]]:
    """The texts of the input by the buffer, whose records are added to ``begun``."""
    n_read = 0
    for lines in read_buffers(source, options.buffer, before_waiting=interrupts.check):
        if not n_read and options.languages is not None and len(lines) >= _MANY_LINES:
            _warn_of_language(source, lines, options.languages)
        if not n_read and options.input_format == "text" and are_objects(lines):
            named = "standard input" if str(source) == "-" else source
            logger.warning("%s: JSON objects are translated as text here; see --input-format jsonl", named)
        records = [options.record(line, f"{source}:{number}") for number, line in enumerate(lines, n_read + 1)]
        if records:
            begun.append(records)
        n_read += len(lines)
        yield [text for text, _, _ in records]


def _warn_of_language(source: Path | str, lines: Sequence[str], languages: tuple[str, str]) -> None:
    """Say where a text is in the language that it is to be translated into."""
    src_lang, tgt_lang = languages
    other = other_language(lines, src_lang)
    if other is not None and same_language(other, tgt_lang):
        shown = "standard input" if str(source) == "-" else source
        logger.warning("%s: most lines are in %s, but the model translates %s to %s", shown, other, src_lang, tgt_lang)


def _align(out: IO[bytes], aligner: "Aligner", srcs: Sequence[str], tgts: Sequence[str]) -> None:
    """Write a line of links for each pair; an empty one where a side is longer than the model reads."""
    from mtkit.forced.aligner import pharaoh

    for links in aligner.align(srcs, tgts):
        out.write(f"{pharaoh(links or set())}\n".encode())
