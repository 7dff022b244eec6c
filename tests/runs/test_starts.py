"""A resumed run keeps the moment of its first start."""

import pytest
from making_runs import run_config

from tl_core.facts import RunFacts
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.runs.starts import at, first_start, last_resume, resumed_words

DATASET = DatasetRecord("0123456789abcdef", "x", ("a", "b"), (1, 1), 0, "folder", 0.0)
HOUR = 3600.0


def run_with(started_at, **facts) -> Run:
    config = run_config(DATASET)
    return Run("a", RunState.RUNNING, config, "x", 0.0, started_at, facts=RunFacts(**facts))


def test_a_resumed_run_has_a_first_start_and_a_resume():
    run = run_with(7 * HOUR, resumed=1, first_started_at=6 * HOUR)
    assert (first_start(run), last_resume(run)) == (6 * HOUR, 7 * HOUR)
    assert resumed_words(run, "UTC") == "resumed 07:00"
    later = run_with(30 * HOUR, resumed=2, first_started_at=6 * HOUR)
    assert resumed_words(later, "UTC") == "resumed 2 Jan 1970, 06:00"


@pytest.mark.parametrize(("started", "facts"), [
    (None, {}),
    (6 * HOUR, {}),
    # Queued again, but not yet claimed.
    (6 * HOUR, {"resumed": 1, "first_started_at": 6 * HOUR}),
])  # fmt: skip
def test_a_run_that_has_not_gone_on_was_not_resumed(started, facts):
    run = run_with(started, **facts)
    assert first_start(run) == started
    assert last_resume(run) is None and resumed_words(run, "UTC") == ""


def test_a_first_start_that_was_not_kept_is_not_made_up():
    run = run_with(7 * HOUR, resumed=1)
    assert first_start(run) is None
    assert resumed_words(run, "UTC") == "resumed 1 Jan 1970, 07:00"
    assert resumed_words(run, "UTC", known=8 * HOUR) == "resumed 07:00"


def test_the_date_is_left_out_on_the_same_day_alone():
    assert at(7 * HOUR, 6 * HOUR, "UTC") == "07:00"
    assert at(11 * 24 * HOUR, 24 * HOUR, "UTC") == "12 Jan 1970, 00:00"
    assert at(7 * HOUR, 6 * HOUR, None) == "07:00 UTC"
