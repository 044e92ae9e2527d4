"""``mtkit train``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtkit.cli.help import of_input, of_output, of_settings, of_speed
from mtkit.cli.options import (
    ConfigOption,
    CorpusSrcLangOption,
    CorpusSrcOption,
    CorpusTgtLangOption,
    CorpusTgtOption,
    OverwriteOption,
    PresetOption,
    PrintConfigOption,
    RecipeArgument,
    SetOption,
    ThreadsOption,
    check_inputs,
    corpus_instead_of_recipe,
    is_file_of_pairs,
)
from mtkit.cli.train_run import (
    before_corpus,
    check_number,
    check_place,
    train_in_turn,
    train_run,
    verify_resume_of,
)
from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.settings.resolve import Settings

ValidSrcOption = Annotated[
    Path | None,
    of_input(
        "--valid-src",
        metavar="FILE",
        help="Source lines of the validation set, with --src. Default: lines held out of the corpus.",
    ),
]
ValidTgtOption = Annotated[
    Path | None, of_input("--valid-tgt", metavar="FILE", help="Target lines of the validation set.")
]
TestSrcOption = Annotated[
    Path | None,
    of_input(
        "--test-src",
        metavar="FILE",
        help="Source lines of the test set, with --src. Default: lines held out of the corpus.",
    ),
]
KeepTestOption = Annotated[
    Path | None,
    of_input(
        "--keep-test",
        metavar="FILE",
        help="Source lines of an old test set, with --from: it is translated before and after training.",
    ),
]
KeepTestTgtOption = Annotated[
    Path | None, of_input("--keep-test-tgt", metavar="FILE", help="Target lines of the old test set.")
]
TestTgtOption = Annotated[Path | None, of_input("--test-tgt", metavar="FILE", help="Target lines of the test set.")]


def train(
    recipe: RecipeArgument = None,
    config: ConfigOption = None,
    run_dir: Annotated[
        Path | None,
        of_output(
            "--output",
            "-o",
            metavar="DIR",
            help="Run directory: checkpoints, logs and the model. Default: runs/NAME.",
        ),
    ] = None,
    srcs: CorpusSrcOption = None,
    tgts: CorpusTgtOption = None,
    src_lang: CorpusSrcLangOption = None,
    tgt_lang: CorpusTgtLangOption = None,
    valid_src: ValidSrcOption = None,
    valid_tgt: ValidTgtOption = None,
    test_src: TestSrcOption = None,
    test_tgt: TestTgtOption = None,
    base: Annotated[
        str | None,
        of_settings(
            "--from",
            metavar="MODEL",
            help="Model to start from: run directory, checkpoint or bundle. Tokenizer and sizes are its own.",
            show_default=False,
        ),
    ] = None,
    keep_test: KeepTestOption = None,
    keep_test_tgt: KeepTestTgtOption = None,
    preset: PresetOption = None,
    overrides: SetOption = None,
    minutes: Annotated[
        float | None,
        of_settings(
            "--minutes",
            metavar="MINUTES",
            help="Time limit for everything; the learning rate decays to zero within it.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        of_settings("--seed", metavar="N", help="Random seed: initial weights, data order, dropout."),
    ] = None,
    seeds: Annotated[
        int | None,
        of_settings(
            "--seeds",
            metavar="N",
            help="Train N runs from the seeds 1 to N, in DIR/seed-1 and so on, and report mean and spread.",
        ),
    ] = None,
    device: Annotated[
        str | None,
        of_speed("--device", metavar="auto|cpu|cuda", help="Device. Default: the recipe's, or auto."),
    ] = None,
    precision: Annotated[
        str | None,
        of_speed(
            "--precision", metavar="auto|fp32|bf16", help="Precision of training. Default: the recipe's, or auto."
        ),
    ] = None,
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
    print_config: PrintConfigOption = False,
    verify_resume: Annotated[
        bool,
        of_output(
            "--verify-resume",
            help="Do not train: kill and resume a small copy of the run, and compare it with one without interruption.",
        ),
    ] = False,
) -> None:
    """Train a model from a recipe, or from files alone.

    \b
    mtkit train recipe.yaml                          prepare, train, score
    mtkit train --src my.en --tgt my.de -o runs/my   two files of lines
    mtkit train my.tmx -o runs/my                    a file of pairs
    mtkit train recipe.yaml --minutes 10             fit into ten minutes
    mtkit train my.tmx --from MODEL -o runs/my       start from a trained model
    mtkit train recipe.yaml --seeds 3                three runs, mean and spread

    The same command again resumes an interrupted run. Without a recipe, validation and test lines are held out and
    the settings are chosen. Files of pairs: TMX, XLIFF, PO, TSV, CSV, JSONL.

    SIGINT (Ctrl-C), SIGTERM and a closed terminal finish the update, save, and exit with 75.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    started = time.monotonic()
    config, src_files, tgt_files = corpus_instead_of_recipe("train", recipe, config, srcs, tgts)
    if (config is None) == (not src_files):
        raise ConfigError(
            "nothing to train on: name a recipe or a file of pairs, or two text files with --src FILE --tgt FILE"
            if config is None
            else "a recipe names its own files: leave out the recipe, or --src and --tgt"
        )
    sets = {"valid": (valid_src, valid_tgt), "test": (test_src, test_tgt)}
    _check_sets(sets, config)
    if run_dir is None and config is None:
        raise ConfigError("name a directory for the run with -o DIR")
    _check_two_sides(src_files, tgt_files)
    check_number(seeds, seed, overrides or ())
    check_inputs(*(path for path in (*src_files, *tgt_files) if tgt_files and path.is_file()))

    from mtkit.settings.resolve import Settings, recipe_name

    flags = {
        "training.from": base,
        "training.keep_test": _kept(keep_test, keep_test_tgt),
        "model.preset": preset,
        "training.max_minutes": minutes,
        "training.seed": 1 if seeds else seed,
        "training.device": device,
        "training.precision": precision,
        "training.threads": threads,
    }
    from mtkit.files.output_directory import check_output_directory

    if verify_resume:
        from mtkit.training.verification import Recipe

        corpus = None if not src_files else (src_files, tgt_files, (src_lang, tgt_lang), sets)
        place = run_dir or Path("runs") / ("model" if config is None else recipe_name(config))
        for line in verify_resume_of(Recipe(config, overrides or (), flags), corpus, place):
            typer.echo(line)
        return
    start = None
    if src_files:
        assert run_dir is not None
        from mtkit.training.quickstart import Given, recipe_for, write_recipe

        given = Given.of_files(src_files, tgt_files, (src_lang, tgt_lang), sets)
        settings = Settings.load(None, overrides=overrides or (), flags=flags)
        settings = settings.with_layer("mtkit train --src", recipe_for(given, run_dir))
        if print_config:
            typer.echo(_explain(settings, run_dir))
            return
        check_output_directory(run_dir)
        first = run_dir / "seed-1" if seeds else run_dir
        before, start = before_corpus(settings, first, overwrite=overwrite)
        check_place(run_dir, seeds, overwrite=overwrite)
        learns = settings.given("training", "distillation", "teacher") is not None
        if start is not None or learns:
            from mtkit.training.beforehand import check_beforehand
            from mtkit.training.teacher import teacher_of

            check_beforehand(before, start, first, teacher_of(settings, first, overwrite=overwrite))
        config = write_recipe(given, run_dir, overwrite=overwrite)
    assert config is not None
    settings = Settings.load(config, overrides=overrides or (), flags=flags)
    directory = run_dir or Path("runs") / recipe_name(config)
    if print_config:
        typer.echo(_explain(settings, directory))
        return

    check_output_directory(directory)
    if seeds:
        for line in train_in_turn(settings, directory, seeds, overwrite=overwrite):
            typer.echo(line)
        return
    before, start = before_corpus(settings, directory, start, overwrite=overwrite)
    check_place(directory, None, overwrite=overwrite)
    run = train_run(settings, before, directory, start, overwrite=overwrite, started=started)

    from mtkit.evaluation.report import score_lines

    for name, of_set in run.scores.items():
        extent = f", {of_set.extent()}" if of_set.extent() else ""
        typer.echo(f"test set {name}, beam {before.decoding.beam_size}{extent}")
        for line in score_lines(of_set.scores):
            typer.echo(f"  {line}")
    for line in () if run.comparison is None else run.comparison.lines():
        typer.echo(line)
    typer.echo(f"the model: {directory / 'model'}")
    typer.echo(f"translate with: mtkit translate -m {directory} -i FILE")


def _kept(src: Path | None, tgt: Path | None) -> list[dict[str, str]] | list[str] | None:
    """The old test set, as a recipe says it; None where there is none."""
    if src is None and tgt is None:
        return None
    if src is None or (tgt is None) != is_file_of_pairs(src):
        raise ConfigError("--keep-test and --keep-test-tgt go together: name both files, or one file of pairs")
    check_inputs(src, tgt)
    return [str(src)] if tgt is None else [{"src": str(src), "tgt": str(tgt)}]


def _check_two_sides(src_files: list[Path], tgt_files: list[Path]) -> None:
    """Tell who names text in one language how that is learnt from."""
    for path in src_files if not tgt_files else ():
        if not is_file_of_pairs(path):
            raise ConfigError(
                f"--src and --tgt go together: name the translations of {path} with --tgt FILE; to learn from one "
                f"language alone, write a recipe with data.task: reconstruct and train: [{{mono: {path}}}], see "
                "docs/pretraining.md"
            )


def _check_sets(sets: dict[str, tuple[Path | None, Path | None]], config: Path | None) -> None:
    """Whether the files of validation and test sets, by their place, are complete, and of a corpus without a recipe."""
    for place, (src, tgt) in sets.items():
        if src is None and tgt is not None:
            raise ConfigError(f"--{place}-src and --{place}-tgt go together: name both files")
        if src is not None and config is not None:
            raise ConfigError(f"--{place}-src goes with --src; a recipe names its own sets under data.{place}")
        if src is not None and tgt is None and not is_file_of_pairs(src):
            raise ConfigError(f"--{place}-src and --{place}-tgt go together: name both files, or one file of pairs")


def _explain(settings: "Settings", run_dir: Path) -> str:
    """The settings with their origins; what depends on corpus and time is filled in where it has been prepared."""
    from mtkit.data.corpus.prepared import open_prepared
    from mtkit.training.planning.size_in_time import begun_size
    from mtkit.training.run import before_corpus, resolve
    from mtkit.training.starting import start_of
    from mtkit.training.teacher import teacher_of

    start, teacher = start_of(settings, run_dir), teacher_of(settings, run_dir)
    if teacher is not None and start is None:
        settings = teacher.under(settings)
    before = before_corpus(settings, start)
    directory = before.config().prepared_directory
    if directory.exists():
        size = None if start is not None else begun_size(settings, run_dir)
        return resolve(settings, open_prepared(directory), size, start)[0].explain()
    return "# before the corpus is prepared; a preset by its size may follow\n" + before.explain()
