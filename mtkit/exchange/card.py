"""The model card of an exported model: README.md with the front matter that the Hugging Face hub reads."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mtkit.bundle.bundle import Bundle
from mtkit.evaluation.certainty.before_after import BeforeAfter, comparison_in
from mtkit.evaluation.metrics.metrics import decimals_of
from mtkit.exchange.origin import Origin

FILE = "README.md"

_METRICS = {"bleu", "chrf", "ter", "comet", "spbleu"}
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True)
class Card:
    """What is told of a model."""

    name: str
    languages: tuple[str, ...]
    licence: str | None
    base_model: str | None
    """Name or place of the model that it was made from."""

    text_prefix: str
    """Stands before each text there: ``>>de<< ``, or nothing."""

    metadata: Mapping[str, Any]
    """All of ``mtkit.json``."""

    language_pair: tuple[str, str]

    def markdown(self) -> str:
        """The whole page."""
        front = yaml.safe_dump(self._front_matter(), sort_keys=False, allow_unicode=True)
        parts = [f"---\n{front}---\n", *self._sections()]
        return "\n".join(parts)

    def _front_matter(self) -> dict[str, Any]:
        src_lang, tgt_lang = self.language_pair
        front: dict[str, Any] = {"language": list(self.languages)}
        if self.licence is not None:
            front |= _licence_keys(self.licence)
        front |= {
            "library_name": "transformers",
            "pipeline_tag": "translation",
            "tags": ["translation", "mtkit", f"{src_lang}-{tgt_lang}"],
        }
        if self.base_model is not None:
            front["base_model"] = self.base_model
        scores = _scores(self.metadata)
        if scores:
            front["metrics"] = list(dict.fromkeys(str(each["metric"]) for _, each in scores))
            front["model-index"] = [{"name": self.name, "results": _results(scores, self.language_pair)}]
        return front

    def _sections(self) -> list[str]:
        src_lang, tgt_lang = self.language_pair
        about = f"# {self.name}\n\nTranslates {src_lang} to {tgt_lang}. Trained with mtkit {self._version()}."
        if self.base_model is not None:
            about += f" It began as {self.base_model}."
        about += f"\n\nLicence: {self.licence}." if self.licence is not None else "\n\nNo licence was named for it."
        if (self.licence or "").lower().startswith("cc-by-nc"):
            about += " This licence forbids commercial use, of what was made from it too."
        return [f"{about}\n", self._use(), *self._tables()]

    def _version(self) -> str:
        return str(self.metadata.get("mtkit_version", ""))

    def _use(self) -> str:
        return _USE.format(text=f"{self.text_prefix}...")

    def _tables(self) -> list[str]:
        found = []
        if scores := _scores(self.metadata):
            rows = [
                (place, str(each.get("name", each["metric"])), f"{each['value']:.2f}", str(each.get("signature", "")))
                for place, each in scores
            ]
            found.append("## Scores\n\n" + _table(("test set", "metric", "score", "signature"), rows))
        if (comparison := comparison_in(self.metadata)) is not None:
            found.append(_before_after(comparison))
        data = self.metadata.get("data")
        if isinstance(data, dict) and data:
            shown = {name: _without_place(name) for name in map(str, data)}
            hashes = [(shown[str(name)], f"`{value}`") for name, value in data.items() if isinstance(value, str)]
            found.append("## Data\n\nWhat it was trained and scored on:\n\n" + _table(("file", "sha256"), hashes))
        if n := self.metadata.get("n_parameters"):
            found.append(f"## Size\n\n{n:,} parameters.\n")
        return found


_USE = """## Use

```python
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("PATH")
model = AutoModelForSeq2SeqLM.from_pretrained("PATH")
batch = tokenizer(["{text}"], return_tensors="pt", padding=True)
print(tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True))
```

`PATH` is this directory or its name on the hub. It needs the packages `transformers` (5 or newer) and `sentencepiece`.
With mtkit: `mtkit import PATH -s SRC -t TGT -o MODEL`, then `mtkit translate -m MODEL`.
"""


def card_of(bundle: Bundle, origin: Origin | None, *, licence: str | None, text_prefix: str) -> Card:
    """What the bundle of a model has to tell.

    Args:
        bundle: The model.
        origin: What it was before it was imported.
        licence: Named for it now; by default that of its origin.
        text_prefix: Stands before each text for transformers.
    """
    data = bundle.data
    pairs = [(bundle.src_lang, bundle.tgt_lang)] if data is None else data.directions
    languages = dict.fromkeys(language for pair in pairs for language in pair)
    return Card(
        str(bundle.metadata.get("name") or bundle.path.name),
        tuple(languages),
        licence or (None if origin is None else origin.licence),
        None if origin is None else origin.source,
        text_prefix,
        bundle.metadata,
        (bundle.src_lang, bundle.tgt_lang),
    )


def _licence_keys(licence: str) -> dict[str, str]:
    """As the hub wants it: an identifier in lower case, or other with a name."""
    plain = licence.lower()
    return {"license": plain} if _LICENCE.fullmatch(plain) else {"license": "other", "license_name": licence}


def _scores(metadata: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each score with the name of its test set; nothing of what is not written as a training run writes it."""
    scores = metadata.get("scores")
    if not isinstance(scores, dict):
        return []
    return [
        (str(place), each)
        for place, listed in scores.items()
        if isinstance(listed, list)
        for each in listed
        if isinstance(each, dict) and each.get("metric") in _METRICS and isinstance(each.get("value"), float | int)
    ]


def _results(scores: Sequence[tuple[str, Mapping[str, Any]]], pair: tuple[str, str]) -> list[dict[str, Any]]:
    """The scores as the hub's index of models has them."""
    return [
        {
            "task": {"type": "translation", "name": f"Translation {pair[0]}-{pair[1]}"},
            "dataset": {"type": place, "name": place},
            "metrics": [
                {
                    "type": str(each["metric"]),
                    "name": str(each.get("name", each["metric"])),
                    "value": round(float(each["value"]), 2),
                    **({"args": {"signature": each["signature"]}} if "signature" in each else {}),
                }
            ],
        }
        for place, each in scores
    ]


def _before_after(comparison: BeforeAfter) -> str:
    """What fine-tuning changed, on the new test sets and on those of before."""
    rows = []
    for each in comparison.sets:
        for one in each.differences:
            n = decimals_of(one.metric)
            change = f"{one.difference:+.{n}f} ({one.low:+.{n}f} to {one.high:+.{n}f})"
            rows.append((each.title(), one.name, f"{one.before:.{n}f}", f"{one.after:.{n}f}", change, one.signature))
    heads = ("set", "metric", "before", "after", "difference (95 % interval)", "signature")
    base = f"Fine-tuned from {_without_place(comparison.base)}, weights {comparison.weights[:12]}"
    return f"## Before and after\n\n{base}:\n\n{_table(heads, rows)}"


def _without_place(name: str) -> str:
    """The name alone of what was named with its whole path: where it lay is of this machine."""
    return Path(name).name if Path(name).is_absolute() else name


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in escaped)
