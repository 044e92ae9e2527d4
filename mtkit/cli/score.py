"""``mtkit score``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mtkit.cli.help import of_input, of_output, of_speed
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

    from mtkit.forced.contrast import Contrast
    from mtkit.forced.scorer import PairScore, Scorer

_PAIRS_AT_ONCE = 4096  # sorted by length among themselves


def score(
    run: RunArgument = None,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    src: PairsSrcOption = None,
    tgt: PairsTgtOption = None,
    contrast: Annotated[
        Path | None,
        of_input(
            "--contrast",
            metavar="FILE",
            help="TSV with source, correct, incorrect[, category]; prints the accuracy, in place of --src and --tgt.",
        ),
    ] = None,
    normalize: Annotated[
        bool, of_output("--normalize", help="Divide by the length, as the model's search does.")
    ] = False,
    as_json: Annotated[
        bool,
        of_output(
            "--json",
            help="Print one JSON object per line, with the log-probabilities of tokens; with --contrast rows and "
            "totals.",
        ),
    ] = False,
    output: OutputOption = None,
    src_lang: SrcLangOption = None,
    tgt_lang: TgtLangOption = None,
    device: DeviceOption = "auto",
    precision: Annotated[
        str, of_speed("--precision", metavar="fp32|bf16", help="Precision; auto is fp32 here.")
    ] = "fp32",
    threads: ThreadsOption = None,
) -> None:
    """Score given translations: one log-probability per line.

    \b
    mtkit score -m RUN --src test.en --tgt test.de   for ranking and filtering
    mtkit score -m RUN --contrast pronouns.tsv       a contrastive test set

    Natural logarithms, summed over the pieces of the translation and its end: 0 is certainty, higher is better; nan
    if a side is longer than the model's maximum. A contrastive test set counts how often the model prefers the correct
    translation.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    model = needed(model, run)
    if contrast is not None and (src is not None or tgt is not None):
        raise ConfigError(
            "--contrast does not go with --src and --tgt: its file holds the sources and both translations"
        )
    if contrast is None and src is None and tgt is None:
        raise ConfigError("give --src FILE and --tgt FILE, or --contrast FILE")
    if (src is None) != (tgt is None):
        raise ConfigError("--src and --tgt go together: name both files")
    check_inputs(src, tgt, contrast)
    check_outputs({"-o": output or STANDARD_OUTPUT}, src, tgt, contrast)

    from mtkit.exchange.opening import opened
    from mtkit.files.outputs import open_output
    from mtkit.files.text import read_aligned_chunks
    from mtkit.forced.scorer import Scorer
    from mtkit.log import logger, progress_bar
    from mtkit.wording import counted

    with opened(model, adapter) as bundle:
        scorer = Scorer.load(
            bundle, device=device, precision=precision, threads=threads, src_lang=src_lang, tgt_lang=tgt_lang
        )
    logger.info("scoring with %s on %s", model, scorer.description)
    n_too_long = 0
    with open_output(output) as out:
        write = line_writer(out)
        if contrast is not None:
            _write_contrast(write, scorer, contrast, normalize=normalize, as_json=as_json)
            return
        assert src is not None
        assert tgt is not None
        with progress_bar(total=None, description="scoring", unit=" pairs") as bar:
            for src_text, tgt_text in read_aligned_chunks(src, tgt, _PAIRS_AT_ONCE):
                scores = scorer.score(src_text, tgt_text)
                for found in scores:
                    write(_shown(found, normalize=normalize, as_json=as_json))
                n_too_long += scores.count(None)
                bar.update(len(scores))
                out.flush()
    if n_too_long:
        logger.warning("%s longer than the model reads: no score", counted(n_too_long, "pair"))


def _shown(found: "PairScore | None", *, normalize: bool, as_json: bool) -> str:
    if found is None:
        return json.dumps({"log_prob": None, "score": None, "tokens": []}) if as_json else "nan"
    if as_json:
        plain = {"log_prob": found.log_prob, "score": found.score, "tokens": found.tokens}
        return json.dumps(plain | {"token_log_probs": found.token_log_probs}, ensure_ascii=False)
    return f"{found.score if normalize else found.log_prob:.4f}"


def _write_contrast(
    write: "Callable[[str], None]", scorer: "Scorer", path: Path, *, normalize: bool, as_json: bool
) -> None:
    from mtkit.forced.contrast import Tally, contrast

    tally = Tally()
    for row in contrast(scorer, path, normalize=normalize):
        tally.add(row)
        if as_json:
            write(json.dumps(row.as_json(), ensure_ascii=False))
    found = tally.totals()
    width = max(len(one.kind) for one in found)
    for one in found:
        write(json.dumps(one.as_json(), ensure_ascii=False) if as_json else _contrast_line(one, width))


def _contrast_line(one: "Contrast", width: int) -> str:
    return f"{one.kind:<{width}}  {100 * one.accuracy:6.2f} %  {one.n_right:,} of {one.n:,}" + (
        f", {one.n_tied:,} tied" if one.n_tied else ""
    )
