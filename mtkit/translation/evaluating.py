"""The evaluation of a model: test sets translated by it and scored, one after the other."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mtkit.bundle.bundle import Bundle
from mtkit.evaluation.assessment import Method
from mtkit.evaluation.evaluating import PlannedEvaluation
from mtkit.evaluation.gates.gating import Gating
from mtkit.evaluation.sets import EvaluationSet, LanguagePair
from mtkit.translation.searching import Searching
from mtkit.translation.test_sets import translate, with_languages


def evaluation_of_model(
    bundle: Bundle,
    method: Method,
    *,
    sets: list[EvaluationSet] | None = None,
    pair_of: Callable[[str, str], LanguagePair] = lambda src_lang, tgt_lang: (src_lang, tgt_lang),
    gating: Gating | None = None,
    searching: Searching | None = None,
    output: Path | None = None,
) -> tuple[PlannedEvaluation, LanguagePair]:
    """The evaluation of a model on test sets; they are translated when its reports are asked for.

    Args:
        bundle: The model.
        method: How it is scored.
        sets: The test sets; by default those of the corpus that the model was trained on.
        pair_of: What the languages of the texts are called, from the codes of the model's.
        gating: What must be reached.
        searching: How the model translates.
        output: A file for the translations of one test set.

    Returns:
        The evaluation, and the languages that are named.

    Raises:
        ConfigError: If a gate cannot be checked, or the model does not know a language.
        DataError: If the corpus of the model is not there any more, or has no test set.
    """
    gating = gating or Gating()
    pair = pair_of(bundle.src_lang, bundle.tgt_lang)
    to_translate = with_languages(bundle, sets, pair)
    whole = [each for each, _ in to_translate]
    gating.check(whole, method)
    method = replace(method, seen=bundle.training_sources())
    translated = translate(bundle, to_translate, searching or Searching(), output)
    return PlannedEvaluation(whole, method, gating, translated), pair
