"""OPUS-MT and other models of Marian's in the layout of transformers (MarianMT)."""

import re
from pathlib import Path

from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.vocabulary_file import Vocabulary
from mtkit.errors import VocabularyError
from mtkit.exchange.bart import aliases_of, check_places, generation, positions_in, shared_name, sizes
from mtkit.exchange.bart_names import BIAS, OUTPUT, SHARED, bart_names
from mtkit.exchange.foreign_settings import ForeignSettings, optional_settings
from mtkit.exchange.found import Found, Pieces
from mtkit.exchange.naming import Layers, Tied, renamed
from mtkit.exchange.pieces import agreed, by_id, id_of, ids_in, needed_file, read_spm
from mtkit.exchange.weights import Weights

_MAP = "special_tokens_map.json"
FILES = ("source.spm", "target.spm", "vocab.json", "target_vocab.json", "tokenizer_config.json", _MAP)
_TAG = re.compile(r">>(\S{1,60})<<")
_ENCODER, _DECODER = "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"


def read_marian(directory: Path, settings: ForeignSettings, weights: Weights) -> Found:
    """A model of the type ``marian`` (Junczys-Dowmunt et al. 2018, in transformers).

    Raises:
        CheckpointError: If its files cannot be read, or it cannot be expressed.
        VocabularyError: If its tokenizer cannot be read.
    """
    return _read(directory, settings, weights, pre_norm=False)


def read_pegasus(directory: Path, settings: ForeignSettings, weights: Weights) -> Found:
    """A model of the type ``pegasus`` with a tokenizer of Marian's, as mtkit exports pre-norm Transformers; errors as
    ``read_marian``.
    """
    return _read(directory, settings, weights, pre_norm=True)


def _read(directory: Path, settings: ForeignSettings, weights: Weights, *, pre_norm: bool) -> Found:
    check_places(settings, pre_norm=pre_norm, embedding_norm=False)
    settings.only("static_position_embeddings", True)
    model = sizes(settings) | {"norm": "pre" if pre_norm else "post", "sinusoids": "halves"}
    shares, ties = (settings.flag(name, True) for name in ("share_encoder_decoder_embeddings", "tie_word_embeddings"))
    if shares:
        name = shared_name(weights)
        names, may_repeat = {SHARED: name}, dict.fromkeys((_ENCODER, _DECODER, OUTPUT), name)
    else:
        names, may_repeat = {}, {OUTPUT: _DECODER, SHARED: _ENCODER}
    if not ties:
        may_repeat.pop(OUTPUT, None)
    # Some files carry an output projection that was never trained beside the embedding that is tied to it.
    aliases, others = aliases_of(weights, may_repeat)
    tied = _tied(shares, ties)
    has_bias = BIAS in weights.tensors
    depths = model["n_encoder_layers"], model["n_decoder_layers"]
    layers = Layers(*depths, tied=tied, output_bias=has_bias, final_norm=pre_norm)
    pieces = _pieces(directory, settings, shares=shares)
    config = optional_settings(directory / "tokenizer_config.json")
    generated = optional_settings(directory / "generation_config.json")
    told = [config.text(key) if config.has(key) else None for key in ("source_lang", "target_lang")]
    languages = pieces.vocabulary.language_ids
    return Found(
        "pegasus" if pre_norm else "marian",
        "huggingface",
        model | {"tie_embeddings": tied, "output_bias": has_bias},
        renamed(bart_names(layers), names),
        weights,
        pieces,
        (told[0], told[1] if languages is None else None),
        multilingual=languages is not None,
        decoding=generation(settings, generated),
        names={ours: theirs for ours, theirs in names.items() if ours != theirs},
        aliases=aliases,
        unused=positions_in(weights) | {*others},
        files=[directory / name for name in FILES],
    )


def _tied(shares: bool, ties: bool) -> Tied:
    """Which embeddings are one, by the two settings about that."""
    if shares:
        return "all" if ties else "inputs"
    return "decoder" if ties else "none"


def _pieces(directory: Path, settings: ForeignSettings, *, shares: bool) -> Pieces:
    """Pieces of ``source.spm`` and ``target.spm``, numbered by ``vocab.json``: SentencePiece's own ids are others."""
    models = tuple(read_spm(needed_file(directory, name)) for name in ("source.spm", "target.spm"))
    path = needed_file(directory, "vocab.json")
    ids = ids_in(path)
    size, tgt_size = settings.integer("vocab_size"), settings.integer("decoder_vocab_size", 0)
    src, tgt = by_id(ids, size, path), None
    tgt_path = directory / "target_vocab.json"
    if tgt_path.exists() and not shares:
        tgt = by_id(ids_in(tgt_path), tgt_size or size, tgt_path, "decoder_vocab_size")
    elif not shares and tgt_size not in (0, size):
        raise VocabularyError(f"{tgt_path}: missing, though decoder_vocab_size is not vocab_size")
    eos, unk, pad = (id_of(ids, piece, path) for piece in ("</s>", "<unk>", "<pad>"))
    agreed(settings, "eos_token_id", eos, "</s>")
    agreed(settings, "pad_token_id", pad, "<pad>")
    for number, piece in ((eos, "</s>"), (unk, "<unk>")):
        if tgt is not None and tgt[number] != piece:
            raise VocabularyError(f"{tgt_path}: {piece} is not number {number} as in vocab.json, which mtkit needs")
    special = SpecialIds(
        pad, unk, None, eos, settings.token("decoder_start_token_id", pad, settings.integer("vocab_size")), (pad,)
    )
    tags = {found[1]: [piece] for piece in src if (found := _TAG.fullmatch(piece))}
    return Pieces(models, Vocabulary.of("sentencepiece", special, src, tgt, target=tags))
