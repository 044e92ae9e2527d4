"""Settings, and their names in other programs (OpenNMT, fairseq, Marian, Sockeye, JoeyNMT)."""

SETTINGS = {
    "training.learning_rate": "lr learning-rate learn-rate initial-learning-rate",
    "training.schedule": "lr-scheduler learning-rate-scheduler-type decay-method lr-decay scheduling",
    "training.warmup_updates": "warmup warmup-updates warmup-steps lr-warmup learning-rate-warmup",
    "training.max_updates": "max-update max-updates max-steps train-steps after-batches updates steps",
    "training.max_epochs": "max-epoch max-epochs epochs after-epochs max-num-epochs",
    "training.accumulate": "accumulate accum-count update-freq optimizer-delay update-interval batch-multiplier",
    "training.label_smoothing": "label-smoothing smoothing",
    "training.max_grad_norm": "clip-norm max-grad-norm clip-grad-norm gradient-clipping-threshold",
    "training.weight_decay": "weight-decay",
    "training.adam_betas": "adam-betas adam-beta1 adam-beta2 optimizer-betas",
    "training.save_every": "save-interval-updates save-checkpoint-steps save-freq checkpoint-interval save-every",
    "training.validate_every": "valid-steps valid-freq validate-interval-updates validation-freq validate-every",
    "training.keep_last": "keep-last-epochs keep-interval-updates keep-checkpoint keep-last-params keep-last",
    "training.early_stopping.patience": "patience early-stopping max-num-checkpoint-not-improved",
    "training.tensorboard": "tensorboard tensorboard-logdir",
    "model.dropout": "dropout transformer-dropout",
    "model.attention_dropout": "attention-dropout transformer-dropout-attention",
    "model.n_encoder_layers": "encoder-layers enc-layers enc-depth layers num-layers",
    "model.n_decoder_layers": "decoder-layers dec-layers dec-depth",
    "model.n_heads": "heads num-heads encoder-attention-heads decoder-attention-heads transformer-heads "
    "transformer-attention-heads",
    "model.d_model": "d-model dim-emb hidden-size rnn-size word-vec-size encoder-embed-dim transformer-model-size",
    "model.d_ff": "d-ff transformer-ff transformer-dim-ffn encoder-ffn-embed-dim transformer-feed-forward-num-hidden",
    "model.architecture": "arch architecture type encoder-type",
    "model.tie_embeddings": "share-all-embeddings share-embeddings tied-embeddings tied-embeddings-all "
    "share-decoder-input-output-embed weight-tying-type",
    "model.max_length": "max-source-positions max-target-positions max-length max-seq-len",
    "tokenizer.vocab_size": "vocab-size dim-vocabs src-vocab-size tgt-vocab-size num-words",
    "training.batch_tokens": "batch batch-size batch-tokens max-tokens mini-batch mini-batch-words",
}
"""Each setting, and what others call it, with hyphens between words."""


def meant_setting(name: str) -> str | None:
    """The setting that another program calls so; None where it is not known."""
    plain = name.replace("_", "-").lower()
    return next((here for here, others in SETTINGS.items() if plain in others.split()), None)
