"""The engine for CPUs: CTranslate2, with the same search and the same meaning of every option as ours.

Its beam search ranks 2 K candidates a step and ends a sentence when K hypotheses are finished, as ours does. What it
does otherwise is put right here:

* It takes one longest length per call, ours is one per sentence. A batch is searched with that of its longest
  sentence; where a hypothesis exceeds its sentence's own, that sentence is searched again, or cut where that is the
  same.
* At the longest length it counts every live hypothesis as finished and ranks them all by score. Ours puts those that
  ended by themselves first. Such a sentence is searched again with all hypotheses returned, and ranked here.
* Without a length penalty it ends a sentence as soon as the top of the beam is finished. An exponent too small to
  change any score keeps it from that.
* It leaves the probability of tokens that are never to be predicted to the others. They are therefore only barred, in
  a second search, where the first one chose one of them: in a trained model as good as never.

One difference stays: in a beam search with a target prefix it drops a translation without a word, unless that is the
most probable beginning of all, where ours keeps it among the finished ones. In a trained model it is never the best.
"""

import math
import weakref
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import ctranslate2

from mtkit.bundle.bundle import Bundle
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.engines.batching import MAX_BATCH_TOKENS, BatchType, in_batches
from mtkit.engines.conversion import Conversion
from mtkit.engines.engine import Pending
from mtkit.search.hypothesis import Hypothesis, SearchOptions
from mtkit.wording import counted

_DROPPED = -1e9
"""Log-probabilities below it are those of hypotheses that the library has barred, at -1e10."""

_NO_PENALTY = 1e-30  # length ** this is 1 in float32 for every length, but it is not 0


@dataclass(frozen=True)
class _Request:
    """How a group of sentences is searched."""

    max_length: int
    keep_all: bool = False
    """Return every hypothesis, the unfinished ones too."""

    barred: bool = False
    """Never predict what is never to be predicted."""

    scores: bool = True
    """Compute the scores; without them a greedy search needs no normalised probabilities."""


@dataclass
class _Job:
    """A batch that was asked for."""

    batch: list[int]
    """Numbers of its sentences."""

    request: _Request
    found: Future[list[Any]]
    """What the library finds for each of them."""


class CTranslate2Engine:
    """Beam search with a converted model, on several threads that each search batches of their own.

    Any number of threads may ask it at once: each call of the library is made by a thread of a pool, as what the
    library promises for later may be asked for by one thread alone, and as no signal is heard by a thread that waits
    inside the library.
    """

    def __init__(
        self,
        directory: Path,
        tokenizer: Tokenizer,
        *,
        quantization: str,
        threads: int,
        max_length: int,
        n_parameters: int,
    ) -> None:
        """Load a converted model.

        Args:
            directory: As ``mtkit.engines.conversion`` made it. It may be gone afterwards.
            tokenizer: The one that the model was trained with.
            quantization: int8 or float32, what it computes in.
            threads: Batches searched at the same time, on one core each.
            max_length: Tokens that the model can read or write, the end of sentence counted.
            n_parameters: Trained numbers of the model.

        Raises:
            RuntimeError: If the library cannot load the model.
        """
        self._directory = directory
        self._quantization = quantization
        self._threads = threads
        self._for_batches = self._load(n_batches=threads, threads_each=1)
        self._for_one: Any = None
        self._n_alone = 0
        self._alone = Lock()
        self._is_finite = False  # what the model computes; known after the first search, as that has scores
        # Twice as many as search: the next batch is with the library before one is done.
        self._pool = ThreadPoolExecutor(2 * threads, "search")
        self._pool_for_seconds = ThreadPoolExecutor(threads, "search-again")  # before what later calls wait for
        precision = "fp32" if quantization == "float32" else quantization
        self.description = f"CTranslate2, cpu, {counted(threads, 'thread')}, {precision}"
        self.n_parameters = n_parameters
        self.max_length = max_length
        self._src_tokens = tokenizer.src_pieces
        self._tgt_tokens = tokenizer.tgt_pieces
        self._tgt_ids = {token: i for i, token in enumerate(self._tgt_tokens)}
        self._eos_id = tokenizer.eos_id
        self._never = set(tokenizer.special.never)

    @classmethod
    def of(cls, bundle: Bundle, conversion: Conversion, threads: int) -> "CTranslate2Engine":
        """Load the conversion of a model; the arguments and errors of the constructor."""
        return cls(
            conversion.directory,
            bundle.tokenizer,
            quantization=conversion.quantization,
            threads=threads,
            max_length=bundle.model.max_length,
            n_parameters=bundle.n_parameters(),
        )

    def _load(self, *, n_batches: int, threads_each: int) -> Any:
        try:
            return ctranslate2.Translator(
                str(self._directory),
                device="cpu",
                compute_type=self._quantization,
                inter_threads=n_batches,
                intra_threads=threads_each,
                max_queued_batches=-1,  # never wait for room in the queue
            )
        except (ValueError, LookupError, ArithmeticError, MemoryError) as error:  # by what a damaged file says
            raise RuntimeError(str(error)) from error

    def _library(self, n_sentences: int) -> Any:
        """What searches so many sentences: for one sentence after the other, one that gives all threads to each.

        It is loaded for the second of them, as a single one is sooner done than that. In int8 the products are so
        small that several threads wait for each other: there is none.
        """
        if n_sentences != 1 or self._threads == 1 or self._quantization == "int8":
            return self._for_batches
        with self._alone:
            self._n_alone += 1
            if self._n_alone == 2:
                with suppress(RuntimeError):  # its directory was a temporary one
                    self._for_one = self._load(n_batches=1, threads_each=self._threads)
            return self._for_one or self._for_batches

    def begin(
        self,
        sources: Sequence[Sequence[int]],
        options: SearchOptions,
        *,
        batch_size: int,
        batch_type: BatchType,
        tgt_prefix: Sequence[int] = (),
    ) -> Pending:
        """See ``Engine``; the search begins at once."""
        lengths = [len(ids) + 1 for ids in sources]
        limits = [options.max_length(length, self.max_length, len(tgt_prefix)) for length in lengths]
        if batch_type == "sentences":
            batch_size = min(batch_size, math.ceil(len(sources) / self._threads) or 1)  # a batch for every thread
        library = self._library(len(sources))

        def submit(pool: ThreadPoolExecutor, batch: list[int], request: _Request) -> _Job:
            texts = [sources[i] for i in batch]
            return _Job(batch, request, pool.submit(self._search, library, texts, request, options, tgt_prefix))

        scores = options.scores or options.beam_size > 1 or not self._is_finite
        jobs = [
            submit(self._pool, batch, _Request(max(limits[i] for i in batch), scores=scores))
            for batch in in_batches(lengths, batch_size, batch_type, max_tokens=MAX_BATCH_TOKENS)
        ]

        def wait() -> list[list[Hypothesis]]:
            results: list[list[Hypothesis]] = [[] for _ in sources]
            todo = jobs
            try:
                while todo:
                    again = defaultdict(list)
                    for job in todo:
                        for index, result in zip(job.batch, job.found.result(), strict=True):
                            results[index] = self._hypotheses(result, options, limits[index], len(tgt_prefix))
                            better = self._better_request(
                                results[index], job.request, limits[index], options, len(tgt_prefix)
                            )
                            if better is not None:
                                again[better].append(index)
                    todo = [
                        submit(self._pool_for_seconds, [indices[i] for i in batch], request)
                        for request, indices in again.items()
                        for batch in in_batches(
                            [lengths[i] for i in indices], batch_size, batch_type, max_tokens=MAX_BATCH_TOKENS
                        )
                    ]
            except BaseException:
                _give_up(todo)
                raise
            self._is_finite = self._is_finite or (
                scores and bool(results) and all(found[0].log_prob > -math.inf for found in results)
            )
            return results

        weakref.finalize(wait, _give_up, jobs)  # nobody may ever wait
        return wait

    def _search(
        self,
        library: Any,
        sources: Sequence[Sequence[int]],
        request: _Request,
        options: SearchOptions,
        tgt_prefix: Sequence[int],
    ) -> list[Any]:
        """Search one batch; returns the library's result for each sentence."""
        tokens = self._src_tokens
        prefix = [self._tgt_tokens[i] for i in tgt_prefix]
        n_kept = 2 * options.beam_size if request.keep_all else options.n_best
        return library.translate_batch(
            [[tokens[i] for i in ids] for ids in sources],
            target_prefix=[prefix] * len(sources) if prefix else None,
            beam_size=options.beam_size,
            patience=2 if request.keep_all else 1,
            num_hypotheses=n_kept,
            length_penalty=options.length_penalty or _NO_PENALTY,
            suppress_sequences=[[self._tgt_tokens[i]] for i in self._never] if request.barred else None,
            return_end_token=True,
            max_input_length=0,
            max_decoding_length=request.max_length,
            min_decoding_length=0,
            return_scores=request.scores,
        )

    def _hypotheses(self, result: Any, options: SearchOptions, limit: int, n_prefix: int) -> list[Hypothesis]:
        """What the library found for one sentence after the prefix, the finished ones first, best first."""
        scores = result.scores or [math.nan]
        if result.scores and math.isnan(scores[0]):
            return [Hypothesis([], -math.inf, -math.inf, finished=False)]
        found: list[Hypothesis] = []
        for tokens, score in zip(result.hypotheses, scores, strict=True):
            ids = [self._tgt_ids[token] for token in tokens]
            if not result.scores:  # of a greedy search: up to its own longest length it is as it would have been
                ids = ids[:limit]
            log_prob = score * len(ids) ** options.length_penalty
            if found and log_prob < _DROPPED:
                continue
            finished = bool(ids) and ids[-1] == self._eos_id
            found.append(Hypothesis(ids[n_prefix : len(ids) - finished], log_prob, score, finished))
        found.sort(key=lambda hypothesis: (not hypothesis.finished, -hypothesis.score))
        return found[: options.n_best]

    def _better_request(
        self, found: list[Hypothesis], request: _Request, limit: int, options: SearchOptions, n_prefix: int
    ) -> _Request | None:
        """How to search a sentence again, None where what was found is what our own search would find."""
        if not request.barred and any(not self._never.isdisjoint(hypothesis.ids) for hypothesis in found):
            return _Request(limit, barred=True)
        if all(hypothesis.finished and n_prefix + len(hypothesis.ids) < limit for hypothesis in found):
            return None
        if request.max_length > limit and request.scores:
            return _Request(limit, barred=request.barred)
        if options.beam_size > 1 and not request.keep_all:
            return _Request(limit, keep_all=True, barred=request.barred)
        return None


def _give_up(jobs: Sequence[_Job]) -> None:
    """Take back what no thread has begun with."""
    for job in jobs:
        job.found.cancel()
