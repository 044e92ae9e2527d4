"""``mtkit align``."""

from typing import TYPE_CHECKING, Annotated

from mtkit.cli.help import of_metrics, of_settings
from mtkit.cli.options import (
    AdapterOption,
    DeviceOption,
    ModelOption,
    OutputOption,
    PairsSrcOption,
    PairsTgtOption,
    RunArgument,
    SrcLangOption,
    TgtLangOption,
    ThreadsOption,
    check_inputs,
    needed,
)
from mtkit.errors import ConfigError
from mtkit.files.outputs import STANDARD_OUTPUT, check_outputs, line_writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtkit.bundle.bundle import Bundle
    from mtkit.forced.aligner import Aligner

_PAIRS_AT_ONCE = 2048  # sorted by length among themselves


def align(
    run: RunArgument = None,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    src: PairsSrcOption = None,
    tgt: PairsTgtOption = None,
    layer: Annotated[
        int | None,
        of_settings(
            "--layer",
            metavar="N",
            min=1,
            help="Decoder layer. Default: stored by --remember, or that which an imported student was taught "
            "in, or the last but one.",
        ),
    ] = None,
    reading: Annotated[
        bool | None,
        of_settings(
            "--reading/--predicting",
            help="Attention of the step that reads, or predicts, the word. Default: as stored, or --predicting.",
            show_default=False,
        ),
    ] = None,
    gold: Annotated[
        str | None,
        of_metrics(
            "--gold",
            metavar="FILE",
            help="Gold alignments (1-1 sure, 1p2 possible, counted from 1): print the error rate of every layer.",
        ),
    ] = None,
    remember: Annotated[
        bool, of_metrics("--remember", help="Store the best layer in the model; needs --gold.")
    ] = False,
    output: OutputOption = None,
    src_lang: SrcLangOption = None,
    tgt_lang: TgtLangOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Align the words of sentence pairs by the model's attention.

    \b
    mtkit align -m RUN --src test.en --tgt test.de
    mtkit align -m RUN --src dev.en --tgt dev.de --gold dev.gold --remember

    Each pair gives a line of links such as 0-0 1-2, source first. Words are separated by white space and counted from
    0. A pair longer than the model's maximum gives an empty line. The second command stores which layer aligns best.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    model = needed(model, run)
    if src is None or tgt is None:
        raise ConfigError("give the pairs: --src FILE and --tgt FILE")
    if remember and gold is None:
        raise ConfigError("--remember needs --gold FILE, to know what is best")
    if remember and adapter is not None:
        raise ConfigError("--remember stores the layer in the model of -m, without the adapters: leave out --adapter")
    if gold is not None and (layer is not None or reading is not None):
        raise ConfigError("--gold compares all layers: leave out --layer and --reading")
    check_inputs(src, tgt, gold)
    check_outputs({"-o": output or STANDARD_OUTPUT}, src, tgt, gold)

    from mtkit.exchange.opening import opened
    from mtkit.files.outputs import open_output
    from mtkit.files.text import read_aligned_chunks
    from mtkit.forced.aligner import Aligner, pharaoh
    from mtkit.log import logger
    from mtkit.wording import counted

    with opened(model, adapter) as bundle:
        aligner = Aligner.load(
            bundle, layer=layer, reading=reading, device=device, threads=threads, src_lang=src_lang, tgt_lang=tgt_lang
        )
    n_too_long = 0
    with open_output(output) as out:
        write = line_writer(out)
        if gold is not None:
            _compare(write, aligner, bundle, src, tgt, gold, remember=remember)
            return
        logger.info("aligning with %s, %s", model, aligner.choice)
        for src_text, tgt_text in read_aligned_chunks(src, tgt, _PAIRS_AT_ONCE):
            for links in aligner.align(src_text, tgt_text):
                write(pharaoh(links or set()))
                n_too_long += links is None
            out.flush()
    if n_too_long:
        logger.warning("%s longer than the model reads: not aligned", counted(n_too_long, "pair"))


def _compare(
    write: "Callable[[str], None]",
    aligner: "Aligner",
    bundle: "Bundle",
    src: str,
    tgt: str,
    gold: str,
    *,
    remember: bool,
) -> None:
    """A line for each layer, best first."""
    from mtkit.forced.aligner import remember as note
    from mtkit.forced.layers import compare_layers
    from mtkit.log import logger

    scores = compare_layers(aligner, src, tgt, gold)
    for score, choice in scores:
        shown = f"AER {100 * score.error_rate:6.2f} %  precision {100 * score.precision:6.2f} %"
        write(f"{shown}  recall {100 * score.recall:6.2f} %  {choice}")
    if remember:
        logger.info("%s: %s", note(bundle, scores[0][1]), scores[0][1])
