"""Sentences on how a run stopped, what is kept of it, and what stopping or resuming it would do."""

from dataclasses import replace

from tl_core.records import Run, RunState
from tl_core.text import number_of
from tl_core.workspace import Workspace

_STOPPED = {
    RunState.PAUSED: "Paused",
    RunState.CANCELLED: "Stopped",
    RunState.INTERRUPTED: "Interrupted",
}
"""First word on a run that came to rest before its test, by state."""
_NO_PROCESS = "The server or command that ran it stopped."
_ADVICE = (
    "Should it happen again, a smaller batch size, a smaller image size or more frozen stages "
    "take less memory, and the server's log may say more."
)


def can_resume(workspace: Workspace, run: Run) -> bool:
    """Whether training has something to go on from.

    A completed run needs a larger number of epochs as well.
    """
    if run.state in (RunState.QUEUED, RunState.RUNNING):
        return False
    begins_anew = run.state is RunState.PAUSED and run.epochs_done == 0
    return begins_anew or workspace.artifacts.training_state(run.id).is_file()


def with_ending(workspace: Workspace, run: Run) -> Run:
    """The run with a message for people: how it ended, and what is kept of it."""
    return replace(run, message=ending_words(run, can_resume(workspace, run)))


def ending_words(run: Run, resumable: bool) -> str:
    """Sentences on how a run ended and what is kept of it; empty where there is nothing to say.

    `Run.message` holds what only the moment knew, such as an error or how a process died. All
    else follows from the state, the finished epochs and the best one.

    Args:
        run: in any state.
        resumable: whether training has something to go on from.
    """
    if run.state is RunState.FAILED:
        return run.message or "It ended without saying why."
    if run.state not in _STOPPED:
        return run.message
    if run.started_at is None and not run.epochs_done:
        words = [run.message, _before_the_start(run.state)]
    else:
        words = [run.message, _when_it_stopped(run), what_is_kept(run, resumable)]
    if run.state is RunState.INTERRUPTED:
        words = [*words, _ADVICE] if run.message else [_NO_PROCESS, *words]
    return " ".join(filter(None, words))


def what_is_kept(run: Run, resumable: bool = False) -> str:
    """Sentences on what a run without a test leaves behind, and whether it can be resumed."""
    if not run.epochs_done:
        anew = " Resumed, it begins anew." if resumable else ""
        return f"Nothing of it is kept but its settings: no epoch was finished.{anew}"
    if run.best_epoch is None:
        model = ", but no model"
    else:
        model = f", with the model of epoch {run.best_epoch}, the best on validation"
    resumed = ", and it can be resumed" if resumable else ""
    epochs = number_of(run.epochs_done, "finished epoch")
    return f"The curves of its {epochs} are kept{model}{resumed}."


def _before_the_start(state: RunState) -> str:
    if state is RunState.PAUSED:
        return "Paused before it started; resumed, it is put back into the queue."
    return "Cancelled before it started."


def _when_it_stopped(run: Run) -> str:
    if not run.epochs_done:
        return f"{_STOPPED[run.state]} before its first epoch was finished."
    epochs = number_of(run.config.train.epochs, "epoch")
    return f"{_STOPPED[run.state]} after {run.epochs_done} of {epochs}, before the test."


def stop_promise(run: Run) -> str:
    """Sentences on what pressing Stop now would leave."""
    if not run.epochs_done:
        return "Stop: keeps nothing yet, since no epoch is finished."
    kept = f"{_curves(run)} and the model of epoch {run.best_epoch}, the best so far"
    return f"Stop: keeps {kept}. There will be no test figure."


def pause_promise(run: Run) -> str:
    """Sentence on what pressing Pause now would leave."""
    if not run.epochs_done:
        return "Pause: no epoch is finished yet, so the run begins anew when you resume."
    return (
        f"Pause: keeps all of {_epochs_done(run)}; the unfinished epoch is done again when you "
        "resume."
    )


def resume_promise(run: Run) -> str:
    """Sentence on what Resume would do with a run that did not reach its end."""
    left = run.config.train.epochs - run.epochs_done
    if left <= 0:
        return "All epochs are done; what is left is the test."
    if not run.epochs_done:
        return f"It begins with epoch 1 of {run.config.train.epochs}."
    return (
        f"It goes on with epoch {run.epochs_done + 1} of {run.config.train.epochs}, from exactly "
        f"where epoch {run.epochs_done} ended, and is tested at the end."
    )


def _epochs_done(run: Run) -> str:
    if run.epochs_done == 1:
        return "the 1 finished epoch"
    return f"the {run.epochs_done} finished epochs"


def _curves(run: Run) -> str:
    if run.epochs_done == 1:
        return "the curve of its 1 finished epoch"
    return f"the curves of {run.epochs_done} epochs"
