"""Descriptions of stopped runs, which follow from the run's record."""

import pytest

from tl_core.config import make_run_config
from tl_core.records import Progress, Run, RunState
from tl_core.runs.endings import (
    ending_words,
    pause_promise,
    resume_promise,
    stop_promise,
    what_is_kept,
)

DEATH = "The process that trained it was killed."
STOPPED = [RunState.PAUSED, RunState.CANCELLED, RunState.INTERRUPTED]


def make_run(state=RunState.RUNNING, *, has_started=True, **values):
    started = 1.0 if has_started else None
    return Run("bcdf", state, make_run_config("d1", {}), "pets", 0.0, started, **values)


@pytest.mark.parametrize(
    ("state", "first", "last"),
    [
        (RunState.PAUSED, "Paused after 2 of 5 epochs, before the test.", "and it can be resumed."),
        (RunState.CANCELLED, "Stopped after 2 of 5 epochs, before the test.", ""),
        (RunState.INTERRUPTED, "The server or command that ran it stopped. Interrupted after", ""),
    ],
)
def test_a_run_that_stopped_says_after_which_epoch_and_what_is_kept(state, first, last):
    run = make_run(state, epochs_done=2, best_epoch=1)
    said = ending_words(run, resumable=bool(last))
    kept = "The curves of its 2 finished epochs are kept, with the model of epoch 1, the best on"
    assert said.startswith(first) and kept in said and said.endswith(last)
    assert ("resumed" in said) == bool(last)


@pytest.mark.parametrize("state", STOPPED)
def test_without_a_finished_epoch_nothing_is_kept_and_only_a_paused_run_begins_anew(state):
    said = ending_words(make_run(state), resumable=state is RunState.PAUSED)
    assert "before its first epoch was finished. Only its settings are kept" in said
    assert said.endswith("If resumed, it starts again from the first epoch.") == (
        state is RunState.PAUSED
    )


def test_a_run_that_never_started_says_so():
    waiting = make_run(RunState.CANCELLED, has_started=False)
    assert ending_words(waiting, False) == "Cancelled before it started."
    paused = ending_words(make_run(RunState.PAUSED, has_started=False), True)
    assert paused == "Paused before it started; resuming puts it back into the queue."


def test_a_run_that_carries_on_from_another_keeps_what_that_one_had_done():
    run = make_run(RunState.CANCELLED, has_started=False, epochs_done=1, best_epoch=1)
    said = ending_words(run, resumable=True)
    assert "its 1 finished epoch" in said and "before it started" not in said
    assert said.endswith("and it can be resumed.")


def test_how_a_process_died_comes_first_and_what_may_help_last():
    run = make_run(RunState.INTERRUPTED, epochs_done=5, best_epoch=4, message=DEATH)
    said = ending_words(run, resumable=True)
    assert said.startswith(f"{DEATH} Interrupted after 5 of 5 epochs, before the test.")
    assert "a smaller batch size" in said and "server or command" not in said


def test_an_error_is_quoted_and_an_unfinished_run_has_no_ending():
    assert ending_words(make_run(RunState.FAILED, message="Full."), True) == "Full."
    assert (
        ending_words(make_run(RunState.FAILED), False) == "The run failed without an error message."
    )
    for state in (RunState.QUEUED, RunState.RUNNING, RunState.COMPLETED):
        assert ending_words(make_run(state, epochs_done=2), False) == ""


def test_what_is_kept_of_a_run_that_ended_early():
    assert what_is_kept(make_run()).startswith("Only its settings are kept")
    with_model = what_is_kept(make_run(epochs_done=2, best_epoch=1))
    assert with_model.endswith("with the model of epoch 1, the best on validation.")
    assert what_is_kept(make_run(epochs_done=2)).endswith("but no model.")


def test_features_that_were_prepared_are_kept_by_a_pause():
    progress = Progress("preparing features", 0.5)
    run = make_run(RunState.PAUSED, progress=progress)
    assert "keeps the features prepared so far" in pause_promise(run)
    assert "The features prepared so far are kept" in what_is_kept(run, resumable=True)
    assert what_is_kept(make_run(RunState.CANCELLED)).startswith("Only its settings are kept")


def test_stop_and_pause_promise_what_the_run_will_keep():
    assert "keeps only the settings" in stop_promise(make_run())
    assert "starts again" in pause_promise(make_run())
    run = make_run(epochs_done=3, best_epoch=2)
    assert "3 epochs and the model of epoch 2" in stop_promise(run)
    assert "will not be tested" in stop_promise(run)
    assert pause_promise(run) == (
        "Pause: keeps all of the 3 finished epochs; the unfinished epoch is done again "
        "when you resume."
    )


def test_resume_promises_where_it_goes_on():
    assert resume_promise(make_run()) == "It begins with epoch 1 of 5."
    assert "epoch 4 of 5" in resume_promise(make_run(epochs_done=3))
    assert "the test" in resume_promise(make_run(epochs_done=5))
