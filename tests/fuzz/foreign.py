"""Models of other programs, and adapters: what ``mtkit import`` and ``--adapter`` read."""

import json
import shutil
from pathlib import Path

import sentencepiece
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.exchange.peft import Adapters, write_adapter
from mtkit.model.adapters import LowRankShape, adaptable, rows_of
from tests.exchange import made

MAKERS = {"marian": made.marian, "m2m100": made.m2m100, "t5": made.t5, "opus": made.opus, "student": made.student}


def make_foreign(directory: Path) -> None:
    """Write a model of each family into a directory of its name, and one whose pieces are in ``tokenizer.json``."""
    for name, maker in MAKERS.items():
        maker(directory / name)
    _with_tokenizer_json(directory / "t5", directory / "t5-json")


def make_adapter(directory: Path, base: Path) -> None:
    """Write adapters to a model of mtkit's."""
    torch.manual_seed(5)
    shape, bundle = LowRankShape(rank=2, alpha=4), load_bundle(base)
    adapters: Adapters = {}
    for part, module in adaptable(bundle.build_model()).items():
        rows = rows_of(module, part.rpartition(".")[2])
        down, up = torch.randn(shape.rank, module.in_features), torch.randn(rows.stop - rows.start, shape.rank)
        adapters[part] = down, up, shape.alpha / shape.rank
    write_adapter(directory, adapters, shape, bundle)


def _with_tokenizer_json(source: Path, directory: Path) -> None:
    shutil.copytree(source, directory)
    spm = directory / "spiece.model"
    processor = sentencepiece.SentencePieceProcessor(model_file=str(spm))
    ids = list(range(processor.get_piece_size()))
    pieces, scores = processor.id_to_piece(ids), processor.get_score(ids)
    special = [{"id": number, "content": pieces[number], "special": True} for number in range(3)]
    tokenizer = {
        "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": ""}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"},
        "model": {"type": "Unigram", "unk_id": 2, "vocab": [list(each) for each in zip(pieces, scores, strict=True)]},
    }
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    spm.unlink()
