"""``mtkit inspect``."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.help import of_input, of_output, of_search
from mtkit.cli.options import (
    AdapterOption,
    DeviceOption,
    ModelOption,
    SrcLangOption,
    TgtLangOption,
    ThreadsOption,
    check_inputs,
    needed,
)
from mtkit.errors import ConfigError, DataError
from mtkit.files.outputs import STANDARD_OUTPUT, check_outputs
from mtkit.languages.scripts import UNSPACED, script_of
from mtkit.log import logger

if TYPE_CHECKING:
    from mtkit.inspection.look import Look

_PAGE, _PICTURE, _JSON, _TEXT = (".html", ".htm"), (".png", ".svg", ".pdf"), (".json", ".jsonl"), (".txt",)
_ENDINGS = (*_PAGE, *_PICTURE, *_JSON, *_TEXT)
_ENDINGS_NAMED = f"{', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}"
_MANY = 50  # sentences from which on a page is slow to open


def inspect(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Sentences. Without TEXT and -i: stdin.")
    ] = None,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    input_file: Annotated[
        str | None,
        of_input(
            "--input",
            "-i",
            metavar="FILE",
            help="Sentences, one per line; may be packed (.gz, .zst, .xz, .bz2).",
        ),
    ] = None,
    tgt: Annotated[
        str | None,
        of_input("--tgt", metavar="FILE", help="Translations to look at, in place of the model's."),
    ] = None,
    output: Annotated[
        Path | None,
        of_output("--output", "-o", metavar="FILE", help=f"Output file: {_ENDINGS_NAMED}. Default: stdout."),
    ] = None,
    as_json: Annotated[bool, of_output("--json", help="Print one JSON object per sentence.")] = False,
    beam_size: Annotated[
        int | None,
        of_search("--beam-size", "-b", metavar="N", min=1, help="Beam size; 1 is greedy. Default: the model's."),
    ] = None,
    n_best: Annotated[
        int | None,
        of_search("--n-best", metavar="N", min=1, help="Translations to show. Default: the beam size."),
    ] = None,
    top: Annotated[int, of_output("--top", metavar="N", min=1, help="Alternatives to show per position.")] = 5,
    src_lang: SrcLangOption = None,
    tgt_lang: TgtLangOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Show why sentences are translated as they are.

    \b
    mtkit inspect -m RUN "A man sleeps."
    mtkit inspect -m RUN -i test.en -o page.html
    mtkit inspect -m RUN -i test.en --tgt test.de -o page.html
    mtkit inspect -m RUN "A man sleeps." -o attention.png

    Shown are probabilities, alternatives, attention and the history of the beam. With --tgt: of the given
    translations, not of the model's. A page is one file that needs no network. A picture holds one sentence.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    model = needed(model)
    if texts and input_file is not None:
        raise ConfigError("give sentences or -i FILE, not both")
    if texts and (named := next((text for text in texts if _is_file(text)), None)) is not None:
        raise ConfigError(f"{named} is a file: for the sentences in it type -i {named}")
    if texts and len(texts) > 1 and all(_is_word(text) for text in texts):
        logger.warning(
            "%d sentences of one word each; for one sentence quote it: mtkit inspect -m %s %s",
            len(texts),
            model,
            shlex.quote(" ".join(texts)),
        )
    ending = _ending(output, as_json=as_json)
    source = input_file or "-"
    read = (tgt, None if texts else source)
    check_inputs(*read)
    check_outputs({"-o": output or STANDARD_OUTPUT}, *read, pictures=_PICTURE)
    pairs = _given_pairs(texts, tgt) if texts else _read_pairs(source, tgt)

    from mtkit.exchange.opening import opened
    from mtkit.inspection.inspector import Inspector

    with opened(model, adapter) as bundle:
        inspector = Inspector.load(bundle, device=device, threads=threads, src_lang=src_lang, tgt_lang=tgt_lang)
    options = inspector.options(beam_size=beam_size, n_best=n_best)
    logger.info("looking into %s, beam %d", model, options.beam_size)

    n_seen = 0

    def looks() -> "Iterator[Look]":
        nonlocal n_seen
        for number, (text, forced) in enumerate(pairs, start=1):
            found = inspector.look(number, text, options, forced=forced, n_alternatives=top)
            if isinstance(found, str):
                logger.warning("%s:%d: left out: %s", "TEXT" if texts else source, number, found)
                continue
            n_seen += 1
            yield found
        if not n_seen:
            raise DataError(f"{'TEXT' if texts else source}: no sentence to look at")

    if ending in _PICTURE:
        _draw(looks(), output)
    else:
        n_bytes = _write(_parts(looks(), ending, model, (inspector.src_lang, inspector.tgt_lang)), output)
        if n_seen >= _MANY and ending in _PAGE:
            logger.warning(
                "%s: %d sentences on one page, %.1f MB: it will be slow to open", output, n_seen, n_bytes / 1e6
            )


def _ending(output: Path | None, *, as_json: bool) -> str:
    """The kind of the output, by the ending of its name."""
    from mtkit.files.outputs import is_stream
    from mtkit.files.text import packing_of

    if output is None or str(output) == "-":
        return ".json" if as_json else ".txt"
    packing = packing_of(output)
    ending = Path(output.stem if packing else output.name).suffix.lower()
    if packing and ending in _PICTURE:
        raise ConfigError(f"{output}: a picture is packed already; leave out {output.suffix}")
    if ending not in _ENDINGS and is_stream(output):
        return ".json" if as_json else ".txt"
    if ending not in _ENDINGS:
        raise ConfigError(f"{output}: name a file that ends in {_ENDINGS_NAMED}")
    if as_json and ending not in _JSON:
        raise ConfigError(f"--json does not go with {output}; name a file that ends in .json")
    if output.is_dir():
        raise DataError(f"{output}: is a directory; name a file")
    return ending


def _is_word(text: str) -> bool:
    """Whether a sentence is one word of a script that has spaces between words."""
    return not any(map(str.isspace, text)) and script_of(text) not in UNSPACED


def _is_file(text: str) -> bool:
    """Whether a sentence is the name of a file."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name
        return False


def _given_pairs(texts: list[str], tgt: str | None) -> list[tuple[str, str | None]]:
    """Each sentence of the command line with the translation that was given for it, if any."""
    from mtkit.files.text import read_lines
    from mtkit.wording import counted

    for number, text in enumerate(texts, start=1):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DataError(f"sentence {number}: not UTF-8; give it in a file, with -i FILE") from None
    given = [None] * len(texts) if tgt is None else list(read_lines(tgt))
    if len(given) != len(texts):
        raise DataError(f"{counted(len(texts), 'sentence')} but {tgt} has {counted(len(given), 'line')}")
    return list(zip(texts, given, strict=True))


def _read_pairs(source: str, tgt: str | None) -> Iterator[tuple[str, str | None]]:
    """Each line with the translation that was given for it, if any."""
    from mtkit.files.text import read_aligned_chunks, read_lines

    if tgt is None:
        yield from ((line, None) for line in read_lines(source))
    else:
        for src_lines, tgt_lines in read_aligned_chunks(source, tgt, 100):
            yield from zip(src_lines, tgt_lines, strict=True)


def _parts(looks: "Iterator[Look]", ending: str, model: Path, languages: tuple[str, str]) -> Iterator[str]:
    """The output, part by part."""
    from mtkit.inspection.page import page
    from mtkit.inspection.text import shown_as_text

    if ending in _PAGE:
        return page(looks, title=str(model), src_lang=languages[0], tgt_lang=languages[1])
    if ending in _JSON:
        return (json.dumps(look.as_json(), ensure_ascii=False) + "\n" for look in looks)
    return (f"{shown_as_text(look)}\n" for look in looks)


def _write(parts: Iterator[str], output: Path | None) -> int:
    """The number of bytes that were written, before they are packed."""
    from mtkit.files.outputs import open_output
    from mtkit.wording import visible

    n_bytes = 0
    with open_output(output) as out:
        seen_by_people = out.isatty()
        for part in parts:
            n_bytes += out.write((visible(part) if seen_by_people else part).encode())
            out.flush()
    return n_bytes


def _draw(looks: "Iterator[Look]", output: Path | None) -> None:
    from mtkit.inspection.picture import draw

    first = next(looks)
    if next(looks, None) is not None:
        raise ConfigError("a picture holds one sentence; give one, or write a page: -o page.html")
    assert output is not None
    draw(first, output)
