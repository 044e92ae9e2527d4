"""Directories of runs, made without training."""

import json
from collections.abc import Sequence
from pathlib import Path

from mtkit.evaluation.metrics.metrics import score
from mtkit.evaluation.translated_sets import TranslatedLine, write_translated_set
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import dump_config

WORDS = ["red", "old", "new", "big", "cat", "dog", "sun", "sea"]
REFS = [f"the {WORDS[n % 8]} {WORDS[(n // 8) % 8]} is number {n} of all" for n in range(120)]


def with_mistakes(every: int, refs: Sequence[str] = REFS) -> list[str]:
    """Translations of which one in ``every`` is wrong."""
    return ["nothing of the sort at all" if n % every == 0 else ref for n, ref in enumerate(refs)]


def make_run(
    path: Path,
    hyp_text: Sequence[str] | None = None,
    *,
    refs: Sequence[str] = REFS,
    name: str = "test",
    seed: int = 1,
    dropout: float = 0.1,
    corpus: str = "0" * 64,
    updates: Sequence[int] = (10, 20),
    keep: bool = True,
) -> Path:
    """A run directory; without translations of a run that is not finished."""
    path.mkdir(parents=True)
    files = {"src": "train.en", "tgt": "train.de"}
    config = Config.model_validate(
        {
            "name": path.name,
            "data": {
                "src_lang": "en",
                "tgt_lang": "de",
                "train": files,
                "valid": files,
                "prepared": f"{path}/prepared",
            },
            "model": {"dropout": dropout},
            "training": {"seed": seed},
        }
    )
    (path / "config.yaml").write_text(dump_config(config))
    (path / "corpus.json").write_text(json.dumps({"train": [corpus], "tokenizer": ["1" * 64]}))
    (path / "machine.json").write_text(json.dumps({"processor": "made", "torch": "2"}))
    records = [
        {
            "update": n,
            "valid_loss_per_token": 1 + seed / n,
            "valid_bleu": float(n),
            "tgt_tokens": 100 * n,
            "seconds": n / 2,
        }
        for n in updates
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    if hyp_text is not None:
        scores = {name: [each.as_json() for each in score(hyp_text, [refs], tgt_lang="de")]}
        manifest = {"mtkit_version": "0.0", "scores": scores, "config": config.model_dump(mode="json"), "data": {}}
        (path / "model").mkdir()
        (path / "model" / "mtkit.json").write_text(json.dumps(manifest))
        lines = [
            TranslatedLine(n, f"source {n}", ref, hyp, "de")
            for n, (ref, hyp) in enumerate(zip(refs, hyp_text, strict=True), start=1)
        ]
        if keep:
            write_translated_set(path, name, lines)
    return path
