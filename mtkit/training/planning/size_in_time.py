"""How large a model and a vocabulary a run by time can teach, where nothing but the number of pairs says it."""

import time
from pathlib import Path

from mtkit.data.batches.batches import BatchPlan
from mtkit.data.batches.synthetic import random_store
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.tokens.special import OWN
from mtkit.machine.compute import Compute
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.presets import BY_TIME, SIZE_CLASSES, size_class_for
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings, SizeInTime
from mtkit.settings.training import TrainingConfig
from mtkit.training.guidance import guidance_of
from mtkit.training.objectives.objective import NO_GUIDANCE, Guidance
from mtkit.training.planning.foresight import TRAINING_SHARE, Foresight, passes_shown
from mtkit.training.planning.pace import measured_speed
from mtkit.training.planning.planner import Planner
from mtkit.training.planning.tuning import Plan, quick_way
from mtkit.training.saving.run_directory import begun_with, has_begun
from mtkit.training.teacher import Teacher
from mtkit.wording import counted

ENOUGH_PASSES = 6.0
"""Over the corpus: with fewer a smaller model is taken."""

FEW_PASSES = 25.0
"""Up to which the preset above the one that suits the corpus learns more in the same time, and does not overfit yet."""

_MOST_DROPOUT = ((5.0, 0.0), (8.0, 0.1))
"""With fewer passes than these, the most dropout that helps: there is little overfitting yet that it could prevent."""

_LEAST_DROPOUT = 0.1
"""Of an objective that lives on it."""

_VOCABULARIES = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)
_TOKENS_PER_PIECE = 500  # of the target side, that are trained on: with fewer, pieces are seen too seldom
_RANDOM_PIECES, _N_RANDOM_PAIRS = 8_000, 2_000  # what the speed is measured on before there is a corpus


def size_in_time(
    settings: Settings,
    prepared: Prepared,
    run_dir: Path,
    started: float,
    teacher: Teacher | None = None,
    *,
    overwrite: bool,
) -> SizeInTime | None:
    """The largest preset that sees the corpus ``ENOUGH_PASSES`` times; a begun run keeps its own.

    At most the one that suits the corpus, or with ``FEW_PASSES`` the next larger one.

    Args:
        settings: Before a preset is chosen.
        prepared: The corpus.
        run_dir: Of the run.
        started: When its time began, on ``time.monotonic()``.
        teacher: Its teacher, which takes time too.
        overwrite: Whether an earlier run there is of no concern.

    Returns:
        None where the settings say the size themselves, or there is no limit of time.
    """
    if not settings.leaves_size_open():
        return None
    if has_begun(run_dir) and (run_dir / "config.yaml").exists() and not overwrite:
        return begun_size(settings, run_dir)
    n_pairs = prepared.manifest.n_train
    training = settings.for_corpus(n_pairs)[0].config().training
    if training.max_minutes is None:
        return None
    suits = size_class_for(n_pairs)
    vocab_sizes = prepared.tokenizer.src_vocab_size, prepared.tokenizer.tgt_vocab_size
    passes: dict[str, float] = {}
    for name in BY_TIME[: BY_TIME.index(suits) + 2]:  # from the smallest up, as large ones take long to measure
        config = settings.for_corpus(n_pairs, SizeInTime(name, ""))[0].config()
        compute = _compute(config.training)
        guidance = guidance_of(config, prepared.tokenizer, teacher, compute.device)
        plan = Planner(config, prepared).plan
        speed = _speed(config, vocab_sizes, prepared.tokenizer.pad_id, plan, compute, guidance)
        foresight = Foresight(speed, n_pairs, prepared.manifest.n_train_tgt_tokens)
        passes[name] = foresight.passes(60 * training.max_minutes - (time.monotonic() - started))
        if passes[name] < ENOUGH_PASSES or (name == suits and passes[name] < 1.5 * ENOUGH_PASSES):
            break  # the next one takes 1.7 times as long, or more
    chosen = [name for name in passes if passes[name] >= ENOUGH_PASSES][-1:] or list(passes)[:1]
    if BY_TIME.index(chosen[0]) > BY_TIME.index(suits) and passes[chosen[0]] > FEW_PASSES:
        chosen = [suits]
    reason = f"the corpus has {n_pairs:,} training pairs"
    if chosen != [suits]:
        minutes = counted(training.max_minutes, "minute") + (" allows" if training.max_minutes == 1 else " allow")
        allowed = " and ".join(f"{passes_shown(n)} with {name}" for name, n in list(passes.items())[-2:])
        larger = BY_TIME.index(chosen[0]) > BY_TIME.index(suits)
        reason += f", which {suits} would suit, but {minutes} {'only ' * larger}{allowed}"
    most = next((rate for limit, rate in _MOST_DROPOUT if passes[chosen[0]] < limit), 1.0)
    if training.consistency.method == "r_drop":  # which compares passes with different dropout
        most = max(most, _LEAST_DROPOUT)
    if _dropout_of(chosen[0]) <= most:
        return SizeInTime(chosen[0], reason)
    return SizeInTime(chosen[0], f"{reason}; dropout {most:g}, as the passes are few", {"dropout": most})


def begun_size(settings: Settings, run_dir: Path) -> SizeInTime | None:
    """What a run began with; None where none has begun, or the settings say the size themselves."""
    if not has_begun(run_dir) or not (run_dir / "config.yaml").exists() or not settings.leaves_size_open():
        return None
    config = begun_with(run_dir)
    if config.model.preset not in BY_TIME:
        return None
    own, dropout = _dropout_of(config.model.preset), config.model.dropout
    return SizeInTime(config.model.preset, "the run began with it", {"dropout": dropout} if dropout < own else {})


def vocabulary_in_time(settings: Settings, run_dir: Path, started: float, *, overwrite: bool) -> int | None:
    """The most pieces that there is time to learn, for a corpus that is about to be prepared for this run alone.

    A corpus that other runs share, or whose recipe says the number of pieces, is none of a single run's time's affair.

    Args:
        settings: Before a preset is chosen.
        run_dir: Of the run.
        started: When its time began, on ``time.monotonic()``.
        overwrite: Whether an earlier run there is of no concern.
    """
    size = SizeInTime(BY_TIME[0], "") if settings.leaves_size_open() else None
    config = (settings.before_corpus() if size is None else settings.for_corpus(1, size)[0]).config()
    training, tokenizer, directory = config.training, config.tokenizer, config.prepared_directory
    own = directory.resolve().is_relative_to(run_dir.resolve()) and not directory.exists()
    subwords = tokenizer.type in ("unigram", "bpe") and tokenizer.vocab_size is None
    if not own or not subwords:
        return None
    if (run_dir / "config.yaml").exists() and not overwrite:  # of a run whose corpus was deleted
        return begun_with(run_dir).tokenizer.vocab_size
    if training.max_minutes is None:
        return None
    store = random_store(
        _N_RANDOM_PAIRS,
        src_vocab_size=_RANDOM_PIECES,
        tgt_vocab_size=_RANDOM_PIECES,
        max_length=config.model.max_length,
    )

    def plan(batch_tokens: int) -> BatchPlan:
        return BatchPlan(store, special=OWN, batch_tokens=batch_tokens, accumulate=1, seed=training.seed)

    speed = _speed(config, (_RANDOM_PIECES, _RANDOM_PIECES), 0, plan, _compute(training), NO_GUIDANCE)
    seconds = 60 * training.max_minutes - (time.monotonic() - started)
    n_tokens = TRAINING_SHARE * max(seconds, 0.0) * speed
    return max(n for n in _VOCABULARIES if n == _VOCABULARIES[0] or n * _TOKENS_PER_PIECE <= n_tokens)


def _dropout_of(preset: str) -> float:
    return ModelConfig(**SIZE_CLASSES[preset].model).dropout


def _compute(training: TrainingConfig) -> Compute:
    return Compute.choose(training.device, training.precision, training.threads)


def _speed(
    config: Config, vocab_sizes: tuple[int, int], pad_id: int, plan: Plan, compute: Compute, guidance: Guidance
) -> float:
    """Target tokens a second."""
    training = config.training
    seed_dropout(training.seed, 0)
    model = EncoderDecoder(
        config.model, src_vocab_size=vocab_sizes[0], tgt_vocab_size=vocab_sizes[1], pad_id=pad_id
    ).to(compute.device)
    way = quick_way(training, model, plan, compute, guidance)
    return measured_speed(training, model, plan, compute.with_precision(way.precision), way.n_workers, guidance)
