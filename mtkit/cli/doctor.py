"""``mtkit doctor``."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.help import of_gates, of_input, of_output, of_settings, of_speed
from mtkit.cli.options import (
    ConfigOption,
    CorpusSrcLangOption,
    CorpusSrcOption,
    CorpusTgtLangOption,
    CorpusTgtOption,
    JsonOption,
    RecipeArgument,
    SetOption,
    check_inputs,
    check_one_corpus,
    corpus_instead_of_recipe,
)
from mtkit.cli.typed import refuse_idle
from mtkit.errors import DataError, VocabularyError
from mtkit.files.outputs import STANDARD_OUTPUT, check_outputs
from mtkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtkit.data.tokens.tokenizer import Tokenizer
    from mtkit.doctor.training_pairs import Sources
    from mtkit.settings.data import DataConfig


def doctor(
    context: typer.Context,
    recipe: RecipeArgument = None,
    config: ConfigOption = None,
    srcs: CorpusSrcOption = None,
    tgts: CorpusTgtOption = None,
    src_lang: CorpusSrcLangOption = None,
    tgt_lang: CorpusTgtLangOption = None,
    tokenizer: Annotated[
        Path | None,
        of_input(
            "--tokenizer",
            metavar="DIR",
            help="Prepared corpus or model with a tokenizer. Default: the recipe's.",
        ),
    ] = None,
    as_json: JsonOption = False,
    html: Annotated[
        Path | None,
        of_output("--html", metavar="FILE", help="Also write a page with plots to FILE; needs mtkit[report]."),
    ] = None,
    strict: Annotated[bool, of_gates("--strict", help="Exit with 1 if a serious problem is found.")] = False,
    raw: Annotated[
        bool, of_settings("--raw", help="Examine the files of a recipe as they are, before its cleaning.")
    ] = False,
    sample: Annotated[
        int,
        of_settings(
            "--sample",
            metavar="PAIRS",
            min=100,
            help="Number of evenly spaced pairs used for language and token checks.",
        ),
    ] = 30_000,
    workers: Annotated[
        int | None, of_speed("--workers", metavar="N", min=1, help="Processes. Default: one per core.")
    ] = None,
    overrides: SetOption = None,
) -> None:
    """Report problems in a corpus and how to fix them.

    \b
    mtkit doctor recipe.yaml                      after the recipe's cleaning
    mtkit doctor recipe.yaml --raw                the files as they are
    mtkit doctor --src my.en --tgt my.de          two files
    mtkit doctor my.tmx                           a file of pairs
    mtkit doctor recipe.yaml --html report.html   with plots, as one page

    With a recipe, held-out pairs that leaked into training are reported too.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    chosen, src_files, tgt_files = corpus_instead_of_recipe("doctor", recipe, config, srcs, tgts)
    check_one_corpus("doctor", chosen, src_files, src_lang, tgt_lang)
    if chosen is None:
        refuse_idle(context, ["raw", "overrides"], "only with a recipe; leave it out")
    check_inputs(*(path for path in (*src_files, *tgt_files) if tgt_files and path.is_file()))

    from mtkit.data.sources.sources import open_sources
    from mtkit.doctor.examine import examine
    from mtkit.doctor.prescription import prescribe
    from mtkit.doctor.text import report_lines, summary
    from mtkit.machine.threads import available_cores

    sources: Sources
    data: DataConfig | None = None
    if chosen is not None:
        from mtkit.settings.resolve import Settings

        settings = Settings.load(chosen, overrides=overrides or ()).before_corpus().config()
        data = settings.data
        sources, languages = open_sources(data), (data.src_lang, data.tgt_lang)
        if tokenizer is None and settings.prepared_directory.exists():
            tokenizer = settings.prepared_directory
    else:
        from mtkit.data.sources.named_corpus import named_corpus

        corpus = named_corpus(src_files, tgt_files, src_lang, tgt_lang)
        sources, languages = {"train": corpus.sources()}, corpus.languages
    if html is not None:
        from mtkit.doctor.page import check_plots

        check_outputs({"--html": html, "standard output": STANDARD_OUTPUT}, chosen, *_files_of(sources))
        check_plots()
    report = examine(
        sources,
        languages,
        n_sample=sample,
        tokenizer=None if tokenizer is None else _tokenizer(tokenizer),
        n_workers=workers or available_cores(),
        data=None if raw else data,
    )
    report = replace(report, prescription=prescribe(report.findings, None if data is None else data.cleaning))
    if as_json:
        import json

        typer.echo(json.dumps(report.as_json(__version__), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(report_lines(report)))
    if html is not None:
        from mtkit.doctor.page import write_page

        write_page(html, report)
    if strict and report.n_serious:
        raise DataError(f"--strict: {summary(report)}")


def _files_of(sources: "Sources") -> "Iterator[Path | str]":
    """The files that are read."""
    for source in (source for each in sources.values() for source in each):
        inner = getattr(source, "source", source)  # of the first pairs of one
        yield from (file for name in ("path", "src", "tgt") if (file := getattr(inner, name, None)) is not None)


def _tokenizer(directory: Path) -> "Tokenizer":
    """The tokenizer of a prepared corpus, a bundle, or a run directory."""
    from mtkit.data.tokens.tokenizer import Tokenizer

    try:
        return Tokenizer.load(directory)
    except VocabularyError:
        if not (directory / "model").is_dir():
            raise
        return Tokenizer.load(directory / "model")
