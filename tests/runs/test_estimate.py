"""Estimates: what is to be done at measured paces, with a range while they are unsure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_runs import run_config

from tl_core.events import STAGES
from tl_core.machine import Available, whole_machine
from tl_core.paces import Cost, PaceBook
from tl_core.records import DatasetRecord, RunState
from tl_core.runners import InlineRunner
from tl_core.runs.estimate import Estimate, estimate_run, quick_estimate
from tl_core.runs.execute import make_experiment
from tl_core.runs.parts import Parts
from tl_core.runs.spans import Span
from tl_core.training.device import pick_device
from tl_core.workspace import Workspace

WHOLE = whole_machine()
seconds = st.floats(0.01, 1e5)


@pytest.fixture
def estimate(workspace: Workspace, colours: DatasetRecord):
    def estimated(available: Available = WHOLE, first: bool = False, **settings: Any) -> Estimate:
        experiment = make_experiment(workspace, run_config(colours, **settings))
        return estimate_run(workspace, experiment, available, is_first=first)

    return estimated


def test_a_first_estimate_is_a_range_and_a_repeated_run_knows_the_cache(
    estimate, workspace: Workspace, colours: DatasetRecord
):
    settings = {"augment": "photos", "epochs": 2}
    before = estimate(**settings)
    assert 0 < before.span.low < before.span.expected < before.span.high
    assert not before.span.is_sure
    InlineRunner(workspace).submit(run_config(colours, **settings))
    after = estimate(**settings)
    assert after.work.rows == 0 and after.work.rows_found == before.work.rows
    preparing = after.stages["preparing features"].expected
    assert preparing < before.stages["preparing features"].expected / 2
    assert estimate(seed=9, **settings).work.rows == 0, "seeds share the views"
    # Turned images are other views, which are not cached.
    other = estimate(rotation=30, **settings)
    assert other.span.expected > after.span.expected and other.work.rows > 0


def test_a_run_leaves_the_pace_of_each_of_its_parts(
    estimate, workspace: Workspace, colours: DatasetRecord
):
    config = run_config(colours, augment="photos", epochs=5)
    estimate(augment="photos", epochs=5)
    run = InlineRunner(workspace).submit(config)
    assert run.state is RunState.COMPLETED
    parts = Parts.of(config)
    book = PaceBook(workspace.settings.home, pick_device().title)
    n_stages = run.facts.frozen_stages
    how = "exported" if "ONNX" in run.facts.features_by else "plain"
    every = [parts.setup(n_stages, how, is_first=first)[0] for first in (True, False)]
    assert any(map(book.find, every))
    for part in (
        *parts.step(n_stages, on_rows=True),
        *parts.opening(n_stages, is_head=True),
        *parts.closing(n_stages, is_head=True),
        *parts.test(n_stages),
        parts.decoding("whole"),
        *parts.varying,
    ):
        pace = book.find(part)
        assert pace and 0 < pace.processor < 60, part
    assert any(book.find(parts.start(is_first=first)[0]) for first in (True, False))


def test_an_estimate_is_the_sum_of_its_parts(
    estimate, workspace: Workspace, colours: DatasetRecord
):
    config = run_config(colours, epochs=4)
    InlineRunner(workspace).submit(config)
    (workspace.settings.home / "paces.json").unlink()
    n_stages = estimate(epochs=4).work.test_cut
    parts = Parts.of(config)
    book = PaceBook(workspace.settings.home, pick_device().title)
    # Twice, as a single measurement is not trusted whole.
    for _ in range(2):
        book.add(
            {
                parts.start(is_first=False)[0]: Cost(1.0, 1.0),
                parts.setup(n_stages, "cached", is_first=False)[0]: Cost(0.5, 1.0),
                parts.step(n_stages, on_rows=True)[0]: Cost(0.3, 1.0),
                parts.opening(n_stages, is_head=True)[0]: Cost(0.2, 1.0),
                parts.closing(n_stages, is_head=True)[0]: Cost(2.0, 1.0, waited=0.5),
                parts.test(n_stages)[0]: Cost(5.0, 1.0),
            }
        )
    found = estimate(epochs=4)
    work = found.work
    assert work.rows == work.test_rows == 0, "the run before has cached everything"
    training = 0.2 + 4 * (0.3 * work.n_train + 0.1 * work.n_val + 2.5)
    testing = 5.0 + 0.1 * (work.n_checked + work.n_test)
    assert found.span.expected == pytest.approx(1.5 + training + testing)
    # With half a core, what computes takes twice as long, and what waits does not.
    slower = estimate(Available(0.5, 0.5), epochs=4).span.expected
    assert slower == pytest.approx(2 * (1.5 + training + testing) - 4 * 0.5)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"epochs": 2, "frozen_stages": -2}, {"epochs": 3, "frozen_stages": -2}),
        ({"epochs": 3}, {"epochs": 3, "frozen_stages": 0}),
        ({"epochs": 3}, {"epochs": 3, "mixup": 0.2}),
        ({"epochs": 3}, {"epochs": 3, "augment": "photos"}),
        (
            {"epochs": 6, "frozen_stages": 0, "unfreeze": "two-phase"},
            {"epochs": 6, "frozen_stages": 0},
        ),
    ],
)
def test_more_work_takes_longer(estimate, less: dict, more: dict):
    def images(settings: dict) -> float:
        found = estimate(**settings)
        # Without what every run takes once, which hides the work on a few small images.
        return sum(
            part.processor for stage in STAGES[1:3] for part in found.parts[stage] if part.cores > 1
        )

    assert images(less) < images(more)


def test_a_run_that_begins_is_only_estimated_where_its_network_was_measured(
    workspace: Workspace, colours: DatasetRecord, estimate
):
    experiment = make_experiment(workspace, run_config(colours))
    assert quick_estimate(workspace, experiment) == {}
    estimate()
    found = quick_estimate(workspace, experiment)
    assert set(found) == {"reading images", "preparing features", "training", "testing"}
    assert sum(found.values()) > 0


@given(seconds, seconds)
def test_what_is_said_holds_what_is_meant(low: float, more: float):
    span = Span(low, low + more / 2, low + more)
    words = span.say()
    assert " to " in words or words.startswith("about") or words == "a few seconds"
    assert (" to " in words) <= (not span.is_sure)
