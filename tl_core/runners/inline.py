"""Runner of the command line, which trains in the caller's thread."""

from collections.abc import Callable

from tl_core.config import RunConfig
from tl_core.errors import RunNotReady
from tl_core.events import Event
from tl_core.locks import is_locked
from tl_core.records import Progress, Run, RunState
from tl_core.runners.enqueue import enqueue
from tl_core.runners.resume import resume
from tl_core.runs.execute import claim, execute_run
from tl_core.workspace import Workspace


class InlineRunner:
    def __init__(
        self, workspace: Workspace, on_event: Callable[[Event, Progress | None], None] | None = None
    ) -> None:
        self._workspace = workspace
        self._on_event = on_event

    def submit(self, config: RunConfig) -> Run:
        """Carry out a run until it ends or pauses; return its record. Raises as `enqueue` does."""
        return self._carry_out(lambda: enqueue(self._workspace, config))

    def resume(self, run_id: str, epochs: int | None = None) -> Run:
        """Carry on with a stopped run likewise. Raises as the function `resume` does."""
        return self._carry_out(lambda: self._queued(run_id, epochs))

    def _queued(self, run_id: str, epochs: int | None) -> Run:
        run = self._workspace.store.get_run(run_id)
        # A run that waits for a server is carried out here, where there is none.
        waits_in_vain = not is_locked(self._workspace.artifacts.server_lock)
        if run.state is RunState.QUEUED and waits_in_vain and epochs is None:
            return run
        return resume(self._workspace, run_id, epochs)

    def _carry_out(self, queue: Callable[[], Run]) -> Run:
        # Queued and claimed under one lock, so that a server on the same store cannot claim it.
        with claim(self._workspace, lambda: self._workspace.store.claim_run(queue().id)) as run:
            # A queued run can be cancelled at any time, since that does not take the claim lock.
            if run is None:
                raise RunNotReady("The run was stopped before it started.")
            return execute_run(self._workspace, run, on_event=self._on_event)
