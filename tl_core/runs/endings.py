"""Sentences on how a run stopped, what is kept of it, and what stopping or resuming it would do."""

from dataclasses import replace

from tl_core.events import STAGES
from tl_core.records import Run, RunState
from tl_core.text import number_of
from tl_core.workspace import Workspace

_STOPPED = {
    RunState.PAUSED: "Paused",
    RunState.CANCELLED: "Stopped",
    RunState.INTERRUPTED: "Interrupted",
}
"""First word of the sentence on a run that stopped before its test, by state."""
ITS_PROCESS = "The process that trained it"
"""Subject of the messages on how a run's process died."""
_NO_PROCESS = "The server or command that ran it stopped."
_ADVICE = (
    "Should it happen again, a smaller batch size, a smaller image size or more frozen stages "
    "take less memory, and the server's log may say more."
)


def can_resume(workspace: Workspace, run: Run) -> bool:
    """Return whether a stopped run can continue or start again.

    A completed run needs a larger number of epochs as well.
    """
    if run.state in (RunState.QUEUED, RunState.RUNNING):
        return False
    # Nothing was trained yet, so no training state is needed.
    starts_again = run.state is not RunState.COMPLETED and run.epochs_done == 0
    return starts_again or workspace.artifacts.training_state(run.id).is_file()


def with_ending(workspace: Workspace, run: Run) -> Run:
    """Return the run with a message for readers: how it ended, and what is kept of it."""
    return replace(run, message=ending_words(run, can_resume(workspace, run)))


def ending_words(run: Run, resumable: bool) -> str:
    """Describe how a run ended and what is kept of it; empty if there is nothing to say.

    `Run.message` holds only what was known when the run ended, such as an error or how its
    process died. Everything else follows from the state and the finished epochs.

    Args:
        run: in any state.
        resumable: whether the run can continue or start again.
    """
    if run.state is RunState.FAILED:
        message = run.message or "The run failed without an error message."
        return f"{message} {what_is_kept(run, resumable)}" if run.epochs_done else message
    if run.state not in _STOPPED:
        return run.message
    if run.started_at is None and not run.epochs_done:
        sentences = [run.message, _before_the_start(run.state)]
    else:
        sentences = [run.message, _when_it_stopped(run), what_is_kept(run, resumable)]
    if run.state is RunState.INTERRUPTED:
        if run.message.startswith(ITS_PROCESS):
            # Most often for lack of memory.
            sentences.append(_ADVICE)
        elif not run.message:
            sentences = [_NO_PROCESS, *sentences]
    return " ".join(filter(None, sentences))


def what_is_kept(run: Run, resumable: bool = False) -> str:
    """Describe what an untested run leaves behind, and whether it can be resumed."""
    if _has_features_alone(run) and resumable:
        return (
            "The features prepared so far are kept; when it is resumed, it goes on with the others."
        )
    if not run.epochs_done:
        restart = " If resumed, it starts again from the first epoch." if resumable else ""
        return f"Only its settings are kept, because no epoch was finished.{restart}"
    if run.best_epoch is None:
        model = ", but no model"
    else:
        model = f", with the model of epoch {run.best_epoch}, the best on validation"
    resumed = ", and it can be resumed" if resumable else ""
    epochs = number_of(run.epochs_done, "finished epoch")
    return f"The curves of its {epochs} are kept{model}{resumed}."


def _has_features_alone(run: Run) -> bool:
    """Return True for a run that was last seen preparing features, before its first epoch."""
    return not run.epochs_done and run.progress is not None and run.progress.stage == STAGES[1]


def _before_the_start(state: RunState) -> str:
    if state is RunState.PAUSED:
        return "Paused before it started; resuming puts it back into the queue."
    return "Cancelled before it started."


def _when_it_stopped(run: Run) -> str:
    if not run.epochs_done:
        return f"{_STOPPED[run.state]} before its first epoch was finished."
    epochs = number_of(run.config.train.epochs, "epoch")
    return f"{_STOPPED[run.state]} after {run.epochs_done} of {epochs}, before the test."


def stop_promise(run: Run) -> str:
    """Describe what pressing Stop now would keep."""
    if not run.epochs_done:
        return "Stop: keeps only the settings, since no epoch is finished yet."
    kept = f"{_curves(run)} and the model of epoch {run.best_epoch}, the best so far"
    return f"Stop: keeps {kept}. The model will not be tested."


def pause_promise(run: Run) -> str:
    """Describe what pressing Pause now would keep."""
    if _has_features_alone(run):
        return "Pause: keeps the features prepared so far; training starts when you resume."
    if not run.epochs_done:
        return "Pause: no epoch is finished yet, so training starts again when you resume."
    return (
        f"Pause: keeps all of {_epochs_done(run)}; the unfinished epoch is done again when you "
        "resume."
    )


def resume_promise(run: Run) -> str:
    """Describe what Resume would do with a run that stopped before its end."""
    left = run.config.train.epochs - run.epochs_done
    if left <= 0:
        return "All epochs are done; only the test is left."
    if not run.epochs_done:
        return f"It begins with epoch 1 of {run.config.train.epochs}."
    return (
        f"It goes on with epoch {run.epochs_done + 1} of {run.config.train.epochs}, from the exact "
        f"state at the end of epoch {run.epochs_done}, and is tested at the end."
    )


def _epochs_done(run: Run) -> str:
    if run.epochs_done == 1:
        return "the 1 finished epoch"
    return f"the {run.epochs_done} finished epochs"


def _curves(run: Run) -> str:
    if run.epochs_done == 1:
        return "the curve of its 1 finished epoch"
    return f"the curves of {run.epochs_done} epochs"
