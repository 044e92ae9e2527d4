"""The settings files of the other toolkits for the reference model, in each one's own words."""

from typing import Any

from benchmarks.peers.reference import (
    BATCH_TOKENS,
    D_FF,
    D_MODEL,
    DROPOUT,
    LABEL_SMOOTHING,
    N_HEADS,
    N_LAYERS,
    Work,
)

NEVER = 1_000_000
MAX_GRAD_NORM = 1.0
ADAM_BETAS = [0.9, 0.98]


def joeynmt(work: Work, directory: str, updates: int, window: int, norm: str = "pre") -> dict[str, Any]:
    """For ``python -m joeynmt``, version 2.3."""
    side = {"max_length": 250, "min_length": 1, "level": "word", "voc_file": str(work.file("vocabulary.txt"))}
    stack = {
        "type": "transformer",
        "num_layers": N_LAYERS,
        "num_heads": N_HEADS,
        "embeddings": {"embedding_dim": D_MODEL, "scale": True},
        "hidden_size": D_MODEL,
        "ff_size": D_FF,
        "dropout": DROPOUT,
        "layer_norm": norm,
    }
    return {
        "name": "reference",
        "joeynmt_version": "2.3.0",
        "model_dir": directory,
        "use_cuda": False,
        "fp16": False,
        "random_seed": 1,
        "data": {
            "train": str(work.file("train.pieces")),
            "dev": str(work.file("valid.pieces")),
            "test": str(work.file("valid.pieces")),
            "dataset_type": "plain",
            "src": {"lang": "src"} | side,
            "trg": {"lang": "tgt"} | side,
            "special_symbols": {
                "unk_token": "<unk>",
                "pad_token": "<pad>",
                "bos_token": "<s>",
                "eos_token": "</s>",
                "unk_id": 0,  # it takes no other order
                "pad_id": 1,
                "bos_id": 2,
                "eos_id": 3,
            },
        },
        "testing": {"n_best": 1, "beam_size": 5, "beam_alpha": 1.0, "batch_size": 64, "batch_type": "sentence"}
        | {"eval_metrics": ["bleu"], "sacrebleu_cfg": {"tokenize": "none"}},
        "training": {
            "optimizer": "adam",
            "adam_betas": ADAM_BETAS,
            "scheduling": "warmupinversesquareroot",
            "learning_rate": 0.001,
            "learning_rate_warmup": 400,
            "learning_rate_min": 1e-9,
            "clip_grad_norm": MAX_GRAD_NORM,
            "weight_decay": 0.0,
            "loss": "crossentropy",
            "label_smoothing": LABEL_SMOOTHING,
            "batch_size": BATCH_TOKENS,
            "batch_type": "token",
            "normalization": "tokens",
            "epochs": NEVER,
            "updates": updates,
            "validation_freq": NEVER,
            "logging_freq": window,
            "early_stopping_metric": "loss",
            "shuffle": True,
            "num_workers": 0,
            "overwrite": True,
            "keep_best_ckpts": 1,
        },
        "model": {
            "initializer": "xavier_uniform",
            "bias_initializer": "zeros",
            "init_gain": 1.0,
            "embed_initializer": "xavier_uniform",
            "tied_embeddings": True,
            "tied_softmax": True,
            "encoder": stack,
            "decoder": stack,
        },
    }


def _opennmt(work: Work) -> dict[str, Any]:
    """What OpenNMT-py and its successor eole call by the same names."""
    corpus = {"path_src": str(work.file("train.pieces.src")), "path_tgt": str(work.file("train.pieces.tgt"))}
    vocabulary = str(work.file("vocabulary.tsv"))
    return {"src_vocab": vocabulary, "tgt_vocab": vocabulary, "share_vocab": True, "seed": 1, "data": {"train": corpus}}


def _opennmt_training(updates: int) -> dict[str, Any]:
    return {
        "train_steps": updates,
        "save_checkpoint_steps": updates,
        "valid_steps": NEVER,
        "batch_type": "tokens",
        "batch_size": BATCH_TOKENS,
        "normalization": "tokens",
        "bucket_size": 29_000,
        "num_workers": 0,
        "world_size": 1,
        "gpu_ranks": [],
        "optim": "adam",
        "adam_beta2": ADAM_BETAS[1],
        "learning_rate": 2.0,
        "decay_method": "noam",
        "warmup_steps": 400,
        "max_grad_norm": MAX_GRAD_NORM,
        "label_smoothing": LABEL_SMOOTHING,
        "dropout": [DROPOUT],
        "attention_dropout": [0.0],
    }


def eole(work: Work, directory: str, updates: int, window: int, dtype: str = "fp32") -> dict[str, Any]:
    """For ``eole train``, version 0.6."""
    training = {"model_path": directory, "compute_dtype": dtype, "param_init_method": "xavier_uniform"}
    model = {
        "architecture": "transformer",
        "layers": N_LAYERS,
        "heads": N_HEADS,
        "hidden_size": D_MODEL,
        "transformer_ff": D_FF,
        "share_embeddings": True,
        "share_decoder_embeddings": True,
        "embeddings": {"word_vec_size": D_MODEL, "position_encoding_type": "SinusoidalInterleaved"},
    }
    return _opennmt(work) | {
        "report_every": window,
        "transforms": [],
        "overwrite": True,
        "save_data": f"{directory}.data",
        "training": _opennmt_training(updates) | training,
        "model": model,
    }


def opennmt_py(work: Work, directory: str, updates: int, window: int) -> dict[str, Any]:
    """For ``python -m onmt.bin.train``, version 3.5."""
    model = {
        "encoder_type": "transformer",
        "decoder_type": "transformer",
        "enc_layers": N_LAYERS,
        "dec_layers": N_LAYERS,
        "heads": N_HEADS,
        "hidden_size": D_MODEL,
        "word_vec_size": D_MODEL,
        "transformer_ff": D_FF,
        "position_encoding": True,
        "share_embeddings": True,
        "share_decoder_embeddings": True,
        "param_init_glorot": True,
        "param_init": 0,
    }
    files = {"save_data": f"{directory}.data", "save_model": directory, "report_every": window}
    settings = _opennmt(work) | _opennmt_training(updates) | model | files
    settings["data"]["train"]["transforms"] = []
    return settings
