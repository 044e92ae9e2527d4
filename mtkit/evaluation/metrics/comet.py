"""COMET, a learnt metric (Rei et al., 2020), through the package unbabel-comet and a model that lies on disk.

Nothing is downloaded: checkpoint and encoder must be there. A checkpoint is read as plain tensors, never as pickled
objects, and one that names a function for Lightning to call (CVE-2026-58659) is refused: either could run code.
"""

import importlib.util
import logging
import os
import re
import sys
import textwrap
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics.metrics import Score

NAME = "comet"
"""Name of the metric in scores, gates and reports."""

_BATCH_SIZE = 8
_PARAMETERS = ("hyper_parameters", "hparams", "module_arguments")
"""Where Lightning looks, now and in the past, for what a model is built with."""


@dataclass(frozen=True)
class CometModel:
    """A COMET model in memory."""

    name: str
    """Name in the signature: the folder of the model and, if known, its sha256."""

    model: Any

    def score(
        self, src_text: Sequence[str], hyp_text: Sequence[str], ref_texts: Sequence[Sequence[str]]
    ) -> tuple[Score, list[float]]:
        """Score a corpus: the mean of its segments, and each of them. Higher is better, usually 0 to 1.

        Args:
            src_text: COMET reads the source too.
            hyp_text: The output, as long.
            ref_texts: One list per reference; COMET reads one, so a segment's score is the mean over them.

        Raises:
            DataError: If a score is not a number.
        """
        import math

        import torch

        totals = [0.0] * len(hyp_text)
        for refs in ref_texts:
            data = [{"src": src, "mt": hyp, "ref": ref} for src, hyp, ref in zip(src_text, hyp_text, refs, strict=True)]
            gpus = 1 if torch.cuda.is_available() else 0
            with _quietly():
                predicted = self.model.predict(
                    data, batch_size=_BATCH_SIZE, gpus=gpus, progress_bar=sys.stderr.isatty()
                )
            totals = [total + float(value) for total, value in zip(totals, predicted.scores, strict=True)]
        values = [total / len(ref_texts) for total in totals]
        for number, value in enumerate(values, 1):
            if not math.isfinite(value):
                raise DataError(f"COMET's score of line {number} is not a number ({value}): is the model whole?")
        return Score(NAME, "COMET", sum(values) / len(values), self.signature(len(ref_texts))), values

    def signature(self, n_refs: int) -> str:
        """Signature of scores against ``n_refs`` references."""
        return f"nrefs:{n_refs}|model:{self.name}|precision:fp32|version:{_version()}"


def check_comet(path: Path) -> Path:
    """The checkpoint of a COMET model, before hours are spent on what it should score.

    Args:
        path: The checkpoint, or the folder that holds ``hparams.yaml`` and ``checkpoints/model.ckpt``.

    Raises:
        ConfigError: If the package is not installed, or there is no model.
    """
    if importlib.util.find_spec("comet") is None:
        raise ConfigError("--comet-model needs the package unbabel-comet: pip install 'mtkit[comet]'")
    checkpoint = path / "checkpoints" / "model.ckpt" if path.is_dir() else path
    if not checkpoint.is_file():
        raise ConfigError(f"--comet-model {path}: no COMET model there; give a checkpoint, or the folder around it")
    if not (checkpoint.parent.parent / "hparams.yaml").is_file():
        raise ConfigError(f"--comet-model {path}: {checkpoint.parent.parent / 'hparams.yaml'} is missing")
    return checkpoint


def load_comet(path: Path) -> CometModel:
    """Load a COMET model from disk.

    Raises:
        ConfigError: If the package is not installed, or the model cannot be loaded, is not whole, could run code, lacks
            its encoder, or reads no reference.
    """
    from mtkit.files.reading import sha256_file
    from mtkit.wording import counted

    checkpoint = check_comet(path)
    # All are read when a model is loaded: no pickled objects, no look at the network.
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        with _quietly():
            from comet import load_from_checkpoint
    except ImportError as error:
        raise ConfigError(
            f"--comet-model: unbabel-comet cannot be imported ({error}): pip install 'mtkit[comet]'"
        ) from error
    kind = _model_class(path, checkpoint.parent.parent / "hparams.yaml")
    weights = _read_plainly(path, checkpoint)
    try:
        with _quietly():
            model = load_from_checkpoint(str(checkpoint), local_files_only=True)
    except Exception as error:  # whatever the package and those below it raise
        if isinstance(error, KeyError) and error.args == (kind,):
            raise ConfigError(f"--comet-model {path}: {_version()} has no class_identifier {kind}") from error
        raise ConfigError(f"--comet-model {path}: cannot be loaded: {type(error).__name__}: {_short(error)}") from error
    lacking = [name for name, _ in model.named_parameters() if name not in weights]
    if lacking:  # the package leaves them at random, so that each run scores otherwise
        raise ConfigError(
            f"--comet-model {path}: the checkpoint lacks {counted(len(lacking), 'weight')}, {lacking[0]} first"
        )
    if not (model.requires_references() or "ref" in getattr(model.hparams, "input_segments", ())):
        raise ConfigError(f"--comet-model {path}: reads no reference; give a model that compares with references")
    return CometModel(f"{checkpoint.parent.parent.name}-{sha256_file(checkpoint)[:12]}", model)


def _model_class(path: Path, hparams: Path) -> str:
    """The class that the model is of, as the package calls it."""
    from mtkit.settings.yaml_file import YamlError, parse_yaml

    try:
        tree = parse_yaml(hparams.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise ConfigError(f"--comet-model {path}: hparams.yaml cannot be read: {_short(error)}") from error
    kind = tree.get("class_identifier") if isinstance(tree, dict) else None
    if not isinstance(kind, str):
        raise ConfigError(f"--comet-model {path}: hparams.yaml has no class_identifier: is it a COMET model's?")
    return kind


def _read_plainly(path: Path, checkpoint: Path) -> set[str]:
    """The names of a checkpoint's weights, once nothing in it could run code, and its encoder is on disk."""
    import torch

    try:
        read = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(checkpoint))
    except Exception as error:  # garbage fails in many ways
        if found := re.search(r"GLOBAL (\w+(?:\.\w+)*)", str(error)):
            raise ConfigError(
                f"--comet-model {path}: the checkpoint holds more than tensors ({found[1]}) and could run code: refused"
            ) from error
        raise ConfigError(f"--comet-model {path}: {checkpoint.name} is not a checkpoint, or is incomplete") from error
    parameters = [read.get(key, {}) for key in _PARAMETERS] if isinstance(read, dict) else []
    if not all(isinstance(each, dict) for each in (read, *parameters)) or not isinstance(read.get("state_dict"), dict):
        raise ConfigError(f"--comet-model {path}: {checkpoint.name} is not the checkpoint of a COMET model")
    if any("_instantiator" in each for each in parameters):
        raise ConfigError(f"--comet-model {path}: the checkpoint names a function to call and could run code: refused")
    encoder = str(parameters[0].get("pretrained_model", ""))
    if encoder and not _on_disk(encoder):
        fetch = f"; fetch it once, with network: hf download {encoder} --include '*.json' '*.model' '*.txt'"
        raise ConfigError(
            f"--comet-model {path}: its encoder {encoder} is not on disk{'' if Path(encoder).is_absolute() else fetch}"
        )
    return set(read["state_dict"])


def _on_disk(encoder: str) -> bool:
    """Whether an encoder is a folder, or in the Hugging Face cache; without weights, which the checkpoint has."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    if (Path(encoder) / "config.json").is_file():
        return True
    try:
        return isinstance(try_to_load_from_cache(encoder, "config.json"), str)
    except HFValidationError:  # a path
        return False


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the chatter of the package and those below it off stderr; what fails is raised all the same."""
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers, level = root.handlers[:], root.level  # the package sets up both when it is imported
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)


def _short(error: Exception) -> str:
    return textwrap.shorten(str(error), 300, placeholder=" ...")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"comet-{version('unbabel-comet')}"
    except PackageNotFoundError:
        return "comet"
