"""Options that mean the same in several commands."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mtkit.errors import ConfigError
from mtkit.files.numbers import number_in
from mtkit.settings.bounds import Bounds


class Engine(StrEnum):
    """What searches for translations."""

    AUTO = "auto"
    TORCH = "torch"
    CTRANSLATE2 = "ctranslate2"


ModelOption = Annotated[
    Path | None, typer.Option("--model", "-m", help="A run directory, a checkpoint or a model bundle.")
]
RunArgument = Annotated[Path | None, typer.Argument(metavar="[RUN]", help="The same as -m RUN.", show_default=False)]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
TranslationPrecisionOption = Annotated[
    str, typer.Option("--precision", help="auto, fp32, bf16 (torch) or int8 (CTranslate2).")
]
ScoringPrecisionOption = Annotated[
    str, typer.Option("--precision", help="fp32, the same on every machine; or bf16, int8, auto: what translate uses.")
]
EngineOption = Annotated[
    Engine, typer.Option("--engine", help="auto: CTranslate2 on a CPU where it can do what is asked, else torch.")
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads; by default one per core.", show_default=False)
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="YAML recipe.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: section.key=value; repeatable."),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset", metavar="NAME", help="A named set of sizes, such as small or rnn-luong.", show_default=False
    ),
]
SrcLangOption = Annotated[
    str | None, typer.Option("--src-lang", metavar="CODE", help="Language of the text, for a model of several.")
]
TgtLangOption = Annotated[
    str | None, typer.Option("--tgt-lang", metavar="CODE", help="Language of its translation, for a model of several.")
]
PairsSrcOption = Annotated[
    str | None, typer.Option("--src", "-src", "--input", "-i", metavar="FILE", help="Source lines; - is stdin.")
]
PairsTgtOption = Annotated[
    str | None, typer.Option("--tgt", "-tgt", metavar="FILE", help="Their translations, line by line; - is stdin.")
]
RecipeArgument = Annotated[
    Path | None, typer.Argument(metavar="RECIPE", help="YAML recipe; the same as -c FILE.", show_default=False)
]
CorpusSrcLangOption = Annotated[
    str | None,
    typer.Option(
        "--src-lang",
        "-s",
        help="Without a recipe: default is the ending of the file's name, or what a file of pairs names.",
    ),
]
CorpusTgtLangOption = Annotated[str | None, typer.Option("--tgt-lang", "-t", help="The same of the target.")]
CorpusSrcOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--src",
        "-src",
        metavar="FILE",
        help="Without a recipe: source lines; or a file of pairs (TMX, XLIFF, PO, TSV, CSV, JSONL) alone. Repeatable.",
    ),
]
CorpusTgtOption = Annotated[
    list[Path] | None,
    typer.Option("--tgt", "-tgt", metavar="FILE", help="Without a recipe: target lines, as often as --src."),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Written when all is done; default stdout.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
PrintConfigOption = Annotated[
    bool, typer.Option("--print-config", help="Show every setting and where it came from, and do nothing else.")
]


class ImpossibleNumber(typer.BadParameter):
    """The value of an option is no number, or one that it cannot have."""


def number(bounds: Bounds) -> Callable[[str], float]:
    """What reads the value of an option that takes a number: for ``typer.Option(parser=...)``."""

    def read(typed: str) -> float:
        try:
            value = number_in(typed)
        except ValueError:
            raise ImpossibleNumber(f"{typed}: is no number") from None
        if (reason := bounds.why_not(value)) is not None:
            raise ImpossibleNumber(f"{typed}: {reason}")
        return value

    return read


def needed(model: Path | None, argument: Path | None = None) -> Path:
    """The model of -m, or the argument that stands for it, of a command that has none by default.

    Raises:
        ConfigError: If none was named, or two.
    """
    if model is not None and argument is not None:
        raise ConfigError(f"two models, {argument} and {model}: name one, with -m DIR")
    if (chosen := model or argument) is None:
        raise ConfigError("no model; give a run directory, a checkpoint or a bundle with -m DIR")
    return chosen


def corpus_instead_of_recipe(
    recipe: Path | None, config: Path | None, srcs: Sequence[Path] | None, tgts: Sequence[Path] | None
) -> tuple[Path | None, list[Path], list[Path]]:
    """The recipe of a command, or the files of its corpus: a file of pairs in the place of a recipe is a corpus.

    Raises:
        ConfigError: If there are two recipes, a file of pairs beside ``--src``, or ``--tgt`` alone.
    """
    if recipe is not None and config is not None:
        raise ConfigError(f"two recipes, {recipe} and {config}: name one")
    chosen, src_files, tgt_files = config or recipe, list(srcs or []), list(tgts or [])
    if chosen is not None and is_file_of_pairs(chosen):
        if src_files:
            raise ConfigError(f"two corpora, {chosen} and {src_files[0]}: name both with --src")
        src_files, chosen = [chosen], None
    if tgt_files and not src_files:
        raise ConfigError("--src and --tgt go together: name both files")
    return chosen, src_files, tgt_files


def is_file_of_pairs(path: Path) -> bool:
    """Whether a file holds source and target, by its ending."""
    from mtkit.settings.source import kind_of

    return kind_of(str(path)) is not None


def check_stdin(*files: Path | str | None) -> None:
    """Find out whether more than one of a command's inputs is ``-``.

    Raises:
        ConfigError: If so.
    """
    if [str(file) for file in files].count("-") > 1:
        raise ConfigError("standard input can be read only once: name a file instead of one of the -")


def check_inputs(*files: Path | str | None) -> None:
    """Find out whether a command's inputs are texts that can be opened, before it loads a model.

    Raises:
        ConfigError: If more than one of them is ``-``.
        DataError: If one cannot be opened, or is something else.
    """
    from mtkit.files.text import check_text

    check_stdin(*files)
    for file in files:
        if file is None or str(file) == "-":
            continue
        path = Path(file)
        if path.is_file() or path.is_dir() or not path.exists():  # what comes from pipes and devices comes but once
            check_text(path)
