"""``mtkit evaluate``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit import __version__
from mtkit.cli.options import DeviceOption, ModelOption, PrecisionOption, ThreadsOption
from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.evaluation.checks import Text
    from mtkit.evaluation.gate import GateResult
    from mtkit.evaluation.metrics import Score


@dataclass(frozen=True)
class _TestSet:
    """One output and what it is scored against."""

    name: str
    hyp: "Text"
    refs: "list[Text]"


def evaluate(
    hyp: Annotated[
        str | None, typer.Option("--hyp", metavar="FILE", help="Output to score, one line per segment; - is stdin.")
    ] = None,
    refs: Annotated[
        list[str] | None, typer.Option("--ref", "-r", metavar="FILE", help="Reference; repeat it for several.")
    ] = None,
    model: ModelOption = None,
    src: Annotated[
        str | None, typer.Option("--src", "--input", "-i", metavar="FILE", help="Text that the model translates.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Keep the model's translations here.")
    ] = None,
    language_pair: Annotated[
        str | None,
        typer.Option("--language-pair", "-l", metavar="SRC-TGT", help="Such as en-zh; chooses BLEU's tokenizer."),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metrics", help="bleu, chrf, chrf++, ter; with commas or repeated. Default: bleu,chrf,ter."),
    ] = None,
    tokenize: Annotated[
        str | None, typer.Option("--tokenize", "--tok", "-tok", help="BLEU's tokenizer, over the language's own.")
    ] = None,
    lowercase: Annotated[bool, typer.Option("--lowercase", "-lc", help="Ignore case in BLEU and chrF.")] = False,
    score_only: Annotated[bool, typer.Option("--score-only", "-b", help="Print the values and nothing else.")] = False,
    width: Annotated[int, typer.Option("--width", "-w", min=0, max=10, help="Decimals.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    min_bleu: Annotated[float | None, typer.Option(help="Exit with 3 if BLEU is lower.", show_default=False)] = None,
    min_chrf: Annotated[float | None, typer.Option(help="Exit with 3 if chrF is lower.", show_default=False)] = None,
    max_ter: Annotated[float | None, typer.Option(help="Exit with 3 if TER is higher.", show_default=False)] = None,
    beam_size: Annotated[
        int | None, typer.Option("--beam-size", min=1, help="By default the model's own.", show_default=False)
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    r"""Score translations against references, or translate a test set and score that.

    \b
    mtkit evaluate --hyp out.de --ref test.de -l en-de    score an output
    mtkit evaluate -m RUN -i test.en --ref test.de        translate and score
    mtkit evaluate -m RUN                                 the corpus's test sets

    BLEU, chrF and chrF++: higher is better. TER: lower is better; slow for Chinese and Japanese.
    Every score is sacreBLEU's and stands beside its signature.
    """
    refs = refs or []
    _check_usage(hyp, refs, model, src, output)
    tgt_lang = _parse_pair(language_pair)[1] if language_pair else None

    from mtkit.evaluation.gate import Gate, check_gates, enforce
    from mtkit.evaluation.metrics import DEFAULT_METRICS, check_metrics, score
    from mtkit.evaluation.report import score_lines

    gates = [Gate(m, t) for m, t in (("bleu", min_bleu), ("chrf", min_chrf), ("ter", max_ter)) if t is not None]
    requested = [name.strip().lower() for given in metrics or DEFAULT_METRICS for name in given.split(",")]
    wanted = check_metrics([*requested, *(gate.metric for gate in gates)], tgt_lang=tgt_lang, tokenize=tokenize)
    test_sets = iter([_read_output(hyp, refs)])

    reports: list[dict[str, object]] = []
    failures: list[str] = []
    for test_set in test_sets:
        scores = score(
            test_set.hyp.lines,
            [ref.lines for ref in test_set.refs],
            wanted,
            tgt_lang=tgt_lang,
            tokenize=tokenize,
            lowercase=lowercase,
        )
        pitfalls = _warn(test_set, tgt_lang, tokenize, lowercase)
        results = check_gates(scores, gates)
        failures += [f"{test_set.name}: {result}" for result in results if not result.passed]
        reports.append(_report(test_set, scores, pitfalls, results))
        if as_json:
            continue
        if model is not None and not score_only:
            typer.echo(f"{test_set.name} ({len(test_set.hyp.lines):,} lines)")
        for each, line in zip(scores, score_lines(scores, decimals=width), strict=True):
            typer.echo(f"{each.value:.{width}f}" if score_only else line)
    if as_json:
        typer.echo(_as_json(model, language_pair, reports))
    enforce(failures)


def _check_usage(hyp: str | None, refs: list[str], model: Path | None, src: str | None, output: Path | None) -> None:
    """Refuse what does not say one thing, with what to type instead."""
    if hyp is not None and model is not None:
        raise ConfigError("--hyp and -m do not go together: --hyp scores an output, -m translates a test set")
    if hyp is None and model is None:
        raise ConfigError("nothing to score: give an output with --hyp FILE, or a model with -m RUN")
    if hyp is not None and (src is not None or output is not None):
        raise ConfigError(f"{'-i' if src is not None else '-o'} belongs to -m RUN; with --hyp nothing is translated")
    if hyp is not None and not refs:
        raise ConfigError("nothing to score against: add --ref FILE")
    if src is not None and not refs:
        raise ConfigError("nothing to score the translation against: add --ref FILE")
    if refs and hyp is None and src is None:
        raise ConfigError(
            "--ref needs the text to translate: add -i FILE, or leave --ref out for the corpus's test sets"
        )
    if [hyp, src, *refs].count("-") > 1:
        raise ConfigError("standard input can be read only once: name a file instead of one of the -")
    if output is not None and str(output) == "-":
        raise ConfigError("-o -: the scores go to standard output; name a file for the translations")


def _parse_pair(language_pair: str) -> tuple[str, str]:
    """The two codes of ``en-de``."""
    src_lang, separator, tgt_lang = language_pair.partition("-")
    if not (separator and src_lang.isalpha() and tgt_lang.replace("-", "").replace("_", "").isalnum()):
        raise ConfigError(f"-l {language_pair}: expected source-target, such as en-de")
    return src_lang, tgt_lang


def _read_output(hyp: str, refs: list[str]) -> _TestSet:
    """An output and its references, from their files."""
    from mtkit.evaluation.checks import Text, check_aligned
    from mtkit.io import read_lines

    texts = [Text("standard input" if path == "-" else path, list(read_lines(path))) for path in (hyp, *refs)]
    check_aligned(texts)
    return _TestSet(texts[1].name, texts[0], texts[1:])


def _warn(test_set: _TestSet, tgt_lang: str | None, tokenize: str | None, lowercase: bool) -> list[str]:
    """Log what makes the scores misleading, and return it."""
    from mtkit.evaluation.checks import find_pitfalls
    from mtkit.evaluation.metrics import bleu_tokenizer
    from mtkit.log import logger

    tokenizer = bleu_tokenizer(tgt_lang, tokenize)
    pitfalls = find_pitfalls(test_set.hyp, test_set.refs, tokenizer=tokenizer, lowercase=lowercase)
    for pitfall in pitfalls:
        logger.warning(pitfall)
    return pitfalls


def _report(
    test_set: _TestSet, scores: "list[Score]", pitfalls: list[str], gates: "list[GateResult]"
) -> dict[str, object]:
    """One test set in the JSON."""
    return {
        "name": test_set.name,
        "hyp": test_set.hyp.name,
        "refs": [ref.name for ref in test_set.refs],
        "n_lines": len(test_set.hyp.lines),
        "scores": {score.metric: score.as_json() for score in scores},
        "gates": [gate.as_json() for gate in gates],
        "warnings": pitfalls,
    }


def _as_json(model: Path | None, language_pair: str | None, reports: list[dict[str, object]]) -> str:
    """The whole evaluation."""
    from sacrebleu import __version__ as sacrebleu_version

    whole = {
        "versions": {"mtkit": __version__, "sacrebleu": sacrebleu_version},
        "model": None if model is None else str(model),
        "language_pair": language_pair,
        "test_sets": reports,
    }
    return json.dumps(whole, ensure_ascii=False, indent=2)
