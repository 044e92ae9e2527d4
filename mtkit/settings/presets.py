"""What suits a corpus of a given size, where the recipe does not say: model, schedule and vocabulary."""

from typing import Annotated, Any

from pydantic import Field

from mtkit.settings.section import Section


class SizeClass(Section):
    """A preset: a model and a schedule."""

    max_pairs: Annotated[float, Field(allow_inf_nan=True)] | None = None
    """The largest corpus, in training pairs, that it is chosen for; None where it is only taken by name."""

    model: dict[str, Any]
    training: dict[str, Any]


_RECURRENT = {"batch_tokens": 4_000, "learning_rate": 1e-3, "warmup_updates": 500, "max_updates": 40_000}

SIZE_CLASSES: dict[str, SizeClass] = {
    # What a slow machine teaches in some minutes: half the layers of "tiny", and half their width.
    "micro": SizeClass(
        model={"d_model": 64, "n_heads": 4, "d_ff": 128, "n_encoder_layers": 2, "n_decoder_layers": 2, "dropout": 0.1},
        training={"batch_tokens": 4_000, "learning_rate": 5e-3, "warmup_updates": 1_000, "max_updates": 10_000}
        | {"validate_every": 500, "save_every": 500},
    ),
    "mini": SizeClass(
        model={"d_model": 128, "n_heads": 4, "d_ff": 256, "n_encoder_layers": 2, "n_decoder_layers": 2, "dropout": 0.1},
        training={"batch_tokens": 4_000, "learning_rate": 5e-3, "warmup_updates": 1_000, "max_updates": 10_000}
        | {"validate_every": 500, "save_every": 500},
    ),
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
    # Bahdanau et al. (2015), RNNsearch, with the sizes of "small".
    "rnn-bahdanau": SizeClass(
        model={"architecture": "rnn", "d_model": 256, "n_heads": 1, "n_encoder_layers": 1, "n_decoder_layers": 1}
        | {"rnn_cell": "gru", "rnn_attention": "bahdanau", "cross_attention": "additive", "dropout": 0.2},
        training=_RECURRENT,
    ),
    # Luong et al. (2015): stacked LSTMs, the general score, input feeding.
    "rnn-luong": SizeClass(
        model={"architecture": "rnn", "d_model": 256, "n_heads": 1, "n_encoder_layers": 2, "n_decoder_layers": 2}
        | {"rnn_cell": "lstm", "rnn_attention": "luong", "cross_attention": "general", "input_feeding": True}
        | {"bridge": "copy", "dropout": 0.2},
        training=_RECURRENT,
    ),
    # ConvS2S of Gehring et al. (2017), smaller.
    "conv": SizeClass(
        model={"architecture": "conv", "d_model": 256, "n_heads": 1, "n_encoder_layers": 4, "n_decoder_layers": 4}
        | {"cross_attention": "dot", "dropout": 0.2},
        training={"batch_tokens": 4_000, "learning_rate": 1e-3, "warmup_updates": 1_000, "max_updates": 40_000},
    ),
    # Kasai et al. (2021): what is read once may be deep, what is read at every step of a search is shallow.
    "deep-shallow": SizeClass(
        model={"d_model": 256, "n_heads": 4, "d_ff": 1024, "n_encoder_layers": 12, "n_decoder_layers": 1}
        | {"dropout": 0.2},
        training={"batch_tokens": 4_000, "learning_rate": 2e-3, "warmup_updates": 2_000, "max_updates": 40_000},
    ),
    # Kim et al. (2019), Bogoychev et al. (2020): a student of knowledge distillation for translation on a CPU.
    "student-tiny": SizeClass(
        model={"d_model": 256, "n_heads": 8, "d_ff": 1536, "n_encoder_layers": 6, "n_decoder_layers": 2}
        | {"decoder_attention": "ssru", "dropout": 0.1},
        training={"batch_tokens": 4_000, "learning_rate": 2e-3, "warmup_updates": 2_000, "max_updates": 40_000},
    ),
}


AUTOMATIC = [name for name, size in SIZE_CLASSES.items() if size.max_pairs is not None]
"""The presets that are chosen by the number of training pairs, smallest first."""

BY_TIME = ["micro", "mini", *AUTOMATIC]
"""Those that a run by time can be given, smallest first."""


def size_class_for(n_pairs: int) -> str:
    """Name of the preset for a corpus of ``n_pairs`` training pairs."""
    return next(name for name in AUTOMATIC if n_pairs <= (SIZE_CLASSES[name].max_pairs or 0))


def default_vocab_size(n_pairs: int) -> int:
    """Vocabulary for a corpus of ``n_pairs``: enough pairs for each piece to be learnt, between 1,000 and 32,000."""
    for limit, size in ((5_000, 1_000), (20_000, 4_000), (100_000, 8_000), (1_000_000, 16_000)):
        if n_pairs <= limit:
            return size
    return 32_000
