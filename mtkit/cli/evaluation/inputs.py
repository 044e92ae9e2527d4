"""The input of ``mtkit evaluate``: checks of the options, and the test sets that they name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mtkit.cli.options import check_stdin
from mtkit.cli.usage import metrics_as_model, unexpected
from mtkit.errors import ConfigError
from mtkit.files.outputs import STANDARD_OUTPUT, check_directory, check_outputs

if TYPE_CHECKING:
    from mtkit.evaluation.sets import EvaluationSet, LanguagePair


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
    adapter: Path | None = None

    @property
    def files(self) -> list[str]:
        """The texts that are read."""
        return [*self.hyps, *self.refs, *filter(None, (self.src, self.docs))]

    @property
    def lists(self) -> list[Path]:
        """The other files that are read."""
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
                raise ConfigError(f"two outputs are called {name}: give each a different name with --name")
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


def model_of(context: typer.Context, model: Path | None, arguments: Sequence[str], hyps: Sequence[str]) -> Path | None:
    """The model of -m, or the one argument that may stand for it.

    Raises:
        UsageError: If there are other arguments, such as the second of two values after one option.
    """
    if not arguments:
        return model
    if model is None and not hyps and len(arguments) == 1 and not Path(arguments[0]).is_file():
        return Path(arguments[0])
    raise unexpected(context, arguments)


def check_one_output(output: Path | None, sets: "Sequence[EvaluationSet]") -> None:
    """Refuse a file that could not hold the translations, before they are made."""
    if output is not None and len(sets) > 1:
        names = ", ".join(each.name for each in sets)
        raise ConfigError(f"-o holds one translation, but the run has several test sets ({names}): use mtkit translate")
