"""What suits a corpus of a given size, where the recipe does not say: model, schedule and vocabulary."""

from typing import Any

from mtkit.config import Section


class SizeClass(Section):
    """A preset: sizes and schedule that suit a corpus of about ``max_pairs`` training pairs."""

    max_pairs: float
    model: dict[str, Any]
    training: dict[str, Any]


SIZE_CLASSES: dict[str, SizeClass] = {
    # Wu et al. (2021) for multi30k; a vocabulary and a model that five to thirty thousand pairs can fill.
    "tiny": SizeClass(
        max_pairs=50_000,
        model={"d_model": 128, "n_heads": 4, "d_ff": 256, "n_encoder_layers": 4, "n_decoder_layers": 4, "dropout": 0.3},
        training={"batch_tokens": 4_000, "learning_rate": 5e-3, "warmup_updates": 1_000, "max_updates": 10_000}
        | {"validate_every": 500, "save_every": 500},
    ),
    "small": SizeClass(
        max_pairs=500_000,
        model={"d_model": 256, "n_heads": 4, "d_ff": 1024, "n_encoder_layers": 3, "n_decoder_layers": 3}
        | {"dropout": 0.2},
        training={"batch_tokens": 4_000, "learning_rate": 2e-3, "warmup_updates": 2_000, "max_updates": 40_000},
    ),
    "base": SizeClass(
        max_pairs=10_000_000,
        model={"d_model": 512, "n_heads": 8, "d_ff": 2048, "n_encoder_layers": 6, "n_decoder_layers": 6},
        training={"batch_tokens": 25_000, "learning_rate": 7e-4, "warmup_updates": 4_000, "max_updates": 100_000},
    ),
    "big": SizeClass(
        max_pairs=float("inf"),
        model={"d_model": 1024, "n_heads": 16, "d_ff": 4096, "n_encoder_layers": 6, "n_decoder_layers": 6},
        training={"batch_tokens": 25_000, "learning_rate": 5e-4, "warmup_updates": 4_000, "max_updates": 300_000},
    ),
}


def size_class_for(n_pairs: int) -> str:
    """Name of the preset for a corpus of ``n_pairs`` training pairs."""
    return next(name for name, size in SIZE_CLASSES.items() if n_pairs <= size.max_pairs)


def default_vocab_size(n_pairs: int) -> int:
    """Vocabulary for a corpus of ``n_pairs``: enough pairs for each piece to be learnt, between 1,000 and 32,000."""
    for limit, size in ((5_000, 1_000), (20_000, 4_000), (100_000, 8_000), (1_000_000, 16_000)):
        if n_pairs <= limit:
            return size
    return 32_000
