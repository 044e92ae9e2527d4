"""mBART-50 (Tang et al. 2020) in the layout of transformers."""

import re
from pathlib import Path

from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.vocabulary_file import Vocabulary
from mtkit.errors import VocabularyError
from mtkit.exchange.bart import aliases_of, check_places, generation, shared_name, sizes
from mtkit.exchange.bart_names import BIAS, OUTPUT, SHARED, bart_names
from mtkit.exchange.fairseq_pieces import MBART50, fairseq_ids
from mtkit.exchange.foreign_settings import ForeignSettings, optional_settings
from mtkit.exchange.found import Found, Pieces
from mtkit.exchange.naming import Layers, renamed
from mtkit.exchange.pieces import added_ids, agreed, by_id, id_of, joined_ids, tokenizer_json_ids
from mtkit.exchange.weights import Weights

SPM = "sentencepiece.bpe.model"
FILES = (SPM, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_CODE = re.compile(r"[a-z]{2,3}_[A-Z]{2}")
_ENCODER, _DECODER = "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"
_CLASSES = ("MBart50Tokenizer", "MBart50TokenizerFast")


def read_mbart(directory: Path, settings: ForeignSettings, weights: Weights) -> Found:
    """A model of the type ``mbart`` with the tokenizer of mBART-50; that of mBART-25 puts its languages elsewhere.

    Raises:
        CheckpointError: If its files cannot be read, or it cannot be expressed.
        VocabularyError: If its tokenizer cannot be read.
    """
    check_places(settings, pre_norm=True, embedding_norm=True)
    settings.only("tie_word_embeddings", True)
    config = optional_settings(directory / "tokenizer_config.json")
    for source in (config, settings):
        source.only("tokenizer_class", *_CLASSES)
    name = shared_name(weights)
    has_bias = BIAS in weights.tensors and bool(weights.read(BIAS).any())
    model = sizes(settings)
    model |= {"norm": "pre", "positions": "learned", "embedding_norm": True, "output_bias": has_bias}
    layers = Layers(
        model["n_encoder_layers"],
        model["n_decoder_layers"],
        final_norm=True,
        output_bias=has_bias,
        embedding_norm=True,
        learned_positions=True,
    )
    aliases, others = aliases_of(weights, dict.fromkeys((SHARED, _ENCODER, _DECODER, OUTPUT), name))
    return Found(
        "mbart",
        "huggingface",
        model,
        renamed(bart_names(layers), {SHARED: name}),
        weights,
        _pieces(directory, settings),
        (None, None),
        multilingual=True,
        decoding=generation(settings, optional_settings(directory / "generation_config.json")),
        names={} if name == SHARED else {SHARED: name},
        aliases=aliases,
        unused=frozenset({*others, BIAS} if not has_bias else others),
        files=[directory / name for name in FILES],
    )


def _pieces(directory: Path, settings: ForeignSettings) -> Pieces:
    path = directory / "tokenizer.json"
    told = joined_ids((tokenizer_json_ids(directory), path), (added_ids(directory), path))
    model, ids = fairseq_ids(directory, told, SPM)
    size = settings.integer("vocab_size")
    if not any(_CODE.fullmatch(piece) for piece in ids):  # its tokenizer numbers them after the pieces, and then <mask>
        codes = MBART50.split()
        if len(ids) + len(codes) + 1 != size:
            raise VocabularyError(
                f"{directory}: {SPM} has {len(ids):,} pieces; {len(codes)} languages and <mask> would make a "
                f"vocab_size of {len(ids) + len(codes) + 1:,}, but it is {size:,}"
            )
        ids |= {code: len(ids) + place for place, code in enumerate((*codes, "<mask>"))}
    languages = {piece: [piece] for piece in ids if _CODE.fullmatch(piece)}
    pad, unk, bos, eos = (id_of(ids, piece, path) for piece in ("<pad>", "<unk>", "<s>", "</s>"))
    for key, number, piece in (("pad_token_id", pad, "<pad>"), ("eos_token_id", eos, "</s>")):
        agreed(settings, key, number, piece)
    special = SpecialIds(
        pad, unk, bos, eos, settings.token("decoder_start_token_id", eos, settings.integer("vocab_size")), (pad, bos)
    )
    src = by_id(ids, size, path)
    vocabulary = Vocabulary.of("sentencepiece", special, src, source=languages, forced=languages)
    return Pieces((model,), vocabulary)
