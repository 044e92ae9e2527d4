"""Translate a test set and score it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtkit.bundle.bundle import Bundle, with_bundle
from mtkit.bundle.corpus import INSTEAD, find_corpus
from mtkit.bundle.languages import has_tags, prefixes_for
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.tokens.special import NO_PREFIX, Prefix
from mtkit.engines.engine_choice import load_engine
from mtkit.errors import DataError
from mtkit.evaluation.metrics.metrics import DEFAULT_METRICS, Score, score
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.sets import EvaluationSet, LanguagePair, System
from mtkit.files.outputs import write_output
from mtkit.log import logger, progress_bar
from mtkit.machine.memory import memory_advice
from mtkit.translation.searching import Searching
from mtkit.translation.tally import Tally
from mtkit.translation.translator import Translator

_LINES_AT_ONCE = 1024  # sorted by length among themselves


@dataclass(frozen=True)
class HeldOut:
    """A test set of the corpus that a model was trained on."""

    name: str
    src_text: list[str]
    ref_text: list[str]

    prefix: Prefix = NO_PREFIX
    """Ids that stand before each text: its languages and tags."""

    tgt_lang: str | None = None
    """Language code of the references, where it is not the model's own."""


@dataclass(frozen=True)
class Evaluation:
    """A test set as the model translates it, and how good that is."""

    hyp_text: list[str]
    scores: list[Score]


def translate_lines(
    translator: Translator,
    src_text: Sequence[str],
    *,
    beam_size: int | None = None,
    batch_size: int | None = None,
    label: str = "",
) -> list[str]:
    """The best translation of each line, with a progress bar on a terminal, and a warning of what may be missing.

    Args:
        translator: The model.
        src_text: One segment each.
        beam_size: By default the model's own.
        batch_size: Sentences that are searched at once; by default the translator's.
        label: What the warning begins with.
    """
    hyp_text: list[str] = []
    tally = Tally()
    options = translator.search_options(beam_size=beam_size, scores=False)
    buffers = (src_text[start : start + _LINES_AT_ONCE] for start in range(0, len(src_text), _LINES_AT_ONCE))
    with progress_bar(total=len(src_text), description="translating", unit=" lines") as bar:
        for translations in translator.translate_ahead(buffers, options, n_ahead=1, batch_size=batch_size):
            for translation in translations:
                hyp_text.append(translation.text)
                tally.add(translation)
            bar.update(len(translations))
    tally.warn(label)
    return hyp_text


def evaluate_texts(
    translator: Translator,
    src_text: Sequence[str],
    ref_texts: Sequence[Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    tgt_lang: str,
) -> Evaluation:
    """Translate a test set with the model's own search settings, and score it.

    Args:
        translator: The model.
        src_text: One segment each.
        ref_texts: One list per reference, each as long as ``src_text``.
        metrics: Names out of ``mtkit.evaluation.metrics.metrics.METRICS``.
        tgt_lang: Code of the target language; chooses BLEU's tokenizer.

    Raises:
        ConfigError: If a metric is unknown or lacks its package.
        DataError: If the test set is empty or the numbers of segments differ.
    """
    hyp_text = translate_lines(translator, src_text)
    return Evaluation(hyp_text, score(hyp_text, ref_texts, metrics, tgt_lang=tgt_lang))


def held_out_sets(bundle: Bundle) -> list[HeldOut]:
    """The test sets of the corpus that a model was trained on, in the order of its recipe.

    Raises:
        ConfigError: If the recipe in the bundle is damaged.
        DataError: If the corpus is not there any more, is damaged, or has no test set.
    """
    prepared = find_corpus(bundle)
    if not prepared.manifest.n_test:
        raise DataError(f"{prepared.directory}: the model's corpus has no test set; {INSTEAD}")
    return held_out_of(prepared)


def held_out_of(prepared: Prepared) -> list[HeldOut]:
    """The test sets of a corpus, in the order of its recipe."""
    sets = []
    for report, prefix in zip(prepared.manifest.of_place("test"), prepared.prefixes("test"), strict=True):
        store, tgt_lang = prepared.store(f"test/{report['name']}"), report.get("tgt_lang")
        sets.append(HeldOut(report["name"], store.src_text(), store.tgt_text(), prefix, tgt_lang))
    return sets


def validation_of(prepared: Prepared) -> HeldOut:
    """The validation set of a corpus; of several directions the first."""
    store, prefixes = prepared.store("valid"), prepared.prefixes("valid")
    src_text, ref_text = store.src_text(), store.tgt_text()
    if any(prefix != prefixes[0] for prefix in prefixes):
        rows = [row for row, corpus in enumerate(store.corpora().tolist()) if prefixes[corpus] == prefixes[0]]
        src_text, ref_text = [src_text[row] for row in rows], [ref_text[row] for row in rows]
    tgt_lang = prepared.manifest.of_place("valid")[0].get("tgt_lang")
    return HeldOut("the validation set", src_text, ref_text, prefixes[0], tgt_lang)


def validation_set(bundle: Bundle) -> HeldOut:
    """The validation set of the corpus that a model was trained on.

    Raises:
        ConfigError: If the recipe in the bundle is damaged.
        DataError: If the corpus is not there any more or is damaged.
    """
    return validation_of(find_corpus(bundle))


def held_out(bundle: Bundle) -> list[tuple[EvaluationSet, Prefix]]:
    """The test sets of the corpus that a model was trained on, each with the ids that stand before its lines."""
    return [
        (
            EvaluationSet(
                held.name,
                [Text(f"the reference of {held.name}", held.ref_text)],
                Text(held.name, held.src_text),
                language_pair=None if held.tgt_lang in (None, bundle.tgt_lang) else (bundle.src_lang, held.tgt_lang),
            ),
            held.prefix,
        )
        for held in held_out_sets(bundle)
    ]


def with_languages(
    bundle: Bundle, sets: list[EvaluationSet] | None, pair: LanguagePair
) -> list[tuple[EvaluationSet, Prefix]]:
    """What a model is to translate, each set with its languages and the ids that tell the model of them.

    Args:
        bundle: The model.
        sets: Test sets; None for those of the model's own corpus.
        pair: The languages of sets that name none.
    """
    if sets is None:
        return [(_in(pair, each), prefix) for each, prefix in held_out(bundle)]
    tagged = has_tags(bundle)
    return [
        (_in(pair, each), prefixes_for(bundle, *(each.language_pair or pair)) if tagged else NO_PREFIX) for each in sets
    ]


def _in(pair: LanguagePair, each: EvaluationSet) -> EvaluationSet:
    """A set in these languages where it names none."""
    return each if each.language_pair else replace(each, language_pair=pair)


def translate(
    bundle: Bundle, sets: list[tuple[EvaluationSet, Prefix]], searching: Searching, output: Path | None
) -> Iterator[EvaluationSet]:
    """Translate test set after test set, each after its tags, so that each is scored before the next."""
    beam_size = searching.beam_size
    engine = with_bundle(
        bundle,
        lambda found: load_engine(
            found,
            engine=searching.engine,
            device=searching.device,
            precision=searching.precision,
            threads=searching.threads,
            beam_size=beam_size,
        ),
    )
    for material, prefix in sets:
        assert material.src is not None
        description = engine.description
        logger.info("translating %s, %s lines, on %s", material.name, f"{material.n_lines:,}", description)
        with memory_advice("lower --batch-size or --beam-size"):
            src_lang = material.language_pair[0] if material.language_pair and has_tags(bundle) else None
            translator = Translator.of(engine, bundle, src_lang).prefixed(*prefix)
            hyp_text = translate_lines(
                translator, material.src.lines, beam_size=beam_size, batch_size=searching.batch_size
            )
        if output is not None:
            write_output(output, (f"{line}\n".encode() for line in hyp_text))
        hyp = Text(f"the translation of {material.name}", hyp_text)
        yield replace(material, systems=[System(bundle.name, hyp, description)])
