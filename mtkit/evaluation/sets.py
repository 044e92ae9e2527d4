"""What is scored: test sets, each with its references and the outputs of one or more systems.

A list of test sets is YAML or JSON, its paths relative to the list::

    - name: news
      src: news.en
      refs: [news.de]
      hyps: {first: first.de, second: second.de}
      docs: news.documents
      language_pair: en-de
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics.segments import check_documents
from mtkit.evaluation.pitfalls.checks import Text, check_aligned, check_is_text
from mtkit.files.text import BOM, PACKED, read_lines

LanguagePair = tuple[str, str]


@dataclass(frozen=True)
class System:
    """An output, and what the system that made it is called."""

    name: str
    hyp: Text
    engine: str | None = None
    """What translated it here, where, and in which precision; None where the output was given."""


@dataclass(frozen=True)
class EvaluationSet:
    """A test set, aligned line by line."""

    name: str
    refs: list[Text]
    src: Text | None = None
    docs: Text | None = None
    """The document of each line."""

    language_pair: LanguagePair | None = None
    systems: list[System] = field(default_factory=list)
    """Empty while a model has not translated it yet."""

    @property
    def n_lines(self) -> int:
        """Segments."""
        return len(self.refs[0].lines)


def read_evaluation_set(
    name: str | None,
    *,
    refs: Sequence[str],
    hyps: Sequence[tuple[str, str]] = (),
    src: str | None = None,
    docs: str | None = None,
    language_pair: LanguagePair | None = None,
) -> EvaluationSet:
    """Read the files of a test set.

    Args:
        name: By default ``set_name`` of the source where a model translates it, else of the first reference.
        refs: At least one file.
        hyps: Name of a system and the file of its output.
        src: File of the source.
        docs: File that names the document of each line.
        language_pair: Codes of source and target language.

    Raises:
        DataError: If a file cannot be read, or they differ in length (naming both, and their lines).
    """
    paths = [*(path for _, path in hyps), *filter(None, [src]), *refs, *filter(None, [docs])]
    texts = iter(read_texts(paths, keep_bom=True))  # as sacreBLEU does, or the numbers would be others than its own
    systems = [System(system, next(texts)) for system, _ in hyps]
    src_text = _without_bom(next(texts)) if src else None
    ref_texts = [next(texts) for _ in refs]
    for ref in ref_texts:
        if not any(map(str.strip, ref.lines)):
            raise DataError(f"{ref.name}: is empty in every line: nothing to score against")
    doc_text = _without_bom(next(texts)) if docs else None
    if doc_text is not None:
        check_documents(doc_text)
    default = src_text if src_text is not None and not hyps else ref_texts[0]
    return EvaluationSet(name or set_name(default.name), ref_texts, src_text, doc_text, language_pair, systems)


def read_set_list(path: Path, *, translated: bool, language_pair: LanguagePair | None) -> list[EvaluationSet]:
    """Read a list of test sets.

    Args:
        path: YAML or JSON.
        translated: Whether the list names outputs; else a model translates the sources.
        language_pair: Languages of sets that name none.

    Raises:
        ConfigError: If the list is malformed, or says too little of a test set, naming it.
        DataError: If the list or a file cannot be read, or those of a set differ in length.
    """
    from mtkit.evaluation.set_list import parse_set_list

    entries = parse_set_list(path)
    for entry in entries:
        if translated and not entry.hyps:
            raise ConfigError(f"{path}: {entry.name}: names no output; add hyps: FILE, or give a model with -m RUN")
        if not translated and (entry.hyps or entry.src is None):
            what = "names outputs, but -m RUN translates" if entry.hyps else "names no src to translate"
            raise ConfigError(f"{path}: {entry.name}: {what}")
    sets = []
    for entry in entries:
        pair = parse_language_pair(entry.language_pair) if entry.language_pair else language_pair
        try:
            sets.append(
                read_evaluation_set(
                    entry.name,
                    refs=[_beside(path, ref) for ref in entry.refs],
                    hyps=[(system, _beside(path, hyp)) for system, hyp in entry.named_hyps()],
                    src=_beside(path, entry.src) if entry.src else None,
                    docs=_beside(path, entry.docs) if entry.docs else None,
                    language_pair=pair,
                )
            )
        except DataError as error:
            raise DataError(f"{path}: {entry.name}: {error}") from error
    return sets


def parse_language_pair(language_pair: str) -> LanguagePair:
    """The two codes of ``en-de``.

    Raises:
        ConfigError: If it is something else.
    """
    src_lang, _, tgt_lang = language_pair.partition("-")
    if not (src_lang.replace("_", "").isalnum() and tgt_lang.replace("-", "").replace("_", "").isalnum()):
        raise ConfigError(f"-l {language_pair}: expected source-target, such as en-de")
    return src_lang, tgt_lang


def set_name(path: str) -> str:
    """What a test set is called by its file: ``news`` of ``../test/news.en.gz``, from wherever it is named."""
    file = Path(path)
    return Path(file.stem if file.suffix in PACKED else file.name).stem


def system_names(paths: Sequence[str]) -> list[str]:
    """A name for each output: its file's, or its whole path where two files have the same name."""
    names = ["standard input" if path == "-" else Path(path).name for path in paths]
    return names if len(set(names)) == len(names) else list(paths)


def read_texts(paths: Sequence[str], *, keep_bom: bool = False) -> list[Text]:
    """Files that belong together line by line; ``keep_bom`` as for ``read_lines``.

    Raises:
        DataError: If one cannot be read, has no lines or is markup, or they differ in length (naming two, their lines,
            and where they part).
    """
    texts = [
        Text("standard input" if path == "-" else path, list(read_lines(path, keep_bom=keep_bom))) for path in paths
    ]
    for text in texts:
        check_is_text(text)
    check_aligned(texts)
    return texts


def _without_bom(text: Text) -> Text:
    first, *rest = text.lines or [""]
    return replace(text, lines=[first.removeprefix(BOM), *rest]) if first.startswith(BOM) else text


def _beside(list_file: Path, path: str) -> str:
    return str(list_file.parent / path)
