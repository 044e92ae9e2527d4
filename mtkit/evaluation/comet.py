"""COMET, a learnt metric (Rei et al., 2020), through the package unbabel-comet and a model that lies on disk.

Nothing is downloaded: checkpoint and encoder must be there. A checkpoint is read as plain tensors, never as pickled
objects, which could run code.
"""

import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics import Score

NAME = "comet"
"""As scores, gates and reports call it."""

_BATCH_SIZE = 8


@dataclass(frozen=True)
class CometModel:
    """A COMET model in memory."""

    name: str
    """For the signature: the folder of the model and, where it can be told, its sha256."""

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
            predicted = self.model.predict(data, batch_size=_BATCH_SIZE, gpus=gpus, progress_bar=False)
            totals = [total + float(value) for total, value in zip(totals, predicted.scores, strict=True)]
        values = [total / len(ref_texts) for total in totals]
        for number, value in enumerate(values, 1):
            if not math.isfinite(value):
                raise DataError(f"COMET's score of line {number} is not a number ({value}): is the model whole?")
        return Score(NAME, "COMET", sum(values) / len(values), self.signature(len(ref_texts))), values

    def signature(self, n_refs: int) -> str:
        """Of its scores against so many references."""
        return f"nrefs:{n_refs}|model:{self.name}|version:{_version()}"


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
        ConfigError: If the package is not installed, or the model cannot be loaded.
    """
    from mtkit.io import sha256_file

    checkpoint = check_comet(path)
    # Both are read when a model is loaded: no pickled objects, no look at the network.
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    from comet import load_from_checkpoint

    try:
        model = load_from_checkpoint(str(checkpoint), local_files_only=True)
    except Exception as error:  # whatever the package and those below it raise
        reason = (str(error).split("\n") or [""])[0]
        raise ConfigError(f"--comet-model {path}: cannot be loaded: {type(error).__name__}: {reason}") from error
    return CometModel(f"{checkpoint.parent.parent.name}-{sha256_file(checkpoint)[:12]}", model)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"comet-{version('unbabel-comet')}"
    except PackageNotFoundError:
        return "comet"
