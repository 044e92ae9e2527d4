"""``mtkit preprocess``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.help import of_output, of_speed
from mtkit.cli.options import (
    ConfigOption,
    CorpusSrcLangOption,
    CorpusSrcOption,
    CorpusTgtLangOption,
    CorpusTgtOption,
    OverwriteOption,
    PrintConfigOption,
    RecipeArgument,
    SetOption,
    check_one_corpus,
    corpus_instead_of_recipe,
)
from mtkit.errors import ConfigError, Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mtkit.data.cleaning.report import CleaningReport
    from mtkit.data.corpus.prepared import Manifest


def preprocess(
    recipe: RecipeArgument = None,
    config: ConfigOption = None,
    srcs: CorpusSrcOption = None,
    tgts: CorpusTgtOption = None,
    src_lang: CorpusSrcLangOption = None,
    tgt_lang: CorpusTgtLangOption = None,
    output: Annotated[
        Path | None,
        of_output(
            "--output",
            "-o",
            metavar="DIR",
            help="Directory for the prepared corpus. Default: data.prepared or prepared/NAME.",
        ),
    ] = None,
    overrides: SetOption = None,
    overwrite: OverwriteOption = False,
    dry_run: Annotated[
        bool, of_output("--dry-run", help="Show what cleaning would drop, with samples; write nothing.")
    ] = False,
    workers: Annotated[
        int | None,
        of_speed("--workers", metavar="N", min=1, help="Processes. Default: one per core.", show_default=False),
    ] = None,
    print_config: PrintConfigOption = False,
) -> None:
    """Clean a corpus, train its tokenizer, write token ids.

    \b
    mtkit preprocess recipe.yaml             the first step of mtkit train
    mtkit preprocess my.tmx -o DIR           without a recipe
    mtkit preprocess recipe.yaml --dry-run   what data.cleaning would drop

    Without a recipe, validation and test pairs are held out. The same command again does nothing unless inputs or
    settings have changed.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    chosen, src_files, tgt_files = corpus_instead_of_recipe("preprocess", recipe, config, srcs, tgts)
    check_one_corpus("preprocess", chosen, src_files, src_lang, tgt_lang)
    if src_files and output is None and not dry_run:
        raise ConfigError("name a directory for the prepared corpus with -o DIR")

    from mtkit.settings.resolve import Settings

    flags = {"data.prepared": None if output is None else str(output)}
    settings = Settings.load(chosen, overrides=overrides or (), flags=flags)
    if src_files:
        from mtkit.data.sources.named_corpus import named_corpus

        data = named_corpus(src_files, tgt_files, src_lang, tgt_lang).with_hold_out()
        settings = settings.with_layer("mtkit preprocess --src", {"data": data})
    start = None
    if settings.given("training", "from") is None:
        settings = settings.before_corpus()
    else:
        from mtkit.training.run import before_corpus
        from mtkit.training.starting import start_of

        start = start_of(settings, None)
        settings = before_corpus(settings, start)
    if print_config:
        typer.echo(settings.explain())
        return

    from mtkit.data.corpus.prepare import prepare, try_cleaning

    resolved = settings.config()
    if dry_run:
        for report in try_cleaning(resolved.data, n_workers=workers):
            for line in _with_samples(report):
                typer.echo(line)
        typer.echo("nothing written; max_tokens and max_ratio count tokens and were not looked at")
        return
    try:
        if resolved.pretraining.active:
            from mtkit.training.pretraining import prepare_both

            made = [*prepare_both(settings, resolved, overwrite=overwrite, n_workers=workers)]
        else:
            made = [
                prepare(
                    resolved.data,
                    resolved.tokenizer,
                    resolved.prepared_directory,
                    overwrite=overwrite,
                    n_workers=workers,
                    ready=None if start is None else start.tokenizer,
                )
            ]
    except KeyboardInterrupt:
        rest = "the same command goes on" if resolved.pretraining.active else "nothing was written"
        raise Stopped(f"stopped; {rest}") from None
    for prepared in made:
        for line in _report(prepared.manifest):
            typer.echo(line)
        typer.echo(f"prepared corpus: {prepared.directory}")


def _report(manifest: "Manifest") -> list[str]:
    """A line for each source, then the vocabulary."""
    lines = []
    for source in manifest.sources:
        line = f"{source['place']} {source['name']}: {source['n_kept']:,} pairs"
        line += _what_happened(source["n_pairs"], source["dropped"], source.get("changed", {}))
        lines.append(f"{line}, {source['n_src_tokens']:,} + {source['n_tgt_tokens']:,} tokens")
    if manifest.settings["tokenizer"]["joint"]:
        sizes = f"{manifest.src_vocab_size:,} pieces for both languages"
    else:
        sizes = f"{manifest.src_vocab_size:,} + {manifest.tgt_vocab_size:,} pieces"
    return [*lines, f"vocabulary: {sizes}, {manifest.settings['tokenizer']['type']}"]


def _with_samples(report: "CleaningReport") -> "Iterator[str]":
    """A line for a source, and one for each pair that is shown."""
    yield f"train {report['name']}: {report['n_kept']:,} pairs" + _what_happened(
        report["n_pairs"], report["dropped"], report["changed"]
    )
    for step in report["dropped"]:
        for sample in report["samples"].get(step, []):
            yield f"  {step}, pair {sample['pair']:,}: {sample['src']!r} | {sample['tgt']!r}"


def _what_happened(n_pairs: int, dropped: "Mapping[str, int]", changed: "Mapping[str, int]") -> str:
    """The numbers of dropped and changed pairs, if there are any."""
    parts = [
        f"{what}: " + ", ".join(f"{n:,} {step}" for step, n in by_step.items())
        for what, by_step in (("dropped", dropped), ("changed", changed))
        if by_step
    ]
    return (f" of {n_pairs:,}" if dropped else "") + (f" ({'; '.join(parts)})" if parts else "")
