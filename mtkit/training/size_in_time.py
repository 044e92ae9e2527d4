"""How large a model a run by time can teach, where nothing but the number of pairs says it."""

import time
from pathlib import Path

from mtkit.config import Config
from mtkit.data.prepare import Prepared
from mtkit.device import choose_device, choose_precision, set_threads
from mtkit.log import counted
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.presets import BY_TIME, size_class_for
from mtkit.settings import Settings, SizeInTime, read_config
from mtkit.training.foresight import Foresight, passes_shown
from mtkit.training.pace import measured_speed
from mtkit.training.planner import Planner

ENOUGH_PASSES = 6.0
"""Over the corpus: with fewer a smaller model is taken."""

_OVERFITTING_PASSES = 8.0  # with fewer there is nothing that dropout could prevent


def size_in_time(
    settings: Settings, prepared: Prepared, run_dir: Path, started: float, *, overwrite: bool
) -> SizeInTime | None:
    """The largest preset, up to that for the corpus, that sees it ``ENOUGH_PASSES`` times; a begun run keeps its own.

    Args:
        settings: Before a preset is chosen.
        prepared: The corpus.
        run_dir: Of the run.
        started: When its time began, on ``time.monotonic()``.
        overwrite: Whether an earlier run there is of no concern.

    Returns:
        None where the settings say the size themselves, or there is no limit of time.
    """
    if not settings.leaves_size_open():
        return None
    if (run_dir / "config.yaml").exists() and not overwrite:
        return begun_size(settings, run_dir)
    n_pairs = prepared.manifest.n_train
    training = settings.for_corpus(n_pairs)[0].config().training
    if training.max_minutes is None:
        return None
    suits = size_class_for(n_pairs)
    passes: dict[str, float] = {}
    for name in BY_TIME[: BY_TIME.index(suits) + 1]:  # from the smallest up, as large ones take long to measure
        config = settings.for_corpus(n_pairs, SizeInTime(name, ""))[0].config()
        foresight = Foresight(_speed(config, prepared), n_pairs, prepared.manifest.n_train_tgt_tokens)
        passes[name] = foresight.passes(60 * training.max_minutes - (time.monotonic() - started))
        if passes[name] < ENOUGH_PASSES:
            break
    chosen = [name for name in passes if passes[name] >= ENOUGH_PASSES][-1:] or list(passes)[:1]
    reason = f"the corpus has {n_pairs:,} training pairs"
    if chosen != [suits]:
        minutes = counted(training.max_minutes, "minute")
        allowed = " and ".join(f"{passes_shown(n)} with {name}" for name, n in list(passes.items())[-2:])
        reason += f", which {suits} would suit, but {minutes} allow {allowed}"
    if passes[chosen[0]] >= _OVERFITTING_PASSES:
        return SizeInTime(chosen[0], reason)
    return SizeInTime(chosen[0], f"{reason}; no dropout, as the passes are few", {"dropout": 0.0})


def begun_size(settings: Settings, run_dir: Path) -> SizeInTime | None:
    """What a run began with; None where none has begun, or the settings say the size themselves."""
    path = run_dir / "config.yaml"
    if not path.exists() or not settings.leaves_size_open():
        return None
    config = read_config(path)
    if config.model.preset not in BY_TIME:
        return None
    without = {"dropout": 0.0} if config.model.dropout == 0 else {}
    return SizeInTime(config.model.preset, "the run began with it", without)


def _speed(config: Config, prepared: Prepared) -> float:
    """Target tokens a second."""
    training, tokenizer = config.training, prepared.tokenizer
    set_threads(training.threads)
    device = choose_device(training.device)
    seed_dropout(training.seed, 0)
    model = EncoderDecoder(
        config.model,
        src_vocab_size=tokenizer.src_vocab_size,
        tgt_vocab_size=tokenizer.tgt_vocab_size,
        pad_id=tokenizer.pad_id,
    ).to(device)
    precision = choose_precision(training.precision, device)
    return measured_speed(training, model, Planner(config, prepared), device, precision)
