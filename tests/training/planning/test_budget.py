"""The plan of a run by time, driven by a clock of the test's own: seconds pass only where a test says so."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, repeat

import pytest

from mtkit.errors import TrainingError
from mtkit.evaluation.telling import Standing
from mtkit.settings.training import TrainingConfig
from mtkit.training.planning.budget import Budget
from mtkit.training.state import TrainState
from mtkit.training.team import SOLO, Team
from tests.training.teams import First, Second


@dataclass
class Clock:
    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Machine:
    """What everything takes, in seconds."""

    now: float = 1000.0
    start: float = 5.0
    update: Iterator[float] = field(default_factory=lambda: repeat(0.25))
    validation: float = 2.0
    save: float = 0.5
    finish: float = 8.0
    rehearsal: float = 0.1


@dataclass
class Session:
    """What one session did."""

    state: TrainState
    clock: Clock
    budget: Budget
    rates: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    validated: list[float] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """From the start to the scores."""
        return self.budget.spent()


def config(**values: object) -> TrainingConfig:
    settings = {"schedule": "linear", "max_updates": None, "max_minutes": 10, "learning_rate": 1.0}
    return TrainingConfig.model_validate(settings | {"warmup_updates": 100_000} | values)


def work(
    training: TrainingConfig,
    machine: Machine,
    state: TrainState | None = None,
    *,
    stop: Callable[[TrainState], bool] = lambda _: False,
    team: Team = SOLO,
) -> Session:
    """One session in the order of the training loop: until the run is over and finished, or ``stop`` ends it."""
    clock, state = Clock(machine.now), state or TrainState()

    def rehearse(at_most: float) -> float:
        assert at_most > 0
        clock.now += machine.rehearsal
        return machine.finish / 1.2  # the scores take time too

    started = clock.now
    clock.now += machine.start
    budget = Budget(training, state, started=started, rehearse=rehearse, clock=clock, team=team)
    session = Session(state, clock, budget)
    budget.check()

    def write() -> None:
        clock.now += machine.save

    while True:
        if budget.validation_is_due():
            since = clock.now
            while clock.now < since + machine.validation and not budget.validation_takes_too_long(clock.now - since):
                clock.now += 0.125
            if clock.now >= since + machine.validation:
                state.note_validation(Standing("bleu", 1.0))
                session.validated.append(state.share)
            budget.note_validation(clock.now - since)
        over = state.reason_to_stop(training)
        if over or stop(state) or budget.save_is_due():
            session.saved.append(state.share)
            budget.save(write)
        if over:
            clock.now += machine.finish + machine.save  # the bundle costs about as much as a checkpoint
        if over or stop(state):
            return session
        state.update += 1
        session.rates.append(budget.learning_rate())
        seconds = next(machine.update)
        clock.now += seconds
        budget.note_update(seconds)
        session.shares.append(state.share)


def slow_for_a_while() -> Iterator[float]:
    for update in range(10**9):
        yield 1.0 if 300 <= update < 500 else 0.25


def uneven() -> Iterator[float]:
    for update in range(10**9):
        yield 0.5 if update % 2 else 0.125


SPEEDS = {
    "fast": lambda: repeat(0.015625),
    "slow": lambda: repeat(4.0),
    "slow for a while": slow_for_a_while,
    "uneven": uneven,
}


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("schedule", ["linear", "cosine", "wsd"])
def test_the_run_ends_on_time_with_a_rate_of_zero_whatever_the_speed(speed: str, schedule: str) -> None:
    session = work(config(schedule=schedule), Machine(update=SPEEDS[speed]()))
    update = 4.0 if speed == "slow" else 0.5
    assert session.seconds == pytest.approx(600, abs=update / 2 + 2)
    assert session.rates[-1] == pytest.approx(0, abs=0.01)
    assert max(session.rates) == pytest.approx(1, abs=0.1)
    peak = session.rates.index(max(session.rates))
    assert session.rates[:peak] == sorted(session.rates[:peak])
    assert session.rates[peak:] == sorted(session.rates[peak:], reverse=True)
    assert session.state.reason_to_stop(config()) == "10 minutes are over"


def test_the_beginning_of_a_late_decay_is_noted_and_saved() -> None:
    session = work(config(schedule="wsd", decay_share=0.25), Machine())
    noted = session.state.decay_from
    assert session.rates[noted - 2] == 1.0 > session.rates[noted]
    assert session.shares[noted - 1] == pytest.approx(0.75, abs=0.001)
    assert session.shares[noted - 1] in session.saved


def test_at_an_even_speed_the_plan_is_a_straight_line() -> None:
    free = Machine(start=0, validation=0, save=0, rehearsal=0, finish=60.0)  # as much as is kept before it is known
    session = work(config(), free)
    assert len(session.shares) == 540 * 4
    assert session.shares == pytest.approx([n / 2160 for n in range(1, 2161)])
    assert session.rates[215] == pytest.approx(1.0)  # a tenth of the time: 216 updates
    assert session.rates[107] == pytest.approx(0.5)
    assert session.rates[1187] == pytest.approx(0.5)  # 0.55 of the time, in the middle of the decay


def test_warm_up_is_as_short_as_the_recipe_says_where_that_is_less_than_a_tenth_of_the_time() -> None:
    session = work(config(warmup_updates=50), Machine())
    assert session.rates[:51] == pytest.approx([*(n / 50 for n in range(1, 51)), 1.0])
    assert session.rates[150] == 1.0


def test_validations_and_checkpoints_come_at_shares_of_the_time() -> None:
    session = work(config(), Machine(validation=0.5, save=0.125))
    assert session.validated == pytest.approx([n / 10 for n in range(1, 11)], abs=0.002)
    assert session.saved == pytest.approx([n / 40 for n in range(1, 41)], abs=0.002)


@pytest.mark.parametrize(("update", "n"), [(40.0, 13), (47.0, 11)])
def test_an_update_of_which_less_than_half_would_fit_is_not_begun(update: float, n: int) -> None:
    """Of 600 seconds 5 are the start's and 60 the end's: room for 13.4 updates of 40 seconds, 11.4 of 47."""
    machine = Machine(update=repeat(update), validation=0, save=0, rehearsal=0, finish=60.0)
    assert len(work(config(), machine).rates) == n


def test_a_long_run_saves_every_ten_minutes() -> None:
    session = work(config(max_minutes=6000), Machine(update=repeat(20.0)))
    assert len(session.saved) == pytest.approx(600, abs=10)
    assert len(session.validated) == 10


@pytest.mark.parametrize(("validation", "save"), [(15.0, 0.5), (2.0, 12.0)])
def test_what_is_expensive_is_done_less_often(validation: float, save: float) -> None:
    session = work(config(), Machine(validation=validation, save=save))
    assert 0 < len(session.validated) * validation <= 0.05 * 600 + validation  # and the one at the end
    assert 0 < len(session.saved) * save <= 0.02 * 600 + 2 * save
    assert session.seconds == pytest.approx(600, abs=10)


@pytest.mark.parametrize("validation", [8.0, 10.0, 12.0, 14.0, 16.0])
def test_the_last_validation_is_not_preceded_by_one_that_was_late(validation: float) -> None:
    validated = work(config(), Machine(validation=validation)).validated
    assert validated[-1] == 1.0
    assert validated[-2] < 0.95 + 0.001


def test_a_validation_that_takes_too_long_is_abandoned_for_good(caplog: pytest.LogCaptureFixture) -> None:
    session = work(config(), Machine(validation=200.0))
    assert session.validated == []
    assert caplog.text.count("validation abandoned after 30.0s: it takes more than a twentieth of the time") == 1
    assert session.seconds == pytest.approx(600, abs=5)
    late = TrainState(update=900, seconds=500.0, share=0.85, planned_seconds=600.0, costs=session.state.costs)
    assert work(config(), Machine(validation=200.0), late).validated == []
    assert caplog.text.count("validation abandoned") == 1


def test_an_interrupted_run_goes_on_with_the_time_that_is_left() -> None:
    machine, state, rates, seconds = Machine(start=20), TrainState(), list[float](), 0.0
    for limit in (400, 900, 1500, math.inf):
        session = work(config(), machine, state, stop=lambda state, limit=limit: state.update >= limit)  # type: ignore[misc]
        rates += session.rates
        state = TrainState.from_dict(session.state.state_dict())
    seconds = session.seconds
    assert seconds == pytest.approx(600, abs=3)
    assert rates[-1] == pytest.approx(0, abs=0.01)
    jumps = [abs(after - before) for before, after in pairwise(rates)]
    assert max(jumps) < 0.02


def test_a_run_of_which_the_time_is_over_only_ends() -> None:
    state = TrainState(update=70, validated_update=70, seconds=599.0, share=0.9, planned_seconds=600.0)
    session = work(config(), Machine(), state)
    assert session.rates == []
    assert state.reason_to_stop(config()) == "10 minutes are over"


def test_more_time_raises_the_rate_again_as_more_updates_would() -> None:
    state = work(config(), Machine()).state
    assert state.share == 1
    session = work(config(max_minutes=20), Machine(), TrainState.from_dict(state.state_dict()))
    assert session.rates[0] == pytest.approx((1 - 0.5) / 0.9, abs=0.02)
    assert session.rates[-1] == pytest.approx(0, abs=0.01)
    assert session.seconds == pytest.approx(1200, abs=3)


def test_a_number_of_updates_beside_the_minutes_ends_the_run_first_and_decays_too() -> None:
    session = work(config(max_updates=500), Machine())
    assert len(session.rates) == 500
    assert session.rates[-1] == pytest.approx(0, abs=1e-9)
    assert session.rates[274] == pytest.approx(0.5, abs=0.01)  # 0.55 of the plan, in the middle of the decay
    assert session.state.reason_to_stop(config(max_updates=500)) == "max_updates 500 reached"


@pytest.mark.parametrize("finish", [1.0, 50.0, 110.0])
def test_time_is_kept_for_the_end(finish: float) -> None:
    session = work(config(), Machine(finish=finish))
    assert session.seconds == pytest.approx(600, abs=5)
    assert session.rates[-1] == pytest.approx(0, abs=0.01)


def test_an_end_that_does_not_fit_is_warned_of_and_leaves_a_decayed_model(caplog: pytest.LogCaptureFixture) -> None:
    session = work(config(), Machine(finish=1200.0))
    assert caplog.text.count("translating the test sets may take 16m40s; 2m00s are kept for that: a part of") == 1
    assert session.rates[-1] == pytest.approx(0, abs=0.01)
    assert max(abs(after - before) for before, after in pairwise(session.rates)) < 0.1


def test_no_time_for_one_update_is_an_error_that_says_what_to_type() -> None:
    with pytest.raises(
        TrainingError, match=r"nothing of 0.01 minutes was left .* starting took 5.0s; .* with --minutes"
    ):
        work(config(max_minutes=0.01), Machine())


def test_all_processes_of_a_team_go_by_the_clock_of_the_first() -> None:
    answers: deque[object] = deque()
    first = work(config(), Machine(update=slow_for_a_while()), team=First(answers))
    second = work(config(), Machine(now=7.0, start=90.0, update=uneven(), finish=100.0), team=Second(answers))
    assert not answers
    assert (second.rates, second.shares) == (first.rates, first.shares)
    assert (second.validated, second.saved, second.state) == (first.validated, first.saved, first.state)


def test_a_run_by_updates_counts_its_time_and_nothing_else() -> None:
    by_updates = config(max_minutes=None, max_updates=20, warmup_updates=10, validate_every=10, save_every=5)
    session = work(by_updates, Machine(), stop=lambda state: state.update == 20)
    assert len(session.rates) == 20
    assert session.rates[14] == pytest.approx(0.5)
    assert len(session.saved) == 5
    assert session.budget.seconds_left() is None
    assert session.state.seconds == pytest.approx(5 + 20 * 0.25 + 2 * 2.0 + 4 * 0.5)
    assert (session.state.share, session.state.costs) == (0.0, {})


def test_the_deadline_is_the_limit_less_what_earlier_sessions_took() -> None:
    clock = Clock(1000.0)
    state = TrainState(update=70, seconds=200.0, share=0.3, planned_seconds=600.0)
    budget = Budget(config(), state, started=clock.now - 30, rehearse=lambda at_most: at_most, clock=clock)
    deadline = budget.deadline()
    assert deadline is not None
    assert deadline.left() == 370
    half = deadline.part(0.5)
    clock.now += 100
    assert (deadline.left(), half.left()) == (270, 85)
    clock.now += 1000
    assert deadline.left() == 0
    by_updates = config(max_minutes=None, max_updates=20, warmup_updates=10)
    assert Budget(by_updates, TrainState(), started=0.0, rehearse=lambda at_most: at_most).deadline() is None


def test_the_time_left_is_that_to_the_end_of_everything() -> None:
    clock = Clock(1000.0)
    budget = Budget(config(), TrainState(), started=clock.now - 30, rehearse=lambda at_most: at_most, clock=clock)
    assert budget.seconds_left() == 570
    clock.now += 1000
    assert budget.seconds_left() == 0


def test_work_is_saved_after_a_minute_and_then_every_ten_whatever_the_plan_says() -> None:
    clock = Clock(1000.0)
    by_updates, state = TrainingConfig(save_every=10**9), TrainState()
    budget = Budget(by_updates, state, started=clock.now, rehearse=lambda at_most: at_most, clock=clock)
    clock.now += 59
    assert not budget.is_unsaved_for_long()
    clock.now += 1
    assert budget.is_unsaved_for_long()
    budget.save(lambda: None)
    clock.now += 599
    assert not budget.is_unsaved_for_long()
    clock.now += 1
    assert budget.is_unsaved_for_long()

    def slow_write() -> None:
        clock.now += 60

    budget.save(slow_write)  # so slow that ten minutes are too often
    clock.now += 2_999
    assert not budget.is_unsaved_for_long()
    clock.now += 1
    assert budget.is_unsaved_for_long()
