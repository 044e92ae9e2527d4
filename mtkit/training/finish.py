"""The end of a run: choose or average the weights, score the test sets, write the bundle."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from mtkit.bundle.bundle import EMA, KIND_OF_WEIGHTS, MANIFEST, load_bundle, read_source_lines
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
from mtkit.evaluation.translated_sets import TranslatedLine, write_translated_set
from mtkit.files.reading import read_json
from mtkit.log import logger
from mtkit.machine.compute import Compute
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import restore_model
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import read_config
from mtkit.training.base_model import inherited
from mtkit.training.comparison import compare, n_lines_to_compare
from mtkit.training.final_scores import SetScores, convert_measured, n_lines_to_convert, score_test_sets
from mtkit.training.lora import settle_adapters
from mtkit.training.planning.budget import FINISH_MOST
from mtkit.training.saving.average import average_checkpoints, choose_checkpoints
from mtkit.training.saving.checkpoint import CheckpointStore, disk_errors, read_state
from mtkit.training.saving.choosing import Choice, best_of, candidates, or_newest
from mtkit.training.saving.keeper import Keeper
from mtkit.training.saving.places import apart_from_places
from mtkit.training.source_lines import noted_source_lines
from mtkit.training.state import TrainState
from mtkit.training.validation import validator_of
from mtkit.translation.in_time import SHORT, Deadline
from mtkit.translation.test_sets import held_out_of
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
    store = keeper.store
    choices = candidates(store, keeper.state, config.training)
    bundle = run_dir / "model"
    try:
        manifest, finished = _noted(bundle)
    except (CheckpointError, VocabularyError) as error:
        logger.warning("%s; making the model again from the checkpoints", error)
        manifest, finished = {}, None
        if deadline is not None and config.training.max_minutes is not None:  # the run's own time is over long ago
            deadline = Deadline(time.monotonic() + FINISH_MOST * 60 * config.training.max_minutes)
    if manifest and manifest["updates"] not in [choice.updates for choice in choices]:
        choices = [choice.whole(store) for choice in choices]
    same = apart_from_places(config.model_dump(mode="json")), sorted(data_hashes(prepared).values())
    is_written = bool(manifest) and _made_from(manifest) in [(each.updates, each.ema, *same) for each in choices]
    if is_written and finished is not None:
        logger.info("%s: finished at update %d, nothing to do", run_dir, keeper.state.update)
        return finished
    if not is_written:
        _write(bundle, config, prepared, keeper, _chosen(choices, config, prepared, keeper, device))
    with disk_errors(bundle):
        loaded = load_bundle(bundle)
        convert_measured(loaded, config, prepared, device, deadline)
        n_more = n_lines_to_compare(run_dir)
        scores = score_test_sets(loaded, config, prepared, device, deadline, run_dir, n_more=n_more)
        comparison = compare(loaded, config, prepared, run_dir, device, deadline, scores)
        plain = None if comparison is None else comparison.as_json()
        _keep_translations(run_dir, config, prepared, scores)
        note_scores(bundle, {name: of_set.as_json() for name, of_set in scores.items()}, comparison=plain)
    return Finished(scores, comparison)


def _keep_translations(run_dir: Path, config: Config, prepared: Prepared, scores: Mapping[str, SetScores]) -> None:
    """Write what the test sets were translated to into the run directory, for comparisons with other runs."""
    for test in held_out_of(prepared):
        of_set, tgt_lang = scores[test.name], test.tgt_lang or config.data.tgt_lang
        lines = [
            TranslatedLine(row + 1, test.src_text[row], test.ref_text[row], hyp, tgt_lang)
            for row, hyp in zip(of_set.rows, of_set.hyp_text, strict=True)
        ]
        write_translated_set(run_dir, test.name, lines)


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
        return {key: manifest[key] for key in ("updates", "config", "data")} | {
            KIND_OF_WEIGHTS: manifest.get(KIND_OF_WEIGHTS)
        }, finished
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CheckpointError(f"{bundle / MANIFEST}: damaged") from None


def _made_from(manifest: dict[str, Any]) -> tuple[object, ...]:
    """Of a bundle: its updates, whether it has a moving average, its settings apart from places, its data's hashes."""
    return (
        manifest["updates"],
        manifest[KIND_OF_WEIGHTS] == EMA,
        apart_from_places(manifest["config"]),
        sorted(manifest["data"].values()),
    )


def is_unscored(run_dir: Path) -> bool:
    """Whether a run's model is written, and yet to be scored."""
    try:
        return read_json(run_dir / "model" / MANIFEST)["scores"] is None
    except (DataError, KeyError, TypeError):
        return False


def _chosen(choices: list[Choice], config: Config, prepared: Prepared, keeper: Keeper, device: torch.device) -> Choice:
    """Of several choices the one that is best on the validation set."""
    store, model = keeper.store, keeper.model
    whole = [choice for each in choices if (choice := each.whole(store)).updates]
    compute = Compute(device, "fp32", threads=torch.get_num_threads())
    validator = validator_of(config, prepared, store.run_dir, compute, keeper.plan.micro_batch_tokens)

    def loss(choice: Choice) -> float:
        restore_model(model, choice.tensors(store), source=store.path(choice.updates[0]))
        return validator.measure_loss(model.eval())["valid_loss_per_token"]

    return best_of(whole or choices, loss)


def _write(bundle: Path, config: Config, prepared: Prepared, keeper: Keeper, choice: Choice) -> None:
    """Put weights of checkpoints into the model and write them as a bundle."""
    store, model = keeper.store, keeper.model
    choice = or_newest(choice, store)
    logger.info("%s: update %s", choice.which, ", ".join(map(str, choice.updates)))
    restore_model(model, choice.tensors(store), source=store.path(choice.updates[0]))
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
            updates=choice.updates,
            weights=EMA if choice.ema else None,
            seen=_seen_sources(prepared),
            corpus=relative_path(prepared.directory, bundle),
            lines=lines,
            inherited=inherited(store.run_dir),
            n_pairs=prepared.manifest.n_pairs(),
        )


def _seen_sources(prepared: Prepared) -> SeenSources:
    """The sources of the training pairs, read some thousand at a time."""
    store = prepared.store("train")
    starts = range(0, len(store), _LINES_AT_ONCE)
    lines = (line for start in starts for line in store.src_text(start, start + _LINES_AT_ONCE))
    seen = SeenSources.build(lines, len(store))
    logger.debug("kept which sources were trained on, %s", bytes_shown(seen.n_bytes))
    return seen


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


def average_into_bundle(
    run_dir: Path, output: Path, *, n: int, by: Literal["last", "best"], ema: bool = False
) -> list[int]:
    """Average checkpoints of a run into a bundle of their own; returns their updates.

    With ``ema`` these are the moving averages that the run kept of its weights.

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
    restore_model(model, average_checkpoints(paths, ema=ema), source=paths[0])
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
            weights=EMA if ema else None,
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
