"""Translate a test set and score it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mtkit.config import Config
from mtkit.data.prepared import Prepared, open_prepared
from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics import DEFAULT_METRICS, Score, score
from mtkit.layers import Layer
from mtkit.log import logger, progress_bar
from mtkit.settings import Settings, read_config
from mtkit.translation.bundle import MANIFEST, Bundle
from mtkit.translation.tally import Tally
from mtkit.translation.translator import Translator

_LINES_AT_ONCE = 1024  # sorted by length among themselves
_INSTEAD = "name a test set with -i FILE --ref FILE"


@dataclass(frozen=True)
class HeldOut:
    """A test set of the corpus that a model was trained on."""

    name: str
    src_text: list[str]
    ref_text: list[str]

    prefix: list[int] = field(default_factory=list)
    """Source ids that stand before each text: its languages and tags."""

    tgt_lang: str | None = None
    """Language code of the references, where it is not the model's own."""


@dataclass(frozen=True)
class Evaluation:
    """A test set as the model translates it, and how good that is."""

    hyp_text: list[str]
    scores: list[Score]


def translate_lines(
    translator: Translator, src_text: Sequence[str], *, beam_size: int | None = None, batch_size: int | None = None
) -> list[str]:
    """The best translation of each line, with a progress bar on a terminal, and a warning of what may be missing.

    Args:
        translator: The model.
        src_text: One segment each.
        beam_size: By default the model's own.
        batch_size: Sentences that are searched at once; by default the translator's.
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
    tally.warn()
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
        metrics: Names out of ``mtkit.evaluation.metrics.METRICS``.
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
    prepared = _corpus(bundle)
    if not prepared.manifest.n_test:
        raise DataError(f"{prepared.directory}: the model's corpus has no test set; {_INSTEAD}")
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
    return validation_of(_corpus(bundle))


def _corpus(bundle: Bundle) -> Prepared:
    """What a model was trained on."""
    directory = _recipe(bundle).prepared_directory
    if not directory.exists():
        raise DataError(f"{directory}: the model's corpus is not there; run this where it was trained, or {_INSTEAD}")
    prepared = open_prepared(directory)
    if prepared.manifest.tokenizer_sha256 != bundle.tokenizer.sha256():
        logger.warning("%s is not the corpus that this model was trained on: it may know the test set", directory)
    return prepared


def _recipe(bundle: Bundle) -> Config:
    """The settings that a model was trained with: its bundle has them, a checkpoint's run directory does."""
    if bundle.metadata:
        path, config = bundle.directory / MANIFEST, bundle.metadata.get("config", {})
        if not isinstance(config, dict):
            raise ConfigError(f"{path}: damaged: its config is no recipe")
        return Settings([Layer(str(path), config)]).config()
    return read_config(bundle.directory.parent.parent / "config.yaml")
