"""Old spellings of options: still accepted, with a hint on standard error."""

from collections.abc import Collection, Sequence
from pathlib import Path


def in_new_spelling(
    command: str | None, args: Sequence[str], with_value: Collection[str]
) -> tuple[list[str], list[str]]:
    """Arguments of a command without old spellings, and a hint for each spelling that was found.

    Args:
        command: The name of the command.
        args: What was typed after it.
        with_value: Its options that take a value: the word after them is not an option.
    """
    new, hints = list(args), []
    for place, typed in enumerate(args):
        if typed == "--":
            break
        if place and args[place - 1] in with_value and args[place - 1] != "-b":
            continue
        following = args[place + 1] if place + 1 < len(args) else ""
        name, equals, value = typed.partition("=")
        if command == "evaluate" and typed == "-b" and not _is_number(following):
            new[place] = "--score-only"
            hints.append("-b is the beam size in every command; for the scores alone type -S")
        elif command == "doctor" and typed == "-t" and ("/" in following or Path(following).is_dir()):
            new[place] = "--tokenizer"
            hints.append("-t is the target language in every command; for the tokenizer type --tokenizer")
        elif command == "doctor" and name == "--threads":
            new[place] = f"--workers{equals}{value}"
            hints.append("--threads counts the threads of a model; for processes type --workers")
    return new, hints


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()
