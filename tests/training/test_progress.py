"""Progress of a run: it never decreases, and gives no remaining time while that is a guess."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.events import (
    STAGES,
    BatchEnded,
    EpochEnded,
    Event,
    FactsFound,
    StageAdvanced,
    StageStarted,
)
from tl_core.facts import PlannedPhase, RunFacts, SplitSizes
from tl_core.training.progress import ProgressMeter


def plan(*first_epochs: int, epochs: int, frozen: int = 0) -> tuple[PlannedPhase, ...]:
    """Return the plan of a network with four stages, `frozen` of them in every phase."""
    lasts = [first - 1 for first in first_epochs[1:]] + [epochs]
    return tuple(
        PlannedPhase(first_epoch=first, last_epoch=last, frozen_stages=frozen, rates=(0.1,) * 5)
        for first, last in zip(first_epochs, lasts, strict=True)
    )


def events_of_a_run(
    n: int,
    n_test: int,
    batch: int,
    epochs: int,
    *,
    caches: bool,
    frozen: int = 0,
    second_phase: int | None = None,
    n_val: int = 1,
) -> list[Event]:
    def advance(stage: str, total: int) -> list[Event]:
        return [
            StageAdvanced(stage, min(done + batch, total), total) for done in range(0, total, batch)
        ]

    starts = [1] if second_phase is None else [1, second_phase]
    phases = plan(*starts, epochs=epochs, frozen=frozen)
    splits = SplitSizes(train=n, val=n_val, test=n_test)
    facts = FactsFound(RunFacts(splits=splits, plan=phases))
    events: list[Event] = [StageStarted(STAGES[0]), facts, StageStarted(STAGES[1])]
    events += advance(STAGES[1], n) if caches else []
    events.append(StageStarted(STAGES[2]))
    sizes = [min(batch, n - done) for done in range(0, n, batch)]
    for epoch in range(1, epochs + 1):
        if epoch == second_phase:
            again = [StageStarted(STAGES[1]), *advance(STAGES[1], n)] if caches else []
            events += [*again, StageStarted(STAGES[2])]
        first = (epoch - 1) * len(sizes) + 1
        events += [
            BatchEnded(epoch, first + i, epochs * len(sizes), 1.0, size)
            for i, size in enumerate(sizes)
        ]
        events.append(EpochEnded(epoch, epoch * len(sizes), 1.0, 0.5, n, 1.0, 0.5, (), True, 0.1))
    return [*events, StageStarted(STAGES[3]), *advance(STAGES[3], n_test)]


runs = st.builds(
    events_of_a_run,
    n=st.integers(1, 30),
    n_test=st.integers(1, 20),
    batch=st.integers(1, 20),
    epochs=st.just(3),
    caches=st.booleans(),
    frozen=st.sampled_from([0, 4]),
    second_phase=st.none() | st.integers(2, 3),
)


@given(events=runs, pauses=st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_progress_never_goes_back_within_a_phase(events: list[Event], pauses: list[float]):
    now = 0.0
    meter = ProgressMeter(3, clock=lambda: now)
    stage = 0
    fraction = 0.0
    trained = 0.0
    for event, pause in zip(events, itertools.cycle(pauses), strict=False):
        now += pause
        progress = meter.update(event)
        if progress is None:
            assert isinstance(event, FactsFound)
            continue
        assert 0 <= progress.fraction <= 1
        if progress.stage == "training":
            assert progress.fraction >= trained, "the second phase goes on where the first ended"
            trained = progress.fraction
        if event == StageStarted(STAGES[1]):
            # The second phase prepares features again.
            stage = 1
        assert (
            STAGES.index(progress.stage) > stage
            or progress.fraction >= fraction
            or event == StageStarted(STAGES[1])
        )
        stage = STAGES.index(progress.stage)
        fraction = progress.fraction
        assert progress.seconds_left is None or progress.seconds_left >= 0
    meter.close()
    assert (stage, fraction) == (3, 1.0)
    assert sum(meter.seconds.values()) <= now * (1 + 1e-9) and set(meter.seconds) == set(STAGES)


@given(
    pace=st.floats(0.5, 5),
    n=st.integers(4, 40),
    n_val=st.integers(0, 40),
    n_test=st.integers(1, 40),
    epochs=st.integers(1, 5),
)
def test_at_a_steady_pace_the_remaining_time_is_right(
    pace: float, n: int, n_val: int, n_test: int, epochs: int
):
    """Each step has one image and takes `pace` seconds, and a third of that in validation."""
    now = 0.0
    meter = ProgressMeter(epochs, clock=lambda: now)
    left = (n + n_val / 3) * epochs + n_test
    n_checked = 0
    for event in events_of_a_run(n, n_test, 1, epochs, caches=False, n_val=n_val):
        worked = isinstance(event, EpochEnded) * n_val / 3
        if isinstance(event, BatchEnded | StageAdvanced):
            worked = 1
        now = now + worked * pace
        left = left - worked
        progress = meter.update(event)
        if progress and progress.seconds_left is not None:
            assert progress.seconds_left == pytest.approx(left * pace, abs=1e-6)
            n_checked += 1
    assert n_checked > 0


def test_no_remaining_time_is_given_at_first():
    now = 0.0
    meter = ProgressMeter(1, clock=lambda: now)
    meter.update(FactsFound(RunFacts(plan=plan(1, epochs=1, frozen=4))))
    meter.update(StageStarted(STAGES[1]))
    # Loading and exporting the network, and the first image.
    now = 28.0
    assert meter.update(StageAdvanced(STAGES[1], 1, 10)).seconds_left is None
    now = 28.9
    assert meter.update(StageAdvanced(STAGES[1], 2, 10)).seconds_left is None
    now = 30.0
    assert meter.update(StageAdvanced(STAGES[1], 3, 10)).seconds_left == pytest.approx(7.0)


def test_a_long_stage_needs_a_share_done_or_some_seconds_before_extrapolation():
    now = 10.0
    meter = ProgressMeter(1, clock=lambda: now)
    meter.update(FactsFound(RunFacts(plan=plan(1, epochs=1, frozen=4))))
    meter.update(StageStarted(STAGES[1]))
    for second in range(11):
        now = 10.0 + second
        left = meter.update(StageAdvanced(STAGES[1], 32 + 10 * second, 10_000)).seconds_left
        expected = None if second < 5 else pytest.approx((9_968 - 10 * second) / 10)
        assert left == expected


def test_the_unit_of_progress_is_named():
    meter = ProgressMeter(1, clock=lambda: 0.0)
    meter.update(StageStarted(STAGES[1]))
    assert meter.update(StageAdvanced(STAGES[1], 588, 1112)).detail == "588 of 1,112 images"
    told = meter.update(StageAdvanced(STAGES[1], 588, 1112, "views of 398 images"))
    assert told.detail == "588 of 1,112 views of 398 images"


def test_no_remaining_time_is_given_before_the_last_phase():
    now = 0.0
    left = {1: [], 2: []}
    meter = ProgressMeter(4, clock=lambda: now)
    for event in events_of_a_run(8, 5, 2, 4, caches=False, second_phase=3):
        now += 1
        progress = meter.update(event)
        if isinstance(event, BatchEnded):
            left[1 if event.epoch < 3 else 2].append(progress.seconds_left)
    assert set(left[1]) == {None}
    assert None not in left[2][1:]


def test_the_phase_in_preparation_is_named():
    meter = ProgressMeter(4, clock=lambda: 0.0)
    told = [
        meter.update(event) for event in events_of_a_run(4, 5, 4, 4, caches=True, second_phase=3)
    ]
    details = [progress.detail for progress in told if progress]
    assert "phase 1 of 2, 4 of 4 images" in details and "phase 2 of 2, 4 of 4 images" in details


def test_a_resumed_run_continues_its_progress():
    now = 0.0
    meter = ProgressMeter(4, {"training": 100.0}, clock=lambda: now)
    events = events_of_a_run(4, 2, 2, 4, caches=False)
    ended = next(event for event in events if isinstance(event, EpochEnded) and event.epoch == 3)
    meter.update(StageStarted(STAGES[0]))
    assert meter.update(ended) is None
    meter.update(FactsFound(RunFacts(splits=SplitSizes(train=4, val=1, test=2))))
    assert meter.update(StageStarted(STAGES[2])).fraction == 0.75
    now = 3.0
    first = meter.update(BatchEnded(4, 13, 16, 1.0, 1))
    assert first.fraction == 13 / 16 and first.seconds_left is None
    now = 4.5
    left = meter.update(BatchEnded(4, 14, 16, 1.0, 1))
    assert left.fraction == 14 / 16 and left.seconds_left == pytest.approx((2 + 1 / 3 + 2) * 1.5)
    meter.close()
    assert meter.seconds == {"reading images": 0.0, "training": 104.5}


def test_what_was_expected_fills_in_until_there_is_something_to_extrapolate():
    now = 0.0
    expected = {STAGES[0]: 2.0, STAGES[1]: 10.0, STAGES[2]: 20.0, STAGES[3]: 4.0}
    meter = ProgressMeter(2, clock=lambda: now, expected=expected)
    assert meter.update(StageStarted(STAGES[0])).seconds_left == pytest.approx(36.0)
    meter.update(FactsFound(RunFacts(plan=plan(1, epochs=2, frozen=2))))
    now = 3.0
    assert meter.update(StageStarted(STAGES[1])).seconds_left == pytest.approx(34.0)
    assert meter.update(StageAdvanced(STAGES[1], 1, 101)).seconds_left == pytest.approx(34, abs=0.2)
    # Twice as slow as expected: the later stages are taken to be, too.
    now = 13.0
    left = meter.update(StageAdvanced(STAGES[1], 51, 101)).seconds_left
    assert left == pytest.approx(10 + 2.02 * 24, rel=0.02)


def test_a_gross_misjudgement_is_not_passed_on_whole():
    now = 0.0
    meter = ProgressMeter(2, clock=lambda: now, expected={STAGES[1]: 0.01, STAGES[2]: 1.0})
    meter.update(FactsFound(RunFacts(plan=plan(1, epochs=2, frozen=2))))
    meter.update(StageStarted(STAGES[1]))
    meter.update(StageAdvanced(STAGES[1], 0, 100))
    now = 50.0
    assert meter.update(StageAdvanced(STAGES[1], 50, 100)).seconds_left == pytest.approx(53.0)
