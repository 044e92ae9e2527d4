"""A tokenizer with more pieces: learnt from text in languages that it was not made for, and tags of languages.

The ids that it has stay as they are; new ones follow them. A piece that is learnt is only taken where it spells
something in fewer pieces than before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mtkit.data.tokens.sides import SPACE, sentencepiece_model
from mtkit.data.tokens.spm_file import Algorithm, Kind, Piece, algorithm_of, with_pieces
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.data.tokens.training import VocabularyTooSmallError, train_model
from mtkit.data.tokens.vocabulary_file import Vocabulary
from mtkit.errors import VocabularyError
from mtkit.languages.naming import matching
from mtkit.settings.tokenizer import TokenizerConfig, as_piece

Lines = Callable[[], Iterable[str]]
"""Text that can be read more than once."""

_MOST_CANDIDATES = 3
"""Pieces that are learnt for each one that is wanted."""

_N_SPECIAL = 4  # of a model that mtkit trains


@dataclass(frozen=True)
class NewTags:
    """What a tokenizer lacks to be told the languages of a corpus."""

    symbols: Sequence[str] = ()
    """Tags before a source, such as ``<2de>``, for a tokenizer of mtkit's own."""

    directions: Sequence[tuple[str, str]] = ()
    """Codes of source and target, for a tokenizer that has languages of its own."""


def extended(base: Tokenizer, src_lines: Lines | None, tgt_lines: Lines | None, n: int, tags: NewTags) -> Tokenizer:
    """A tokenizer with more pieces. The same text gives the same tokenizer.

    Args:
        base: The tokenizer.
        src_lines: Source text to learn from; None where there is nothing to learn on that side.
        tgt_lines: Target text.
        n: Pieces to add to each vocabulary, at most.
        tags: Languages to add.

    Raises:
        VocabularyError: If the tokenizer cannot take pieces or tags.
    """
    if not base.models:
        raise VocabularyError("tokenizer.extend adds nothing to a tokenizer of bytes, which spells every text already")
    # What two models of one vocabulary learn must be the same for both: Marian's tokenizers have two.
    if base.joint:
        sides = [lines for lines in (src_lines, tgt_lines) if lines is not None]
        learnt = [_learnt(base.models[-1], _all_of(sides), n, base.src_pieces)] if n and sides else [[]]
        added = learnt * len(base.models)
    else:
        pieces = base.src_pieces, base.tgt_pieces
        added = [
            _learnt(model, lines, n, known) if n and lines is not None else []
            for model, lines, known in zip(base.models, (src_lines, tgt_lines), pieces, strict=True)
        ]
    if base.vocabulary is not None:
        return _with_vocabulary(base, base.vocabulary, added, tags)
    symbols = [tag for tag in dict.fromkeys(map(as_piece, tags.symbols)) if tag not in set(base.src_pieces)]
    named = [Piece(symbol, 0.0, Kind.USER_DEFINED) for symbol in symbols]
    models = [
        with_pieces(model, [*pieces, *(named if side == 0 else [])])
        for side, (model, pieces) in enumerate(zip(base.models, added, strict=True))
    ]
    return Tokenizer(*models)


def _all_of(sides: Sequence[Lines]) -> Lines:
    return lambda: (line for lines in sides for line in lines())


def _with_vocabulary(
    base: Tokenizer, vocabulary: Vocabulary, added: Sequence[Sequence[Piece]], tags: NewTags
) -> Tokenizer:
    """The same of a tokenizer with ids of its own."""
    models = [with_pieces(model, pieces) for model, pieces in zip(base.models, added, strict=True)]
    src = [*vocabulary.src, *(piece.text for piece in added[0])]
    tgt = None if vocabulary.tgt is None else [*vocabulary.tgt, *(piece.text for piece in added[-1])]
    maps: dict[str, dict[str, list[str]]] = {"source": {}, "target": {}, "forced": {}}
    if vocabulary.languages is not None:
        maps = {key: dict(getattr(vocabulary.languages, key)) for key in maps}
    for codes in tags.directions:
        for key, code in (("source", codes[0]), ("target", codes[1]), ("forced", codes[1])):
            # a language of one side is one of the other side too, where both have tags
            if maps[key] and not matching(code, list(maps[key])):
                piece = _tag_like(maps[key], code, key)
                maps[key][code] = [piece]
                for pieces in (src, tgt) if key != "forced" or tgt is None else (tgt,):
                    if pieces is not None and piece not in pieces:
                        pieces.append(piece)
    if tags.directions and not any(maps.values()):
        raise VocabularyError("tokenizer.extend.languages: the model is not told languages, so that it needs no tags")
    grown = Vocabulary.of(vocabulary.kind, vocabulary.special, src, tgt, **maps)
    return Tokenizer(*models, vocabulary=grown)


def _tag_like(known: dict[str, list[str]], code: str, key: str) -> str:
    """The tag of a language, written as those that are there."""
    for other, pieces in known.items():
        if len(pieces) == 1 and other in pieces[0]:
            return pieces[0].replace(other, code)
    raise VocabularyError(f"tokenizer.extend.languages: the model tells languages in words ({key}), not by tags")


def _learnt(model: bytes, lines: Lines, n: int, known: Sequence[str]) -> list[Piece]:
    """At most ``n`` pieces that spell the text in fewer than now, those that save most; missing characters first."""
    processor, algorithm = sentencepiece_model(model), algorithm_of(model)
    candidates = _candidates(processor, algorithm, lines, n, {*known})
    if not candidates:
        return []
    scores = processor.get_score(list(range(processor.get_piece_size())))
    # Below the least score of a unigram model, unknown characters would become cheaper or dearer than they are.
    least = min(scores)
    scored = _scored(candidates, algorithm, least)
    grown = sentencepiece_model(with_pieces(model, scored))
    saved = _savings(processor, grown, len(scores), lines)
    single = [piece for piece in scored if len(piece.text) == 1]
    several = [piece for piece in scored if len(piece.text) > 1 and saved[piece.text] > 0]
    if algorithm != "bpe":  # whose later merges need the earlier ones
        several.sort(key=lambda piece: -saved[piece.text])
    return _scored([(piece.text, piece.score) for piece in [*single, *several][:n]], algorithm, least)


def _scored(candidates: Iterable[tuple[str, float]], algorithm: Algorithm, least: float) -> list[Piece]:
    """New pieces with scores by which they are used: of BPE after all merges that there are, in their own order."""
    if algorithm == "bpe":
        return [Piece(text, least - 1 - place) for place, (text, _) in enumerate(candidates)]
    return [Piece(text, max(score, least)) for text, score in candidates]


def _candidates(processor: Any, algorithm: Algorithm, lines: Lines, n: int, known: set[str]) -> list[tuple[str, float]]:
    """Pieces that a tokenizer of the text alone would have and this one has not, the best first, with their scores."""

    def normalised() -> Iterable[str]:
        return (processor.normalize(line).replace(SPACE, " ").strip() for line in lines())

    config = TokenizerConfig(type=algorithm, byte_fallback=False, character_coverage=1.0)
    size = _MOST_CANDIDATES * n + 500
    try:
        model = train_model(normalised(), config, size, exact=False, normalises=False)
    except VocabularyTooSmallError as error:  # a script of many characters
        model = train_model(normalised(), config, error.needed + size, exact=False, normalises=False)
    learnt = sentencepiece_model(model)
    ids = list(range(_N_SPECIAL, learnt.get_piece_size()))
    pieces, scores = learnt.id_to_piece(ids), learnt.get_score(ids)
    found = [(piece, score) for piece, score in zip(pieces, scores, strict=True) if piece not in known]
    found.sort(key=lambda each: (len(each[0]) > 1, -each[1]))
    single = sum(len(piece) == 1 for piece, _ in found)
    return found[: single + _MOST_CANDIDATES * n]


def _savings(before: Any, after: Any, n_before: int, lines: Lines) -> Counter[str]:
    """How many pieces each new piece saves in a text: as often as it is used, what spelt it before less one."""
    used: Counter[int] = Counter()
    for line in lines():
        used.update(number for number in after.encode(line) if number >= n_before)
    pieces = {number: after.id_to_piece(number) for number in used}
    # A piece that was not there took two at least, whatever it takes at the beginning of a word.
    spelt = {number: max(2, len(before.encode(piece.replace(SPACE, " ")))) for number, piece in pieces.items()}
    return Counter({pieces[number]: count * (spelt[number] - 1) for number, count in used.items()})
