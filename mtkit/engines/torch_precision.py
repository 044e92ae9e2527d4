"""In which precision PyTorch translates on a CPU: bf16 only where that was measured to pay.

This concerns models that CTranslate2 has nothing for; what was measured lies in ``torch-precision.json`` beside their
weights. Elsewhere, and on another processor than the one of the measurement, it is float32.
"""

from pathlib import Path
from typing import Any, Literal

from mtkit.bundle.bundle import WEIGHTS, Bundle
from mtkit.engines.speed import Speeds
from mtkit.errors import DataError
from mtkit.files.reading import read_json, version_in
from mtkit.files.whole import write_json
from mtkit.log import logger
from mtkit.machine.device import Precision
from mtkit.machine.processor import cpu_kind

NOTE = "torch-precision.json"
MAX_LOSS = 0.1
"""BLEU or chrF that bf16 may lose against float32 and still be what translates where nothing else is asked for."""
_FORMAT_VERSION = 1


def note_torch_precision(
    bundle: Bundle, *, loss: float, speeds: Speeds, metric: Literal["bleu", "chrf"] = "bleu"
) -> None:
    """Write beside the weights of a model what bf16 costs, in which metric, and how fast it is.

    Raises:
        OSError: If its directory cannot be written.
    """
    note = {"format_version": _FORMAT_VERSION, WEIGHTS: bundle.weights_sha256}
    write_json(bundle.directory / NOTE, {**note, "loss": loss, "metric": metric, "speed": speeds.as_json()})


def torch_precision(bundle: Bundle, beam_size: int) -> Precision:
    """bf16 where it was measured to be faster on this kind of processor and to lose little, else fp32."""
    note = _read_note(bundle.directory / NOTE)
    speeds = Speeds.from_json(note.get("speed"), ("fp32", "bf16"))
    loss = note.get("loss")
    same = note.get(WEIGHTS) == bundle.weights_sha256
    if not same or speeds is None or speeds.processor != cpu_kind() or not isinstance(loss, int | float):
        return "fp32"
    faster = speeds.choice("fp32", "bf16", beam_size)
    chosen: Precision = "bf16" if faster == "bf16" and loss <= MAX_LOSS else "fp32"
    lost = f"{loss:.2f} {'chrF' if note.get('metric') == 'chrf' else 'BLEU'}"
    logger.debug("chose %s: %s; bf16 loses %s", chosen, speeds.shown(beam_size), lost)
    return chosen


def _read_note(path: Path) -> dict[str, Any]:
    try:
        note: dict[str, Any] = read_json(path)
        return note if version_in(note) == _FORMAT_VERSION else {}
    except (DataError, ValueError):
        return {}
