"""CTranslate2 conversions of a model: found, checked, and made once where there is none.

One lies in ``ctranslate2/QUANTIZATION`` beside the weights, or, where that place cannot be written, in the user's cache
directory, or else in a temporary one. Its ``conversion.json`` says what it was made from and the sha256 of each of its
files: a conversion of other weights, or a damaged one, is never loaded but replaced. ``speeds.json`` beside the
conversions has what was measured on other processors than the one that the loss was measured on.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.bundle.bundle import WEIGHTS, Bundle
from mtkit.engines.conversion_check import check_conversion
from mtkit.engines.speed import Speeds
from mtkit.errors import CheckpointError, ConfigError, DataError
from mtkit.files.cache import cache_directory
from mtkit.files.locks import sole_writer
from mtkit.files.reading import read_json, sha256_file, version_in
from mtkit.files.whole import atomic_directory, remove_leftovers, write_json
from mtkit.log import logger
from mtkit.machine.processor import cpu_kind
from mtkit.settings.model import ModelConfig
from mtkit.settings.section import CONVERTIBLE, TRAINING_ONLY, marked
from mtkit.version import __version__

FOLDER = "ctranslate2"
NOTE = "conversion.json"
SPEEDS = "speeds.json"
FORMAT_VERSION = 1
MAX_LOSS = 0.3
"""BLEU or chrF that int8 may lose against float32 and still be what translates where nothing else is asked for."""
PRECISIONS = ("float32", "int8")
"""What translates: all others are for export."""


@dataclass(frozen=True)
class Conversion:
    """A model directory that CTranslate2 loads."""

    directory: Path
    quantization: str

    quality: dict[str, Any] | None
    """What quantisation costs, as ``mtkit.translation.export.measure_quality`` found it; None where that was not
    measured."""

    is_finite: bool = False
    """Whether the weights that it was made from are known to be finite numbers."""

    def loses_little(self) -> bool:
        """Whether the loss was measured and is at most ``MAX_LOSS``."""
        return self.quality is not None and self.quality["loss"] <= MAX_LOSS


_KNOWN: dict[str, list[object]] = {
    "architecture": ["transformer"],
    "norm": ["pre", "post"],
    "positions": ["auto", "sinusoidal", "learned", "t5"],
    "encoder_attention": ["scaled_dot", "dot"],
    "decoder_attention": ["scaled_dot", "dot"],
    "cross_attention": ["scaled_dot", "dot"],
}
"""What of a setting, or of each name in its list, the library expresses, where that is not all."""


def inexpressible(config: ModelConfig) -> str | None:
    """The first setting of a model that CTranslate2 has nothing for, with its value; None where there is none."""
    any_value = marked(ModelConfig, CONVERTIBLE, TRAINING_ONLY)
    for name, field in ModelConfig.model_fields.items():
        value = getattr(config, name)
        values = value if isinstance(value, list) else [value]
        if name in _KNOWN:
            values = [each for each in values if each not in _KNOWN[name]]
        elif name in any_value or value == field.default:
            continue
        if values:
            return f"model.{name} {', '.join(dict.fromkeys(map(str, values)))}"
    return None


def check_convertible(config: ModelConfig) -> None:
    """Refuse a model that CTranslate2 cannot express.

    Raises:
        ConfigError: Naming what it lacks.
    """
    if (reason := why_not_converted(config)) is not None:
        raise ConfigError(f"{reason}: this model translates with torch alone")


def why_not_converted(config: ModelConfig) -> str | None:
    """``CTranslate2 cannot run this decoder (ssru)``; None where it runs the model."""
    setting = inexpressible(config)
    if setting is None:
        return None
    name, _, value = setting.removeprefix("model.").partition(" ")
    side, _, kind = name.partition("_")
    if side in ("encoder", "decoder") and kind in ("attention", "architecture"):
        return f"CTranslate2 cannot run this {side} ({value})"
    return f"CTranslate2 has no {setting}"


@dataclass(frozen=True)
class Choice:
    """What translates where no precision is asked for, and why."""

    quantization: str

    loss: float | None = None
    """What int8 loses, in ``metric``; None where that was not measured."""

    speeds: Speeds | None = None
    """Of both, where int8 may be chosen and they were measured."""

    metric: str = "BLEU"

    def is_from_here(self) -> bool:
        """Whether nothing is left to measure: a choice by speeds is one for the processor they were measured on."""
        return self.speeds is None or self.speeds.processor == cpu_kind()


def default_quantization(bundle: Bundle, beam_size: int) -> Choice:
    """float32, or int8 where its measured loss is small and float32 is not the faster of them.

    The speeds are those of this processor, or, where nothing was measured on it, of the one that the loss was measured
    on. A conversion by a version that did not measure them is int8 where its loss is small.
    """
    found = read_conversion(_place(bundle, "int8"), bundle, "int8", check=False)
    if found is None or found.quality is None:
        return Choice("float32")
    loss = float(found.quality["loss"])
    metric = "chrF" if found.quality.get("metric") == "chrf" else "BLEU"
    if not found.loses_little():
        return Choice("float32", loss, metric=metric)
    noted = Speeds.from_json(found.quality.get("speed"), PRECISIONS)
    if noted is None:
        return Choice("int8", loss, metric=metric)
    if noted.processor != cpu_kind():
        noted = _remembered(bundle).get(cpu_kind(), noted)
    return Choice(noted.choice("int8", "float32", beam_size), loss, noted, metric)


def remember(bundle: Bundle, speeds: Speeds) -> None:
    """Note the speeds of a processor beside the conversions, or in the cache; nowhere if neither can be written."""
    by_processor = {name: each.as_json() for name, each in (_remembered(bundle) | {speeds.processor: speeds}).items()}
    note = {"format_version": FORMAT_VERSION, "source": _source(bundle), "speeds": by_processor}
    for path in _speed_files(bundle):
        try:
            write_json(path, note)
        except OSError as error:
            logger.debug("%s: cannot write: %s", path, error)
        else:
            return


def _remembered(bundle: Bundle) -> dict[str, Speeds]:
    """By processor: what ``remember`` noted of just this model, wherever it did."""
    found: dict[str, Speeds] = {}
    for path in reversed(_speed_files(bundle)):
        note = _read_note(path)
        if note is not None and _is_of(note, bundle) and isinstance(note.get("speeds"), dict):
            each = {name: Speeds.from_json(value, PRECISIONS) for name, value in note["speeds"].items()}
            found |= {name: speeds for name, speeds in each.items() if speeds is not None}
    return found


def _speed_files(bundle: Bundle) -> list[Path]:
    """Where speeds may be noted, the first choice first."""
    return [place.parent / SPEEDS for place in (_place(bundle, "int8"), *_cache_place(bundle, "int8"))]


@contextmanager
def converted(bundle: Bundle, quantization: str) -> Iterator[Conversion]:
    """The conversion of a model, made on first use; two processes at once make it once.

    Where nothing can be written for long, it is there for the length of the block.

    Raises:
        CheckpointError: If the weights are damaged or not finite.
    """
    places = [_place(bundle, quantization), *_cache_place(bundle, quantization)]
    for place in places:
        remove_leftovers(place.parent)
    found = _first_found(places, bundle, quantization) or _made_in_first(places, bundle, quantization)
    if found is not None:
        if not found.is_finite:  # made by a version that did not look
            bundle.check_finite()
        yield found
        return
    logger.info("neither the model's directory nor the cache can be written: converting the model for this time only")
    with tempfile.TemporaryDirectory(prefix="mtkit-") as name:
        _write(bundle, quantization, Path(name), quality=None)
        yield Conversion(Path(name), quantization, None, is_finite=True)


def _first_found(places: Sequence[Path], bundle: Bundle, quantization: str) -> Conversion | None:
    found = (read_conversion(place, bundle, quantization) for place in places)
    return next((conversion for conversion in found if conversion is not None), None)


def _made_in_first(places: Sequence[Path], bundle: Bundle, quantization: str) -> Conversion | None:
    for place in places:
        if not place.parents[1].is_dir() and place == _place(bundle, quantization):
            continue  # a checkpoint that was pruned; nothing of it is to be there again
        try:
            return convert(bundle, quantization, place)
        except OSError as error:
            logger.debug("%s: cannot write: %s", place, error)
    return None


def convert(bundle: Bundle, quantization: str, place: Path | None = None) -> Conversion:
    """Make a conversion, by default in the bundle; if another process is making it, wait for that one.

    Raises:
        ConfigError: If CTranslate2 cannot express the model.
        CheckpointError: If the weights are damaged or not finite.
        OSError: If the place cannot be written.
    """
    check_convertible(bundle.model)
    place = place or _place(bundle, quantization)
    with sole_writer(place):
        found = read_conversion(place, bundle, quantization)
        if found is not None:
            return found
        logger.info("converting the model for CTranslate2 (%s) into %s, once", quantization, place)
        known = _read_note(place / NOTE)
        quality = known.get("quality") if known is not None and _is_of(known, bundle) else None
        with atomic_directory(place) as work:
            _write(bundle, quantization, work, quality=quality)
    return Conversion(place, quantization, quality, is_finite=True)


def note_quality(conversion: Conversion, quality: Mapping[str, Any]) -> None:
    """Write into a conversion what quantisation costs."""
    note = read_json(conversion.directory / NOTE)
    write_json(conversion.directory / NOTE, {**note, "quality": dict(quality)})


def read_conversion(place: Path, bundle: Bundle, quantization: str, *, check: bool = True) -> Conversion | None:
    """A conversion of just this model, None where there is none or it is not whole.

    Args:
        place: Where it would lie.
        bundle: The model.
        quantization: Of the conversion.
        check: Compare its files with their hashes.
    """
    note = _read_note(place / NOTE)
    if note is None or not _is_of(note, bundle) or note.get("quantization") != quantization:
        return None
    try:
        if check:
            check_conversion(place, note["files"], bundle.tokenizer)
        conversion = Conversion(place, quantization, note["quality"], note.get("finite") is True)
        conversion.loses_little()
    except CheckpointError as error:
        logger.warning("%s; converting again", error)
        return None
    except (KeyError, TypeError, AttributeError):
        return None
    return conversion


def _read_note(path: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = read_json(path)
        return note if version_in(note) == FORMAT_VERSION else None
    except (DataError, ValueError):
        return None


def _write(bundle: Bundle, quantization: str, directory: Path, *, quality: Mapping[str, Any] | None) -> None:
    """Convert into an empty directory.

    Raises:
        CheckpointError: If the weights are damaged or not finite.
    """
    from importlib.metadata import version

    from mtkit.engines.ctranslate2_spec import save_ctranslate2

    bundle.check_weights_fit()
    bundle.check_finite()
    save_ctranslate2(
        bundle.directory / WEIGHTS, bundle.model, bundle.tokenizer, quantization=quantization, directory=directory
    )
    note = {
        "format_version": FORMAT_VERSION,
        "mtkit_version": __version__,
        "ctranslate2_version": version("ctranslate2"),
        "quantization": quantization,
        "source": _source(bundle),
        "quality": quality,
        "finite": True,
        "files": {path.name: sha256_file(path) for path in sorted(directory.iterdir())},
    }
    write_json(directory / NOTE, note)


def _source(bundle: Bundle) -> dict[str, Any]:
    """All that a conversion is made from."""
    return {
        WEIGHTS: bundle.weights_sha256,
        "tokenizer": bundle.tokenizer.sha256(),
        "model": bundle.model.model_dump(mode="json", include=marked(ModelConfig, CONVERTIBLE)),
    }


def _is_of(note: Mapping[str, Any], bundle: Bundle) -> bool:
    """Whether a note is of a conversion of just this model; a setting that it does not know had its default then."""
    source, own = note.get("source"), _source(bundle)
    if not isinstance(source, dict) or not isinstance(source.get("model"), dict):
        return False
    defaults = {name: ModelConfig.model_fields[name].default for name in own["model"]}
    return {**source, "model": defaults | source["model"]} == own


def _place(bundle: Bundle, quantization: str) -> Path:
    return bundle.directory / FOLDER / quantization


def _cache_place(bundle: Bundle, quantization: str) -> list[Path]:
    """Where it lies in the user's cache directory, if there is one."""
    root = cache_directory()
    if root is None:
        return []
    name = hashlib.sha256(json.dumps(_source(bundle), sort_keys=True).encode()).hexdigest()[:16]
    return [root / FOLDER / name / quantization]
