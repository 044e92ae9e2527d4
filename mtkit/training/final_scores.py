"""What a trained model is worth: its conversion to int8 with what that loses, and its scores on the test sets.

In a run by time all of it ends in time: what there is no time to translate is left out, and that is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from mtkit.bundle.bundle import Bundle
from mtkit.data.corpus.prepared import Prepared
from mtkit.engines.conversion import inexpressible
from mtkit.errors import ConfigError
from mtkit.evaluation.metrics.metrics import DEFAULT_METRICS, Score, score
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.pitfalls.suitability import find_unsuited_for_bleu
from mtkit.evaluation.telling import NAMES, has_learnt
from mtkit.log import logger
from mtkit.settings.recipe import Config
from mtkit.translation.export import MAX_MEASURED, export_ctranslate2, measure_torch_precision
from mtkit.translation.in_time import MIN_LINES, SHORT, Deadline, TranslatedPart, translate_in_time
from mtkit.translation.test_sets import HeldOut, evaluate_texts, held_out_of, validation_of
from mtkit.translation.translator import Translator

_N_TRIED = 32  # lines of the validation set that tell whether a model has learnt anything
_TRIAL_SHARE = 0.2  # of the time for int8, at most, to find that out
_TRANSLATION_SHARE = 0.9  # of the time left; the rest is for computing the scores and writing them down


@dataclass(frozen=True)
class SetScores:
    """The scores of a test set."""

    scores: list[Score]
    """Empty where there was no time for any."""

    n_lines: int | None = None
    """Lines that were scored, where these are not all."""

    n_lines_of_set: int | None = None
    """Of how many, then."""

    is_short: bool = False
    """Whether the length of the translations was cut to ``SHORT``, for want of time."""

    rows: list[int] = field(default_factory=list, repr=False, compare=False)
    """Numbers of the lines that were translated, from 0, where they are at hand."""

    hyp_text: list[str] = field(default_factory=list, repr=False, compare=False)
    """Their translations."""

    def as_json(self) -> list[dict[str, object]]:
        """Plain values: one per score, each with what it says of how many lines."""
        part: dict[str, object] = {}
        if self.n_lines is not None:
            part |= {"n_lines": self.n_lines, "n_lines_of_set": self.n_lines_of_set}
        if self.is_short:
            part |= SHORT
        return [each.as_json() | part for each in self.scores]

    @classmethod
    def from_json(cls, plain: Sequence[Mapping[str, Any]]) -> "SetScores":
        """Inverse of ``as_json``; errors as in ``Score.from_json``."""
        first = plain[0] if plain else {}
        scores = [Score.from_json(each) for each in plain]
        n_lines, n_of_set = first.get("n_lines"), first.get("n_lines_of_set")
        if any(type(count) not in (int, type(None)) for count in (n_lines, n_of_set)):
            raise TypeError("these are not numbers of lines")
        return cls(scores, n_lines, n_of_set, SHORT.keys() <= first.keys())

    def extent(self) -> str:
        """What was scored if that is not the whole set as the model translates it, such as ``312 of 1,500 lines``."""
        if not self.scores:
            return "not scored, the time was up"
        said = [] if self.n_lines is None else [f"{self.n_lines:,} of {self.n_lines_of_set:,} lines"]
        return ", ".join([*said, f"at most {length_shown()}"] if self.is_short else said)


def length_shown() -> str:
    """The longest translation under ``SHORT``, in words."""
    return f"{SHORT['max_length_ratio']} x source + {SHORT['max_length_offset']} tokens a line"


def n_lines_to_convert(n_valid: int) -> int:
    """Translations that ``convert_measured`` makes, with a validation set of so many lines."""
    return 2 * min(n_valid, MAX_MEASURED)


def convert_measured(
    bundle: Bundle, config: Config, prepared: Prepared, device: torch.device, deadline: Deadline | None
) -> None:
    """Put conversions into a bundle, with what int8 loses on the validation set and how fast each is.

    A model that CTranslate2 has nothing for is whole without; on a CPU it gets the same of bf16.
    """
    convertible = inexpressible(bundle.model) is None  # if not, the engine that is chosen for translating says so
    if not convertible and device.type != "cpu":
        return
    held_out = validation_of(prepared)
    n_translations, n_test = n_lines_to_convert(len(held_out.src_text)), sum(prepared.manifest.n_test.values())
    if deadline is not None:
        deadline = deadline.part(_TRANSLATION_SHARE * n_translations / (n_translations + n_test))
    tried = replace(held_out, src_text=held_out.src_text[:_N_TRIED], ref_text=held_out.ref_text[:_N_TRIED])
    translator = Translator.load(bundle, engine="torch", device=str(device), threads=config.training.threads)
    trial = _scored(translator, tried, config, None if deadline is None else deadline.part(_TRIAL_SHARE), least=8)
    useless = not trial.scores or not has_learnt(trial.scores, *_references(tried, config))
    if useless:  # it would take long over lines without end
        reason = "the model has learnt too little" if trial.scores else "there was no time"
        logger.info("what %s loses is not measured: %s", "int8" if convertible else "bf16", reason)
    if not convertible:
        if not useless:
            measure_torch_precision(bundle, held_out, config.training.threads, deadline)
        return
    try:
        conversion = export_ctranslate2(
            bundle, "int8", None if useless else held_out, config.training.threads, deadline=deadline
        )
    except (ConfigError, ImportError, RuntimeError) as error:
        logger.info("no conversion for CTranslate2: %s", error)
        return
    if conversion.quality is not None:
        lost, metric = conversion.quality["loss"], NAMES[conversion.quality["metric"]]
        logger.info("int8 %s %.2f %s against float32", "gains" if lost < 0 else "loses", abs(lost), metric)


def score_test_sets(
    bundle: Bundle,
    config: Config,
    prepared: Prepared,
    device: torch.device,
    deadline: Deadline | None,
    run_dir: Path,
    *,
    n_more: int = 0,
) -> dict[str, SetScores]:
    """Scores of each test set, by its name, in float32, as ``mtkit evaluate`` finds them again on any machine.

    Where there is no time for all lines, those of a part.

    Args:
        bundle: The model.
        config: Of the run.
        prepared: Has the test sets.
        device: Where.
        deadline: Of the scores; None where there is none.
        run_dir: What ``mtkit evaluate`` is to be given.
        n_more: Lines that are translated after these, for which time is to be left.
    """
    translator = Translator.load(bundle, device=str(device), precision="fp32", threads=config.training.threads)
    tests, scores = held_out_of(prepared), dict[str, SetScores]()
    n_left = sum(len(test.src_text) for test in tests) + n_more
    for test in tests:
        n = len(test.src_text)
        logger.info("scoring test set %s, %s lines, beam %d", test.name, f"{n:,}", config.decoding.beam_size)
        own = None if deadline is None else deadline.part(_TRANSLATION_SHARE * n / n_left)
        scores[test.name] = of_set = _scored(translator, test, config, own, metrics=config.evaluation.metrics)
        n_left -= n
        if not of_set.scores:
            logger.warning(
                "test set %s is not scored: the time was up; mtkit evaluate -m %s scores it", test.name, run_dir
            )
        elif of_set.n_lines is not None:
            extent = f"{of_set.n_lines:,} of {n:,} lines of the test set {test.name}"
            again = f"the time was up; mtkit evaluate -m {run_dir} scores all of them"
            logger.warning("scored on %s: %s", extent, again)
        for warning in find_unsuited_for_bleu(Text(test.name, test.ref_text), test.tgt_lang or config.data.tgt_lang):
            logger.warning("test set %s", warning)
        if of_set.is_short:
            logger.warning("translations were cut off at %s, as there was no time for longer ones", length_shown())
    scored = [(scores[test.name], test) for test in tests if scores[test.name].scores]
    if scored and not any(_has_learnt(found, test, config) for found, test in scored):
        logger.warning("the model has learnt next to nothing yet: train it for longer, or on more pairs")
    return scores


def _references(held_out: HeldOut, config: Config) -> tuple[Sequence[str], str]:
    """Of a set, with their language."""
    return held_out.ref_text, held_out.tgt_lang or config.data.tgt_lang


def _has_learnt(of_set: SetScores, test: HeldOut, config: Config) -> bool:
    """Whether a model is better than chance on a test set, whatever metrics it was scored by."""
    ref_text, tgt_lang = _references(test, config)
    scores = of_set.scores
    if not {*DEFAULT_METRICS} <= {each.metric for each in scores}:
        scores = score(of_set.hyp_text, [[ref_text[row] for row in of_set.rows]], tgt_lang=tgt_lang)
    return has_learnt(scores, ref_text, tgt_lang)


def _scored(
    translator: Translator,
    held_out: HeldOut,
    config: Config,
    deadline: Deadline | None,
    *,
    least: int = MIN_LINES,
    metrics: Sequence[str] = DEFAULT_METRICS,
) -> SetScores:
    """Scores on all of a set, or on as many lines, ``least`` or more, as there is time to translate."""
    translator = translator.prefixed(*held_out.prefix)
    tgt_lang = held_out.tgt_lang or config.data.tgt_lang
    if deadline is None:
        ref_texts = [held_out.ref_text]
        found = evaluate_texts(translator, held_out.src_text, ref_texts, metrics, tgt_lang=tgt_lang)
        return SetScores(found.scores, rows=list(range(len(found.hyp_text))), hyp_text=found.hyp_text)
    part = translate_in_time([translator], held_out.src_text, deadline, least=least)
    return SetScores([]) if part is None else _scored_part(part, held_out, tgt_lang, metrics)


def _scored_part(part: TranslatedPart, held_out: HeldOut, tgt_lang: str, metrics: Sequence[str]) -> SetScores:
    ref_text = [held_out.ref_text[row] for row in part.rows]
    scores = score(part.hyp_texts[0], [ref_text], metrics, tgt_lang=tgt_lang)
    whole = SetScores(scores, is_short=part.is_short, rows=part.rows, hyp_text=part.hyp_texts[0])
    n, n_of_set = len(part.rows), len(held_out.src_text)
    return whole if n == n_of_set else replace(whole, n_lines=n, n_lines_of_set=n_of_set)
