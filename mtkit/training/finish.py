"""The end of a run: choose or average the weights, score the test sets, write the bundle."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from mtkit.bundle.bundle import MANIFEST, load_bundle, read_source_lines
from mtkit.bundle.check import check_run_tokenizer
from mtkit.bundle.corpus import relative_path
from mtkit.bundle.run_note import DIRECTORY, noted_place
from mtkit.bundle.writing import note_scores, save_bundle
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.engines.speed import SECONDS
from mtkit.errors import CheckpointError, ConfigError, DataError, VocabularyError
from mtkit.evaluation.certainty.before_after import BeforeAfter, comparison_in
from mtkit.evaluation.pitfalls.seen import SeenSources
from mtkit.files.reading import read_json
from mtkit.log import logger
from mtkit.machine.compute import Compute
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import restore_model
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import read_config
from mtkit.settings.training import AverageConfig
from mtkit.training.base_model import inherited
from mtkit.training.comparison import compare, n_lines_to_compare
from mtkit.training.final_scores import SetScores, convert_measured, n_lines_to_convert, score_test_sets
from mtkit.training.lora import settle_adapters
from mtkit.training.planning.budget import FINISH_MOST
from mtkit.training.saving.average import average_checkpoints, choose_checkpoints
from mtkit.training.saving.checkpoint import CheckpointStore, disk_errors, read_state, verify
from mtkit.training.saving.keeper import Keeper
from mtkit.training.saving.places import apart_from_places
from mtkit.training.source_lines import noted_source_lines
from mtkit.training.state import TrainState
from mtkit.translation.in_time import SHORT, Deadline
from mtkit.translation.translator import Translator
from mtkit.wording import bytes_shown

_LINES_AT_ONCE = 10_000


@dataclass(frozen=True)
class Finished:
    """What a trained model is worth."""

    scores: dict[str, SetScores]
    """Of each test set, by its name."""

    comparison: BeforeAfter | None = None
    """With the model that the run started from, where there is one."""


def finish(
    config: Config,
    prepared: Prepared,
    keeper: Keeper,
    run_dir: Path,
    device: torch.device,
    deadline: Deadline | None = None,
) -> Finished:
    """Put the weights that the recipe asks for into the model, write ``model/`` in the run directory and score it.

    Where that has been done, nothing is done, unless the bundle is damaged since. It is written before it is scored;
    what cannot be translated before ``deadline`` is not scored.

    """
    store, state, model = keeper.store, keeper.state, keeper.model
    average = config.training.average
    updates, which = _chosen(store, state, average)
    bundle = run_dir / "model"
    try:
        manifest, finished = _noted(bundle)
    except (CheckpointError, VocabularyError) as error:
        logger.warning("%s; making the model again from the checkpoints", error)
        manifest, finished = {}, None
        if deadline is not None and config.training.max_minutes is not None:  # the run's own time is over long ago
            deadline = Deadline(time.monotonic() + FINISH_MOST * 60 * config.training.max_minutes)
    if manifest and manifest["updates"] != updates:
        updates = _whole(store, updates)
    same = (updates, apart_from_places(config.model_dump(mode="json")), sorted(data_hashes(prepared).values()))
    is_written = bool(manifest) and _made_from(manifest) == same
    if is_written and finished is not None:
        logger.info("%s: finished at update %d, nothing to do", run_dir, state.update)
        return finished
    if not is_written:
        _write(bundle, config, prepared, store, updates, which, model)
    with disk_errors(bundle):
        loaded = load_bundle(bundle)
        convert_measured(loaded, config, prepared, device, deadline)
        n_more = n_lines_to_compare(run_dir)
        scores = score_test_sets(loaded, config, prepared, device, deadline, run_dir, n_more=n_more)
        comparison = compare(loaded, config, prepared, run_dir, device, deadline, scores)
        plain = None if comparison is None else comparison.as_json()
        note_scores(bundle, {name: of_set.as_json() for name, of_set in scores.items()}, comparison=plain)
    return Finished(scores, comparison)


def _noted(bundle: Path) -> tuple[dict[str, Any], Finished | None]:
    """What a bundle was made from, empty where there is none, and its worth, None where it is yet to be found out.

    Raises:
        CheckpointError: If it is damaged.
        VocabularyError: If its tokenizer is.
    """
    if not (bundle / MANIFEST).exists():
        return {}, None
    manifest = load_bundle(bundle).metadata
    try:
        scores = manifest["scores"]
        noted = None if scores is None else {name: SetScores.from_json(of_set) for name, of_set in scores.items()}
        finished = None if noted is None else Finished(noted, comparison_in(manifest))
        return {key: manifest[key] for key in ("updates", "config", "data")}, finished
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CheckpointError(f"{bundle / MANIFEST}: damaged") from None


def _made_from(manifest: dict[str, Any]) -> tuple[object, ...]:
    """Of a bundle: its updates, its settings apart from places, and the hashes of its data."""
    return manifest["updates"], apart_from_places(manifest["config"]), sorted(manifest["data"].values())


def is_unscored(run_dir: Path) -> bool:
    """Whether a run's model is written, and yet to be scored."""
    try:
        return read_json(run_dir / "model" / MANIFEST)["scores"] is None
    except (DataError, KeyError, TypeError):
        return False


def _write(
    bundle: Path,
    config: Config,
    prepared: Prepared,
    store: CheckpointStore,
    updates: list[int],
    which: str,
    model: EncoderDecoder,
) -> None:
    """Put the weights of some checkpoints, or their average, into ``model`` and write them as a bundle."""
    updates = _whole(store, updates) or _whole(store, store.updates())[-1:]
    if not updates:
        raise CheckpointError(f"{store.run_dir}: no checkpoint is whole; start again with --overwrite")
    logger.info("%s: update %s", which, ", ".join(map(str, updates)))
    paths = [store.path(update) for update in updates]
    restore_model(model, average_checkpoints(paths), source=paths[0])
    model.eval()
    settle_adapters(model, config.training, store.run_dir)
    lines = noted_source_lines(prepared, store.run_dir, join=config.training.sampling.join)
    with disk_errors(bundle):
        save_bundle(
            bundle,
            model=model,
            tokenizer=prepared.tokenizer,
            config=config,
            data_hashes=data_hashes(prepared),
            scores=None,
            updates=updates,
            seen=_seen_sources(prepared),
            corpus=relative_path(prepared.directory, bundle),
            lines=lines,
            inherited=inherited(store.run_dir),
        )


def _seen_sources(prepared: Prepared) -> SeenSources:
    """The sources of the training pairs, read some thousand at a time."""
    store = prepared.store("train")
    starts = range(0, len(store), _LINES_AT_ONCE)
    lines = (line for start in starts for line in store.src_text(start, start + _LINES_AT_ONCE))
    seen = SeenSources.build(lines, len(store))
    logger.debug("kept which sources were trained on, %s", bytes_shown(seen.n_bytes))
    return seen


def _chosen(store: CheckpointStore, state: TrainState, average: AverageConfig) -> tuple[list[int], str]:
    """Updates whose weights become the model, and what that is called."""
    unseen = state.share >= 1 and state.validated_update < state.update
    if unseen and (average.n == 0 or average.by == "best"):  # an older best was measured before the decay
        return [state.update], "taking the last checkpoint, which there was no time to validate"
    if average.n == 0:
        return [state.best_update or state.update], "taking the best checkpoint"
    updates = choose_checkpoints(store, state, average.n, average.by)
    return updates, f"averaging the {average.by} {len(updates)} checkpoints"


def seconds_to_translate(
    config: Config,
    prepared: Prepared,
    model: EncoderDecoder,
    compute: Compute,
    *,
    at_most: float,
    n_more: int = 0,
) -> float:
    """About how long ``finish`` is going to translate with this model: some lines of the test sets, timed.

    It translates the test sets, the validation set twice to measure what int8 loses, ``n_more`` lines, and then
    measures its speed.

    Larger and larger samples are timed, as small ones cost more a line, until ``at_most`` seconds have been spent.
    """
    src_text = [line for name in prepared.manifest.n_test for line in prepared.store(f"test/{name}").src_text()]
    if not src_text:
        return 0.0
    # A model that has learnt little yet goes on and on; by the end of the run it will not.
    decoding = config.decoding.model_copy(update=SHORT)
    translator = Translator.from_model(model, prepared.tokenizer, decoding, compute=compute.with_precision("fp32"))
    was_training = model.training
    model.eval()
    n, spent = 4, 0.0
    while True:
        n = min(2 * n, len(src_text))
        started = time.monotonic()
        translator.translate([src_text[i * len(src_text) // n] for i in range(n)])
        seconds = time.monotonic() - started
        spent += seconds
        if spent >= at_most or n in (256, len(src_text)):
            model.train(was_training)
            n_lines = len(src_text) + n_lines_to_convert(len(prepared.store("valid"))) + n_more
            return seconds * n_lines / n + SECONDS


def _whole(store: CheckpointStore, updates: list[int]) -> list[int]:
    """Those whose checkpoints are whole; the others are named in a warning."""
    whole = []
    for update in updates:
        try:
            verify(store.path(update))
        except CheckpointError as error:
            logger.warning("%s; leaving this checkpoint out", error)
        else:
            whole.append(update)
    return whole


def average_into_bundle(run_dir: Path, output: Path, *, n: int, by: Literal["last", "best"]) -> list[int]:
    """Average checkpoints of a run into a bundle of their own; returns their updates.

    Raises:
        CheckpointError: If the run has none or one is damaged, or ``output`` is something else than a bundle.
    """
    is_empty = output.is_dir() and not any(output.iterdir())
    if output.exists() and not is_empty and not (output / MANIFEST).is_file():
        raise ConfigError(f"{output}: exists and is not a bundle; choose another -o")
    store = CheckpointStore(run_dir)
    if not store.updates():
        raise CheckpointError(f"{run_dir}: no checkpoints there; name a run directory of mtkit train")
    state = TrainState.from_dict(read_state(store.path(store.updates()[-1]))["train"])
    updates = choose_checkpoints(store, state, n, by)
    if len(updates) < n:
        raise CheckpointError(
            f"{run_dir}: has {len(updates)} checkpoints to choose from, not {n}: use --{by} {len(updates)}, or train "
            f"with training.keep_{by}: {n}"
        )
    config, tokenizer = read_config(run_dir / "config.yaml"), Tokenizer.load(run_dir)
    check_run_tokenizer(run_dir, tokenizer)
    if config.training.lora.rank is not None:
        raise ConfigError(
            f"{run_dir}: its checkpoints hold adapters (training.lora): train with training.average.n to average them"
        )
    model = EncoderDecoder.for_tokenizer(config.model, tokenizer)
    paths = [store.path(update) for update in updates]
    restore_model(model, average_checkpoints(paths), source=paths[0])
    seen = load_bundle(run_dir / "model").training_sources() if (run_dir / "model" / MANIFEST).exists() else None
    with disk_errors(output):
        save_bundle(
            output,
            model=model,
            tokenizer=tokenizer,
            config=config,
            data_hashes={},
            scores={},
            updates=updates,
            seen=seen,
            corpus=_corpus_of(run_dir, output),
            lines=read_source_lines(run_dir),
            inherited=inherited(run_dir),
        )
    return updates


def _corpus_of(run_dir: Path, bundle: Path) -> str | None:
    """Where the corpus of a run lies, as seen from a bundle; None where the run does not say."""
    noted = noted_place(run_dir, DIRECTORY)
    return None if noted is None else relative_path(run_dir / noted, bundle)


def data_hashes(prepared: Prepared) -> dict[str, str]:
    """Sha256 of every input file, by its name in the recipe."""
    return {path: digest for source in prepared.manifest.sources for path, digest in source.get("sha256", {}).items()}
