"""M2M-100 (Fan et al. 2021) and NLLB-200 (2022) in the layout of transformers: dense models of many languages."""

import re
from collections.abc import Mapping
from pathlib import Path

from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.vocabulary_file import Vocabulary
from mtkit.errors import VocabularyError
from mtkit.exchange.bart import aliases_of, check_places, generation, positions_in, shared_name, sizes
from mtkit.exchange.bart_names import OUTPUT, SHARED, bart_names
from mtkit.exchange.fairseq_pieces import M2M100, WMT21, fairseq_ids
from mtkit.exchange.foreign_settings import ForeignSettings, optional_settings
from mtkit.exchange.found import Found, Pieces
from mtkit.exchange.naming import Layers, renamed
from mtkit.exchange.pieces import (
    added_ids,
    agreed,
    by_id,
    id_of,
    ids_in,
    joined_ids,
    listed,
    needed_file,
    read_spm,
    tokenizer_json_ids,
)
from mtkit.exchange.weights import Weights

SPM = "sentencepiece.bpe.model"
FILES = (SPM, "vocab.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_TAG = re.compile(r"__([a-z]{2,10})__")
_NLLB = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
_CLASSES = ("M2M100Tokenizer", "NllbTokenizer", "NllbTokenizerFast")
_ENCODER, _DECODER = "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"


def read_m2m100(directory: Path, settings: ForeignSettings, weights: Weights) -> Found:
    """A model of the type ``m2m_100``.

    Raises:
        CheckpointError: If its files cannot be read, or it cannot be expressed.
        VocabularyError: If its tokenizer cannot be read.
    """
    check_places(settings, pre_norm=True, embedding_norm=False)
    settings.only("tie_word_embeddings", True)
    model = sizes(settings) | {"norm": "pre", "sinusoids": "fairseq"}
    config = optional_settings(directory / "tokenizer_config.json")
    for source in (settings, config):
        source.only("tokenizer_class", *_CLASSES)
    config.only("legacy_behaviour", False)  # the tag of the language after the source, not before it
    name = shared_name(weights)
    aliases, others = aliases_of(weights, dict.fromkeys((SHARED, _ENCODER, _DECODER, OUTPUT), name))
    layers = Layers(model["n_encoder_layers"], model["n_decoder_layers"], final_norm=True)
    is_nllb, pieces = _pieces(directory, settings, config)
    return Found(
        "nllb" if is_nllb else "m2m100",
        "huggingface",
        model,
        renamed(bart_names(layers), {SHARED: name}),
        weights,
        pieces,
        (None, None),
        multilingual=True,
        decoding=generation(settings, optional_settings(directory / "generation_config.json")),
        names={} if name == SHARED else {SHARED: name},
        aliases=aliases,
        unused=positions_in(weights) | {*others},
        files=[directory / name for name in FILES],
    )


def _pieces(directory: Path, settings: ForeignSettings, config: ForeignSettings) -> tuple[bool, Pieces]:
    path = directory / "tokenizer.json"
    ids = joined_ids((tokenizer_json_ids(directory), path), (added_ids(directory), path))
    if (directory / "vocab.json").exists():  # of M2M-100
        path = directory / "vocab.json"
        ids = joined_ids((ids_in(path), path), (ids, directory / "added_tokens.json"))
        tags = _tags_after(ids, directory, settings, config)
        languages = {found[1]: [piece] for piece in (*ids, *tags) if (found := _TAG.fullmatch(piece))}
        ids = joined_ids((ids, path), (tags, directory / "tokenizer_config.json"))
        model = read_spm(needed_file(directory, SPM))
    else:
        model, ids = fairseq_ids(directory, ids, SPM)
        languages = {piece: [piece] for piece in ids if _NLLB.fullmatch(piece)}
    if not languages:
        raise VocabularyError(
            f"{directory}: none of its files says which ids its languages have; copy tokenizer.json and "
            "tokenizer_config.json, or special_tokens_map.json"
        )
    pad, unk, bos, eos = (id_of(ids, piece, path) for piece in ("<pad>", "<unk>", "<s>", "</s>"))
    for key, number, piece in (("pad_token_id", pad, "<pad>"), ("eos_token_id", eos, "</s>")):
        agreed(settings, key, number, piece)
    special = SpecialIds(
        pad, unk, bos, eos, settings.token("decoder_start_token_id", eos, settings.integer("vocab_size")), (pad, bos)
    )
    src = by_id(ids, settings.integer("vocab_size"), path)
    vocabulary = Vocabulary.of("sentencepiece", special, src, source=languages, forced=languages)
    is_nllb = any(_NLLB.fullmatch(code) for code in languages)
    return is_nllb, Pieces((model,), vocabulary)


def _tags_after(
    ids: Mapping[str, int], directory: Path, settings: ForeignSettings, config: ForeignSettings
) -> dict[str, int]:
    """The tags of the languages of M2M-100, where no file numbers them: after ``vocab.json``, in the order of a list.

    That is how its tokenizer numbers them; the sizes must agree.
    """
    if any(_TAG.fullmatch(piece) for piece in ids):
        return {}
    others = optional_settings(directory / "special_tokens_map.json")
    lists = [source.values.get(key) for source in (config, others) for key in ("additional_special_tokens", "extra")]
    tags = next((found for each in lists if (found := [t for t in listed(each) if _TAG.fullmatch(t)])), None)
    if tags is None:
        codes = {"m2m100": M2M100, "wmt21": WMT21}.get(config.text("language_codes", "m2m100"))
        if codes is None:
            raise config.refused("language_codes", "mtkit knows those of m2m100 and wmt21")
        tags = [f"__{code}__" for code in codes.split()]
    first, size = len(ids), settings.integer("vocab_size")
    made_up = config.integer("num_madeup_words", 8)
    if first + len(tags) + made_up != size:
        raise VocabularyError(
            f"{directory}: vocab.json has {first:,} pieces; {len(tags)} languages and {made_up} unused ids after them "
            f"would make a vocab_size of {first + len(tags) + made_up:,}, but it is {size:,}"
        )
    return {tag: first + place for place, tag in enumerate(tags)}
