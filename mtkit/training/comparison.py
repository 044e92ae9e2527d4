"""Before and after: what fine-tuning gained on the new data, and what it lost of the old.

Before the first update the model that a run starts from translates the new test sets, the new validation set, and the
old test sets: those of its own corpus where that is found, and those that the recipe names. ``before.json`` in the run
directory keeps the translations, and the texts of the old sets, so that neither the model nor its corpus is needed
again. At the end the new model translates the same lines with the same search.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from pydantic import ConfigDict

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.languages import languages_of
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.tokens.special import Prefix
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import DataError
from mtkit.evaluation.certainty.before_after import BeforeAfter, Kind, SetDifference, differences_of
from mtkit.files.reading import read_json
from mtkit.files.shapes import shaped
from mtkit.files.whole import write_json
from mtkit.log import logger
from mtkit.settings.recipe import Config
from mtkit.training.compared_sets import compared_sets, digest_of, digest_of_set, named_sets, new_sets, part_of
from mtkit.training.final_scores import SetScores
from mtkit.training.saving.run_directory import has_begun
from mtkit.training.starting import Start
from mtkit.translation.in_time import Deadline, translate_in_time
from mtkit.translation.test_sets import HeldOut, translate_lines
from mtkit.translation.translator import Translator

NOTE = "before.json"
FORMAT_VERSION = 1

_BEFORE_SHARE = 0.1  # of the time of a run by time, for what comes before the first update
_AFTER_SHARE = 0.9  # of the time left; the rest is for computing the scores


@dataclass(frozen=True)
class _Set:
    """One set, as the model before translated it."""

    __pydantic_config__ = ConfigDict(extra="ignore")

    kind: Kind
    name: str
    digest: str
    """Of its texts."""

    n_lines: int
    """Of the whole set."""

    rows: list[int] = field(default_factory=list)
    """Numbers of the lines that were translated, from 0."""

    hyp_text: list[str] = field(default_factory=list)
    """Translations of these lines."""

    old: HeldOut | None = None
    """The texts of an old set."""


@dataclass(frozen=True)
class _Before:
    """``before.json``."""

    __pydantic_config__ = ConfigDict(extra="ignore")

    base: str
    weights: str
    asked: str
    """Of what was to be translated, and how."""

    is_complete: bool = False
    sets: list[_Set] = field(default_factory=list)

    def write(self, run_dir: Path) -> None:
        write_json(run_dir / NOTE, {"format_version": FORMAT_VERSION, **asdict(self)})


def translate_before(
    config: Config, prepared: Prepared, start: Start, run_dir: Path, device: torch.device, started: float
) -> None:
    """Let the model that a run starts from translate everything that is compared at the end; what is done stays done.

    Args:
        config: Of the run.
        prepared: The new corpus.
        start: The model.
        run_dir: Receives ``before.json``.
        device: Where.
        started: When the command began, on ``time.monotonic()``.

    Raises:
        DataError: If a test set of the settings cannot be read.
    """
    before = _begun(config, start, run_dir)
    if before.is_complete and has_begun(run_dir):  # until then the corpus may have become another
        return
    if start.bundle is None:
        logger.warning("%s is not there any more: what it translated is all that is compared", start.base.name)
        return
    sets = list(compared_sets(config, prepared, start.bundle))
    done = {each.digest for each in before.sets}
    n_left = sum(len(held.src_text) for _, held, _ in sets if digest_of_set(held) not in done)
    minutes = config.training.max_minutes
    deadline = None if minutes is None else Deadline(started + _BEFORE_SHARE * 60 * minutes)
    translator = None
    for kind, held, n_lines in sets:
        digest = digest_of_set(held)
        if digest in done:
            continue
        if translator is None:
            translator = _translator(start.bundle, config, device)
        logger.info("before training: translating %s, %s lines", held.name, f"{len(held.src_text):,}")
        own = None if deadline is None else deadline.part(len(held.src_text) / n_left)
        rows, hyp_text = _translated(translator, held, own)
        n_left -= len(held.src_text)
        done.add(digest)
        noted = _Set(kind, held.name, digest, n_lines, rows, hyp_text, held if kind == "old" else None)
        before = replace(before, sets=[*before.sets, noted])
        before.write(run_dir)
    replace(before, is_complete=True).write(run_dir)


def check_old_sets(config: Config, start: Start, run_dir: Path) -> None:
    """Read the old test sets that the settings name, where they are still to be translated.

    Raises:
        DataError: If one cannot be read, has no lines, or its files differ in length.
    """
    if config.training.keep_test and not (has_begun(run_dir) and _begun(config, start, run_dir).is_complete):
        for _ in named_sets(config):
            pass


def n_lines_to_compare(run_dir: Path) -> int:
    """Lines that are translated at the end beside the new test sets."""
    before = _read(run_dir)
    return 0 if before is None else sum(len(each.rows) for each in before.sets if each.kind != "new")


def compare(
    bundle: Bundle,
    config: Config,
    prepared: Prepared,
    run_dir: Path,
    device: torch.device,
    deadline: Deadline | None,
    scored: Mapping[str, SetScores],
) -> BeforeAfter | None:
    """Translate the same lines with the new model, and compare; None where the run started from no model.

    Args:
        bundle: The new model.
        config: Of the run.
        prepared: The new corpus.
        run_dir: Has ``before.json``.
        device: Where.
        deadline: Of all of it; None where there is none.
        scored: The new test sets as they were translated for their scores.
    """
    before = _read(run_dir)
    if before is None:
        return None
    known = {digest_of_set(held): held for _, held, _ in new_sets(prepared)}
    known |= {each.digest: each.old for each in before.sets if each.old is not None}
    sets = [(each, known[each.digest]) for each in before.sets if each.digest in known and each.rows]
    n_left = sum(len(each.rows) for each, _ in sets if each.kind != "new")
    translator = None
    found: list[SetDifference] = []
    for each, held in sets:
        of_test = scored.get(each.name) if each.kind == "new" else None
        if of_test is not None:
            rows, hyp_text = of_test.rows, of_test.hyp_text
        else:
            translator = translator or _translator(bundle, config, device)
            logger.info("after training: translating %s, %s lines", held.name, f"{len(each.rows):,}")
            own = None if deadline is None else deadline.part(_AFTER_SHARE * len(each.rows) / n_left)
            n_left -= len(each.rows)
            some = part_of(held, each.rows)
            rows, hyp_text = _translated(translator, some, own)
            rows = [each.rows[row] for row in rows]
        tgt_lang = held.tgt_lang or config.data.tgt_lang
        found += _compared(each, held, dict(zip(rows, hyp_text, strict=True)), tgt_lang)
    if not found:
        logger.warning("before and after are not compared: there was no time for it")
        return None
    comparison = BeforeAfter(before.base, before.weights, found)
    _warn(comparison)
    return comparison


def _compared(each: _Set, held: HeldOut, after: Mapping[int, str], tgt_lang: str) -> Iterator[SetDifference]:
    """What changed on the lines that were translated both times; nothing where there are none."""
    before = dict(zip(each.rows, each.hyp_text, strict=True))
    rows = sorted(before.keys() & after.keys())
    if rows:
        ref_text = [held.ref_text[row] for row in rows]
        texts = [before[row] for row in rows], [after[row] for row in rows], ref_text
        yield SetDifference(each.name, each.kind, len(rows), each.n_lines, differences_of(*texts, tgt_lang=tgt_lang))


def _warn(comparison: BeforeAfter) -> None:
    """Say where the model has become worse."""
    for each in comparison.sets:
        if not each.lost():
            continue
        if each.kind == "old":
            advice = "mix some of the old data in (data.mixing), or lower training.learning_rate"
        else:
            advice = "the corpus may not suit it; lower training.learning_rate, or look at it with mtkit doctor"
        logger.warning("%s: worse than before: %s", each.title(), advice)


def _begun(config: Config, start: Start, run_dir: Path) -> _Before:
    """What has been translated of what is asked for."""
    asked = digest_of(
        config.decoding.model_dump_json(), *(each.model_dump_json() for each in config.training.keep_test)
    )
    before = _read(run_dir)
    if before is None or (before.weights, before.asked) != (start.base.weights, asked):
        return _Before(start.base.name, start.base.weights, asked)
    return before


def _translator(bundle: Bundle, config: Config, device: torch.device) -> Translator:
    """In float32, as test sets are scored, with the search of the new model."""
    pair = (config.data.src_lang, config.data.tgt_lang) if languages_of(bundle).default is None else (None, None)
    translator = Translator.load(
        bundle,
        device=str(device),
        precision="fp32",
        threads=config.training.threads,
        src_lang=pair[0],
        tgt_lang=pair[1],
    )
    return translator.decoding_by(config.decoding)


def _translated(translator: Translator, held: HeldOut, deadline: Deadline | None) -> tuple[list[int], list[str]]:
    """Translations of a set, or of the lines that there is time for, with their numbers."""
    translator = translator.prefixed(*_known(held.prefix, translator.tokenizer))
    if deadline is None:
        return list(range(len(held.src_text))), translate_lines(translator, held.src_text)
    part = translate_in_time([translator], held.src_text, deadline)
    if part is None or part.is_short:  # what is cut off is not what the model would say
        logger.warning("%s is not compared: there was no time to translate it", held.name)
        return [], []
    return part.rows, part.hyp_texts[0]


def _known(prefix: Prefix, tokenizer: Tokenizer) -> Prefix:
    """What of the words for the languages a model has: tags that the run adds (``tokenizer.extend``) come later."""
    src, tgt = tokenizer.src_vocab_size, tokenizer.tgt_vocab_size
    return Prefix(tuple(n for n in prefix.src if n < src), tuple(n for n in prefix.tgt if n < tgt))


def _read(run_dir: Path) -> _Before | None:
    """What was translated before; None where nothing was, or the file is damaged."""
    path = run_dir / NOTE
    if not path.is_file():
        return None
    try:
        return shaped(_Before, read_json(path))
    except (DataError, ValueError) as error:
        logger.warning("%s: damaged (%s); translating again", path, " ".join(str(error).split()))
        return None
