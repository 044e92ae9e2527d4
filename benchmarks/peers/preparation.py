"""Makes the reference work: one tokenizer, trained by ``mtkit preprocess``, and the corpus in its pieces and ids."""

import argparse
import itertools
import sys
from pathlib import Path

from benchmarks.peers.processes import mtkit_environment, run
from benchmarks.peers.reference import EOS, Work, recipe

N_VALID = 200  # some tools will not start without a validation set; it is never scored while the clock runs


def prepare_work(arguments: argparse.Namespace) -> Work:
    """Make the reference work, where it is not there yet.

    Raises:
        ToolError: If ``mtkit preprocess`` fails.
    """
    work = Work((arguments.work / "data").resolve())
    work.directory.mkdir(parents=True, exist_ok=True)
    if work.file("vocabulary.tsv").exists():
        return work
    for side, path in (("src", arguments.src), ("tgt", arguments.tgt)):
        write_lines(work.file(f"train.{side}"), path)
        write_lines(work.file(f"valid.{side}"), path, N_VALID)
    (path := work.file("recipe.yaml")).write_text(recipe(work, "  max_updates: 1"), encoding="utf-8")
    command: list[str | Path] = [sys.executable, "-m", "mtkit", "preprocess", path]
    run(command, work.file("preprocess.log"), mtkit_environment(arguments.threads))
    encode(work, "train")
    encode(work, "valid")
    write_vocabulary(work)
    return work


def encode(work: Work, name: str) -> None:
    """Write the pieces and the ids of ``name.src`` and, where there is one, ``name.tgt``."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(work.tokenizer))
    for side in ("src", "tgt"):
        if not (text := work.file(f"{name}.{side}")).exists():
            continue
        lines = text.read_text(encoding="utf-8").split("\n")[:-1]
        for kind, kind_type in (("pieces", str), ("ids", int)):
            encoded = processor.encode(lines, out_type=kind_type)
            content = "".join(" ".join(map(str, line)) + "\n" for line in encoded)
            work.file(f"{name}.{kind}.{side}").write_text(content, encoding="utf-8")


def write_vocabulary(work: Work) -> None:
    """``vocabulary.txt`` has the ordinary pieces, ``vocabulary.tsv`` with falling counts behind them."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(work.tokenizer))
    pieces = [processor.id_to_piece(i) for i in range(EOS + 1, processor.get_piece_size())]
    work.file("vocabulary.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    counted = (f"{piece}\t{len(pieces) - rank}\n" for rank, piece in enumerate(pieces))
    work.file("vocabulary.tsv").write_text("".join(counted), encoding="utf-8")


def write_lines(path: Path, source: Path, n: int | None = None, skip: int = 0) -> None:
    """Copy a text file (plain, .gz, .zst), or ``n`` of its lines."""
    from mtkit.files.text import read_lines

    lines = itertools.islice(read_lines(source), skip, None if n is None else skip + n)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
