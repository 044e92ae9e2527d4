"""Where pairs come from, as a recipe says it: one source, its format and its options."""

from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mtkit.files.text import PACKED
from mtkit.settings.cleaning import Steps
from mtkit.settings.sampling import Curriculum
from mtkit.settings.section import Mistakes, Section

Column = NonNegativeInt | Annotated[str, Field(min_length=1)]

KINDS = {
    "src": "src + tgt",
    "tsv": "tsv",
    "jsonl": "jsonl",
    "tmx": "tmx",
    "xliff": "xliff",
    "po": "po",
    "hf": "hf",
    "mtdata": "mtdata",
}
"""The kinds of sources by the setting that names the input, and how a person says them."""

_OPTIONS = {
    "columns": ("tsv",),
    "fields": ("jsonl", "hf"),
    "score": ("tsv", "jsonl", "hf"),
    "hf_config": ("hf",),
    "split": ("hf",),
    "streaming": ("hf",),
}
"""The options that not all kinds have a use for, and those that do."""

_ENDINGS = {
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".tmx": "tmx",
    **dict.fromkeys((".xlf", ".xliff", ".sdlxliff", ".mqxliff", ".mxliff", ".txlf"), "xliff"),
    ".po": "po",
    ".csv": "hf",
}


def kind_of(path: str) -> str | None:
    """The kind of source that a file of pairs is, by its ending, packed or not; None where it is none."""
    plain = path.lower()
    for ending in PACKED:
        plain = plain.removesuffix(ending)
    return next((kind for ending, kind in _ENDINGS.items() if plain.endswith(ending)), None)


class SourceConfig(Section):
    """Where pairs come from: line-aligned files, TSV, JSONL, TMX, XLIFF, PO, Hugging Face ``datasets`` or ``mtdata``.

    Exactly one of ``src`` + ``tgt``, ``tsv``, ``jsonl``, ``tmx``, ``xliff``, ``po``, ``hf`` and ``mtdata`` is given.
    In a recipe a string stands for a file by its ending, ``hf:NAME`` for ``{hf: NAME}`` and ``mtdata:ID`` for
    ``{mtdata: ID}``. All files may be packed (.gz, .zst, .xz, .bz2).
    """

    src: str | None = None
    """Text file of source lines."""

    tgt: str | None = None
    """Text file of target lines; line n translates line n of ``src``."""

    tsv: str | None = None
    """Tab-separated file, without quoting."""

    jsonl: str | None = None
    """File with a JSON object on every line."""

    tmx: str | None = None
    """Translation memory (TMX)."""

    xliff: str | None = None
    """XLIFF 1.2 or 2."""

    po: str | None = None
    """Gettext PO file."""

    hf: str | None = None
    """Name on the Hugging Face hub, or a local directory or parquet, JSON or CSV file."""

    mtdata: str | None = None
    """Id of a data set or of a recipe of ``mtdata``."""

    columns: tuple[Column, Column] = (0, 1)
    """For ``tsv``: the columns of source and target: numbers, counted from 0, where every line is a pair, or names,
    where the first line has them."""

    fields: tuple[str, str] | None = None
    """For ``jsonl`` and ``hf``: the fields of source and target, dotted where one lies inside another; by default the
    language codes, alone or under ``translation``."""

    score: Column | None = None
    """For ``tsv``, ``jsonl`` and ``hf``: the column or field with a number that says how good a pair is, higher is
    better."""

    limit: PositiveInt | None = None
    """Take the first pairs alone, this many."""

    src_lang: str | None = None
    """Language of this source's source side, where it is not the recipe's. Of a file of many languages, the one that
    is taken."""

    tgt_lang: str | None = None
    """Language of this source's target side, where it is not the recipe's."""

    hf_config: str | None = None
    """For ``hf``: the configuration of the data set, where it has several."""

    split: str | None = None
    """For ``hf``: the split; by default train, validation or test, after the place in the recipe."""

    streaming: bool = False
    """For ``hf``: read from the hub as it is needed, on every pass again, instead of downloading all of it first."""

    name: str | None = None
    """A name for reports; by default made from the file's name."""

    tags: list[str] = Field(default_factory=list)
    """Tokens put before each source text, such as <bt> for pairs that were translated back. Each becomes one piece."""

    weight: Curriculum | None = None
    """For training: how many pairs come from here, in proportion to the weights of the others; or a curriculum,
    {0: 1.0, 20_000: 0.2}: the weight after so many updates."""

    filters: Steps = Field(default_factory=list)
    """For training pairs: cleaning steps for this source alone, taken before those of ``data.cleaning.steps``."""

    @property
    def kind(self) -> str:
        """The setting that names the input, one of ``KINDS``."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @model_validator(mode="before")
    @classmethod
    def _from_string(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        prefix, colon, rest = value.partition(":")
        if colon and prefix in ("hf", "mtdata"):
            return {prefix: rest}
        if (kind := kind_of(value)) is not None:
            return {kind: value}
        raise ValueError(
            f"a source is hf:NAME, mtdata:ID, a file that ends in {', '.join(_ENDINGS)}, or {{src: FILE, tgt: FILE}}"
        )

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.src is None) != (self.tgt is None):
            raise ValueError("src and tgt go together: name both files")
        if [getattr(self, kind) is not None for kind in KINDS].count(True) != 1:
            *others, last = KINDS.values()
            raise ValueError(f"give one of {', '.join(others)} and {last}")
        if self.name is not None and (not self.name or self.name.startswith(".") or {"/", "\\", "\0"} & set(self.name)):
            raise ValueError(f"name {self.name!r} names a directory: no slashes, and no dot at its beginning")
        if any(not tag or tag != " ".join(tag.split()) for tag in self.tags):
            raise ValueError("a tag is a word without white space around it, such as <bt>")
        return self

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        found = []
        for option, kinds in _OPTIONS.items():
            if self.kind not in kinds and getattr(self, option) != type(self).model_fields[option].default:
                owners = ", ".join(KINDS[kind] for kind in kinds)
                found.append((option, f"does nothing for {KINDS[self.kind]}: it belongs to {owners}"))
        if self.kind == "tsv":
            chosen = {"columns": self.columns} | ({} if self.score is None else {"score": (self.score,)})
            if len({type(column) for columns in chosen.values() for column in columns}) > 1:
                found.append(([*chosen][-1], "give the columns all by number, or all by the names in the first line"))
        for option in ("columns", "fields"):
            chosen_pair = getattr(self, option)
            if chosen_pair is not None and chosen_pair[0] == chosen_pair[1]:
                found.append((option, f"source and target are both {chosen_pair[0]}: name two different ones"))
        if found:
            raise Mistakes(self, found)
        return self
