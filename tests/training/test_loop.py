"""The loop with parts of a test's own: what is minimised, what is said, how many processes there are."""

import itertools
import time
from collections.abc import Iterator

import torch

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.machine.compute import Compute
from mtkit.machine.stopping import StopSignal
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.loop import Parts, fit
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.loss import Loss
from mtkit.training.objectives.objective import Objective
from mtkit.training.optimizer import build_optimizer
from mtkit.training.planning.budget import Budget
from mtkit.training.state import TrainState
from mtkit.training.team import SOLO, Team
from mtkit.training.working_copy import WorkingCopy
from tests.training.teams import Twins

CROSS_ENTROPY = CrossEntropy(pad_id=0, smoothing=0.1)
CONFIG = TrainingConfig(
    max_updates=4, warmup_updates=2, report_every=2, schedule="linear", learning_rate=0.01, max_grad_norm=0.5
)


class Notes:
    """A report that is kept."""

    def __init__(self) -> None:
        self.measured: list[dict[str, float]] = []
        self.n_updates = 0

    def advance(self) -> None:
        """One more update is done."""
        self.n_updates += 1

    def training(self, state: TrainState, measured: dict[str, float]) -> None:  # noqa: ARG002
        """What was measured since the last report."""
        self.measured.append(measured)

    def validation(self, *_: object, **__: object) -> None:
        """Nothing is validated here."""
        raise AssertionError

    def went_back(self, *_: object) -> None:
        """Nothing goes wrong here."""
        raise AssertionError


class WithDecay:
    """The cross-entropy, and something else that is made smaller beside it."""

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """Twice the tokens of the batch on top."""
        loss = CROSS_ENTROPY(model, batch)
        extra = loss.nll.new_tensor(2.0 * loss.n_tokens)
        return Loss(loss.total + extra, loss.nll, loss.n_tokens, {"entropy": loss.total.detach(), "extra": extra})


def updates() -> Iterator[list[Batch]]:
    """Each of two micro-batches."""
    one = collate([[5, 6, 7], [8], [9, 10]], [[14], [15, 16, 17], [18]], OWN)
    other = collate([[5, 9], [6]], [[7, 8], [9, 10, 11]], OWN)
    return itertools.repeat([one, other])


def trained(objective: Objective = CROSS_ENTROPY, team: Team = SOLO) -> tuple[EncoderDecoder, TrainState, Notes]:
    torch.manual_seed(0)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1, dropout=0.0)
    model = EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)
    state, notes = TrainState(), Notes()
    parts = Parts(
        working=WorkingCopy(model, compute=Compute(torch.device("cpu"), "fp32", threads=1)),
        objective=objective,
        optimizer=build_optimizer(model, CONFIG),
        n_workers=1,
        budget=Budget(CONFIG, state, started=time.monotonic(), rehearse=lambda _: 0.0),
        validator=None,
        reporter=notes,
        save=lambda: None,
        epoch=lambda state: state.pairs / 5,
        peak_flop_per_second=1e9,
        team=team,
    )
    assert fit(parts, updates(), CONFIG, state, stop=StopSignal()) == "max_updates 4 reached"
    return model, state, notes


def test_the_parts_of_a_loss_are_reported_per_token() -> None:
    _, _, plain = trained()
    _, state, notes = trained(WithDecay())
    assert (state.update, state.epoch, notes.n_updates) == (4, 4.0, 4)
    for measured, without in zip(notes.measured, plain.measured, strict=True):
        assert measured["extra_per_token"] == 2.0
        assert measured["entropy_per_token"] == without["loss_per_token"]
        torch.testing.assert_close(measured["loss_per_token"], without["loss_per_token"] + 2.0)
        assert measured.keys() - without.keys() == {"extra_per_token", "entropy_per_token"}


def test_two_processes_with_the_same_batches_do_the_updates_of_one_on_twice_the_tokens() -> None:
    one, of_one, said = trained()
    two, of_two, also_said = trained(team=Twins())
    for mine, theirs in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
    for count in ("src_tokens", "tgt_tokens", "pairs"):
        assert getattr(of_two, count) == 2 * getattr(of_one, count)
    for name in ("loss_per_token", "grad_norm"):
        torch.testing.assert_close(also_said.measured[-1][name], said.measured[-1][name])
