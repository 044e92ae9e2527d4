"""The run directory: one process at a time, one recipe for its whole life, nothing of anybody else's touched."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mtkit.config import Config
from mtkit.data.prepare import Prepared
from mtkit.data.tokenizer import JOINT_FILE, SRC_FILE, TGT_FILE, Tokenizer
from mtkit.errors import CheckpointError, ConfigError, DataError
from mtkit.files import atomic_file, delete_directory, write_json
from mtkit.locks import open_lock
from mtkit.settings import dump_config, read_config
from mtkit.training.memory import FITTED
from mtkit.training.places import apart_from_places, note_of_place
from mtkit.translation.bundle import LINES
from mtkit.translation.corpus import relative_path
from mtkit.translation.run_note import DIRECTORY, NOTE, noted_hashes

# Settings that may differ when a run goes on: they say how long and where, not what is computed.
_CHANGEABLE = {
    "name",
    "data.prepared",
    "training.max_updates",
    "training.max_epochs",
    "training.max_minutes",
    "training.min_updates",
    "training.report_every",
    "training.n_samples",
    "training.keep_last",
    "training.keep_best",
    "training.max_bad_updates",
    "training.early_stopping.patience",
    "training.average.n",
    "training.average.by",
    "training.device",
    "training.precision",
    "training.threads",
    "training.workers",
    "training.tensorboard",
    "decoding.beam_size",
    "decoding.length_penalty",
    "decoding.max_length_ratio",
    "decoding.max_length_offset",
    "decoding.split",
}


_MARKER = ".mtkit"  # in every run directory from its first moment, so that a torn one is known for what it is


@contextmanager
def sole_user(run_dir: Path) -> Iterator[None]:
    """Keep a second process out of the run directory for as long as this one trains there."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with open_lock(run_dir / ".lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(f"{run_dir}: another mtkit train is at work there; choose another -o") from None
        yield


def clear(run_dir: Path) -> None:
    """Delete what mtkit wrote in a run directory; a directory of anything else is left as it is."""
    marks = (_MARKER, "train.log")
    if not (run_dir / "config.yaml").exists() or not any((run_dir / name).exists() for name in marks):
        return
    (run_dir / _MARKER).touch()
    for name in ("checkpoints", "model", ".model", "tensorboard"):
        with suppress(OSError):
            delete_directory(run_dir / name)
    files = ("best", "last", "metrics.jsonl", "train.log", NOTE, LINES, FITTED, JOINT_FILE, SRC_FILE, TGT_FILE)
    for name in (*files, "config.yaml"):  # the last: as long as it is there, the rest is known to be a run's
        (run_dir / name).unlink(missing_ok=True)


def check_is_run(run_dir: Path) -> None:
    """Refuse a directory of anything else.

    Raises:
        CheckpointError: If it holds more than a run, or what one has begun with.
    """
    if not run_dir.is_dir() or (run_dir / "config.yaml").exists():
        return
    if visible_names(run_dir) - {"prepared", "corpus", "recipe.yaml"}:
        raise CheckpointError(f"{run_dir}: not empty, and not a run of mtkit; choose another -o")


def check_same_run(config: Config, prepared: Prepared, run_dir: Path) -> None:
    """Refuse to go on with another recipe, tokenizer or corpus; otherwise note the settings.

    Raises:
        ConfigError: Naming every setting that differs.
        CheckpointError: If the directory holds something else, or its tokenizer or pairs are not those of the corpus.
    """
    path = run_dir / "config.yaml"
    if path.exists():
        before, now = _flat(read_config(path)), _flat(config)
        changed = [key for key in before.keys() | now.keys() if before.get(key) != now.get(key)]
        refused = sorted(key for key in changed if key not in _CHANGEABLE)
        if refused:
            lines = [f"{key}: {before.get(key)!r} then, {now.get(key)!r} now" for key in refused]
            head = (
                f"{run_dir}: the recipe changed since the run began; choose another -o, or --overwrite to start afresh"
            )
            raise ConfigError("\n  ".join([head, *lines]))
        if (run_dir / "checkpoints").exists() and Tokenizer.load(run_dir).sha256() != prepared.tokenizer.sha256():
            raise CheckpointError(
                f"{run_dir}: the tokenizer of the prepared corpus is not the one that the run began with; "
                "choose another -o, or --overwrite to start afresh"
            )
    check_is_run(run_dir)
    _check_same_corpus(prepared, run_dir)
    (run_dir / _MARKER).touch()
    with atomic_file(path) as file:
        file.write(dump_config(config).encode())
    prepared.tokenizer.save(run_dir)


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
