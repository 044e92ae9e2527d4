"""What is worth noticing about a sentence, in words.

What is quoted from a sentence stands between U+2068 and U+2069, so that its direction does not mix up the rest.
"""

import math
from collections.abc import Iterator, Sequence

from mtkit.inspection.look import Candidate, Look

_UNSURE = 0.5  # a probability below which the least certain token is named
_MAX_REPEATED = 4  # words
_MAX_NAMED = 8


def findings(look: Look) -> list[str]:
    """Sentences without markup, the weightiest first; none where nothing stands out."""
    return [*_of_the_end(look), *_of_the_source(look), *_of_the_forced(look), *_of_the_words(look), *_of_the_beam(look)]


def left_beam(look: Look, candidate: Candidate) -> int | None:
    """The position, counted from 0, at which a candidate stopped being followed; None where it was to its end."""
    for position, node in enumerate(candidate.path):
        if look.history[node].fate == "pruned":
            return position
    return None if len(candidate.path) == len(candidate.positions) else len(candidate.path)


def _of_the_end(look: Look) -> Iterator[str]:
    if not look.history:
        yield "The model computed values that are not numbers: it is damaged, or its training diverged."
    elif not look.shown.finished:
        yield "The translation was cut off at the longest length allowed: the model did not end it."


def _of_the_source(look: Look) -> Iterator[str]:
    if look.src_unknown:
        instead = "one unknown token for each" if "<unk>" in look.src_tokens else "their bytes"
        yield (
            f"The tokenizer has no pieces for {_named(look.src_unknown)}: its training text had them seldom or never. "
            f"The model reads {instead} instead, and can hardly know what they mean."
        )


def _of_the_forced(look: Look) -> Iterator[str]:
    if not look.forced or not look.history:
        return
    own, given = look.n_best[0], look.shown
    scores = f"{given.score:.3f} to {own.score:.3f}"
    if [position.token for position in own.positions] == [position.token for position in given.positions]:
        yield "The search finds this very translation."
        return
    if given.score > own.score:
        yield f"Search error: the model finds this translation better than the one that its search found ({scores})."
    else:
        yield f"The model's choice: it finds its own translation better than this one ({scores})."
    position = left_beam(look, given)
    if position is None:
        yield "The search followed this translation to its end."
        return
    token, number = given.positions[position].token, position + 1
    if position < len(given.path):
        node = look.history[given.path[position]]
        where = f"there it was in place {node.place}, and the beam holds {look.beam_size}"
    else:
        where = "there it was not even among the candidates"
    yield f"It left the beam at piece {number}, {_quoted(token)}: {where}."


def _of_the_words(look: Look) -> Iterator[str]:
    positions = [position for position in look.shown.positions if math.isfinite(position.log_prob)]
    least = min(positions, key=lambda position: position.log_prob, default=None)
    if least is not None and math.exp(least.log_prob) < _UNSURE:
        others = [guess for guess in least.alternatives if guess.token != least.token]
        likely = ", ".join(f"{_quoted(guess.token)} {math.exp(guess.log_prob):.2f}" for guess in others)
        chance = f"{math.exp(least.log_prob):.2f}, rank {least.rank}"
        yield f"Least certain of {_quoted(least.token)} ({chance}); other possibilities: {likely}."
    linked = {source for source, _ in look.alignment}
    words = enumerate(look.src_words)
    unseen = list(dict.fromkeys(word.text for number, word in words if number not in linked))
    if unseen and look.tgt_words:
        reason = "Left out, or translated together with others"
        yield f"No word of the translation looks most at: {_named(unseen)}. {reason}."
    repeated, times = _repeated([word.text for word in look.tgt_words])
    if times > 1:
        yield f"Said {'twice' if times == 2 else f'{times} times'} in a row: {_quoted(repeated)}."


def _of_the_beam(look: Look) -> Iterator[str]:
    nodes = [look.history[number] for number in look.n_best[0].path]
    lowest = max((node for node in nodes if node.fate == "live"), key=lambda node: node.place, default=None)
    if lowest is not None and lowest.place > 1:
        token = _quoted(look.history_tokens[look.n_best[0].path[lowest.step - 1]])
        yield f"At step {lowest.step}, {token}, what became the best translation was only in place {lowest.place}."


def _repeated(found: Sequence[str]) -> tuple[str, int]:
    """The words that follow upon themselves most often, and how often they are said in a row; 1 where none do."""
    repeated, most = "", 1
    for start in range(len(found)):
        for n in range(1, _MAX_REPEATED + 1):
            phrase, times = found[start : start + n], 1
            while len(phrase) == n and found[start + times * n : start + (times + 1) * n] == phrase:
                times += 1
            if times > most:
                repeated, most = " ".join(phrase), times
    return repeated, most


def _named(found: Sequence[str]) -> str:
    return ", ".join(map(_quoted, found[:_MAX_NAMED])) + (", ..." if len(found) > _MAX_NAMED else "")


def _quoted(text: str) -> str:
    return f"\u2068{text}\u2069"
