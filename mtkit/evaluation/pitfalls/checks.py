"""What makes a score impossible or misleading: files that do not belong together, text not as a reader would see it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtkit.errors import DataError
from mtkit.evaluation.pitfalls.drift import first_drift
from mtkit.files.text import BOM
from mtkit.languages.codes import base_language
from mtkit.wording import counted

# French and others put a space before ! ? : ; but no language puts one before a full stop or a comma.
_SPACED = re.compile(r"\S +(?:[.,](?= |$)|[。，、])")
_ATTACHED = re.compile(r"[^\s.,](?:[.,](?= |$)|[。，、])")
# Marks of Moses (hyphen, escapes), of PTB (clitics), of subword-nmt and of SentencePiece.
_MARKS = re.compile(r"@-@|&(?:apos|quot|#91|#93|#124);| (?:'(?:s|m|re|ve|ll|d)|n't)(?= |$)|@@(?: |$)|(?:^| )▁")
_SCRIPTS = {
    "zh": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"),
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7a3]"),
}
_NAMES = {"zh": "Chinese", "ja": "Japanese", "ko": "Korean"}
_WRITTEN_LIKE = {"yue": "zh", "wuu": "zh", "hak": "zh", "nan": "zh", "gan": "zh", "lzh": "zh"}

# Among lines that show it either way, tokenised corpora have over 90 % and natural ones (news, captions, web text in
# German, English, French, Spanish, Swahili and Chinese) under 4 %. A fifth also catches a file that is half tokenised.
_TOKENISED_SHARE = 0.2
# A few odd lines in a corpus that hardly has a full stop prove nothing.
_TOKENISED_MINIMUM = 0.02
_CAPITALS_SHARE = 0.05
_UNSPACED_SHARE = 0.3

_MARKUP = re.compile(
    r"(?P<rtf>\{\\rtf\d)|(?P<html><(?:!doctype )?html\b)|<(?:[?]xml|!doctype"
    r"|(?:src|ref|tst)set|mteval|dataset|tmx|xliff|doc)\b",
    re.IGNORECASE,
)
"""How files of WMT (.sgm, .xml), translation memories, pages and documents begin."""

_ENOUGH_LINES = 10
_KANA_SHARE = 0.1  # half of Japanese is; Chinese quotes a little


@dataclass(frozen=True)
class Text:
    """Lines, and what to call them in a message, such as their file's name."""

    name: str
    lines: Sequence[str]


def check_is_text(text: Text) -> None:
    """Make sure that a text has lines, and that these are segments rather than markup with segments in it.

    Raises:
        DataError: Saying what it is.
    """
    if not text.lines:
        raise DataError(f"{text.name}: is empty: it has no lines")
    first = next(filter(None, map(str.strip, text.lines)), "")
    found = _MARKUP.match(first.removeprefix(BOM))
    n_marked = sum(line.lstrip().startswith("<") for line in text.lines)
    if found is not None and (found["rtf"] or 2 * n_marked > len(text.lines)):  # one segment may be markup
        what = "RTF" if found["rtf"] else "HTML" if found["html"] else "SGML or XML"
        raise DataError(f"{text.name}: is {what}, not one segment per line: extract the segments to a text file first")


def check_aligned(texts: Sequence[Text]) -> None:
    """Make sure that all texts have the same number of lines.

    Raises:
        DataError: Naming the first and one that differs from it, and both counts.
    """
    first, *others = texts
    for other in others:
        if len(other.lines) != len(first.lines):
            raise DataError(
                f"{first.name} has {counted(len(first.lines), 'line')} but {other.name} has {len(other.lines):,}: "
                f"line n of each must belong to the same segment{_where_they_part(first, other)}"
            )


def _where_they_part(one: Text, other: Text) -> str:
    """The end of a message on two texts of different length: where they stop matching; empty if unclear."""
    line = first_drift(one.lines, other.lines)
    if line is None:
        return ""
    shorter, longer = sorted((one, other), key=lambda text: len(text.lines))
    if line > len(shorter.lines):
        return f"; they match to the end of {shorter.name}, where {longer.name} goes on"
    return f"; they no longer match from about line {line:,} on"


def looks_tokenised(lines: Sequence[str]) -> bool:
    """Whether the text was split into tokens or subword pieces and not joined again."""
    tokenised = attached = 0
    for line in lines:
        if _SPACED.search(line) or _MARKS.search(line):
            tokenised += 1
        elif _ATTACHED.search(line):
            attached += 1
    return tokenised > max(_TOKENISED_SHARE * (tokenised + attached), _TOKENISED_MINIMUM * len(lines))


def looks_lowercased(lines: Sequence[str]) -> bool:
    """Whether nearly all lines are in lower case, in a script that has case."""
    has_case = any(line.lower() != line.upper() for line in lines)
    return has_case and _share_with_capitals(lines) <= _CAPITALS_SHARE


def east_asian_language(lines: Sequence[str]) -> str | None:
    """Code of the language that the script of a text tells: zh, ja or ko; None in other scripts."""
    n_characters = sum(len(line) - line.count(" ") for line in lines)
    n_of = {code: sum(len(script.findall(line)) for line in lines) for code, script in _SCRIPTS.items()}
    if n_of["ko"] > _UNSPACED_SHARE * n_characters:
        return "ko"
    if n_of["zh"] + n_of["ja"] <= _UNSPACED_SHARE * n_characters:
        return None
    return "ja" if n_of["ja"] > _KANA_SHARE * (n_of["zh"] + n_of["ja"]) else "zh"


def find_pitfalls(
    hyp: Text,
    refs: Sequence[Text],
    *,
    tokenizer: str,
    language_pair: tuple[str, str] | None = None,
    lowercase: bool = False,
) -> list[str]:
    """Say what would make the scores of an output misleading.

    Args:
        hyp: The output.
        refs: Its references.
        tokenizer: The one that BLEU will use.
        language_pair: Codes of source and target language, where they were named.
        lowercase: Whether the scores will ignore case.

    Returns:
        One sentence per finding, each with what to do about it.
    """
    found = []
    for text in (hyp, *refs):
        if tokenizer != "none" and looks_tokenised(text.lines):
            found.append(
                f"{text.name} looks tokenised, which distorts every score: join the tokens to plain text first"
            )
        if text.lines and text.lines[0].startswith(BOM):
            found.append(f"{text.name} begins with a byte order mark, which is scored as a part of its first word")
        empty = [n for n, line in enumerate(text.lines, 1) if not line.strip()]
        if empty:
            are = "is" if len(empty) == 1 else "are"
            lines = counted(len(text.lines), "line")
            found.append(f"{text.name}: {len(empty):,} of {lines} {are} empty, line {empty[0]:,} first")
    for ref in refs:
        if len(hyp.lines) >= _ENOUGH_LINES and list(hyp.lines) == list(ref.lines):
            found.append(f"{hyp.name} equals the reference {ref.name} in every line: is it the right file?")
        lower = [text for text in (hyp, ref) if looks_lowercased(text.lines)]
        mixed = [text for text in (hyp, ref) if _share_with_capitals(text.lines) > _CAPITALS_SHARE]
        if lower and mixed and not lowercase:
            found.append(f"{lower[0].name} is in lower case but {mixed[0].name} is not: score with --lowercase")
        found += _find_wrong_tokenizer(ref, tokenizer, language_pair)
    return found


def _find_wrong_tokenizer(ref: Text, tokenizer: str, language_pair: tuple[str, str] | None) -> Iterator[str]:
    """Chinese, Japanese or Korean references that BLEU would not take for what they are."""
    language = east_asian_language(ref.lines)
    if language is None:
        return
    unspaced = f"{ref.name} looks {_NAMES[language]}, but BLEU splits words at spaces only"
    if language_pair is not None:
        src_lang, tgt_lang = language_pair
        target = base_language(tgt_lang)
        if _WRITTEN_LIKE.get(target, target) != language:
            says = f"-l {src_lang}-{tgt_lang} says that the target is {tgt_lang}"
            other = tgt_lang if base_language(src_lang) == language else src_lang
            yield f"{says}, but {ref.name} looks {_NAMES[language]}: did you mean -l {other}-{language}?"
        elif tokenizer in ("13a", "intl") and language != "ko":
            yield f"{unspaced}: leave out --tok"
    elif tokenizer in ("13a", "intl") and language != "ko":  # which puts spaces between words
        yield f"{unspaced}: name the languages with -l, such as -l en-{language}"


def _share_with_capitals(lines: Sequence[str]) -> float:
    """Share of lines with a capital among those that could have one; 0 where none could."""
    cased = [line for line in lines if line.lower() != line.upper()]
    return sum(line != line.lower() for line in cased) / max(len(cased), 1)
