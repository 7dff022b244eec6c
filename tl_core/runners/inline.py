"""Run it here and now, in the caller's thread: the command line's runner."""

from collections.abc import Callable

from tl_core.config import RunConfig
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
        queued = enqueue(self._workspace, config)
        with claim(self._workspace, queued.id) as run:
            if run is None:  # another process was quicker
                return self._workspace.store.get_run(queued.id)
            return execute_run(self._workspace, run, on_event=self._on_event)
