"""What is damaged: a small corpus in every format, its prepared form, a trained run, and what evaluations read."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.fuzz.foreign import make_adapter, make_foreign
from tests.fuzz.trial import attempt, command

_LETTERS = str.maketrans("0123456789", "abcdefghij")
_N_UPDATES = 4

TRAINING = {
    "batch_tokens": 200,
    "max_updates": _N_UPDATES,
    "warmup_updates": 2,
    "learning_rate": 1e-2,
    "validate_every": 2,
    "save_every": 1,
    "keep_last": 3,
    "report_every": 1,
    "n_samples": 0,
    "threads": 1,
    "device": "cpu",
    "precision": "fp32",
}
MODEL = {"d_model": 16, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1, "max_length": 40}


def make(directory: Path) -> None:
    """Write everything into an empty directory; all paths in it are relative to that."""
    pairs = _pairs(260)
    splits = {"train": pairs[:240], "valid": pairs[240:250], "test": pairs[250:]}
    for split, part in splits.items():
        for number, language in enumerate(("num", "abc")):
            (directory / f"{split}.{language}").write_text("".join(f"{pair[number]}\n" for pair in part))
    _formats(directory / "formats", splits["train"][:40])
    _write_recipe(directory / "recipe.yaml", {"src": "train.num", "tgt": "train.abc"}, test=True)
    for path in sorted((directory / "formats").iterdir()):
        kind = {".xlf": "xliff", ".parquet": "hf", ".csv": "hf"}.get(path.suffix, path.suffix.lstrip("."))
        source: dict[str, object] = {kind: f"formats/{path.name}"}
        if kind == "hf":
            source["fields"] = ["num", "abc"]
        _write_recipe(directory / f"{path.stem}-{kind}.yaml", source, test=False)
    _evaluation(directory, splits["test"])
    _run("train", "-c", "recipe.yaml", "-o", "run", "--set", f"training.max_updates={_N_UPDATES // 2}", at=directory)
    shutil.copytree(directory / "run", directory / "begun", symlinks=True)  # to go on from there
    shutil.rmtree(directory / "begun" / "model")
    _run("train", "-c", "recipe.yaml", "-o", "run", at=directory)
    _run("evaluate", *EVALUATED, "--save-baseline", "baseline.json", at=directory)
    _do(lambda: make_foreign(Path("foreign")), at=directory)
    _do(lambda: make_adapter(Path("adapter"), Path("run")), at=directory)


def _run(*arguments: str, at: Path) -> None:
    _do(command(*arguments), at=at)


def _do(action: Callable[[], None], *, at: Path) -> None:
    """In a process of its own, so that this one starts no thread."""
    done = attempt(action, at)
    if done.code:
        raise RuntimeError(done.output)


EVALUATED = ("--hyp", "hyp", "--ref", "test.abc", "-i", "test.num", "-l", "en-de")


def _pairs(n: int) -> list[tuple[str, str]]:
    """Digits, and letters in the other order; all different."""
    draw = random.Random(1)
    found: dict[str, None] = {}
    while len(found) < n:
        found[" ".join(draw.choices("0123456789", k=draw.randint(2, 6)))] = None
    return [(line, line[::-1].translate(_LETTERS)) for line in found]


def _write_recipe(path: Path, train: dict[str, object], *, test: bool) -> None:
    data: dict[str, object] = {"src_lang": "num", "tgt_lang": "abc", "prepared": "prepared", "train": train}
    data["valid"] = {"src": "valid.num", "tgt": "valid.abc"}
    data |= {"test": {"src": "test.num", "tgt": "test.abc"}} if test else {}
    tree = {
        "data": data | {"cleaning": {"max_tokens": 30}},
        "tokenizer": {"type": "word", "vocab_size": 24},
        "model": MODEL,
        "training": TRAINING,
        "decoding": {"beam_size": 2},
    }
    path.write_text(yaml.safe_dump(tree, sort_keys=False))


def _formats(directory: Path, pairs: list[tuple[str, str]]) -> None:
    """The same pairs in each format."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    directory.mkdir()
    rows = [{"num": src, "abc": tgt} for src, tgt in pairs]
    (directory / "a.tsv").write_text("".join(f"{src}\t{tgt}\n" for src, tgt in pairs))
    (directory / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (directory / "a.csv").write_text("num,abc\n" + "".join(f"{src},{tgt}\n" for src, tgt in pairs))
    pq.write_table(pa.Table.from_pylist(rows), directory / "b.parquet")
    units = "".join(
        f'<tu><tuv xml:lang="num"><seg>{src}</seg></tuv><tuv xml:lang="abc"><seg>{tgt}</seg></tuv></tu>\n'
        for src, tgt in pairs
    )
    (directory / "a.tmx").write_text(
        f'<?xml version="1.0"?>\n<tmx version="1.4"><header srclang="num"/><body>\n{units}</body></tmx>\n'
    )
    units = "".join(
        f'<trans-unit id="{n}"><source>{src}</source><target>{tgt}</target></trans-unit>\n'
        for n, (src, tgt) in enumerate(pairs)
    )
    (directory / "a.xlf").write_text(
        '<?xml version="1.0"?>\n<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file '
        f'source-language="num" target-language="abc" original="x" datatype="plaintext"><body>\n{units}</body>'
        "</file></xliff>\n"
    )
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (directory / "a.po").write_text(head + "".join(f'msgid "{src}"\nmsgstr "{tgt}"\n\n' for src, tgt in pairs))


def _evaluation(directory: Path, pairs: list[tuple[str, str]]) -> None:
    """An output, gates, a list of test sets, alignments and lines of JSON."""
    (directory / "hyp").write_text("".join(f"{tgt if n % 3 else tgt[::-1]}\n" for n, (_, tgt) in enumerate(pairs)))
    gates = {"min": {"bleu": 1, "chrf": 1}, "max_drop": {"bleu": 90.5}, "test_sets": {"test": {"min": {"bleu": 2}}}}
    (directory / "gate.yaml").write_text(yaml.safe_dump(gates))
    sets = [{"name": "test", "refs": "test.abc", "hyps": {"one": "hyp", "two": "test.abc"}, "src": "test.num"}]
    (directory / "sets.yaml").write_text(yaml.safe_dump(sets))
    links = [" ".join(f"{n}-{n}" for n in range(len(src.split()))) for src, _ in pairs]
    gold = [" ".join(f"{n}{'-' if n % 2 else 'p'}{n}" for n in range(1, len(src.split()) + 1)) for src, _ in pairs]
    (directory / "links").write_text("".join(f"{line}\n" for line in links))
    (directory / "gold").write_text("".join(f"{line}\n" for line in gold))
    (directory / "in.jsonl").write_text(
        "".join(json.dumps({"source": src, "id": n}) + "\n" for n, (src, _) in enumerate(pairs))
    )
