"""A run as it is compared with others: what its directory says of settings, data, machine, course and scores.

Everything is read from small files: no weights, no corpus. A bundle without its run directory tells less.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtkit.bundle.bundle import MANIFEST
from mtkit.bundle.run_note import DIRECTORY, NOTE, noted_hashes, noted_place
from mtkit.data.corpus.prepared import MANIFEST_FILE, open_prepared
from mtkit.errors import DataError
from mtkit.evaluation.metrics.metrics import Score
from mtkit.evaluation.translated_sets import TranslatedLine, read_translated_set
from mtkit.files.reading import read_json
from mtkit.log import logger
from mtkit.report.curves import METRICS, Record, read_records
from mtkit.settings.layers import Layer, leaves
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings, read_config

CONFIG, MACHINE = "config.yaml", "machine.json"
_WEIGHTS = "model.safetensors"
UNFINISHED = "not finished: no scores"


@dataclass(frozen=True)
class ComparedRun:
    """One run, or a bundle without its run directory."""

    name: str
    """Short, and different from those of the other runs."""

    path: Path
    settings: dict[str, Any]
    """Values by dotted names; empty where they are not known, as of an imported model."""

    data: dict[str, Any]
    """Hashes and counts of the corpus, by what they are of."""

    machine: dict[str, str]
    """What it was trained on, and by which versions; what is known of it."""

    records: list[Record]
    """Of ``metrics.jsonl``; empty of a bundle."""

    scores: dict[str, list[Score]] | None
    """Of each test set, by its name; None of a run that is not finished."""

    translations: dict[str, list[TranslatedLine]] = field(default_factory=dict)
    """Of the test sets that the run directory keeps them of."""

    remarks: list[str] = field(default_factory=list)
    """What of it cannot be compared, and why, such as ``not finished: no scores``."""

    seed_of: str | None = None
    """Name of the group of runs from several seeds that it belongs to; None of a single run."""


def read_run(path: Path, name: str, *, seed_of: str | None = None) -> ComparedRun:
    """Read what a run directory or a bundle says of a run.

    Args:
        path: The directory.
        name: What it is called here.
        seed_of: Name of its group.

    Raises:
        ConfigError: If its settings are damaged.
        DataError: If it is something else, or a file in it is damaged.
    """
    check_is_run(path)
    is_bundle = not (path / CONFIG).is_file()
    manifest = _manifest(path if is_bundle else path / "model")
    remarks = ["a bundle without its run: no learning curves"] if is_bundle else []
    scores, unreadable = _scores(manifest)
    remarks += unreadable
    if manifest is None:
        remarks.append(UNFINISHED)
    elif scores is None and not unreadable:
        remarks.append("its model is not scored yet")
    translations = {} if is_bundle else _translations(path, scores or {})
    lacking = [each for each in scores or {} if (scores or {})[each] and each not in translations]
    if lacking and not is_bundle:
        remarks.append(f"keeps no translations of {', '.join(lacking)} (trained by an older mtkit): no paired test")
    elif lacking:
        remarks.append("no translations of test sets: no paired test")
    return ComparedRun(
        name,
        path,
        settings=_settings(path, manifest),
        data=_data(path, manifest),
        machine=_machine(path, manifest),
        records=[] if is_bundle or not (path / METRICS).exists() else read_records(path / METRICS),
        scores=scores,
        translations=translations,
        remarks=remarks,
        seed_of=seed_of,
    )


def check_is_run(path: Path) -> None:
    """Refuse what is neither a run nor a bundle.

    Raises:
        DataError: Saying what it is, and what to name.
    """
    if not path.exists():
        raise DataError(f"{path}: no such run; name directories that mtkit train wrote with -o")
    if not path.is_dir():
        raise DataError(f"{path}: is a file; name the directory of a run, or a bundle")
    if (path / CONFIG).is_file() or (path / MANIFEST).is_file():
        return
    if (path / _WEIGHTS).exists() and (path.resolve().parent.parent / CONFIG).is_file():
        raise DataError(f"{path}: is a checkpoint; name its run, {path.resolve().parent.parent}")
    raise DataError(f"{path}: is neither a run of mtkit train nor a bundle")


def _manifest(bundle: Path) -> dict[str, Any] | None:
    path = bundle / MANIFEST
    if not path.is_file():
        return None
    manifest = read_json(path)
    if not isinstance(manifest, dict):
        raise DataError(f"{path}: damaged")
    return manifest


def _settings(path: Path, manifest: Mapping[str, Any] | None) -> dict[str, Any]:
    """As the run was begun or its bundle keeps them, with the defaults of what an older version did not know."""
    if (path / CONFIG).is_file():
        config = read_config(path / CONFIG)
    else:
        tree = (manifest or {}).get("config")
        if not isinstance(tree, dict) or not tree:
            return {}
        config = Settings([Layer(str(path / MANIFEST), tree)]).config()
    return flat(config)


def flat(config: Config) -> dict[str, Any]:
    """All settings by dotted names; a list of sources is one value."""
    return {".".join(map(str, place)): value for place, value in leaves(config.model_dump(mode="json"))}


def _data(path: Path, manifest: Mapping[str, Any] | None) -> dict[str, Any]:
    """Hashes that the run noted, or its bundle keeps, and counts where the prepared corpus is still there."""
    found: dict[str, Any] = {}
    if (path / NOTE).is_file():
        try:
            found |= {f"{place} sha256": digests for place, digests in noted_hashes(path / NOTE).items()}
        except ValueError:
            raise DataError(f"{path / NOTE}: damaged") from None
    elif manifest is not None and isinstance(manifest.get("data"), dict):
        found["sha256"] = sorted(str(each) for each in manifest["data"].values())
    return found | _counts(path, found.get("tokenizer sha256"))


def _counts(path: Path, tokenizer: Sequence[str] | None) -> dict[str, int]:
    """Of the corpus that a run was trained on, where it still is where the run noted it."""
    noted = noted_place(path, DIRECTORY)
    corpus = None if noted is None else Path(os.path.normpath(path.resolve() / noted))
    if corpus is None or not (corpus / MANIFEST_FILE).is_file():
        return {}
    try:
        manifest = open_prepared(corpus).manifest
    except DataError as error:
        logger.warning("%s; %s is compared without the counts of its corpus", error, path)
        return {}
    if [manifest.tokenizer_sha256] != tokenizer:  # prepared anew since
        return {}
    return {
        "training pairs": manifest.n_train,
        "training target tokens": manifest.n_train_tgt_tokens,
        "validation pairs": manifest.n_valid,
        **{f"pairs of test set {name}": n for name, n in manifest.n_test.items()},
        "source vocabulary": manifest.src_vocab_size,
        "target vocabulary": manifest.tgt_vocab_size,
    }


def _machine(path: Path, manifest: Mapping[str, Any] | None) -> dict[str, str]:
    found = {}
    if manifest is not None and "mtkit_version" in manifest:
        found["mtkit"] = str(manifest["mtkit_version"])
    if (path / MACHINE).is_file():
        noted = read_json(path / MACHINE)
        if not isinstance(noted, dict):
            raise DataError(f"{path / MACHINE}: damaged")
        found |= {str(key): str(value) for key, value in noted.items()}
    return found


def _scores(manifest: Mapping[str, Any] | None) -> tuple[dict[str, list[Score]] | None, list[str]]:
    """The scores of each test set, and what cannot be read of them."""
    if manifest is None or manifest.get("scores") is None:
        return None, []
    try:
        return {
            str(name): [Score.from_json(each) for each in of_set] for name, of_set in manifest["scores"].items()
        }, []
    except (KeyError, TypeError, ValueError, AttributeError):
        return None, ["its scores are not those of this version of mtkit, and left out"]


def _translations(path: Path, sets: Mapping[str, Sequence[Score]]) -> dict[str, list[TranslatedLine]]:
    found = {}
    for name, scores in sets.items():
        lines = read_translated_set(path, name)
        if lines and scores:
            found[name] = lines
    return found


def default_settings() -> dict[str, Any]:
    """The default of every setting that has one, by dotted names."""
    needed = {"src_lang": "xx", "tgt_lang": "xx", "train": {"src": "x", "tgt": "x"}, "valid": {"src": "x", "tgt": "x"}}
    config = Config.model_validate({"data": needed})
    return {key: value for key, value in flat(config).items() if key.removeprefix("data.") not in needed}
