"""Text in, text out: as many translations as there were texts, in their order."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Unpack

from mtkit.bundle.bundle import Bundle, with_bundle
from mtkit.bundle.languages import direction_of, prefixes_for
from mtkit.data.corpus.source_lines import SourceLines
from mtkit.data.tokens.special import Prefix
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.engines.batching import BatchType, checked_size
from mtkit.engines.engine import Engine, Pending
from mtkit.engines.engine_choice import EngineName, load_engine
from mtkit.errors import CheckpointError, ConfigError, MtkitError
from mtkit.machine.compute import Compute
from mtkit.search.hypothesis import NOT_FINITE, Asked, Hypothesis, SearchOptions
from mtkit.settings.decoding import DecodingConfig
from mtkit.translation.completeness import is_short, missing
from mtkit.translation.segmentation import Segment, limits, split
from mtkit.translation.texts import as_texts
from mtkit.translation.translation import Candidate, Part, Translation, merged

if TYPE_CHECKING:
    from mtkit.model.encoder_decoder import EncoderDecoder


class Translator:
    """Translates texts with one model."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        decoding: DecodingConfig,
        *,
        max_src_tokens: int | None = None,
        lines: SourceLines | None = None,
        src_lang: str | None = None,
        separators: Sequence[str] = (),
    ) -> None:
        """Put an engine between a tokenizer's two ends.

        Args:
            engine: What searches.
            tokenizer: The one that the model was trained with.
            decoding: Defaults of the search.
            max_src_tokens: Texts with more tokens are split; by default as many as the model can read.
            lines: What the model was trained on, for what else is split; None where that is not known: every text of
                several sentences then.
            src_lang: Code of the language of the texts, where that is known.
            separators: What stands between the parts of a text that was joined, and belongs in no translation.
        """
        self.engine = engine
        self.tokenizer = tokenizer
        self.decoding = decoding
        self._lines = lines
        self._src_lang = src_lang
        self._separators = separators
        self._prefix = Prefix()
        self._max_src_tokens = min(max_src_tokens or engine.max_length, engine.max_length - 1)
        self.name = "a model"
        """For the log: where the model was loaded from."""

    @classmethod
    def from_model(
        cls,
        model: "EncoderDecoder",
        tokenizer: Tokenizer,
        decoding: DecodingConfig,
        *,
        compute: Compute,
        lines: SourceLines | None = None,
    ) -> "Translator":
        """Wrap a model that is on its device and, while translating, in evaluation mode.

        Its weights may go on changing between two calls.
        """
        from mtkit.engines.torch_engine import TorchEngine

        engine = TorchEngine(model, special=tokenizer.special, compute=compute)
        return cls(engine, tokenizer, decoding, lines=lines)

    @classmethod
    def of(cls, engine: Engine, bundle: Bundle, src_lang: str | None = None) -> "Translator":
        """Translate by what a bundle says, with an engine that has its model."""
        return cls(
            engine,
            bundle.tokenizer,
            bundle.decoding,
            max_src_tokens=bundle.max_src_tokens,
            lines=bundle.lines,
            src_lang=src_lang or bundle.src_lang,
            separators=() if bundle.data is None else bundle.data.separators,
        )

    @classmethod
    def load(
        cls,
        model: Path | str | Bundle,
        *,
        engine: EngineName = "auto",
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        beam_size: int | None = None,
        sample: Sequence[str] = (),
    ) -> "Translator":
        """Load a run directory, a checkpoint or a bundle.

        Args:
            model: One of these, or what ``load_bundle`` made of it.
            engine: torch, ctranslate2, or auto: CTranslate2 on a CPU where it can do what is asked, else torch.
            device: auto, cpu or cuda.
            precision: auto, fp32, bf16 or int8. auto: on a GPU bf16 where it has that; on a CPU fp32, or else int8
                (CTranslate2) or bf16 (torch) where that was measured to lose little and to be the faster one.
            threads: CPU threads; by default one per core.
            src_lang: Language of the texts, for a model of several; by default that of its recipe.
            tgt_lang: Language of the translations, for a model of several; by default that of its recipe.
            beam_size: Beam that the translator will search with, by default the model's: which precision is the
                fastest depends on it.
            sample: Lines of what is to be translated, where there is much: if there are ``engine_choice.MUCH`` of them
                and the speeds were measured on another processor only, they are measured here, once.

        Raises:
            CheckpointError: If there is no whole model.
            ConfigError: If the engine is unknown or cannot do what is asked, or the model does not know a language.
            VocabularyError: If its tokenizer is damaged.
            DeviceError: If the device is not there, or the precision unknown.
        """

        def load(bundle: Bundle) -> Translator:
            prefix = prefixes_for(bundle, src_lang, tgt_lang)
            chosen = load_engine(
                bundle,
                engine=engine,
                device=device,
                precision=precision,
                threads=threads,
                beam_size=beam_size,
                sample=sample,
            )
            translator = cls.of(chosen, bundle, direction_of(bundle, src_lang, tgt_lang)[0]).prefixed(*prefix)
            translator.name = bundle.name
            return translator

        return with_bundle(model, load)

    def prefixed(self, src: Sequence[int], tgt: Sequence[int] = ()) -> "Translator":
        """This translator with other ids before every text: the tags of its languages.

        Args:
            src: Before every source.
            tgt: What every target begins with.

        Raises:
            ConfigError: If they leave no room for a text.
        """
        longest = self.engine.max_length
        if max(len(src), len(tgt)) + 2 > longest:
            raise ConfigError(f"{self.name}: reads {longest} tokens, too few for the tags of its languages and a text")
        translator = copy(self)
        translator._prefix = Prefix(tuple(src), tuple(tgt))
        translator._max_src_tokens = min(self._max_src_tokens, longest - 1 - len(src))
        return translator

    def decoding_by(self, decoding: DecodingConfig) -> "Translator":
        """This translator with other defaults of the search."""
        translator = copy(self)
        translator.decoding = decoding
        return translator

    def translate(
        self,
        texts: Iterable[str],
        *,
        beam_size: int | None = None,
        n_best: int = 1,
        length_penalty: float | None = None,
        batch_size: int | None = None,
        batch_type: BatchType = "sentences",
    ) -> list[Translation]:
        """Translate each text; the n-th result belongs to the n-th text. Several threads may call it at once.

        A blank text stays as it is. White space around a text is kept. A text of more sentences than the model is used
        to, or longer than that, is split at the ends of sentences and clauses as ``decoding.split`` says, and its
        translations are joined.

        Args:
            texts: One segment each.
            beam_size: 1 is greedy search; by default the model's own.
            n_best: Candidates in ``Translation.n_best``.
            length_penalty: Exponent of the length; by default the model's own.
            batch_size: Sentences, or source tokens with padding, that are searched at once.
            batch_type: What ``batch_size`` counts.

        Raises:
            TypeError: If ``texts`` is one text or holds anything else than texts.
            ConfigError: If ``n_best`` exceeds the beam size, or a number is not possible.
            CheckpointError: If what the model computes is not finite.
        """
        options = self.search_options(beam_size=beam_size, n_best=n_best, length_penalty=length_penalty)
        begun = self._begin(as_texts(texts, "texts"), options, batch_size, batch_type)
        return self._finished(begun, begun.pending(), options)

    def translate_ahead(
        self,
        buffers: Iterable[Sequence[str]],
        options: SearchOptions,
        *,
        n_ahead: int,
        batch_size: int | None = None,
        batch_type: BatchType = "sentences",
    ) -> Iterator[list[Translation]]:
        """Translate one list of texts after the other, as ``translate`` does, reading ahead.

        While the caller uses one list of translations, an engine with threads of its own is at work on the next ones.

        Args:
            buffers: Lists of texts. An empty one asks for all translations that were begun, as the next may take time.
                One that fails with an MtkitError does so after all before it were yielded.
            options: Options of the search.
            n_ahead: Lists that are begun before the first of them is yielded; at most.
            batch_size: As for ``translate``.
            batch_type: As for ``translate``.
        """
        begun: deque[_Begun] = deque()
        failure = None
        try:
            try:
                for texts in buffers:
                    if texts:
                        begun.append(self._begin(texts, options, batch_size, batch_type))
                    while len(begun) > (n_ahead if texts else 0):
                        first = begun.popleft()
                        yield self._finished(first, first.pending(), options)
            except MtkitError as error:
                failure = error
            while begun:
                first = begun.popleft()
                yield self._finished(first, first.pending(), options)
        finally:
            begun.clear()  # so that nothing is searched that nobody waits for
        if failure is not None:
            raise failure

    def _begin(
        self, texts: Sequence[str], options: SearchOptions, batch_size: int | None, batch_type: BatchType
    ) -> "_Begun":
        """Start the search for the translations of texts."""
        within = limits(self.decoding, self._lines, self._max_src_tokens, self._src_lang)
        segments = split([text.strip() for text in texts], self.tokenizer.encode_src, within)
        flat = [[*self._prefix.src, *segment.ids] for parts in segments for segment in parts]
        size = checked_size(batch_size, batch_type)
        tgt_prefix = self._prefix.tgt
        pending = self.engine.begin(flat, options, batch_size=size, batch_type=batch_type, tgt_prefix=tgt_prefix)
        return _Begun(texts, segments, pending)

    def _finished(
        self, begun: "_Begun", hypotheses: list[list[Hypothesis]], options: SearchOptions
    ) -> list[Translation]:
        """The translations of texts whose segments have been searched."""
        if any(found[0].log_prob == -math.inf for found in hypotheses):
            raise CheckpointError(NOT_FINITE)
        # All at once, as that is much faster than text by text.
        decoded = iter(self.tokenizer.decode([h.ids for found in hypotheses for h in found]))
        rest = iter([[(next(decoded).strip(), h) for h in found] for found in hypotheses])
        translations = [
            self._assemble(text, parts, [next(rest) for _ in parts], options)
            for text, parts in zip(begun.texts, begun.segments, strict=True)
        ]
        assert len(translations) == len(begun.texts)
        return translations

    def search_options(self, **asked: Unpack[Asked]) -> SearchOptions:
        """The model's own search with what was asked for over it; arguments and errors as for ``SearchOptions.of``."""
        return SearchOptions.of(self.decoding, **asked)

    def _assemble(
        self, text: str, segments: list[Segment], found: list[list[Part]], options: SearchOptions
    ) -> Translation:
        """Turn the hypotheses of a text's segments into its translation."""
        if not segments:
            return Translation(text.replace("\n", " "), [], 0.0, 0.0, finished=True, n_best=[], n_segments=0)
        before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        n_best = []
        for rank in range(min(map(len, found))):
            joined, ids, log_prob, length, finished = merged([candidates[rank] for candidates in found], segments)
            length += len(found) * len(self._prefix.tgt)  # of every segment, as the search counted them
            n_best.append(
                Candidate(
                    text=(before + joined + after).replace("\n", " "),
                    tokens=self.tokenizer.tokens(ids),
                    log_prob=log_prob,
                    score=log_prob / max(length, 1) ** options.length_penalty,
                    finished=finished,
                )
            )
        best = n_best[0]
        return Translation(
            best.text,
            best.tokens,
            best.log_prob,
            best.score,
            best.finished,
            n_best=n_best,
            n_segments=len(segments),
            is_short=is_short(sum(len(segment.ids) for segment in segments), len(best.tokens), self._lines),
            missing=missing(self._as_read(text), best.text, self._unread(text, segments)),
        )

    def _as_read(self, text: str) -> str:
        """A text without the separators of its parts."""
        for separator in self._separators:
            text = text.replace(separator, "")
        return text

    def _unread(self, text: str, segments: Sequence[Segment]) -> list[str]:
        """Characters that the model cannot read."""
        unk_id = self.tokenizer.unk_id
        return self.tokenizer.src_unknown(text) if any(unk_id in segment.ids for segment in segments) else []


class _Begun(NamedTuple):
    """Texts whose search has been started."""

    texts: Sequence[str]
    segments: list[list[Segment]]
    pending: Pending
    """Called once: it waits for the hypotheses of all segments."""
