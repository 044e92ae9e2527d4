"""What a run says of itself: a progress bar or log lines on stderr, metrics.jsonl, and TensorBoard where asked for."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mtkit.errors import ConfigError
from mtkit.log import logger, progress_bar
from mtkit.training.metrics_log import MetricsLog
from mtkit.training.state import TrainState
from mtkit.training.validation import Sample
from mtkit.wording import duration_shown

_SHORT = {"cross_entropy": "xent", "consistency": "kl", "adversarial": "adv"}
"""Parts of a loss as the progress line has them."""


class Reporter:
    """Tells a person and the files of a run directory how training goes."""

    def __init__(
        self,
        run_dir: Path,
        state: TrainState,
        *,
        max_updates: int | None,
        seconds_left: Callable[[], float | None],
        tensorboard: bool,
    ) -> None:
        """Open what is written to.

        Args:
            run_dir: Receives ``metrics.jsonl`` and, with ``tensorboard``, that package's files.
            state: What the run goes on from.
            max_updates: Where the run ends; None where time alone ends it.
            seconds_left: To the end of a run by time; None in one by updates, which is estimated here.
            tensorboard: Write for TensorBoard too.
        """
        self._metrics = MetricsLog(
            run_dir / "metrics.jsonl", last_update=state.update, last_validated=state.validated_update
        )
        self._bar = progress_bar(total=max_updates, description="train", unit="update", initial=state.update)
        self._max_updates, self._budgeted_seconds_left = max_updates, seconds_left
        self._first_update, self._started = state.update, time.monotonic()
        self._board = _open_board(run_dir / "tensorboard", state.update) if tensorboard else None

    def advance(self) -> None:
        """One more update is done."""
        self._bar.update()

    def training(self, state: TrainState, measured: dict[str, float]) -> None:
        """Report what was measured since the last report."""
        self._record(state.update, measured)
        m = measured
        line = (
            f"loss {m['loss_per_token']:.3f}{_parts_shown(m)}  ppl {m['perplexity']:.2f}  lr {m['learning_rate']:.2e}  "
            f"grad {m['grad_norm']:.2f}  src {m['src_tokens_per_second']:,.0f}  "
            f"tgt {m['tgt_tokens_per_second']:,.0f} tok/s  MFU {100 * m['mfu']:.0f} %  "
            f"wait {100 * m['data_wait_share']:.0f} %"
        )
        left, by_time = self._seconds_left(state)
        if self._bar.disable:
            of = "" if self._max_updates is None else f"/{self._max_updates}"
            shown = duration_shown(left)
            logger.info("update %d%s  epoch %.1f  %s  %s left", state.update, of, state.epoch, line, shown)
        else:
            self._bar.set_postfix_str(f"{line}  {duration_shown(left)} left" if by_time else line)

    def validation(
        self,
        state: TrainState,
        measured: dict[str, float],
        samples: Sequence[Sample],
        *,
        best: bool,
        by: str | None,
        seconds: float,
    ) -> None:
        """Report a validation; ``by`` names what judged where that is not what was asked for."""
        self._record(state.update, measured | {"valid_seconds": round(seconds, 2)})
        shown = [f"loss {measured['valid_loss_per_token']:.3f}  ppl {measured['valid_perplexity']:.2f}"]
        if "valid_bleu" in measured:
            shown.append(f"BLEU {measured['valid_bleu']:.2f}  chrF {measured['valid_chrf']:.2f} (greedy)")
        mark = "  best so far" if best else f"  best at {state.best_update}"
        mark += "" if by is None else f" ({by})"
        took = duration_shown(seconds)
        logger.info("validation at update %d: %s%s  [%s]", state.update, "  ".join(shown), mark, took)
        for sample in samples:
            logger.info("  source      %s", sample.src_text)
            logger.info("  translation %s", sample.hyp_text)
            logger.info("  reference   %s", sample.ref_text)

    def close(self) -> None:
        """End the bar and flush TensorBoard."""
        self._bar.close()
        if self._board is not None:
            self._board.close()

    def _record(self, update: int, values: dict[str, float]) -> None:
        self._metrics.write(update, values)
        if self._board is not None:
            for name, value in values.items():
                section = "valid" if name.startswith("valid_") else "train"
                self._board.add_scalar(f"{section}/{name.removeprefix('valid_')}", value, update)

    def _seconds_left(self, state: TrainState) -> tuple[float, bool]:
        """Time to the end, and whether a limit of time says so.

        Without one it is the time to ``max_updates`` at the pace of this process so far, validations included.
        """
        left = self._budgeted_seconds_left()
        if left is not None:
            return left, True
        assert self._max_updates is not None  # TrainingConfig checks it
        done = max(1, state.update - self._first_update)
        return (time.monotonic() - self._started) / done * (self._max_updates - state.update), False


def _parts_shown(measured: Mapping[str, float]) -> str:
    """What a loss of several parts is made of, each by itself, without its weight."""
    found = {name.removesuffix("_per_token"): value for name, value in measured.items() if name.endswith("_per_token")}
    parts = [f"{_SHORT.get(name, name)} {value:.3f}" for name, value in found.items() if name != "loss"]
    return f" ({' '.join(parts)})" if parts else ""


def _open_board(directory: Path, update: int):  # type: ignore[no-untyped-def]  # noqa: ANN202  # an optional package
    """A TensorBoard writer that hides what an interrupted run wrote beyond ``update``."""
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        raise ConfigError("training.tensorboard needs a package: pip install 'mtkit[tensorboard]'") from None
    return SummaryWriter(str(directory), purge_step=update + 1)
