"""Options that mean the same in several commands."""

import shlex
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mtkit.cli.help import of_input, of_model, of_output, of_settings, of_speed
from mtkit.errors import ConfigError
from mtkit.files.numbers import number_in
from mtkit.settings.bounds import Bounds


class Engine(StrEnum):
    """The search engines."""

    AUTO = "auto"
    TORCH = "torch"
    CTRANSLATE2 = "ctranslate2"


ModelOption = Annotated[
    Path | None,
    of_model("--model", "-m", metavar="RUN", help="Run directory, checkpoint or model bundle.", show_default=False),
]
AdapterOption = Annotated[
    Path | None,
    of_model("--adapter", metavar="DIR", help="Adapters (LoRA) to this model: adapter/ of a run, or of PEFT's."),
]
RunArgument = Annotated[Path | None, typer.Argument(metavar="RUN", help="The same as -m RUN.", show_default=False)]
DeviceOption = Annotated[str, of_speed("--device", metavar="auto|cpu|cuda", help="Device to compute on.")]
TranslationPrecisionOption = Annotated[
    str,
    of_speed(
        "--precision",
        metavar="PRECISION",
        help="auto, fp32, bf16 (torch) or int8 (CTranslate2). auto: the fastest that loses little.",
    ),
]
ScoringPrecisionOption = Annotated[
    str,
    of_speed(
        "--precision",
        metavar="PRECISION",
        help="fp32: the same scores on every machine. bf16, int8 or auto: as mtkit translate.",
    ),
]
EngineOption = Annotated[
    Engine,
    of_speed(
        "--engine",
        metavar="auto|torch|ctranslate2",
        help="Search engine. auto: CTranslate2 on a CPU if it supports what is asked, else torch.",
    ),
]
ThreadsOption = Annotated[
    int | None,
    of_speed("--threads", metavar="N", min=1, help="CPU threads. Default: one per core.", show_default=False),
]
ConfigOption = Annotated[
    Path | None, of_input("--config", "-c", metavar="FILE", help="Recipe (YAML).", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    of_settings("--set", metavar="KEY=VALUE", help="Setting to override, as section.key=value. Repeatable."),
]
PresetOption = Annotated[
    str | None,
    of_settings(
        "--preset", metavar="NAME", help="Named set of model sizes, such as small or rnn-luong.", show_default=False
    ),
]
SrcLangOption = Annotated[
    str | None,
    of_input("--src-lang", "-s", metavar="CODE", help="Source language: code or name. Default: the model's."),
]
TgtLangOption = Annotated[
    str | None,
    of_input("--tgt-lang", "-t", metavar="CODE", help="Target language: code or name. Default: the model's."),
]
PairsSrcOption = Annotated[
    str | None, of_input("--src", "--input", "-i", "-src", metavar="FILE", help="Source lines; - is stdin.")
]
PairsTgtOption = Annotated[
    str | None, of_input("--tgt", "-tgt", metavar="FILE", help="Translations of these lines, in order; - is stdin.")
]
RecipeArgument = Annotated[
    Path | None, typer.Argument(metavar="RECIPE", help="The same as -c RECIPE.", show_default=False)
]
CorpusSrcLangOption = Annotated[
    str | None,
    of_input(
        "--src-lang",
        "-s",
        metavar="CODE",
        help="Source language, without a recipe. Default: ending of the file name, or what a file of pairs declares.",
    ),
]
CorpusTgtLangOption = Annotated[
    str | None,
    of_input("--tgt-lang", "-t", metavar="CODE", help="Target language, without a recipe. Default: as --src-lang."),
]
CorpusSrcOption = Annotated[
    list[Path] | None,
    of_input(
        "--src",
        "--input",
        "-i",
        "-src",
        metavar="FILE",
        help="Source lines, in place of a recipe; or a file of pairs without --tgt (TMX, XLIFF, PO, TSV, CSV, JSONL). "
        "Repeatable.",
    ),
]
CorpusTgtOption = Annotated[
    list[Path] | None,
    of_input("--tgt", "-tgt", metavar="FILE", help="Target lines, as many files as --src. Repeatable."),
]
OutputOption = Annotated[
    Path | None,
    of_output("--output", "-o", metavar="FILE", help="Output file, written when complete. Default: stdout."),
]
OverwriteOption = Annotated[bool, of_output("--overwrite", help="Replace existing output.")]
JsonOption = Annotated[bool, of_output("--json", help="Print one JSON object.")]
PrintConfigOption = Annotated[bool, of_settings("--print-config", help="Print every setting and its origin, and exit.")]


class ImpossibleNumber(typer.BadParameter):
    """The value of an option is not a number, or one that it cannot have."""


def number(bounds: Bounds) -> Callable[[str], float]:
    """The parser of an option that takes a number: for ``typer.Option(parser=...)``."""

    def read(typed: str) -> float:
        try:
            value = number_in(str(typed))  # a default is a number already
        except ValueError:
            raise ImpossibleNumber(f"{typed}: is not a number") from None
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


def one_recipe(recipe: Path | None, config: Path | None) -> Path | None:
    """The recipe of a command, named as an argument or with -c; None where there is none.

    Raises:
        ConfigError: If there are two.
    """
    if recipe is not None and config is not None:
        raise ConfigError(f"two recipes, {recipe} and {config}: name one")
    return config or recipe


def recipe_or_model(
    recipe: Path | None, config: Path | None, model: Path | None, *, changes: bool, verb: str
) -> tuple[Path | None, Path | None]:
    """The recipe or the trained model that a command is about, one of them None; a directory is a model.

    Args:
        recipe: The command's argument.
        config: The value of -c.
        model: The value of -m.
        changes: Whether --preset or --set changes a recipe.
        verb: What the command does with a model, such as ``describes``.

    Raises:
        ConfigError: If there are two recipes, or a model beside a recipe or what changes one.
    """
    chosen = one_recipe(recipe, config)
    if chosen is not None and chosen.is_dir() and model is None:
        chosen, model = None, chosen
    if model is not None and (chosen is not None or changes):
        raise ConfigError(f"-m {verb} a trained model as it is: leave out the recipe, --preset and --set")
    return chosen, model


def corpus_instead_of_recipe(
    command: str,
    recipe: Path | None,
    config: Path | None,
    srcs: Sequence[Path] | None,
    tgts: Sequence[Path] | None,
) -> tuple[Path | None, list[Path], list[Path]]:
    """The recipe of a command, or the files of its corpus: a file of pairs in the place of a recipe is a corpus.

    Raises:
        ConfigError: If there are two recipes, a file of pairs beside ``--src``, ``--tgt`` alone, or a text by its name.
    """
    chosen, src_files, tgt_files = one_recipe(recipe, config), list(srcs or []), list(tgts or [])
    if chosen is not None and not src_files and is_text_by_name(chosen):
        tgt = shlex.quote(str(tgt_files[0])) if tgt_files else "FILE"
        raise ConfigError(
            f"{chosen}: a text, not a recipe; with its translation: mtkit {command} --src {shlex.quote(str(chosen))} "
            f"--tgt {tgt}"
        )
    if chosen is not None and is_file_of_pairs(chosen):
        if src_files:
            raise ConfigError(f"two corpora, {chosen} and {src_files[0]}: name both with --src")
        src_files, chosen = [chosen], None
    if tgt_files and not src_files:
        raise ConfigError("--src and --tgt go together: name both files")
    return chosen, src_files, tgt_files


def check_one_corpus(
    command: str, recipe: Path | None, srcs: Sequence[Path], src_lang: str | None, tgt_lang: str | None
) -> None:
    """Refuse a recipe beside the files of a corpus, neither of them, and languages of a recipe.

    Raises:
        ConfigError: If so.
    """
    if (recipe is None) == (not srcs):
        raise ConfigError(f"give one corpus: mtkit {command} RECIPE, or -c RECIPE, or --src FILE --tgt FILE")
    if not srcs and (src_lang or tgt_lang):
        raise ConfigError("--src-lang and --tgt-lang go with --src; a recipe names its own languages")


def is_file_of_pairs(path: Path) -> bool:
    """Whether a file holds source and target, by its ending."""
    from mtkit.settings.source import kind_of

    return kind_of(str(path)) is not None


def is_text_by_name(path: Path) -> bool:
    """Whether an existing file is called as a text is: its name ends in a language's code, or in ``txt``."""
    from mtkit.files.text import packing_of
    from mtkit.languages.codes import language_mistake

    ending = Path(path.stem if packing_of(path) else path.name).suffix.removeprefix(".")
    return path.is_file() and (ending == "txt" or (len(ending) == 2 and language_mistake(ending) is None))


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
