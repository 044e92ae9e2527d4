"""A look as plain text for a terminal."""

import math
import unicodedata
from collections.abc import Iterator

from mtkit.inspection.findings import findings, left_beam
from mtkit.inspection.look import Candidate, Look

_MAX_CELL = 24  # columns of a piece


def shown_as_text(look: Look) -> str:
    """Source and translation, findings, each piece, what came close, and the beam step by step."""
    blocks = [_head(look), _pieces(look), _words(look), _n_best(look), _beam(look)]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _head(look: Look) -> Iterator[str]:
    kind = "given" if look.forced else "translation"
    yield f"line {look.number}"
    yield f"  source       {look.source}"
    yield f"  {kind:<11}  {look.shown.text}"
    if look.forced:
        yield f"  translation  {look.n_best[0].text}"
    for finding in findings(look):
        yield "  * " + finding.replace("\u2068", "").replace("\u2069", "")  # terminals show them as they like


def _pieces(look: Look) -> Iterator[str]:
    """A line for each piece: probability, rank, entropy, the source word looked at most, and alternatives."""
    seen = _seen(look)
    width = min(max((_width(p.token) for p in look.shown.positions), default=5), _MAX_CELL)
    seen_width = min(max((_width(word) for word in seen), default=0), _MAX_CELL)
    yield f"  {_padded('piece', width)}      p  rank  entropy  {_padded('looks at', seen_width + 5)}  instead"
    for position, word in zip(look.shown.positions, seen, strict=True):
        instead = "  ".join(f"{a.token} {_p(a.log_prob)}" for a in position.alternatives if a.token != position.token)
        numbers = f"{_p(position.log_prob)}  {position.rank:>4}  {position.entropy:>7.2f}"
        yield f"  {_padded(position.token, width)}  {numbers}  {_padded(word, seen_width + 5)}  {instead}".rstrip()


def _seen(look: Look) -> list[str]:
    """The source word that each piece looked at most while it was predicted, and its share."""
    crossing = [heads for heads in look.attention if heads.part == "cross"]
    weights = crossing[look.alignment_layer - 1].weights
    named = []
    for query in range(len(look.shown.positions)):
        shares = [sum(head[query][key] for head in weights) / len(weights) for key in range(len(look.src_tokens))]
        by_word = [(sum(shares[w.first : w.first + w.n_pieces]), w.text) for w in look.src_words]
        n_tags = look.src_words[0].first
        special = [(shares[i], look.src_tokens[i]) for i in (*range(n_tags), -1)]
        share, word = max([*by_word, *special], key=lambda pair: pair[0])
        named.append(f"{word} {share:.2f}")
    return named


def _words(look: Look) -> Iterator[str]:
    yield f"  word alignment ({look.alignment_by})"
    pairs = (f"{look.src_words[s].text}–{look.tgt_words[t].text}" for s, t in look.alignment)
    yield "    " + ("   ".join(pairs) or "none")


def _n_best(look: Look) -> Iterator[str]:
    yield f"  {len(look.n_best)} best of a beam of {look.beam_size}: score, log-probability, translation"
    for candidate in look.n_best:
        yield f"    {candidate.score:8.4f} {candidate.log_prob:9.4f}  {candidate.text}{_ending(candidate)}"
    if look.forced:
        position = left_beam(look, look.shown)
        where = "" if position is None else f"  (left the beam at piece {position + 1})"
        yield f"    {look.shown.score:8.4f} {look.shown.log_prob:9.4f}  {look.shown.text}{where}"


def _beam(look: Look) -> Iterator[str]:
    """A line for each step: what lived on and what did not, with the place of the parent a step before."""
    yield "  the beam: piece, log-probability so far, < place of what it continues; | lives on, # finished, - pruned"
    marks = {"live": "|", "finished": "#", "pruned": "-"}
    best = set(look.n_best[0].path)
    steps: dict[int, list[str]] = {}
    for number, (node, token) in enumerate(zip(look.history, look.history_tokens, strict=True)):
        parent = "" if node.parent is None else f"<{look.history[node.parent].place}"
        star = "*" if number in best else ""
        steps.setdefault(node.step, []).append(f"{marks[node.fate]}{star}{token} {node.log_prob:.2f}{parent}")
    for step, cells in steps.items():
        yield f"    {step:>3}  {'  '.join(cells)}"


def _ending(candidate: Candidate) -> str:
    return "" if candidate.finished else "  (cut off)"


def _p(log_prob: float) -> str:
    return f"{math.exp(log_prob):.3f}"


def _width(text: str) -> int:
    """Columns of a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _padded(text: str, width: int) -> str:
    return text + " " * max(width - _width(text), 0)
