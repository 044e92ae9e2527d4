"""Looking into a model: a search that is watched, and forced decoding of what it found or was given."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.loading import open_model
from mtkit.data.batches.batch import collate
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.forced.aligner import Choice, links, usual_choice
from mtkit.inspection.history import History, Node, path
from mtkit.inspection.look import Candidate, Guess, Heads, Look, Position
from mtkit.inspection.words import Word, words
from mtkit.machine.compute import Compute
from mtkit.model.attention_weights import AttentionWeights, attention_weights
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.beam import beam_search
from mtkit.search.forced import Predictions, predictions
from mtkit.search.hypothesis import Hypothesis, SearchOptions
from mtkit.settings.decoding import DecodingConfig

_DECIMALS = 4  # of attention weights


class Inspector:
    """Looks into one model, in single precision."""

    def __init__(
        self,
        model: EncoderDecoder,
        tokenizer: Tokenizer,
        decoding: DecodingConfig,
        choice: Choice,
        *,
        device: torch.device,
        languages: tuple[str, str] = ("", ""),
        prefix: Sequence[int] = (),
        tgt_prefix: Sequence[int] = (),
        max_src_tokens: int | None = None,
    ) -> None:
        """Wrap a model that is on its device and in evaluation mode.

        Args:
            model: Any architecture.
            tokenizer: The one that it was trained with.
            decoding: Defaults of the search.
            choice: Whose attention tells what is aligned.
            device: Where the model is.
            languages: Codes of source and target.
            prefix: The ids of their tags.
            tgt_prefix: The ids that every translation begins with, which the search is given.
            max_src_tokens: Longer sources are split by a translation; by default as many as the model reads.
        """
        self.model = model
        self.tokenizer = tokenizer
        self.src_lang, self.tgt_lang = languages
        self._decoding = decoding
        self._choice = choice
        self._device = device
        self._prefix, self._tgt_prefix = list(prefix), list(tgt_prefix)
        longest = model.config.max_length - 1 - len(self._prefix)
        self.max_src_tokens = min(max_src_tokens or longest, longest)

    @classmethod
    def load(
        cls,
        model: Path | str | Bundle,
        *,
        device: str = "auto",
        threads: int | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
    ) -> "Inspector":
        """Load a run directory, a checkpoint or a bundle; arguments and errors as for ``Aligner.load``."""
        compute = Compute.choose(device, "fp32", threads)
        opened = open_model(model, compute=compute, languages=(src_lang, tgt_lang))
        return cls(
            opened.model,
            opened.tokenizer,
            opened.decoding,
            usual_choice(opened.directory, opened.model),
            device=compute.device,
            languages=opened.languages,
            prefix=opened.prefix,
            tgt_prefix=opened.tgt_prefix,
            max_src_tokens=opened.max_src_tokens,
        )

    def options(self, *, beam_size: int | None = None, n_best: int | None = None) -> SearchOptions:
        """The model's own search; ``n_best`` is by default the beam size.

        Raises:
            ConfigError: If ``n_best`` exceeds the beam size.
        """
        beam_size = beam_size or self._decoding.beam_size
        return SearchOptions.of(self._decoding, beam_size=beam_size, n_best=n_best or beam_size)

    def look(
        self, number: int, source: str, options: SearchOptions, *, forced: str | None = None, n_alternatives: int = 5
    ) -> Look | str:
        """Look at one sentence.

        Args:
            number: Its line, counted from 1.
            source: White space around it does not count.
            options: Options of the search.
            forced: A translation to look at in place of what the search finds.
            n_alternatives: Tokens that are named at each position.

        Returns:
            The look, or in words why there is none.
        """
        src = self.tokenizer.encode_src([source.strip()])[0]
        if not src:
            return "blank"
        if len(src) > self.max_src_tokens:
            limit = self.max_src_tokens
            return f"{len(src)} tokens, more than the {limit} that are translated at once: look at its sentences"
        src = self._prefix + src
        given = None if forced is None else self.tokenizer.encode_tgt([forced.strip()])[0]
        n_forced = len(self._tgt_prefix)
        if given is not None and n_forced + len(given) >= self.model.config.max_length:
            return f"a translation of {len(given)} tokens, more than the model can write"
        history = History(beam_size=options.beam_size, eos_id=self.tokenizer.eos_id)
        hypotheses = self._search(src, options, history)
        nodes = history.nodes
        n_best = [self._candidate(src, found, nodes, options, n_alternatives) for found in hypotheses]
        shown, ids = n_best[0], hypotheses[0].ids
        if given is not None:
            unscored = Hypothesis(given, math.nan, math.nan, finished=True)
            shown, ids = self._candidate(src, unscored, nodes, options, n_alternatives), given
        n_positions = max(len(shown.positions), 1)
        src_tokens = self.tokenizer.src_tokens([*src, self.tokenizer.eos_id])
        given_first = " ".join(self.tokenizer.tokens([self.tokenizer.start_id, *self._tgt_prefix]))
        tgt_read = [given_first, *self.tokenizer.tokens(ids)][:n_positions]
        src_words = words(src_tokens[:-1], first=len(self._prefix))
        read = ids[: self.model.config.max_length - 1 - n_forced]  # the model reads no more after the begin of sentence
        tgt_words = words(self.tokenizer.tokens(read))
        attention = self._attention(src, read)
        return Look(
            number=number,
            source=source.strip(),
            src_tokens=src_tokens,
            src_words=src_words,
            src_unknown=self.tokenizer.src_unknown(source.strip()),
            shown=shown,
            forced=forced is not None,
            tgt_read=tgt_read,
            tgt_words=tgt_words,
            n_best=n_best,
            beam_size=options.beam_size,
            attention=[_heads(one, n_positions, n_forced) for one in attention],
            alignment=self._links(attention, src_words, tgt_words),
            alignment_by=str(self._choice),
            alignment_layer=self._choice.layer,
            history=nodes,
            history_tokens=self.tokenizer.tokens([node.token_id for node in nodes]),
        )

    def _search(self, src: list[int], options: SearchOptions, history: History) -> list[Hypothesis]:
        pair = collate([src], [src], self.tokenizer.special).to(self._device)
        special, limit = self.tokenizer.special, self.model.config.max_length
        return beam_search(
            self.model,
            pair.src,
            options,
            special=special,
            max_length=limit,
            tgt_prefix=self._tgt_prefix,
            observer=history,
        )[0]

    def _candidate(
        self, src: list[int], found: Hypothesis, nodes: Sequence[Node], options: SearchOptions, n_alternatives: int
    ) -> Candidate:
        """A hypothesis with what the model expected at each of its positions."""
        n_forced = len(self._tgt_prefix)
        pair = collate([src], [[*self._tgt_prefix, *found.ids]], self.tokenizer.special).to(self._device)
        ids = [*found.ids, self.tokenizer.eos_id][: len(found.ids) + found.finished]
        n = n_forced + len(ids)  # what was cut off has no end of sentence, and at the longest length no room for one
        tgt_in, tgt_out = pair.tgt_in[:, :n], pair.tgt_out[:, :n]
        expected = predictions(self.model, pair.src, tgt_in, tgt_out, n_alternatives, first=n_forced)
        positions = self._positions(expected, ids)
        log_prob = sum(position.log_prob for position in positions)
        return Candidate(
            text=self.tokenizer.decode([found.ids])[0].strip(),
            positions=positions,
            log_prob=log_prob,
            score=log_prob / max(n, 1) ** options.length_penalty,
            finished=found.finished,
            path=path(nodes, ids),
        )

    def _positions(self, expected: Predictions, ids: list[int]) -> list[Position]:
        rows = zip(
            self.tokenizer.tokens(ids),
            expected.log_probs.tolist(),
            expected.ranks.tolist(),
            expected.entropies.tolist(),
            map(self.tokenizer.tokens, expected.top_ids.tolist()),
            expected.top_log_probs.tolist(),
            strict=False,  # one more is expected where the end of sentence was not reached
        )
        return [
            Position(token, log_prob, rank, entropy, [Guess(*pair) for pair in zip(tokens, values, strict=True)])
            for token, log_prob, rank, entropy, tokens, values in rows
        ]

    def _attention(self, src: list[int], tgt: list[int]) -> list[AttentionWeights]:
        pair = collate([src], [[*self._tgt_prefix, *tgt]], self.tokenizer.special).to(self._device)
        return attention_weights(self.model, pair.src, pair.tgt_in)

    def _links(
        self, attention: Sequence[AttentionWeights], src_words: Sequence[Word], tgt_words: Sequence[Word]
    ) -> list[tuple[int, int]]:
        """Links as ``Aligner.align`` gives them, for the pieces as they were written."""
        crossing = [one.weights for one in attention if one.part == "cross"]
        weights = crossing[self._choice.layer - 1][0].mean(0).cpu()  # (T, S)
        n_pieces = [word.n_pieces for word in tgt_words]
        first = len(self._tgt_prefix) + int(self._choice.reading)  # what the decoder reads first is no word
        rows = weights[first : first + sum(n_pieces), len(self._prefix) :]
        return sorted(links(rows, [word.n_pieces for word in src_words], n_pieces))


def _heads(found: AttentionWeights, n_positions: int, n_forced: int) -> Heads:
    """Without what a translation that was cut off would have looked at next; what it was given to begin with is one."""
    weights: Tensor = found.weights[0].double().cpu()
    if found.part != "encoder":
        weights = weights[:, n_forced : n_forced + n_positions]
    if found.part == "decoder":
        given, rest = weights[:, :, : n_forced + 1], weights[:, :, n_forced + 1 : n_forced + n_positions]
        weights = torch.cat([given.sum(2, keepdim=True), rest], dim=2)
    return Heads(found.part, found.layer + 1, weights.nan_to_num(0.0).round(decimals=_DECIMALS).tolist())
