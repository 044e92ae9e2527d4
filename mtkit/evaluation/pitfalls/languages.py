"""Output that is not a translation: the source copied, unknown pieces, another script, another language."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from mtkit.errors import DataError
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.languages.codes import base_language
from mtkit.languages.identification import languages, same_language
from mtkit.languages.scripts import script_of_letter
from mtkit.wording import counted

_UNKNOWN = re.compile(r"<unk>|\u2047|\ufffd")
_REFERENCE_COPIES_SHARE = 0.1  # names, numbers and captions are the same in many languages
_COPIES_SHARE = 0.01
_SCRIPT_SHARE = 0.01
_LANGUAGE_SHARE = 0.05  # identification errs in one short line of 20 or so
_MIN_LETTERS = 5
_MIN_LETTERS_OF_LANGUAGE = 30
_MIN_LINES_OF_LANGUAGE = 10
_MAX_IDENTIFIED = 200  # some milliseconds each
_TOLD_BY_SCRIPT = ("zh", "ja", "ko")  # by mtkit.evaluation.pitfalls.checks, without the package
_TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}


def find_untranslated(
    hyp: Text, refs: Sequence[Text], *, src: Text | None = None, language_pair: tuple[str, str] | None = None
) -> Iterator[str]:
    """Say what in an output is not a translation into the target language.

    Args:
        hyp: The output.
        refs: Its references, which show what is right.
        src: The source, where it is known.
        language_pair: Codes of source and target language; identification needs the package py3langid.

    Yields:
        One sentence per finding.
    """
    unknown = [n for n, line in enumerate(hyp.lines, 1) if _UNKNOWN.search(line)]
    unknown = [n for n in unknown if not any(_UNKNOWN.search(ref.lines[n - 1]) for ref in refs)]
    if unknown:
        yield (
            f"{hyp.name}: <unk>, ⁇ or \ufffd in {_lines(unknown)}: what a system writes for words or characters that "
            "its vocabulary lacks, or damaged text"
        )
    if src is not None:
        yield from _find_copies(hyp, refs, src)
    yield from _find_scripts(hyp, refs)
    if language_pair is None:
        return
    source, target = map(base_language, language_pair)
    confusable = same_language(source, target) or any(same_language(source, code) for code in _TOLD_BY_SCRIPT)
    if not confusable and _is_in(refs[0], source, rather_than=target):
        yield (f"the references look like {source}, not {target}: is -l {'-'.join(language_pair)} the right way round?")
    else:
        yield from _find_languages(hyp, refs, target)


def _find_copies(hyp: Text, refs: Sequence[Text], src: Text) -> Iterator[str]:
    for ref in refs:
        same = _equal_lines(ref, src)
        if len(same) > _REFERENCE_COPIES_SHARE * len(src.lines):
            yield f"{ref.name} equals the source {src.name} in {_lines(same)}: is it the right file?"
    copied = [n for n in _equal_lines(hyp, src) if not any(ref.lines[n - 1].strip() == _at(src, n) for ref in refs)]
    if len(copied) > _COPIES_SHARE * len(src.lines):
        yield f"{hyp.name}: the source copied, not translated, in {_lines(copied)}"


def _find_scripts(hyp: Text, refs: Sequence[Text]) -> Iterator[str]:
    wrong: list[int] = []
    scripts: Counter[str] = Counter()
    usual = Counter(_script(line) for ref in refs for line in ref.lines)
    del usual[None]
    language = {script for script, _ in usual.most_common(1)}  # a line of names alone may be in another
    for n, line in enumerate(hyp.lines, 1):
        found = _script(line)
        expected = language | {_script(ref.lines[n - 1]) for ref in refs}
        if found is not None and None not in expected and found not in expected:
            wrong.append(n)
            scripts[found] += 1
    if len(wrong) > _SCRIPT_SHARE * len(hyp.lines):
        script = scripts.most_common(1)[0][0]
        script = script if script == "CJK" else script.capitalize()
        yield f"{hyp.name}: another script than the references' (mostly {script}) in {_lines(wrong)}"


def _find_languages(hyp: Text, refs: Sequence[Text], language: str) -> Iterator[str]:
    """Identify the language of some lines; what is identified wrongly in the reference too is not held against them."""
    looked_at = _long_lines(hyp)
    wrong: list[int] = []
    found: Counter[str] = Counter()
    for n, other in zip(looked_at, _languages_of(hyp, looked_at), strict=False):  # none without the package
        if same_language(other, language):
            continue
        if any(same_language(of_ref, language) for ref in refs for of_ref in _languages_of(ref, [n])):
            wrong.append(n)
            found[other] += 1
    if len(wrong) > _LANGUAGE_SHARE * len(looked_at):
        yield (
            f"{hyp.name}: looks like another language than {language} (mostly {found.most_common(1)[0][0]}) in "
            f"{len(wrong):,} of {counted(len(looked_at), 'line')} looked at, line {wrong[0]:,} first"
        )


def _is_in(text: Text, language: str, *, rather_than: str) -> bool:
    """Whether most lines are in one language and hardly any in the other."""
    found = _languages_of(text, _long_lines(text))
    n_in, n_not = (sum(same_language(code, each) for each in found) for code in (language, rather_than))
    return n_in > len(found) / 2 and n_not <= _LANGUAGE_SHARE * len(found) and len(found) >= _MIN_LINES_OF_LANGUAGE


def _languages_of(text: Text, numbers: Sequence[int]) -> list[str]:
    """The language of each line of these numbers; empty without the package that identifies it."""
    try:
        return [code for code, _ in languages([_at(text, n) for n in numbers])]
    except DataError:
        return []


def _long_lines(text: Text) -> list[int]:
    """Numbers of lines that are long enough to be identified, some from everywhere."""
    long_enough = [n for n, line in enumerate(text.lines, 1) if _n_letters(line) >= _MIN_LETTERS_OF_LANGUAGE]
    return long_enough[:: max(1, -(-len(long_enough) // _MAX_IDENTIFIED))]


def _equal_lines(text: Text, src: Text) -> list[int]:
    """Numbers of the lines, from 1, that are the same in both and hold words."""
    pairs = enumerate(zip(text.lines, src.lines, strict=True), 1)
    return [n for n, (line, source) in pairs if line.strip() == source.strip() and _n_letters(source) >= _MIN_LETTERS]


def _at(text: Text, number: int) -> str:
    return text.lines[number - 1].strip()


def _lines(numbers: Sequence[int]) -> str:
    """``line 7``, or ``31 lines, line 7 first``."""
    if len(numbers) == 1:
        return f"line {numbers[0]:,}"
    return f"{counted(len(numbers), 'line')}, line {numbers[0]:,} first"


def _n_letters(line: str) -> int:
    return sum(map(str.isalpha, line))


def _script(line: str) -> str | None:
    """The script of most letters; None where there are too few, or none has a majority."""
    counts = Counter(_TOGETHER.get(script, script) for script in map(script_of_letter, line) if script is not None)
    if counts.total() < _MIN_LETTERS:
        return None
    ((script, n),) = counts.most_common(1)
    return script if 2 * n > counts.total() else None
