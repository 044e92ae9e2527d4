"""Models in Marian's own files: ``.npz`` of OPUS-MT, ``.bin`` of Firefox and Bergamot (Junczys-Dowmunt et al. 2018, Kim
et al. 2019).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.vocabulary_file import Vocabulary
from mtkit.errors import CheckpointError, ConfigError, DataError, VocabularyError
from mtkit.exchange.foreign_settings import ForeignSettings, optional_settings
from mtkit.exchange.found import Found, Pieces
from mtkit.exchange.marian_file import MULTIPLIER, SCALES, read_bin, read_npz
from mtkit.exchange.marian_names import BIAS, OUTPUT, OUTPUT_ROWS, marian_names
from mtkit.exchange.naming import Layers, Tied
from mtkit.exchange.pieces import by_id, id_of, needed_file, read_spm, spm_pieces
from mtkit.exchange.vocab_yml import vocab_yml_ids
from mtkit.languages.codes import CODE, language_mistake, meant_by
from mtkit.languages.table import names as english_codes
from mtkit.settings.yaml_file import YamlError, parse_yaml, read_yaml

_ACTIVATIONS = {"relu": "relu", "swish": "silu"}
_LENGTH = 512  # sinusoids go on for ever, sentences of the training did not
_TAG = re.compile(r">>(\S{1,60})<<")
PAIR = re.compile(r"(?<=[._-])([a-z]{2})-?([a-z]{2})(?=[._-])")
"""Two languages in a file's name."""

MODEL_INFO, METADATA = "model_info.json", "metadata.json"
"""What is told of a model, beside it."""

SHORTLIST = "shortlist"
"""Setting of the search: the words that each word of the source allows."""

_COMPUTED: Mapping[str, tuple[Any, ...]] = {
    "type": ("transformer",),
    "transformer-no-projection": (False,),
    "transformer-pool": (False,),
    "transformer-tied-layers": ([],),
    "transformer-train-position-embeddings": (False,),
    "transformer-ffn-depth": (2,),
    "transformer-decoder-ffn-depth": (0, 2),
    "transformer-decoder-dim-ffn": (0,),
    "transformer-rnn-projection": (False,),
    "transformer-depth-scaling": (False,),
    "transformer-postprocess-emb": ("d", ""),
    "transformer-decoder-autoreg": ("self-attention", "rnn"),
    "input-types": ([],),
    "lemma-dim-emb": (0,),
    "ulr": (False,),
    "right-left": (False,),
}
"""Settings of which mtkit computes but these values."""

_RECURRENT: Mapping[str, tuple[Any, ...]] = {
    "dec-cell": ("ssru",),
    "dec-cell-base-depth": (2,),
    "dec-cell-high-depth": (1,),
}
"""The same where the decoder is recurrent: one simple recurrent unit in each layer."""


def is_marian(directory: Path) -> bool:
    """Whether a directory holds a model in Marian's own files."""
    return bool(_candidates(directory))


def _candidates(directory: Path) -> list[Path]:
    """The files that may hold weights."""
    skipped = ("lex.", "pytorch_model", "training_args", "optimizer", "scheduler")
    found = [*directory.glob("*.npz"), *directory.glob("*.bin")]
    return sorted(path for path in found if not path.name.startswith(skipped) and path.is_file())


def read_marian_files(directory: Path) -> Found:
    """A model of Marian's, with its vocabularies beside it.

    Raises:
        CheckpointError: If its files cannot be read, or it cannot be expressed.
        VocabularyError: If its vocabularies cannot be read.
    """
    decoder = _decoder_settings(directory)
    path = _model_file(directory, decoder)
    weights, text = (read_npz if path.suffix == ".npz" else read_bin)(path)
    settings = ForeignSettings(path, _parsed(text, path))
    recurrent = _check(settings)
    tied, sizes = _tying(settings), _vocabulary_sizes(settings)
    pieces, kept = _pieces(directory, decoder, sizes)
    has_bias, pre_norm = BIAS in weights.tensors, settings.text("transformer-preprocess", "") == "n"
    model = _model(settings, tied, recurrent=recurrent) | {
        "output_bias": has_bias,
        "norm": "pre" if pre_norm else "post",
    }
    grown = pieces.src_size - sizes[0], pieces.tgt_size - sizes[1]
    layers = Layers(
        model["n_encoder_layers"],
        model["n_decoder_layers"],
        tied=tied,
        final_norm=pre_norm,
        output_bias=has_bias,
        recurrent=recurrent,
        grown=grown,
    )
    rows = OUTPUT not in weights.tensors and OUTPUT_ROWS in weights.tensors
    tags = pieces.vocabulary.language_ids
    return Found(
        "marian",
        "bergamot" if path.suffix == ".bin" else "marian-npz",
        model,
        marian_names(layers, output_rows=rows),
        weights,
        pieces,
        languages_of_files(directory, path.name),
        multilingual=tags is not None,
        decoding=_decoding(decoder),
        names={OUTPUT: OUTPUT_ROWS} if rows else {},
        grown=grown,
        alignment_layer=_alignment_layer(settings, model["n_decoder_layers"]) if recurrent else None,
        settings=text,
        unused=frozenset(name for name in weights.tensors if name.endswith((SCALES, MULTIPLIER))),
        files=[
            *kept,
            decoder.path,
            *(directory / name for name in (MODEL_INFO, METADATA, *_names(decoder, SHORTLIST))),
        ],
    )


def _decoder_settings(directory: Path) -> ForeignSettings:
    """What a directory says of the search, and of the files that belong to the model."""
    for path in (directory / "decoder.yml", *sorted(directory.glob("config*.yml"))):
        if path.is_file():
            try:
                tree, _ = read_yaml(path, "")
            except (ConfigError, DataError) as error:
                raise CheckpointError(str(error)) from None
            return ForeignSettings(path, tree if isinstance(tree, dict) else {})
    return ForeignSettings(directory / "decoder.yml", {})


def _names(settings: ForeignSettings, key: str) -> list[str]:
    """Files that the settings name, without the directories of the machine where the model was trained."""
    value = settings.values.get(key)
    listed = value if isinstance(value, list) else [value]
    return [Path(name).name for name in listed if isinstance(name, str)]


def _model_file(directory: Path, decoder: ForeignSettings) -> Path:
    found = _candidates(directory)
    named = [path for path in found if path.name in _names(decoder, "models")] or found
    if len(named) > 1:
        raise CheckpointError(
            f"{directory}: has {len(named)} models, {named[0].name} and {named[1].name}; give a directory with one"
        )
    return named[0]


def _parsed(text: bytes, path: Path) -> Mapping[str, Any]:
    try:
        tree = parse_yaml(text.rstrip(b"\0").decode())
    except (UnicodeDecodeError, YamlError):
        raise CheckpointError(f"{path}: damaged: its settings are not YAML") from None
    if not isinstance(tree, dict):
        raise CheckpointError(f"{path}: damaged: it has no settings")
    return tree


def _check(settings: ForeignSettings) -> bool:
    """Refuse what cannot be expressed; whether the decoder is recurrent."""
    for name, values in _COMPUTED.items():
        settings.only(name, *values)
    recurrent = settings.text("transformer-decoder-autoreg", "self-attention") == "rnn"
    for name, values in _RECURRENT.items() if recurrent else ():
        settings.only(name, *values)
    pre_norm = settings.text("transformer-preprocess", "") == "n"
    settings.only("transformer-preprocess", "", "n")
    settings.only("transformer-postprocess", "da" if pre_norm else "dan")
    settings.only("transformer-postprocess-top", "n" if pre_norm else "")
    if settings.text("transformer-ffn-activation", "swish") not in _ACTIVATIONS:
        raise settings.refused("transformer-ffn-activation", f"mtkit computes with {', '.join(_ACTIVATIONS)}")
    return recurrent


def _alignment_layer(settings: ForeignSettings, n_layers: int) -> int:
    """The layer that a student is taught to align in, for its shortlist and for the marks in a page: the last."""
    told = settings.values.get("transformer-guided-alignment-layer", "last")
    return int(told) if str(told).isdecimal() and 1 <= int(told) <= n_layers else n_layers


def _tying(settings: ForeignSettings) -> Tied:
    if settings.flag("tied-embeddings-all", False):
        return "all"
    if settings.flag("tied-embeddings-src", False):
        return "inputs"
    return "decoder" if settings.flag("tied-embeddings", False) else "none"


def _vocabulary_sizes(settings: ForeignSettings) -> tuple[int, int]:
    sizes = settings.values.get("dim-vocabs")
    if not isinstance(sizes, list) or len(sizes) != 2 or not all(type(n) is int and 0 < n < 1 << 24 for n in sizes):
        raise settings.refused("dim-vocabs", "must be the sizes of two vocabularies")
    return sizes[0], sizes[1]


def _model(settings: ForeignSettings, tied: str, *, recurrent: bool) -> dict[str, Any]:
    """Settings of the ``model`` section."""
    return {
        "d_model": settings.integer("dim-emb"),
        "n_heads": settings.integer("transformer-heads"),
        "d_ff": settings.integer("transformer-dim-ffn"),
        "n_encoder_layers": settings.layers("enc-depth"),
        "n_decoder_layers": settings.layers("dec-depth"),
        "activation": _ACTIVATIONS[settings.text("transformer-ffn-activation", "swish")],
        "sinusoids": "halves",
        "tie_embeddings": tied,
        "max_length": _LENGTH,
        # Students are distilled without dropout, and are far off with it: a loss of 7.7 with 0.1, and 0.18 without.
        **({"decoder_attention": "ssru", "dropout": 0.0} if recurrent else {}),
    }


def _pieces(directory: Path, decoder: ForeignSettings, sizes: tuple[int, int]) -> tuple[Pieces, list[Path]]:
    """The vocabularies, each with a row for padding, which Marian has not; and the files that they are made of.

    Both become equally long, so that padding has one number.
    """
    paths = _vocabulary_files(directory, decoder)
    size = max(sizes) + 1
    if paths[0].suffix == ".spm":
        kept = list(dict.fromkeys(paths))
        models = [read_spm(path) for path in kept]
        ids = [_numbered(model, path) for model, path in zip(models, kept, strict=True)]
    else:
        kept = [needed_file(directory, name) for name in ("source.spm", "target.spm")]
        models = [read_spm(path) for path in kept]
        ids = [vocab_yml_ids(path) for path in dict.fromkeys(paths)]
    sides = [by_id(each, n, path, "dim-vocabs") for each, n, path in zip(ids, sizes, paths, strict=False)]
    # A piece of the vocabulary that is called <pad> is a row like others, not the zero vector that Marian starts with.
    pad = f"<unused {size - 1}>" if any("<pad>" in side for side in sides) else "<pad>"
    sides = [[*side, *(f"<unused {number}>" for number in range(len(side), size - 1)), pad] for side in sides]
    eos, unk = (id_of(ids[0], piece, paths[0]) for piece in ("</s>", "<unk>"))
    if any(side[eos] != "</s>" or side[unk] != "<unk>" for side in sides):
        raise VocabularyError(f"{paths[-1]}: numbers </s> and <unk> otherwise than {paths[0].name}, which mtkit needs")
    allows = decoder.flag("allow-unk", False)
    never = (size - 1, *(() if allows else (unk,)), *range(sizes[1], size - 1))
    special = SpecialIds(size - 1, unk, None, eos, size - 1, never)
    tags = {found[1]: [piece] for piece in sides[0] if (found := _TAG.fullmatch(piece))}
    vocabulary = Vocabulary.of("sentencepiece", special, sides[0], sides[1] if len(sides) > 1 else None, target=tags)
    return Pieces(tuple(models), vocabulary), list(dict.fromkeys([*kept, *paths]))


def _numbered(model: bytes, path: Path) -> dict[str, int]:
    return {piece: number for number, piece in enumerate(spm_pieces(model, path))}


def _vocabulary_files(directory: Path, decoder: ForeignSettings) -> list[Path]:
    """The vocabulary of the source and that of the target."""
    named = [directory / name for name in _names(decoder, "vocabs")]
    if missing := [path for path in named if not path.is_file()]:
        raise VocabularyError(f"{missing[0]}: missing, though {decoder.path.name} names it")
    for patterns in (("srcvocab*.spm", "trgvocab*.spm"), ("vocab*.spm",), ("*.vocab.yml",), ("vocab*.yml",)):
        if not named:
            found = [sorted(directory.glob(pattern))[:2] for pattern in patterns]
            named = [path for each in found for path in each] if all(found) else []
    if not named:
        raise VocabularyError(f"{directory}: has no vocabulary: neither *.spm nor *.vocab.yml lies beside the model")
    if named[0].suffix not in (".spm", ".yml", ".yaml") or named[0].suffix != named[-1].suffix:
        raise VocabularyError(f"{named[0]}: a vocabulary of a kind that is not known; mtkit reads .spm and .yml")
    return [named[0], named[-1]]


def languages_of_files(directory: Path, name: str) -> tuple[str | None, str | None]:
    """Source and target, as ``model_info.json``, the name of the file of the weights or that of the directory says."""
    told = optional_settings(directory / MODEL_INFO).values
    codes = [_code_of(told.get(key)) for key in ("src", "trg")]
    if codes[0] and codes[1]:
        return codes[0], codes[1]
    found = (pair for each in (name, f"{directory.resolve().name}-") if (pair := pair_in(f"-{each}")) is not None)
    return next(found, (None, None))


def pair_in(name: str) -> tuple[str, str] | None:
    """The languages that stand in a file's name: English and Portuguese in ``vocab.enpt.spm``; None where none do."""
    pairs = ((found[1], found[2]) for found in PAIR.finditer(name))
    return next((pair for pair in pairs if not any(map(language_mistake, pair))), None)


def _code_of(told: object) -> str | None:
    """The code of a language that is told by its English name or its code."""
    name = str(told or "").strip()
    known = meant_by(name) or english_codes().get(name.casefold())
    return known or (name if CODE.fullmatch(name) and language_mistake(name) is None else None)


def _decoding(decoder: ForeignSettings) -> dict[str, Any]:
    """Settings of the search; the beam of a student that does not name one is 1, as its makers use it."""
    found: dict[str, Any] = {}
    if decoder.has("beam-size"):
        found["beam_size"] = decoder.integer("beam-size")
    if decoder.has("normalize"):
        found["length_penalty"] = decoder.number("normalize", 1.0)
    if decoder.has("max-length-factor"):
        found["max_length_ratio"] = decoder.number("max-length-factor", 2.0)
    return found
