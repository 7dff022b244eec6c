"""How far a run is: never backwards, never negative, and silent while it would be a guess."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.events import STAGES, BatchEnded, EpochEnded, Event, FactsFound, StageAdvanced, StageStarted
from tl_core.training.progress import ProgressMeter


def events_of_a_run(n: int, n_test: int, batch: int, epochs: int, caches: bool) -> list[Event]:
    def advance(stage: str, total: int) -> list[Event]:
        return [StageAdvanced(stage, min(done + batch, total), total) for done in range(0, total, batch)]

    facts = FactsFound({"splits": {"train": n, "val": 1, "test": n_test}})
    events: list[Event] = [StageStarted(STAGES[0]), facts, StageStarted(STAGES[1])]
    events += advance(STAGES[1], n) if caches else []
    events.append(StageStarted(STAGES[2]))
    sizes = [min(batch, n - done) for done in range(0, n, batch)]
    for epoch in range(1, epochs + 1):
        first = (epoch - 1) * len(sizes) + 1
        events += [BatchEnded(epoch, first + i, epochs * len(sizes), 1.0, size) for i, size in enumerate(sizes)]
        events.append(EpochEnded(epoch, epoch * len(sizes), 1.0, 0.5, n, 1.0, 0.5, (), True))
    return [*events, StageStarted(STAGES[3]), *advance(STAGES[3], n_test)]


runs = st.builds(
    events_of_a_run,
    n=st.integers(1, 30),
    n_test=st.integers(1, 20),
    batch=st.integers(1, 20),
    epochs=st.just(3),
    caches=st.booleans(),
)


@given(events=runs, all_frozen=st.booleans(), pauses=st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_progress_never_goes_back(events: list[Event], all_frozen: bool, pauses: list[float]):
    now = 0.0
    meter = ProgressMeter(3, all_frozen, clock=lambda: now)
    stage, fraction = 0, 0.0
    for event, pause in zip(events, itertools.cycle(pauses), strict=False):
        now += pause
        progress = meter.update(event)
        if progress is None:
            assert isinstance(event, FactsFound)
            continue
        assert 0 <= progress.fraction <= 1
        assert (STAGES.index(progress.stage), progress.fraction) >= (stage, fraction)
        stage, fraction = STAGES.index(progress.stage), progress.fraction
        assert progress.seconds_left is None or progress.seconds_left >= 0
    meter.close()
    assert (stage, fraction) == (3, 1.0)
    assert sum(meter.seconds.values()) <= now * (1 + 1e-9) and set(meter.seconds) == set(STAGES)


@given(pace=st.floats(0.5, 5), n=st.integers(4, 40), n_test=st.integers(1, 40), epochs=st.integers(1, 5))
def test_at_an_even_pace_what_is_left_is_said_right(pace: float, n: int, n_test: int, epochs: int):
    """One image a step, each taking `pace` seconds in training and in the test."""
    now = 0.0
    meter = ProgressMeter(epochs, all_frozen=False, clock=lambda: now)
    left = n * epochs + n_test
    said = 0
    for event in events_of_a_run(n, n_test, 1, epochs, caches=False):
        if isinstance(event, BatchEnded | StageAdvanced):
            now, left = now + pace, left - 1
        progress = meter.update(event)
        if progress and progress.seconds_left is not None:
            assert progress.seconds_left == pytest.approx(left * pace, abs=1e-6)
            said += 1
    assert said > 0


def test_nothing_is_said_in_the_first_moments():
    now = 0.0
    meter = ProgressMeter(1, all_frozen=True, clock=lambda: now)
    meter.update(StageStarted(STAGES[1]))
    now = 0.9
    assert meter.update(StageAdvanced(STAGES[1], 1, 10)).seconds_left is None
    now = 2.0
    assert meter.update(StageAdvanced(STAGES[1], 2, 10)).seconds_left == pytest.approx(8.0)
