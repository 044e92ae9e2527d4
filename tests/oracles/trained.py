"""Models of every family trained with transformers alone, so that a search in them has something to decide."""

import random
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch

from tests.oracles.foreign import MAKERS, ROOT

# So few pairs are learnt by heart in half a minute: certain of these, and torn between translations of others.
STEPS, BATCH_SIZE, LONGEST = 300, 24, 8
LEARNING_RATE = 3e-3

N_PAIRS = 100

TAGS = {"marian-tags": ">>deu<< ", "madlad": "<2de> ", "t5-v1.0": "translate English to German: "}
"""What stands before each source, where it is text."""

LANGUAGES = {"m2m100": ("en", "de"), "nllb": ("eng_Latn", "deu_Latn"), "mbart": ("en_XX", "de_DE")}
"""What the tokenizer is told, where the languages are tokens."""


def tokenizer_of(directory: Path, kind: str) -> Any:
    """The tokenizer of a model, told its languages."""
    from transformers import AutoTokenizer

    told = dict(zip(("src_lang", "tgt_lang"), LANGUAGES.get(kind, ()), strict=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return AutoTokenizer.from_pretrained(directory, **told)


def short_pairs(split: str, n: int) -> list[tuple[str, str]]:
    """The first pairs of the sample corpus whose source is short."""
    sides = [(ROOT / "data" / f"{split}.{each}").read_text(encoding="utf-8").splitlines() for each in ("en", "de")]
    return [pair for pair in zip(*sides, strict=True) if len(pair[0].split()) <= LONGEST][:n]


def trained(kind: str, directory: Path) -> Path:
    """A model of the kind, in the layout of transformers, that has learnt some of the sample corpus.

    Args:
        kind: A key of ``MAKERS``.
        directory: Is made, unless it is there.
    """
    from transformers import AutoConfig, AutoModelForSeq2SeqLM

    if directory.is_dir():
        return directory
    work = directory.with_name(f"{directory.name}-unfinished")
    shutil.rmtree(work, ignore_errors=True)
    torch.manual_seed(1)
    torch.set_num_threads(1)  # so small a model that a second thread only waits
    MAKERS[kind](work)
    tokenizer, untrained = tokenizer_of(work, kind), AutoModelForSeq2SeqLM.from_pretrained(work)
    model = AutoModelForSeq2SeqLM.from_config(AutoConfig.from_pretrained(work, dropout=0.0, dropout_rate=0.0))
    bias = getattr(untrained, "final_logits_bias", None)
    if bias is not None:
        model.final_logits_bias.copy_(bias)
    with torch.no_grad():
        model.get_input_embeddings().weight[model.config.pad_token_id] = 0
    _fit(model, tokenizer, TAGS.get(kind, ""))
    model.eval().save_pretrained(work)
    work.rename(directory)
    return directory


def _fit(model: Any, tokenizer: Any, tag: str) -> None:
    pairs = short_pairs("train", N_PAIRS)
    draw = random.Random(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / 30, 1 - step / (STEPS + 1)))
    model.train()
    for _ in range(STEPS):
        chosen = draw.sample(pairs, BATCH_SIZE)
        batch = tokenizer([tag + src for src, _ in chosen], text_target=[tgt for _, tgt in chosen], padding=True)
        rows = {name: torch.tensor(ids) for name, ids in batch.items()}
        labels = rows["labels"]
        labels[labels == tokenizer.pad_token_id] = -100
        loss = model(**rows).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
