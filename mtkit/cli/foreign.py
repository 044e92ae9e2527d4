"""The names that other programs (OpenNMT, fairseq, Marian, Sockeye, JoeyNMT, sacreBLEU) use; and typing mistakes."""

from collections.abc import Collection
from difflib import get_close_matches

from mtkit.settings.foreign import SETTINGS

_ALIKE = 0.75
"""How alike a name must be to be taken for a mistyped one: --lr and --src are not."""

_LEAST_LETTERS = 3
"""Letters of a long option that is typed with one dash; fewer are options of one letter each, or one and its value."""

OPTIONS = {
    "--batch-size": "batch batch-size mini-batch max-sentences",
    "--precision": "fp16 bf16 amp half int8 dtype quantize",
    "--device": "gpu gpus gpu-ranks world-size devices device-id device-ids device-num cpu use-cpu use-cuda cuda",
    "--threads": "cpu-threads num-threads n-threads nthreads",
    "--workers": "num-workers n-workers workers jobs num-proc",
    "--output": "save-dir save-model model-dir out-dir output-dir out output-file results-path log-file",
    "--src": "source train-src src-file source-file train-sets",
    "--tgt": "target train-tgt tgt-file target-file",
    "--hyp": "hypothesis hypotheses hypothesis-file sys system output-file candidate",
    "--ref": "reference references ref-file gold refs",
    "--input": "inputs input-file text file",
    "--src-lang": "source-lang source-language sl src-language",
    "--tgt-lang": "target-lang target-language tl tgt-language",
    "--model": "models path checkpoint checkpoints ckpt load-path run-dir",
    "--beam-size": "beam beams num-beams beam-width",
    "--n-best": "nbest nbest-size num-return-sequences",
    "--length-penalty": "lenpen alpha beam-alpha length-penalty-alpha length-normalization",
    "--alignments": "print-alignment report-align output-alignment alignment align",
    "--overwrite": "force overwrite-output no-restore ignore-existing",
    "--samples": "confidence-n bootstrap n-bootstrap paired-bs-n paired-ar-n",
    "--paired bs": "paired-bs",
    "--paired ar": "paired-ar",
    "--lowercase": "lc case-insensitive",
    "--width": "decimals precision-digits",
    "--json": "format output-format json-output",
    "--metrics": "scorer scorers",
    "--minutes": "time-limit max-time timeout",
    "--from": "train-from load-from finetune-from-model finetune-from init-from pretrained pretrained-model",
    **SETTINGS,
}
"""Options, or settings behind --set, and their names in other programs."""

_NOT_THERE = {
    "test-set": "mtkit downloads no test sets: name files with -i and --ref",
    "ensemble": "mtkit has no ensembles yet; mtkit average makes one model of several checkpoints",
    "restore-file": "the same command again resumes the run",
    "lora": "mtkit trains all weights",
    "port": "mtkit has no server; mtkit translate reads from a pipe, line by line",
}
_NOT_THERE |= dict.fromkeys(("ensembles", "weights"), _NOT_THERE["ensemble"])
_NOT_THERE |= dict.fromkeys(("resume", "continue", "reset-optimizer"), _NOT_THERE["restore-file"])

_TEXT_OR_LANGUAGE = {"src": "source", "source": "source", "tgt": "target", "target": "target"}
_LANGUAGE_OF = {"source": "-s/--src-lang", "target": "-t/--tgt-lang"}
"""What the name of a side means in a command that has no option of that name."""

COMMANDS = {
    "preprocess": "prepare build-vocab build_vocab vocab binarize tokenize tokenise spm",
    "train": "fit trainer learn finetune fine-tune",
    "translate": "decode decoder generate interactive predict infer inference",
    "evaluate": "eval test bleu chrf ter sacrebleu scorer metrics",
    "report": "compare-mt diff",
    "score": "rescore rescorer perplexity ppl",
    "align": "alignment alignments",
    "inspect": "explain attention visualise visualize debug",
    "export": "convert release release_model quantize quantise ct2",
    "average": "avg average_checkpoints average-checkpoints average_models",
    "describe": "info summary params model",
    "bench": "benchmark speed profile",
    "doctor": "check lint clean analyse analyze stats",
    "forge backtranslate": "backtranslate back-translate backtranslation",
    "forge distill": "distill distillation distil",
    "--help": "help",
    "--version": "version",
}
"""Commands, and their names in other programs."""

_NO_SUCH = dict.fromkeys(("serve", "server", "rest", "api"), _NOT_THERE["port"])


def meant_option(typed: str, known: Collection[str]) -> str:
    """The option that an unknown one may stand for, as the end of a message; empty if nothing is known of it.

    Args:
        typed: With its dashes.
        known: The options of the command.
    """
    name = typed.lstrip("-").replace("_", "-").lower()
    if f"--{name}" in known:
        return f"; did you mean --{name}?"
    for here, others in OPTIONS.items():
        if name not in others.split():
            continue
        if here.split()[0] in known:
            return f"; here it is {here}"
        if "." in here and "--set" in known:
            return f"; here it is a setting: --set {here}=VALUE"
    if name in _NOT_THERE:
        return f"; {_NOT_THERE[name]}"
    if name in _TEXT_OR_LANGUAGE and "--src-lang" in known and "--src" not in known:
        text = "-i FILE for text, " if "--input" in known and "source" in (name, _TEXT_OR_LANGUAGE[name]) else ""
        return f"; {text}{_LANGUAGE_OF[_TEXT_OR_LANGUAGE[name]]} for the language"
    close = get_close_matches(typed, known, n=1, cutoff=_ALIKE)
    return f"; did you mean {close[0]}?" if close else ""


def long_option(typed: str, known: Collection[str]) -> str:
    """The option that one dash too few makes of single letters, as in ``-beam``; empty where it may be letters.

    Args:
        typed: A word of the command, without a value after ``=``.
        known: The options of the command.
    """
    name = typed[1:].replace("_", "-").lower()
    if len(name) < _LEAST_LETTERS or not typed.startswith("-") or typed.startswith("--") or typed in known:
        return ""
    if f"--{name}" in known:
        return f"--{name}"
    if typed[:2] in known and len(name) <= _LEAST_LETTERS:
        return ""  # a letter and its value
    return next((here for here, others in OPTIONS.items() if here in known and name in others.split()), "")


def meant_command(typed: str, known: Collection[str]) -> str:
    """The same of a command."""
    name = typed.lower()
    here = next((here for here, others in COMMANDS.items() if name in others.split()), None)
    if here is not None and (here.startswith("--") or here.split()[0] in known):
        return f"; here it is mtkit {here}"
    if name in _NO_SUCH:
        return f"; {_NO_SUCH[name]}"
    close = get_close_matches(name, known, n=1, cutoff=_ALIKE)
    return f"; did you mean {close[0]}?" if close else ""
