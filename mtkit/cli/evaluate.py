"""``mtkit evaluate``."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit import __version__
from mtkit.cli.options import (
    DeviceOption,
    Engine,
    EngineOption,
    ModelOption,
    ThreadsOption,
    TranslationPrecisionOption,
)
from mtkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from mtkit.evaluation.checks import Text
    from mtkit.evaluation.gate import Gate, GateResult
    from mtkit.evaluation.metrics import Score
    from mtkit.translation.bundle import Bundle
    from mtkit.translation.translator import Translator


def evaluate(
    hyp: Annotated[
        str | None, typer.Option("--hyp", metavar="FILE", help="Output to score, one line per segment; - is stdin.")
    ] = None,
    refs: Annotated[
        list[str] | None, typer.Option("--ref", "-r", metavar="FILE", help="Reference; repeat it for several.")
    ] = None,
    alignments: Annotated[
        str | None,
        typer.Option(
            metavar="GOLD", help="Score the alignments in --hyp (0-0 1-2) against these (1-1 sure, 1p2 possible)."
        ),
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
    min_bleu: Annotated[float | None, typer.Option(help="Exit with 3 if BLEU is lower.")] = None,
    min_chrf: Annotated[float | None, typer.Option(help="Exit with 3 if chrF is lower.")] = None,
    max_ter: Annotated[float | None, typer.Option(help="Exit with 3 if TER is higher.")] = None,
    beam_size: Annotated[
        int | None, typer.Option("--beam-size", min=1, help="1 is greedy search. Default: the model's.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1, help="Sentences searched at once.")] = None,
    engine: EngineOption = Engine.AUTO,
    device: DeviceOption = "auto",
    precision: TranslationPrecisionOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Score translations against references, or translate a test set and score that.

    \b
    mtkit evaluate --hyp out.de --ref test.de -l en-de    score an output
    mtkit evaluate -m RUN -i test.en --ref test.de        translate and score
    mtkit evaluate -m RUN                                 the run's own test sets
    mtkit evaluate --hyp links --alignments gold          word alignments: AER

    BLEU, chrF and chrF++: higher is better. TER: lower is better; slow for
    Chinese and Japanese. Every score is sacreBLEU's, beside its signature.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    refs = refs or []
    if alignments is not None:
        if hyp is None or model is not None or refs:
            raise ConfigError("--alignments GOLD scores the alignments in --hyp FILE, and nothing else besides")
        typer.echo(_alignment_scores(hyp, alignments, width, as_json=as_json))
        return
    _check_usage(hyp, refs, model, src, output)
    pair = _parse_pair(language_pair) if language_pair is not None else None

    from mtkit.evaluation.gate import Gate, enforce
    from mtkit.evaluation.metrics import DEFAULT_METRICS, check_metrics

    gates = [Gate(m, t) for m, t in (("bleu", min_bleu), ("chrf", min_chrf), ("ter", max_ter)) if t is not None]
    wanted = [name.strip().lower() for given in metrics or DEFAULT_METRICS for name in given.split(",")]
    wanted += [gate.metric for gate in gates]
    check_metrics(wanted, tgt_lang=pair[1] if pair else None, tokenize=tokenize)
    test_sets: Iterable[_TestSet]
    if hyp is not None:
        test_sets = [_read_output(hyp, refs)]
    else:
        from mtkit.translation.bundle import load_bundle
        from mtkit.translation.translator import Translator

        assert model is not None
        bundle = load_bundle(model)
        pair = pair or (bundle.src_lang, bundle.tgt_lang)
        check_metrics(wanted, tgt_lang=pair[1], tokenize=tokenize)
        sources = _held_out(bundle) if src is None else [_read_source(src, refs)]
        if output is not None:
            _check_output(output, sources)
        languages = pair if bundle.data is not None and bundle.data.language_tags != "none" else (None, None)
        translator = Translator.load(
            model,
            engine=engine.value,
            device=device,
            precision=precision,
            threads=threads,
            src_lang=languages[0],
            tgt_lang=languages[1],
        )
        test_sets = _translate(translator, sources, beam_size, batch_size, output)

    scoring = _Scoring(wanted, gates, pair[1] if pair else None, tokenize, lowercase)
    reports = []
    for test_set in test_sets:
        report = scoring.report(test_set)
        reports.append(report)
        if not as_json:
            _print(report, width, score_only, heading=hyp is None and src is None)
    if as_json:
        typer.echo(_as_json(model, pair, reports))
    enforce([failure for report in reports for failure in report.failures(named=len(reports) > 1)])


@dataclass(frozen=True)
class _Source:
    """What a model is to translate, and what that will be scored against."""

    name: str
    src: "Text"
    refs: "list[Text]"
    prefix: list[int] | None = None
    """Source ids that stand before each line; None for those of the model's default languages."""


@dataclass(frozen=True)
class _TestSet:
    """One output and what it is scored against."""

    name: str
    hyp: "Text"
    refs: "list[Text]"


@dataclass(frozen=True)
class _Report:
    """All that is told of one test set."""

    test_set: _TestSet
    scores: "list[Score]"
    pitfalls: list[str]
    gates: "list[GateResult]"

    def failures(self, *, named: bool) -> list[str]:
        """A line for each gate that was not passed."""
        prefix = f"{self.test_set.name}: " if named else ""
        return [f"{prefix}{gate}" for gate in self.gates if not gate.passed]

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "name": self.test_set.name,
            "hyp": self.test_set.hyp.name,
            "refs": [ref.name for ref in self.test_set.refs],
            "n_lines": len(self.test_set.hyp.lines),
            "scores": {score.metric: score.as_json() for score in self.scores},
            "gates": [gate.as_json() for gate in self.gates],
            "warnings": self.pitfalls,
        }


@dataclass(frozen=True)
class _Scoring:
    """How every test set is scored."""

    metrics: list[str]
    gates: "list[Gate]"
    tgt_lang: str | None
    tokenize: str | None
    lowercase: bool

    def report(self, test_set: _TestSet) -> _Report:
        """Score a test set, hold it against the gates, and log what makes its scores misleading."""
        from mtkit.evaluation.checks import find_pitfalls
        from mtkit.evaluation.gate import check_gates
        from mtkit.evaluation.metrics import bleu_tokenizer, score
        from mtkit.log import logger

        scores = score(
            test_set.hyp.lines,
            [ref.lines for ref in test_set.refs],
            self.metrics,
            tgt_lang=self.tgt_lang,
            tokenize=self.tokenize,
            lowercase=self.lowercase,
        )
        tokenizer = bleu_tokenizer(self.tgt_lang, self.tokenize)
        pitfalls = find_pitfalls(test_set.hyp, test_set.refs, tokenizer=tokenizer, lowercase=self.lowercase)
        for pitfall in pitfalls:
            logger.warning("%s", pitfall)
        return _Report(test_set, scores, pitfalls, check_gates(scores, self.gates))


def _alignment_scores(hyp: str, gold: str, width: int, *, as_json: bool) -> str:
    """Alignment error rate, precision and recall."""
    from dataclasses import asdict

    from mtkit.evaluation.alignment import read_gold, read_links, score_alignments

    hyp_text, gold_text = _read_texts([hyp, gold])
    score = score_alignments(read_links(hyp_text), read_gold(gold_text))
    if as_json:
        return json.dumps(asdict(score))
    precision, recall = 100 * score.precision, 100 * score.recall
    return (
        f"AER {100 * score.error_rate:.{width}f}  lower is better  precision {precision:.{width}f}  "
        f"recall {recall:.{width}f}  {score.n_links:,} links, {score.n_sure:,} sure ones"
    )


def _check_usage(hyp: str | None, refs: list[str], model: Path | None, src: str | None, output: Path | None) -> None:
    """Refuse what does not say one thing, with what to type instead."""
    if hyp is not None and model is not None:
        raise ConfigError("--hyp and -m do not go together: --hyp scores an output, -m translates a test set")
    if hyp is None and model is None:
        raise ConfigError("nothing to score: give an output with --hyp FILE, or a model with -m RUN")
    if hyp is not None and (src is not None or output is not None):
        raise ConfigError(f"{'-o' if src is None else '-i'} belongs to -m RUN; with --hyp nothing is translated")
    if (hyp is not None or src is not None) and not refs:
        raise ConfigError("nothing to score against: add --ref FILE")
    if hyp is None and refs and src is None:
        raise ConfigError("--ref needs the text to translate: add -i FILE, or leave --ref out for the run's test sets")
    if [hyp, src, *refs].count("-") > 1:
        raise ConfigError("standard input can be read only once: name a file instead of one of the -")
    if (
        output is not None
        and output.exists()
        and any(Path(p).exists() and output.samefile(p) for p in (src, *refs) if p)
    ):
        raise ConfigError(f"-o {output}: is an input too; choose another file")
    if str(output) == "-":
        raise ConfigError("-o -: the scores go to standard output; name a file for the translations")


def _parse_pair(language_pair: str) -> tuple[str, str]:
    """The two codes of ``en-de``."""
    src_lang, _, tgt_lang = language_pair.partition("-")
    if not (src_lang.replace("_", "").isalnum() and tgt_lang.replace("-", "").replace("_", "").isalnum()):
        raise ConfigError(f"-l {language_pair}: expected source-target, such as en-de")
    return src_lang, tgt_lang


def _read_texts(paths: Sequence[str]) -> "list[Text]":
    """Files that belong together line by line."""
    from mtkit.evaluation.checks import Text, check_aligned
    from mtkit.io import read_lines

    texts = [Text("standard input" if path == "-" else path, list(read_lines(path))) for path in paths]
    check_aligned(texts)
    return texts


def _read_output(hyp: str, refs: list[str]) -> _TestSet:
    hyp_text, *ref_texts = _read_texts([hyp, *refs])
    return _TestSet(ref_texts[0].name, hyp_text, ref_texts)


def _read_source(src: str, refs: list[str]) -> _Source:
    src_text, *ref_texts = _read_texts([src, *refs])
    return _Source(src_text.name, src_text, ref_texts)


def _held_out(bundle: "Bundle") -> list[_Source]:
    from mtkit.evaluation.checks import Text
    from mtkit.translation.scoring import held_out_sets

    return [
        _Source(
            held.name,
            Text(held.name, held.src_text),
            [Text(f"the reference of {held.name}", held.ref_text)],
            held.prefix,
        )
        for held in held_out_sets(bundle)
    ]


def _check_output(output: Path, sources: list[_Source]) -> None:
    """Refuse a file that could not hold the translations, before they are made."""
    if output.exists() and not output.is_file():
        raise ConfigError(f"-o {output}: is there and is no file; name a file")
    if len(sources) > 1:
        names = ", ".join(source.name for source in sources)
        raise ConfigError(f"-o holds one translation, but the run has several test sets ({names}): use mtkit translate")


def _translate(
    translator: "Translator",
    sources: list[_Source],
    beam_size: int | None,
    batch_size: int | None,
    output: Path | None,
) -> Iterator[_TestSet]:
    """Translate test set after test set, so that each is scored and shown before the next."""
    from mtkit.device import memory_advice
    from mtkit.evaluation.checks import Text
    from mtkit.io import atomic_file
    from mtkit.log import logger
    from mtkit.translation.scoring import translate_lines

    for source in sources:
        logger.info(
            "translating %s, %s lines, on %s", source.name, f"{len(source.src.lines):,}", translator.engine.description
        )
        with memory_advice("lower --batch-size or --beam-size"):
            prefixed = translator if source.prefix is None else translator.prefixed(source.prefix)
            hyp_text = translate_lines(prefixed, source.src.lines, beam_size=beam_size, batch_size=batch_size)
        if output is not None:
            try:
                with atomic_file(output.resolve()) as file:
                    file.write("".join(f"{line}\n" for line in hyp_text).encode())
            except OSError as error:
                raise DataError(f"{output}: cannot write: {error.strerror or error}") from error
        yield _TestSet(source.name, Text(f"the translation of {source.name}", hyp_text), source.refs)


def _print(report: _Report, width: int, score_only: bool, *, heading: bool) -> None:
    """The scores of a test set, for people."""
    from mtkit.evaluation.report import score_lines

    if score_only:
        lines = [f"{score.value:.{width}f}" for score in report.scores]
    else:
        lines = score_lines(report.scores, decimals=width)
        if heading:
            lines = [f"{report.test_set.name} ({len(report.test_set.hyp.lines):,} lines)", *lines]
    typer.echo("\n".join(lines))


def _as_json(model: Path | None, pair: tuple[str, str] | None, reports: list[_Report]) -> str:
    """The whole evaluation, for programs."""
    from sacrebleu import __version__ as sacrebleu_version

    whole = {
        "versions": {"mtkit": __version__, "sacrebleu": sacrebleu_version},
        "model": None if model is None else str(model),
        "language_pair": "-".join(pair) if pair else None,
        "test_sets": [report.as_json() for report in reports],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2)
