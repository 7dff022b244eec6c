"""Runner that is bound to a person."""

from typing import Protocol

from tl_core.access.allowance import check_run
from tl_core.access.binding import bind
from tl_core.config import RunConfig
from tl_core.records import Person, Run
from tl_core.runners import enqueue, resume
from tl_core.workspace import Workspace


class Wakeable(Protocol):
    """Runner of a server, whose queue is the house's store."""

    @property
    def workspace(self) -> Workspace: ...

    def wake(self) -> None: ...


class BoundRunner:
    """Runner that queues runs of one person, and resumes those that they may resume."""

    def __init__(self, runner: Wakeable, person: Person) -> None:
        self._runner = runner
        self._workspace = bind(runner.workspace, person)

    def submit(self, config: RunConfig) -> Run:
        """Queue a run without waiting for it.

        Raises:
            LimitReached: the person has used as much as one person may.
            TransferLabError: as `enqueue`.
        """
        # Before what takes time: the store asks again when the run is added.
        check_run(self._workspace)
        run = enqueue(self._workspace, config)
        self._runner.wake()
        return run

    def resume(self, run_id: str, epochs: int | None = None) -> Run:
        """Queue a run again without waiting for it. Raises as the function `resume` does."""
        run = resume(self._workspace, run_id, epochs)
        self._runner.wake()
        return run
