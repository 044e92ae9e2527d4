"""What a person is told of a model that was imported."""

from pathlib import Path

from mtkit.bundle.bundle import Bundle
from mtkit.exchange.importing import Imported
from mtkit.exchange.licence import licence_shown
from mtkit.exchange.origin import Origin

_LABEL = 11
_FAMILIES = {
    "marian": "Marian",
    "pegasus": "Pegasus",
    "m2m100": "M2M-100",
    "nllb": "NLLB-200",
    "mbart": "mBART-50",
    "t5": "T5",
}
_LAYOUTS = {
    "huggingface": "Hugging Face",
    "marian-npz": ".npz",
    "bergamot": ".bin, as in Firefox",
}
_SHOWN = 12


def told(imported: Imported, output: Path) -> list[str]:
    """Lines about a model: family, sizes, languages, licence."""
    bundle, origin = imported.bundle, imported.origin
    rows = [
        ("family", _family(origin)),
        ("model", f"{bundle.model.summary()}; {bundle.n_parameters():,} parameters"),
        ("languages", languages_shown(bundle)),
        ("licence", licence_shown(origin.licence)),
    ]
    return [f"imported {origin.source} into {output}", *(f"  {label:<{_LABEL}}{text}" for label, text in rows)]


def origin_rows(bundle: Bundle) -> list[tuple[str, str]]:
    """What a bundle says of where its model comes from, as rows of a table; none of a model of mtkit's own.

    Raises:
        CheckpointError: If the bundle is damaged.
    """
    origin = Origin.of(bundle.metadata, bundle.directory)
    if origin is None:
        return []
    revision = "" if origin.revision is None else f", revision {origin.revision[:12]}"
    return [
        ("imported from", f"{origin.source}{revision}"),
        ("family", _family(origin)),
        ("languages", languages_shown(bundle)),
        ("licence", licence_shown(origin.licence)),
    ]


def _family(origin: Origin) -> str:
    kind = _FAMILIES.get(origin.family, origin.family)
    return f"{kind} ({_LAYOUTS[origin.layout]}, {origin.quantization or origin.dtype})"


def languages_shown(bundle: Bundle) -> str:
    """The languages of a model in one line: its direction, or how many it knows, with some of them."""
    languages = bundle.tokenizer.languages
    if languages is None:
        return f"{bundle.src_lang} to {bundle.tgt_lang}"
    sources, targets = languages.src_codes() or [bundle.src_lang], languages.tgt_codes()
    by_default = f"by default {bundle.src_lang} to {bundle.tgt_lang}"
    if bundle.metadata.get("languages_needed"):
        by_default = "name them with -s and -t"
    if set(sources) == set(targets):
        return f"{_some(targets)}; {by_default}"
    return f"{_some(sources)} to {_some(targets)}; {by_default}"


def _some(codes: list[str]) -> str:
    shown = ", ".join(codes[:_SHOWN])
    return shown if len(codes) <= _SHOWN else f"{len(codes)} languages ({shown}, ...)"
