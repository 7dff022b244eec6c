"""Run it here and now, in the caller's thread: the command line's runner."""

from collections.abc import Callable

from tl_core.config import RunConfig
from tl_core.errors import RunNotReady
from tl_core.events import Event
from tl_core.execute import claim, execute_run
from tl_core.records import Progress, Run
from tl_core.runners.enqueue import enqueue
from tl_core.workspace import Workspace


class InlineRunner:
    def __init__(self, workspace: Workspace, on_event: Callable[[Event, Progress | None], None] | None = None) -> None:
        self._workspace, self._on_event = workspace, on_event

    def submit(self, config: RunConfig) -> Run:
        """Run to the end and give back the final record. Raises as `enqueue` does."""
        store = self._workspace.store

        # Queued and claimed under one lock, so that a server on the same store does not take it.
        def queue_and_claim() -> Run | None:
            return store.claim_run(enqueue(self._workspace, config).id)

        with claim(self._workspace, queue_and_claim) as run:
            if run is None:
                raise RunNotReady("The run was cancelled before it started.")
            return execute_run(self._workspace, run, on_event=self._on_event)
