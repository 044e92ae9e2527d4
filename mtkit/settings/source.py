"""Where pairs come from, as a recipe says it: one source, its format and its options."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mtkit.files.text import PACKED
from mtkit.settings.cleaning import Steps
from mtkit.settings.sampling import Curriculum
from mtkit.settings.section import FETCHING, NOT_IN_CORPUS, PLACE, Mistakes, Section
from mtkit.settings.tokenizer import symbol_mistake

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
    "mono": "mono",
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


def columns_of(pair: Sequence[Any]) -> list[Any]:
    """The columns or fields of a pair in order: those of the source, and the one of the target."""
    return [name for side in pair for name in (side if isinstance(side, list | tuple) else [side])]


class SourceConfig(Section):
    """Where pairs come from: line-aligned files, TSV, JSONL, TMX, XLIFF, PO, Hugging Face ``datasets`` or ``mtdata``;
    or text in one language.

    Exactly one of ``src`` + ``tgt``, ``tsv``, ``jsonl``, ``tmx``, ``xliff``, ``po``, ``hf``, ``mtdata`` and ``mono`` is
    given.
    In a recipe a string stands for a file by its ending, ``hf:NAME`` for ``{hf: NAME}`` and ``mtdata:ID`` for
    ``{mtdata: ID}``. All files may be packed (.gz, .zst, .xz, .bz2).
    """

    src: Annotated[str | None, PLACE] = None
    """Text file of source lines, together with ``tgt``."""

    tgt: Annotated[str | None, PLACE] = None
    """Text file of target lines; line n translates line n of ``src``."""

    tsv: Annotated[str | None, PLACE] = None
    """Tab-separated file, without quoting."""

    jsonl: Annotated[str | None, PLACE] = None
    """File with one JSON object per line."""

    tmx: Annotated[str | None, PLACE] = None
    """Translation memory in TMX."""

    xliff: Annotated[str | None, PLACE] = None
    """XLIFF file, version 1.2 or 2."""

    po: Annotated[str | None, PLACE] = None
    """Gettext PO file."""

    hf: Annotated[str | None, PLACE] = None
    """Data set on the Hugging Face hub, or a local directory or parquet, JSON or CSV file."""

    mtdata: Annotated[str | None, PLACE] = None
    """Id of a data set or of a recipe of ``mtdata``."""

    mono: Annotated[str | None, PLACE] = None
    """Text file of lines in one language, ``src_lang``: each is source and target, to be reconstructed."""

    take: Literal["both", "swapped", "src", "tgt"] | None = None
    """What becomes of the pairs: taken as they are (both), with source and target exchanged (swapped), or of one side
    alone as source and target of the same text (src, tgt). By default both, and src with ``data.task: reconstruct``.
    ``src_lang`` and ``tgt_lang`` are those of the file."""

    columns: tuple[Column | Annotated[list[Column], Field(min_length=1)], Column] = (0, 1)
    """For ``tsv``: the columns of source and target, as numbers counted from 0 where every line is a pair, or as names
    where the first line has them. Several source columns are joined: ``[[question, passage], answer]``."""

    fields: tuple[str | Annotated[list[str], Field(min_length=1)], str] | None = None
    """For ``jsonl`` and ``hf``: the fields of source and target, dotted where one lies inside another; by default the
    language codes, at the top level or under ``translation``. Several source fields of ``jsonl`` are joined, as
    columns are."""

    separator: str | None = None
    """What stands between source columns or fields that are joined, with a blank on each side; by default ``<sep>``. It
    becomes one piece of the vocabulary."""

    score: Column | None = None
    """For ``tsv``, ``jsonl`` and ``hf``: the column or field with a number that says how good a pair is; higher is
    better."""

    limit: PositiveInt | None = None
    """Number of pairs to take from the beginning; by default all."""

    src_lang: str | None = None
    """Language of the source side, where it differs from the recipe's. For a file of many languages, the one to
    take."""

    tgt_lang: str | None = None
    """Language of the target side, where it differs from the recipe's."""

    hf_config: str | None = None
    """For ``hf``: the configuration of the data set, where it has several."""

    split: str | None = None
    """For ``hf``: the split; by default train, validation or test, by the place in the recipe."""

    streaming: Annotated[bool, FETCHING] = False
    """For ``hf``: whether pairs are streamed from the hub in every pass, instead of downloaded once."""

    name: str | None = None
    """Name in reports; by default made from the file's name."""

    tags: list[str] = Field(default_factory=list)
    """Tokens put before each source text, such as ``<bt>`` for back-translated pairs. Each becomes one piece."""

    weight: Annotated[Curriculum | None, NOT_IN_CORPUS] = None
    """For training: how often pairs of this source are seen, in proportion to the weights of the other sources. A
    section is a curriculum of weights by number of updates: ``{0: 1.0, 20_000: 0.2}``."""

    filters: Steps = Field(default_factory=list)
    """For training: cleaning steps for this source alone, taken before those of ``data.cleaning.steps``."""

    @property
    def kind(self) -> str:
        """The setting that names the input, one of ``KINDS``."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def is_one_side(self) -> bool:
        """Whether source and target are the same text, whatever the task."""
        return self.kind == "mono" or self.take in ("src", "tgt")

    def languages(self, src_lang: str, tgt_lang: str) -> tuple[str, str]:
        """Languages of source and target in the file, where these are those of the recipe."""
        src_lang = self.src_lang or src_lang
        return src_lang, src_lang if self.kind == "mono" else self.tgt_lang or tgt_lang

    @property
    def between(self) -> str:
        """The separator of source columns that are joined."""
        return "<sep>" if self.separator is None else self.separator

    @property
    def joins(self) -> bool:
        """Whether several columns or fields make up a source text."""
        return max(len(columns_of(pair)) for pair in (self.columns, self.fields or ())) > 2

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
            chosen = {"columns": columns_of(self.columns)} | ({} if self.score is None else {"score": (self.score,)})
            if len({type(column) for columns in chosen.values() for column in columns}) > 1:
                found.append(([*chosen][-1], "give the columns all by number, or all by the names in the first line"))
        for option in ("columns", "fields"):
            names = columns_of(getattr(self, option) or ())
            if len(names) == 2 and names[0] == names[1] and not self.is_one_side:
                found.append((option, f"source and target are both {names[0]}: name two different ones"))
            elif len({*names}) < len(names) and not self.is_one_side:
                twice = next(name for n, name in enumerate(names) if name in names[:n])
                found.append((option, f"{twice} is named twice: name different ones"))
        if self.kind == "mono":
            found += [
                (option, "does nothing for mono, which has one side")
                for option in ("take", "tgt_lang")
                if getattr(self, option) is not None
            ]
        if self.kind == "hf" and self.joins:
            found.append(("fields", "several source fields are joined in tsv and jsonl alone: name one, or convert it"))
        if symbol_mistake(self.between, "unigram") is not None:
            found.append(("separator", "must be a word, such as <sep>"))
        if found:
            raise Mistakes(self, found)
        return self
