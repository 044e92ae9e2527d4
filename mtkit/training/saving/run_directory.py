"""The run directory: one process at a time, one recipe for its whole life, nothing of anybody else's touched."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from mtkit.bundle.bundle import LINES, ORIGIN
from mtkit.bundle.corpus import relative_path
from mtkit.bundle.run_note import DIRECTORY, NOTE, PRETRAINING, noted_hashes
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.tokens.tokenizer import FILES, Tokenizer
from mtkit.errors import CheckpointError, ConfigError, DataError, VocabularyError
from mtkit.evaluation.translated_sets import DIRECTORY as TRANSLATIONS
from mtkit.files.locks import open_lock
from mtkit.files.reading import check_regular
from mtkit.files.whole import atomic_file, delete_directory, leftovers, lock_open_file, remove_if_left, write_json
from mtkit.log import logger
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import dump_config, read_config
from mtkit.settings.section import MAY_CHANGE, marked
from mtkit.training.saving.checkpoint import CheckpointStore
from mtkit.training.saving.fitted import FITTED, MACHINE
from mtkit.training.saving.places import apart_from_places, note_of_place

_MARKER = ".mtkit"
"""In every run directory from its first moment, before anything else: where it is, all the rest is a run's."""

_FITTED_SIZE = "tokenizer.vocab_size"  # where it is not given, what the corpus allows
_MINUTES = "training.max_minutes"  # by which other settings are chosen where they are not given
_LOCK = ".lock"
_OF_OTHERS = (
    "prepared",
    "prepared-pretraining",
    "corpus",
)  # directories in that of a run which have writers and locks of their own


@contextmanager
def sole_user(run_dir: Path) -> Iterator[None]:
    """Mark a directory as a run's, and keep a second process out of it for as long as this one trains there.

    What a killed process left there half written is removed.

    Raises:
        CheckpointError: If another process trains there.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / _MARKER).touch()
    with open_lock(run_dir / _LOCK) as lock:
        _lock(lock, run_dir)
        for directory in (run_dir, run_dir / "checkpoints"):
            for name, path in leftovers(directory):
                if name not in _OF_OTHERS:
                    remove_if_left(path)
        yield


def check_unused(run_dir: Path) -> None:
    """Refuse a directory that another process trains in; nothing is written.

    Raises:
        CheckpointError: If one does.
    """
    if (run_dir / _LOCK).is_file():
        with (run_dir / _LOCK).open("rb") as lock:
            _lock(lock, run_dir)


def _lock(file: IO[Any], run_dir: Path) -> None:
    if not lock_open_file(file.fileno(), wait=False):
        raise CheckpointError(f"{run_dir}: another mtkit train is at work there; choose another -o")


def clear(run_dir: Path) -> None:
    """Delete what mtkit wrote in a run directory; a directory of anything else is left as it is."""
    of_older_version = all((run_dir / name).exists() for name in ("config.yaml", "train.log"))
    if not (run_dir / _MARKER).exists() and not of_older_version:
        return
    (run_dir / _MARKER).touch()
    folders = ("checkpoints", PRETRAINING, "model", ".model", "tensorboard", "base_tokenizer", "adapter")
    for name in (*folders, TRANSLATIONS, ORIGIN):
        with suppress(OSError):
            delete_directory(run_dir / name)
    notes = (
        "best",
        "last",
        "metrics.jsonl",
        "skipped.jsonl",
        "train.log",
        NOTE,
        LINES,
        FITTED,
        MACHINE,
        "base.json",
        "before.json",
        "teacher.json",
    )
    for name in (*notes, *FILES, "config.yaml"):  # the last: while it is there, it is a run
        (run_dir / name).unlink(missing_ok=True)


def check_is_run(run_dir: Path) -> None:
    """Refuse a directory of anything else.

    Raises:
        CheckpointError: If it bears no mark of a run, and holds more than what one begins with.
    """
    if not run_dir.is_dir() or any((run_dir / name).exists() for name in (_MARKER, "config.yaml")):
        return
    if visible_names(run_dir) - {"prepared", "prepared-pretraining", "corpus", "recipe.yaml"}:
        raise ConfigError(f"{run_dir}: not empty, and not a run of mtkit; choose another -o")


def has_begun(run_dir: Path) -> bool:
    """Whether a run has a checkpoint, or a model without any; until then it may begin with other settings."""
    return bool(CheckpointStore(run_dir).updates()) or (run_dir / "model").exists()


def is_marked(run_dir: Path) -> bool:
    """Whether a directory is a run's, by its mark."""
    return (run_dir / _MARKER).is_file()


def check_same_data(config: Config, run_dir: Path) -> None:
    """Refuse to go on with other data or another kind of tokenizer, before any of it is prepared.

    Args:
        config: Before the corpus is known: what depends on its size is not looked at.
        run_dir: Of a run, or of none yet.

    Raises:
        ConfigError: Naming every such setting that differs.
        CheckpointError: If the settings that it was begun with are damaged.
    """
    if has_begun(run_dir) and (run_dir / "config.yaml").exists():
        final = ("data.", "tokenizer.")
        before, now = (
            {key: value for key, value in _flat(each).items() if key.startswith(final) and key != _FITTED_SIZE}
            for each in (begun_with(run_dir), config)
        )
        _refuse_changes(before, now, run_dir)


def _refuse_changes(before: dict[str, object], now: dict[str, object], run_dir: Path) -> None:
    changed = [key for key in before.keys() | now.keys() if before.get(key) != now.get(key)]
    refused = sorted({*changed} - marked(Config, MAY_CHANGE))
    if refused:
        lines = [f"{key}: {before.get(key)!r} then, {now.get(key)!r} now" for key in refused]
        head = f"{run_dir}: the recipe changed since the run began; choose another -o, or --overwrite to start afresh"
        if (minutes := before.get(_MINUTES)) is not None and now.get(_MINUTES) is None:
            head = f"{run_dir}: the run began with --minutes {minutes:g}: type it again; {head.partition('; ')[2]}"
        raise ConfigError("\n  ".join([head, *lines]))


def check_same_run(config: Config, prepared: Prepared, run_dir: Path) -> None:
    """Refuse to go on with another recipe, tokenizer or corpus; otherwise note the settings.

    A run without any checkpoint begins anew with what is asked for now.

    Raises:
        ConfigError: Naming every setting that differs.
        CheckpointError: If the directory holds something else, or its tokenizer or pairs are not those of the corpus,
            or the settings that it was begun with are damaged.
    """
    path = run_dir / "config.yaml"
    if path.exists():
        if has_begun(run_dir):
            _refuse_changes(_flat(begun_with(run_dir)), _flat(config), run_dir)
        elif _flat(begun_with(run_dir)) != _flat(config):  # what was measured may be of a model of another size
            for name in (LINES, FITTED, MACHINE):
                (run_dir / name).unlink(missing_ok=True)
        _check_same_tokenizer(prepared, run_dir)
    check_is_run(run_dir)
    (run_dir / _MARKER).touch()
    _check_same_corpus(prepared, run_dir)
    with atomic_file(path) as file:
        file.write(dump_config(config).encode())
    prepared.tokenizer.save(run_dir)


def begun_with(run_dir: Path) -> Config:
    """The settings that a run began with.

    Raises:
        CheckpointError: If they are damaged.
    """
    path = run_dir / "config.yaml"
    try:
        if not check_regular(path).st_size:  # a pipe would be waited for
            raise ConfigError("it is empty")
        return read_config(path)
    except (ConfigError, DataError, OSError, ValueError) as error:
        reason = " ".join(str(error).removeprefix(f"{path}: ").split())
        raise CheckpointError(
            f"{path}: damaged ({reason}); delete it to go on with the settings of this command, or start again with "
            "--overwrite"
        ) from None


def _check_same_tokenizer(prepared: Prepared, run_dir: Path) -> None:
    """Refuse to go on with another tokenizer; one that is damaged or gone is replaced by that of the same corpus."""
    if not (run_dir / "checkpoints").exists():
        return
    try:
        same = Tokenizer.load(run_dir).sha256() == prepared.tokenizer.sha256()
    except (VocabularyError, OSError) as error:
        logger.warning("%s; taking that of the prepared corpus", error)
        return
    if not same:
        raise CheckpointError(
            f"{run_dir}: the tokenizer of the prepared corpus is not the one that the run began with; "
            "choose another -o, or --overwrite to start afresh"
        )


def _check_same_corpus(prepared: Prepared, run_dir: Path) -> None:
    """Refuse to go on with other pairs; otherwise note what and where they are."""
    path = run_dir / NOTE
    now = {place: sorted(prepared.manifest.digests(place)) for place in ("train", "valid")}
    now["tokenizer"] = [prepared.manifest.tokenizer_sha256]
    then = _noted_corpus(path) if (run_dir / "checkpoints").exists() and path.exists() else now
    if {**now, **then} != now:
        raise CheckpointError(
            f"{run_dir}: the training or validation files are not those that the run began with; "
            "choose another -o, or --overwrite to start afresh"
        )
    places = note_of_place(run_dir) | {DIRECTORY: relative_path(prepared.directory, run_dir)}
    write_json(path, now | places)


def _noted_corpus(path: Path) -> dict[str, list[str]]:
    """The hashes that ``corpus.json`` of a run holds; those of older versions do not name the tokenizer."""
    try:
        return noted_hashes(path)
    except DataError as error:
        raise CheckpointError(f"{error}; delete it, or start again with --overwrite") from None
    except ValueError:
        raise CheckpointError(f"{path}: damaged; delete it, or start again with --overwrite") from None


def visible_names(directory: Path) -> set[str]:
    """What lies in a directory, but for locks, what a killed process left half written, and links into nowhere."""
    return {entry.name for entry in directory.iterdir() if entry.exists() and not entry.name.startswith(".")}


def _flat(config: Config) -> dict[str, object]:
    flat: dict[str, object] = {}

    def visit(prefix: str, value: object) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                visit(f"{prefix}.{key}" if prefix else key, inner)
        else:
            flat[prefix] = value

    visit("", apart_from_places(config.model_dump(mode="json")))
    return flat
