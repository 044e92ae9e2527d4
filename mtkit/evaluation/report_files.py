"""Reports for a CI and other programs: JUnit, Markdown for a job's summary, JSON, scores of segments."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

from mtkit.evaluation.assessment import Method, SetReport
from mtkit.evaluation.certainty.comparison import TEST_NAMES
from mtkit.evaluation.metrics.segments import document_scores, segment_scores
from mtkit.evaluation.report import run_lines, score_lines, system_rows
from mtkit.version import __version__
from mtkit.wording import counted

_NOT_XML = {n: "\ufffd" for n in (*range(32), 0xFFFE, 0xFFFF) if chr(n) not in "\t\n\r"}


def as_json(reports: Sequence[SetReport], *, model: str | None, language_pair: str | None) -> dict[str, object]:
    """The whole evaluation as plain values."""
    from sacrebleu import __version__ as sacrebleu_version

    comparisons = [{"test_set": r.material.name, **found.as_json()} for r in reports for found in r.comparisons]
    runs = [{"test_set": r.material.name, **run.as_json()} for r in reports for run in r.runs]
    return {
        "versions": {"mtkit": __version__, "sacrebleu": sacrebleu_version},
        "model": model,
        "language_pair": language_pair,
        "test_sets": [entry for report in reports for entry in report.as_json()],
        **({"comparisons": comparisons} if comparisons else {}),
        **({"runs": runs} if runs else {}),
    }


def junit(reports: Sequence[SetReport]) -> bytes:
    """A test suite for each test set: a case for each gate, and the scores as its output."""
    root = ET.Element("testsuites", name="mtkit evaluate")
    for report in reports:
        gates = [(system, gate) for system in report.systems for gate in system.gates]
        failed = [gate for _, gate in gates if not gate.passed]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_xml(report.material.name),
            tests=str(max(len(gates), 1)),
            failures=str(len(failed)),
            errors="0",
        )
        for system, gate in gates:
            case = ET.SubElement(suite, "testcase", classname=_xml(f"{report.material.name}.{system.system.name}"))
            case.set("name", f"{gate.metric} {gate.kind}")
            if not gate.passed:
                ET.SubElement(case, "failure", message=_xml(str(gate)), type="gate")
        if not gates:  # a suite without a case looks like a job that did nothing
            ET.SubElement(suite, "testcase", classname=_xml(report.material.name), name="scored")
        lines = [line for system in report.systems for line in (system.system.name, *score_lines(system.scores))]
        warnings = [warning for system in report.systems for warning in system.warnings]
        ET.SubElement(suite, "system-out").text = _xml("\n".join(lines))
        if warnings:
            ET.SubElement(suite, "system-err").text = _xml("\n".join(warnings))
    return _xml_file(root)


def junit_of_error(message: str, kind: str) -> bytes:
    """What ``junit`` gives, of an evaluation that came to no end: one case, with the error.

    Args:
        message: What went wrong.
        kind: Name of the kind of error.
    """
    root = ET.Element("testsuites", name="mtkit evaluate")
    suite = ET.SubElement(root, "testsuite", name="mtkit evaluate", tests="1", failures="0", errors="1")
    case = ET.SubElement(suite, "testcase", classname="mtkit evaluate", name="evaluated")
    ET.SubElement(case, "error", message=_xml(message), type=kind)
    return _xml_file(root)


def markdown(reports: Sequence[SetReport], *, decimals: int = 2) -> str:
    """A section for each test set: scores, gates, warnings, signatures."""
    sections = []
    for report in reports:
        title = f"### {_cell(report.material.name)} ({counted(report.material.n_lines, 'line')})"
        head, *rows = [list(map(_cell, row)) for row in system_rows(report, decimals=decimals)]
        sections.append("\n".join([title, "", *_table(head, rows)]))
        if report.comparisons:
            first = report.comparisons[0]
            sections.append(
                f"p against {_cell(first.baseline)}: {TEST_NAMES[first.test]}, {first.n_samples:,} samples; "
                "\\* is p < 0.05"
            )
        sections += ["- " + "\n- ".join(run_lines(report.runs, decimals=decimals))] if report.runs else []
        gates = [
            ["passed" if gate.passed else "**failed**", _cell(system.system.name), _cell(str(gate))]
            for system in report.systems
            for gate in system.gates
        ]
        sections += ["\n".join(_table(["gate", "system", ""], gates))] if gates else []
        warnings = [f"- {_cell(warning)}" for system in report.systems for warning in system.warnings]
        sections += ["Warnings:\n\n" + "\n".join(warnings)] if warnings else []
        sections.append("\n".join(f"- {s.name}: `{s.signature}`" for s in report.systems[0].scores))
    return "\n\n".join(sections) + "\n"


def markdown_of_error(message: str) -> str:
    """What ``markdown`` gives, of an evaluation that came to no end."""
    first, *others = message.split("\n")
    return "\n".join([f"**Not evaluated**: {_cell(first)}", *(f"- {_cell(line.strip())}" for line in others)]) + "\n"


def segment_records(reports: Sequence[SetReport], method: Method) -> Iterator[dict[str, object]]:
    """A record for every line and every document of every output, and whose it is."""
    for report in reports:
        material, settings = report.material, method.settings(report.material)
        docs = material.docs.lines if material.docs else None
        for system in report.systems:
            owner = {"set": material.name, "system": system.system.name}
            comet = {"comet": system.comet_of_segments} if system.comet_of_segments else None
            for record in segment_scores(material.n_lines, system.counts, settings, doc_of_line=docs, extra=comet):
                yield owner | record
            for record in document_scores(system.counts, docs, settings) if docs else ():
                yield owner | record


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _cell(text: str) -> str:
    """Text that no table takes for its own marks."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").replace("*", "\\*")


def _xml_file(root: ET.Element) -> bytes:
    ET.indent(root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="utf-8") + b"\n"


def _xml(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return text.translate(_NOT_XML)
