"""A run's model is read, or the sentence says why there is none."""

from dataclasses import replace

import pytest

from tl_core.errors import RunNotReady
from tl_core.records import Run, RunState
from tl_core.runs.models import load_model
from tl_core.workspace import Workspace


@pytest.mark.parametrize(
    ("state", "best_epoch", "said"),
    [
        (RunState.QUEUED, None, "has no model yet"),
        (RunState.RUNNING, None, "has no model yet: its first epoch is not finished"),
        (RunState.INTERRUPTED, None, "ended before its first epoch was finished"),
        (RunState.COMPLETED, 2, "is missing on the server .* the model of epoch 2 was kept"),
        (RunState.INTERRUPTED, 2, "Restore it from a backup, or train again"),
    ],
)
def test_a_missing_model_has_the_reason_that_its_record_tells(
    finished: tuple[Workspace, Run], state: RunState, best_epoch: int | None, said: str
):
    workspace, run = finished
    lost = replace(run, id="nowhere2", state=state, best_epoch=best_epoch)
    with pytest.raises(RunNotReady, match=said):
        load_model(workspace, lost)
    assert load_model(workspace, run).classes == run.facts.classes
