"""Writing a model bundle, as ``bundle`` reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

from mtkit.bundle.bundle import CORPUS, FORMAT_VERSION, KIND_OF_WEIGHTS, MANIFEST, ORIGIN, WEIGHTS, max_src_tokens
from mtkit.data.corpus.source_lines import SourceLines
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.files.reading import read_json, sha256_file
from mtkit.files.whole import atomic_directory, write_json
from mtkit.settings.recipe import Config
from mtkit.version import __version__

if TYPE_CHECKING:
    from mtkit.evaluation.pitfalls.seen import SeenSources
    from mtkit.model.encoder_decoder import EncoderDecoder


N_PAIRS = "n_pairs"
"""Key of the manifest: how many pairs the corpus has, by place."""


@dataclass(frozen=True)
class Inherited:
    """What a model has from the one that its training started from."""

    manifest: Mapping[str, Any]
    """Keys of its manifest."""

    origin: Path | None = None
    """Directory of the files that an imported model was made from; None where there is none."""


def save_bundle(
    directory: Path,
    *,
    model: "EncoderDecoder",
    tokenizer: Tokenizer,
    config: Config,
    data_hashes: Mapping[str, Any],
    scores: Any,
    updates: Sequence[int] = (),
    weights: str | None = None,
    seen: "SeenSources | None" = None,
    corpus: str | None = None,
    lines: SourceLines | None = None,
    inherited: Inherited | None = None,
    n_pairs: Mapping[str, int] | None = None,
) -> None:
    """Write a bundle, whole or not at all; an existing one is replaced.

    Args:
        directory: The bundle.
        model: Its weights are saved in their own precision.
        tokenizer: The one that the model was trained with.
        config: Recipe of the run; its model and decoding sections are what loading reads.
        data_hashes: sha256 of the training data, as the prepared corpus names them.
        scores: What the model reached, with signatures; any JSON value. None where that is yet to be found out.
        updates: Of the run, whose weights these are: one, or those that were averaged.
        weights: ``EMA`` where they are the moving average of those of the run.
        seen: The sources that the model was trained on, for warnings about test sets that overlap with them.
        corpus: Where the prepared corpus lies, as seen from the bundle, so that its test sets are found again.
        lines: What the sources were like, for what a translation cuts in parts.
        inherited: From the model that the training started from; None where it started from random weights.
        n_pairs: How many pairs there were: under ``train``, ``valid`` and ``test/NAME``.
    """
    from safetensors.torch import save_file

    from mtkit.evaluation.pitfalls.seen import FILE
    from mtkit.model.weights import model_tensors

    with atomic_directory(directory) as work:
        save_file(model_tensors(model), work / WEIGHTS)
        tokenizer.save(work)
        if seen is not None:
            seen.write(work / FILE)
        if inherited is not None and inherited.origin is not None:
            copytree(inherited.origin, work / ORIGIN)
        files = sorted(str(path.relative_to(work)) for path in work.rglob("*") if path.is_file())
        manifest = {
            "format_version": FORMAT_VERSION,
            "mtkit_version": __version__,
            "name": config.name,
            "src_lang": config.data.src_lang,
            "tgt_lang": config.data.tgt_lang,
            "src_vocab_size": tokenizer.src_vocab_size,
            "tgt_vocab_size": tokenizer.tgt_vocab_size,
            "n_parameters": model.n_parameters(),
            "max_src_tokens": max_src_tokens(config),
            "source_lines": None if lines is None else lines.as_json(),
            "model": config.model.model_dump(mode="json"),
            "decoding": config.decoding.model_dump(mode="json"),
            "updates": list(updates),
            "scores": scores,
            "data": dict(data_hashes),
            "files": {name: sha256_file(work / name) for name in files},
            "config": config.model_dump(mode="json"),
            **({} if weights is None else {KIND_OF_WEIGHTS: weights}),
            **({} if corpus is None else {CORPUS: corpus}),
            **({} if n_pairs is None else {N_PAIRS: dict(n_pairs)}),
            **({} if inherited is None else inherited.manifest),
        }
        write_json(work / MANIFEST, manifest)


def note_scores(directory: Path, scores: Any, *, comparison: Any = None) -> None:
    """Write into a bundle what its model reached, with signatures; any JSON value.

    Args:
        directory: The bundle.
        scores: Of its test sets.
        comparison: With the model that its training started from; None where that was none.
    """
    more = {} if comparison is None else {"comparison": comparison}
    write_json(directory / MANIFEST, {**read_json(directory / MANIFEST), "scores": scores, **more})
