"""The model card of an exported model: README.md with the front matter that the Hugging Face hub reads."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.writing import N_PAIRS
from mtkit.evaluation.certainty.before_after import BeforeAfter, comparison_in
from mtkit.evaluation.metrics.metrics import decimals_of
from mtkit.exchange.origin import Origin
from mtkit.languages.naming import called

FILE = "README.md"

_METRICS = {"bleu", "chrf", "ter", "comet", "spbleu"}
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_ON_HUB = re.compile(r"[\w.-]+/[\w.-]+")
"""What the hub takes for the name of a base model."""


Library = Literal["transformers", "marian"]


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

    library: Library = "transformers"
    """Whose files the model lies in."""

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
            "library_name": self.library,
            "pipeline_tag": "translation",
            "tags": ["translation", "mtkit", f"{src_lang}-{tgt_lang}"],
        }
        if self.base_model is not None and _ON_HUB.fullmatch(self.base_model):
            front["base_model"] = self.base_model
        scores = _scores(self.metadata)
        if scores:
            front["metrics"] = list(dict.fromkeys(str(each["metric"]) for _, each in scores))
            front["model-index"] = [{"name": self.name, "results": _results(scores, self.language_pair)}]
        return front

    def _sections(self) -> list[str]:
        src_lang, tgt_lang = self.language_pair
        about = f"# {self.name}\n\nTranslates {called(src_lang)} to {called(tgt_lang)}."
        if self.library == "marian":
            about += " A model for Marian and Bergamot (marian-decoder, browsermt)."
        if self.base_model is None:
            about += f" Trained with mtkit {self._version()}."
        elif "config" in self.metadata:
            about += f" Fine-tuned from {self.base_model} with mtkit {self._version()}."
        else:
            about += f" It is {self.base_model}, as mtkit {self._version()} imported it; nothing was trained."
        about += f"\n\nLicence: {self.licence}." if self.licence is not None else "\n\nNo licence was named for it."
        if (self.licence or "").lower().startswith("cc-by-nc"):
            about += " This licence forbids commercial use, of what was made from it too."
        return [f"{about}\n", self._use(), *self._tables(), *self._limits()]

    def _version(self) -> str:
        return str(self.metadata.get("mtkit_version", ""))

    def _use(self) -> str:
        src_lang, tgt_lang = self.language_pair
        program = _OF_MARIAN if self.library == "marian" else _OF_TRANSFORMERS.format(text=f"{self.text_prefix}...")
        own = _OF_MTKIT.format(src_lang=src_lang, tgt_lang=tgt_lang)
        return f"## Use\n\n{program}\n{own}"

    def _size_of(self, place: str, noun: str) -> str:
        """`` (12,000 pairs)`` where the bundle says how many; older ones do not."""
        sizes = self.metadata.get(N_PAIRS)
        n = sizes.get(place) if isinstance(sizes, dict) else None
        return f" ({n:,} {noun})" if isinstance(n, int) else ""

    def _limits(self) -> list[str]:
        """What the scores do not say, of a model that was trained."""
        if "config" not in self.metadata:
            return []
        src_lang, tgt_lang = self.language_pair
        lines = [
            f"It is for text from {src_lang} to {tgt_lang} of the kind that it was trained on; of other text the "
            "scores say nothing."
        ]
        if self.base_model is not None:
            lines.append("Fine-tuning makes a model worse on what is unlike the new data. ")
            lines[-1] += (
                "The table above says by how much."
                if comparison_in(self.metadata) is not None
                else "Nothing was measured of that."
            )
        return ["## Limits\n\n" + " ".join(lines) + "\n"]

    def _tables(self) -> list[str]:
        found = []
        if scores := _scores(self.metadata):
            rows = [
                (
                    f"{place}{self._size_of(f'test/{place}', 'lines')}",
                    str(each.get("name", each["metric"])),
                    f"{each['value']:.2f}",
                    str(each.get("signature", "")),
                )
                for place, each in scores
            ]
            found.append("## Scores\n\n" + _table(("test set", "metric", "score", "signature"), rows))
        if (comparison := comparison_in(self.metadata)) is not None:
            found.append(_before_after(comparison))
        data = self.metadata.get("data")
        if isinstance(data, dict) and data:
            shown = {name: _without_place(name) for name in map(str, data)}
            hashes = [(shown[str(name)], f"`{value}`") for name, value in data.items() if isinstance(value, str)]
            trained = f"What it was trained and scored on{self._size_of('train', 'pairs to train on')}:"
            found.append(f"## Data\n\n{trained}\n\n" + _table(("file", "sha256"), hashes))
        if n := self.metadata.get("n_parameters"):
            found.append(f"## Size\n\n{n:,} parameters.\n")
        return found


_OF_TRANSFORMERS = """```python
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("PATH")
model = AutoModelForSeq2SeqLM.from_pretrained("PATH")
batch = tokenizer(["{text}"], return_tensors="pt", padding=True)
print(tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True))
```

`PATH` is this directory or its name on the hub. It needs the packages `transformers` (5 or newer) and `sentencepiece`.
"""

_OF_MARIAN = """The files are Marian's own: weights, vocabularies, settings of the search. transformers does not read
them. `PATH` is this directory.
"""

_OF_MTKIT = """With mtkit:

```
mtkit import PATH -s {src_lang} -t {tgt_lang} -o MODEL
mtkit translate -m MODEL -i FILE
```
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
        "transformers" if origin is None or origin.layout == "huggingface" else "marian",
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
            "dataset": {"type": _dataset_type(place), "name": place},
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


def _dataset_type(place: str) -> str:
    """A set's name as the hub has names of data sets: of no spaces and signs."""
    return re.sub(r"[^\w.-]+", "-", place).strip("-") or "test"


def _before_after(comparison: BeforeAfter) -> str:
    """What fine-tuning changed, on the new test sets and on those of before."""
    rows = []
    for each in comparison.sets:
        for one in each.differences:
            n = decimals_of(one.metric)
            change = f"{one.difference:+.{n}f} ({one.low:+.{n}f} to {one.high:+.{n}f})"
            rows.append((each.title(), one.name, f"{one.before:.{n}f}", f"{one.after:.{n}f}", change, one.signature))
    heads = ("set", "metric", "before", "after", "difference (95 % interval)", "signature")
    base = f"Fine-tuned from {Path(comparison.base).name}, weights {comparison.weights[:12]}"
    note = comparison.footnote()
    below = "" if note is None else f"\n{note}\n"
    return f"## Before and after\n\n{base}:\n\n{_table(heads, rows)}{below}"


def _without_place(name: str) -> str:
    """The name alone of what was named with its whole path: where it lay is of this machine."""
    path = Path(name)
    return path.name if path.is_absolute() or ".." in path.parts else name


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in escaped)
