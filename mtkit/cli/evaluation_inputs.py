"""What ``mtkit evaluate`` is given: checks of the options, and the test sets that they name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mtkit.cli.evaluation_outputs import check_directory
from mtkit.cli.options import check_stdin
from mtkit.cli.output import STANDARD_OUTPUT, check_outputs
from mtkit.cli.usage import metrics_as_model
from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.evaluation.sets import EvaluationSet, LanguagePair
    from mtkit.translation.bundle import Bundle
    from mtkit.translation.translator import Translator


@dataclass(frozen=True)
class Inputs:
    """The options that say what is scored."""

    hyps: list[str]
    names: list[str]
    refs: list[str]
    src: str | None
    docs: str | None
    sets: Path | None
    model: Path | None
    output: Path | None
    gate: Path | None = None
    against: Path | None = None

    @property
    def files(self) -> list[str]:
        """All texts that are read."""
        return [*self.hyps, *self.refs, *filter(None, (self.src, self.docs))]

    @property
    def lists(self) -> list[Path]:
        """What else is read."""
        return [*filter(None, (self.sets, self.gate, self.against))]

    def check(self) -> None:
        """Refuse what does not say one thing, with what to type instead."""
        if misread := metrics_as_model(self.model):
            raise ConfigError(misread)
        if self.hyps and self.model is not None:
            raise ConfigError("--hyp and -m do not go together: --hyp scores an output, -m translates a test set")
        if not self.hyps and self.model is None and self.sets is None:
            raise ConfigError("nothing to score: give an output with --hyp FILE, or a model with -m RUN")
        if self.sets is not None and (self.hyps or self.refs or self.src or self.docs):
            raise ConfigError("--sets FILE names all files; leave out --hyp, --ref, -i and --docs")
        if self.output is not None and self.model is None:
            raise ConfigError("-o belongs to -m RUN; with --hyp nothing is translated")
        if self.sets is None and (self.hyps or self.src is not None) and not self.refs:
            raise ConfigError("nothing to score against: add --ref FILE")
        if not self.hyps and self.refs and self.src is None:
            raise ConfigError(
                "--ref needs the text to translate: add -i FILE, or leave --ref out for the run's test sets"
            )
        if self.docs is not None and not self.refs:
            raise ConfigError("--docs belongs to a test set: name its files too, --ref FILE and --hyp FILE or -i FILE")
        if self.names and len(self.names) != len(self.hyps):
            raise ConfigError(f"{len(self.names)} --name for {len(self.hyps)} --hyp: give each output one, in order")
        check_stdin(*self.files)
        called = self.names or self.hyps
        for name in called:
            if called.count(name) > 1:
                raise ConfigError(f"two outputs are called {name}: give each a name of its own with --name")
        if self.output is not None:
            _check_output(self.output, [*self.files, *self.lists])

    @property
    def own_sets(self) -> bool:
        """Whether the test sets are the model's own."""
        return self.sets is None and not self.refs

    def read(self, pair: "LanguagePair | None") -> "list[EvaluationSet] | None":
        """The test sets that the options name; None where they are the model's own."""
        from mtkit.evaluation.sets import read_evaluation_set, read_set_list, system_names

        if self.sets is not None:
            return read_set_list(self.sets, translated=self.model is None, language_pair=pair)
        if not self.refs:
            return None
        names = self.names or system_names(self.hyps)
        return [
            read_evaluation_set(
                None,
                refs=self.refs,
                hyps=list(zip(names, self.hyps, strict=True)),
                src=self.src,
                docs=self.docs,
                language_pair=pair,
            )
        ]


def _check_output(output: Path, inputs: Sequence[Path | str]) -> None:
    if output == STANDARD_OUTPUT:
        raise ConfigError("-o -: the scores go to standard output; name a file for the translations")
    check_outputs({"standard output": STANDARD_OUTPUT, "-o": output}, *inputs)
    if output.is_dir():
        raise ConfigError(f"-o {output}: is a directory; name a file")
    check_directory("-o", output)


def check_one_output(output: Path | None, sets: "list[EvaluationSet]") -> None:
    """Refuse a file that could not hold the translations, before they are made."""
    if output is not None and len(sets) > 1:
        names = ", ".join(each.name for each in sets)
        raise ConfigError(f"-o holds one translation, but the run has several test sets ({names}): use mtkit translate")


def held_out(bundle: "Bundle") -> "list[tuple[EvaluationSet, list[int]]]":
    """The test sets of the corpus that a model was trained on, each with the source ids that stand before its lines."""
    from mtkit.evaluation.checks import Text
    from mtkit.evaluation.sets import EvaluationSet
    from mtkit.translation.scoring import held_out_sets

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
    bundle: "Bundle", sets: "list[EvaluationSet] | None", pair: "LanguagePair"
) -> "list[tuple[EvaluationSet, list[int]]]":
    """What a model is to translate, each set with its languages and the source ids that tell the model of them.

    Args:
        bundle: The model.
        sets: Test sets; None for those of the model's own corpus.
        pair: The languages of sets that name none.
    """
    from mtkit.translation.languages import prefix_for

    if sets is None:
        return [(_in(pair, each), prefix) for each, prefix in held_out(bundle)]
    tagged = bundle.data is not None and bundle.data.language_tags != "none"
    return [(_in(pair, each), prefix_for(bundle, *(each.language_pair or pair)) if tagged else []) for each in sets]


def _in(pair: "LanguagePair", each: "EvaluationSet") -> "EvaluationSet":
    """A set in these languages where it names none."""
    return each if each.language_pair else replace(each, language_pair=pair)


def translate(
    translator: "Translator",
    sets: "list[tuple[EvaluationSet, list[int]]]",
    system: str,
    *,
    beam_size: int | None,
    batch_size: int | None,
    output: Path | None,
) -> "Iterator[EvaluationSet]":
    """Translate test set after test set, each after its source ids, so that each is scored before the next."""
    from mtkit.device import memory_advice
    from mtkit.evaluation.checks import Text
    from mtkit.evaluation.sets import System
    from mtkit.log import logger
    from mtkit.outputs import write_output
    from mtkit.translation.scoring import translate_lines

    for material, prefix in sets:
        assert material.src is not None
        description = translator.engine.description
        logger.info("translating %s, %s lines, on %s", material.name, f"{material.n_lines:,}", description)
        with memory_advice("lower --batch-size or --beam-size"):
            tagged = translator.prefixed(prefix)
            hyp_text = translate_lines(tagged, material.src.lines, beam_size=beam_size, batch_size=batch_size)
        if output is not None:
            write_output(output, (f"{line}\n".encode() for line in hyp_text))
        hyp = Text(f"the translation of {material.name}", hyp_text)
        yield replace(material, systems=[System(system, hyp, description)])
