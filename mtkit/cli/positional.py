"""What to type where files and values were typed without the options that they belong to."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_NAMED = {
    "train": "--src {0} --tgt {1}",
    "preprocess": "--src {0} --tgt {1}",
    "doctor": "--src {0} --tgt {1}",
    "evaluate": "--hyp {0} --ref {1}",
    "report": "--hyp {0} --ref {1}",
    "score": "-m {model} --src {0} --tgt {1}",
    "align": "-m {model} --src {0} --tgt {1}",
    "translate": "-m {model} -i {0} -o {1}",
}
"""The options of two files by the command."""

_OUTPUTS = {"train": "-o DIR", "preprocess": "-o DIR", "report": "-o page.html"}
"""What a command with two files needs too."""

_OF_ONE = ("recipe", "run", "file")
"""Parameters that stand for one word without an option."""


def instead(command: str | None, given: Mapping[str, Any], extra: Sequence[str]) -> str:
    """What to type in place of words that a command has no use for; empty where that cannot be told.

    Args:
        command: The name of the command.
        given: What its parameters were given; ``extra`` is not among that.
        extra: The words that are left.
    """
    own = [str(given[name]) for name in _OF_ONE if given.get(name) is not None]
    words = [*own, *extra]
    if meant := _of_value(given, extra):
        return meant
    models = [word for word in words if Path(word).is_dir()]
    files = [word for word in words if word not in models]
    model = given.get("model") or next(iter(given.get("models") or models), "RUN")
    if command == "evaluate":
        return _evaluate(given, files, str(model))
    if command == "translate" and models and len(files) == 1:
        return f"a model and a text: mtkit translate -m {shlex.quote(models[0])} -i {shlex.quote(files[0])}"
    if command not in _NAMED or len(files) != 2 or any(map(_is_recipe, files)):
        return ""
    options = _NAMED[command].format(*map(shlex.quote, files), model=shlex.quote(str(model)))
    needs = _OUTPUTS.get(command)
    output = given.get("run_dir") or given.get("output")
    rest = "" if needs is None else f" -o {shlex.quote(str(output))}" if output else f" {needs}"
    return f"two text files: mtkit {command} {options}{rest}"


def _evaluate(given: Mapping[str, Any], files: Sequence[str], model: str) -> str:
    """The first files of ``mtkit evaluate`` are an output and its reference, or in sacreBLEU the reference alone."""
    hyps, refs, src = (given.get(name) or None for name in ("hyps", "refs", "src"))
    is_translated = model != "RUN"
    if is_translated and len(files) == 2:
        return "a text and its reference: mtkit evaluate -m {} -i {} --ref {}".format(
            *map(shlex.quote, (model, *files))
        )
    if hyps or is_translated:
        return ""
    if len(files) == 2 and not refs:
        return "two text files: mtkit evaluate --hyp {} --ref {}".format(*map(shlex.quote, files))
    if len(files) == 1 and refs:
        return "an output and its reference: mtkit evaluate --hyp {} --ref {}".format(
            *map(shlex.quote, (files[0], refs[0]))
        )
    if len(files) == 1 and src:
        return "a reference and an output: mtkit evaluate --hyp {} --ref {}".format(*map(shlex.quote, (src, files[0])))
    if len(files) == 1 and Path(files[0]).is_file():
        return f"a text is scored against a reference: mtkit evaluate --hyp {shlex.quote(files[0])} --ref FILE"
    return ""


def _of_value(given: Mapping[str, Any], extra: Sequence[str]) -> str:
    """Of words that go on with the value of an option, as in ``--metrics bleu chrf``."""
    metrics = list(given.get("metrics") or ())
    if metrics and not any(Path(word).exists() for word in extra) and all(word.isalnum() for word in extra):
        return f"several metrics have commas between them: --metrics {','.join([*metrics, *extra])}"
    return ""


def is_parted(words: Sequence[str]) -> bool:
    """Whether the words after ``--set`` begin with a setting and its value, parted by a space."""
    if len(words) < 2 or "=" in words[0] or "." not in words[0]:
        return False
    return not words[1].startswith("--") and "=" not in words[1] and not _is_recipe(words[1])


def _is_recipe(name: str) -> bool:
    return Path(name).suffix.lower() in (".yaml", ".yml")
