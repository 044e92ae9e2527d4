"""The output of ``mtkit evaluate``: scores on standard output, reports in files, and the baseline for the next time."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mtkit.errors import ConfigError, GateError, MtkitError
from mtkit.files.outputs import STANDARD_OUTPUT, check_directory, check_outputs

if TYPE_CHECKING:
    from mtkit.cli.evaluation.inputs import Inputs
    from mtkit.evaluation.assessment import Method, SetReport
    from mtkit.evaluation.sets import EvaluationSet, LanguagePair


@dataclass(frozen=True)
class Outputs:
    """The options that say what is told, and where."""

    decimals: int
    score_only: bool
    as_json: bool
    segments: Path | None
    junit: Path | None
    markdown: Path | None
    baseline: Path | None

    def check(self, inputs: "Inputs") -> None:
        """Refuse files that would overwrite what is read, or each other."""
        for flag, path in self._files.items():
            self._check_file(flag, path, inputs)
        if inputs.docs is not None and self.segments is None:
            raise ConfigError("--docs is for scores of documents: add --segments FILE")

    @contextmanager
    def telling_errors(self, inputs: "Inputs") -> Iterator[None]:
        """Write what ended the evaluation into the reports, where an earlier run may have left that all is well."""
        try:
            yield
        except GateError:  # the reports tell of it already
            raise
        except BaseException as error:
            self._tell(error, inputs)
            raise

    def _tell(self, error: BaseException, inputs: "Inputs") -> None:
        from mtkit.evaluation.report_files import junit_of_error, markdown_of_error
        from mtkit.files.outputs import write_output
        from mtkit.log import logger

        kind = type(error).__name__
        message = str(error) if isinstance(error, MtkitError) else f"{kind} {error}".strip()
        reports = [("--junit", self.junit, junit_of_error(message, kind))]
        reports.append(("--markdown", self.markdown, markdown_of_error(message).encode()))
        for flag, path, content in reports:
            if path is None:
                continue
            try:
                self._check_file(flag, path, inputs)
                write_output(path, [content])
            except MtkitError as second:
                if str(second) != message:
                    logger.warning("not written: %s", second)

    @property
    def _files(self) -> dict[str, Path]:
        """Files that are asked for, by their options."""
        given = {
            "--segments": self.segments,
            "--junit": self.junit,
            "--markdown": self.markdown,
            "--save-baseline": self.baseline,
        }
        return {flag: path for flag, path in given.items() if path is not None}

    def _check_file(self, flag: str, path: Path, inputs: "Inputs") -> None:
        """Refuse a file that must not be written."""
        if path.is_dir() or path == STANDARD_OUTPUT:
            raise ConfigError(f"{flag} {path}: name a file")
        lists = inputs.lists
        if flag == "--save-baseline" and inputs.against is not None:
            lists.remove(inputs.against)  # what is compared with may be replaced
        check_outputs({flag: path}, *inputs.files, *lists)
        writes = {"-o": inputs.output, **self._files, "standard output": STANDARD_OUTPUT}
        for other in writes:
            check_outputs({name: writes[name] for name in writes if name in (flag, other)})
        check_directory(flag, path)

    def check_read(self, inputs: "Inputs", sets: "Sequence[EvaluationSet]") -> None:
        """Refuse files that would overwrite what a list of test sets names."""
        texts = [
            text.name
            for each in sets
            for text in (*each.refs, each.src, each.docs, *(system.hyp for system in each.systems))
            if text is not None
        ]
        for flag, path in {"-o": inputs.output, **self._files}.items():
            check_outputs({flag: path}, *texts)

    def check_sets(self, sets: "Sequence[EvaluationSet]") -> None:
        """Refuse a baseline of several systems."""
        if self.baseline is not None and any(len(each.systems) > 1 for each in sets):
            raise ConfigError("--save-baseline stores one system: give one --hyp")

    def show(self, report: "SetReport", *, heading: bool) -> None:
        """The scores of a test set, for people."""
        from mtkit.evaluation.report import set_lines, value_lines
        from mtkit.wording import counted

        if self.as_json:
            return
        if self.score_only:
            lines = value_lines(report, decimals=self.decimals)
        else:
            lines = set_lines(report, decimals=self.decimals)
            if heading:
                lines = [f"{report.material.name} ({counted(report.material.n_lines, 'line')})", *lines]
        typer.echo("\n".join(lines))

    def write(
        self, reports: "Sequence[SetReport]", method: "Method", model: Path | None, pair: "LanguagePair | None"
    ) -> None:
        """All reports in files, and JSON on standard output."""
        from mtkit.evaluation.report_files import as_json, junit, markdown, segment_records
        from mtkit.files.outputs import write_output

        if self.junit is not None:
            write_output(self.junit, [junit(reports)])
        if self.markdown is not None:
            write_output(self.markdown, [markdown(reports, decimals=self.decimals).encode()])
        if self.segments is not None:
            records = segment_records(reports, method)
            write_output(self.segments, (f"{json.dumps(record, ensure_ascii=False)}\n".encode() for record in records))
        if self.as_json:
            whole = as_json(
                reports,
                model=None if model is None else str(model),
                language_pair="-".join(pair) if pair else None,
            )
            typer.echo(json.dumps(whole, ensure_ascii=False, indent=2))

    def save_baseline(self, reports: "Sequence[SetReport]") -> None:
        """Store what was reached; called when no gate was missed."""
        if self.baseline is None:
            return
        from mtkit.evaluation.evaluating import store_baseline
        from mtkit.log import logger

        store_baseline(self.baseline, reports)
        logger.info("saved the baseline %s", self.baseline)
