"""Model of a run, or the reason why there is none, which only the run's record tells."""

from tl_core.errors import RunNotReady
from tl_core.records import Run, RunState
from tl_core.training import Checkpoint, load_checkpoint
from tl_core.workspace import Workspace


def load_model(workspace: Workspace, run: Run) -> Checkpoint:
    """Read the best model of a run so far.

    Raises:
        RunNotReady: it has none yet, or its file is missing or damaged.
    """
    path = workspace.artifacts.checkpoint(run.id)
    if not path.is_file():
        raise RunNotReady(why_no_model(run))
    return load_checkpoint(path)


def why_no_model(run: Run) -> str:
    """Return the sentence on a run whose model file is not there."""
    if run.best_epoch is not None:
        return (
            f"The model file of run {run.id} is missing on the server (runs/{run.id}/"
            f"model.safetensors), although the model of epoch {run.best_epoch} was kept. Restore "
            "it from a backup, or train again."
        )
    if run.state in (RunState.QUEUED, RunState.RUNNING):
        return f"Run {run.id} has no model yet: its first epoch is not finished."
    return f"Run {run.id} has no model: it ended before its first epoch was finished."
