"""Who carries out a run: siblings behind `submit(config) -> Run` and `resume(run_id, epochs) -> Run`."""

from typing import Protocol

from tl_core.config import RunConfig
from tl_core.records import Run
from tl_core.runners.enqueue import enqueue
from tl_core.runners.inline import InlineRunner
from tl_core.runners.resume import can_resume, resume
from tl_core.runners.thread import ThreadRunner


class Runner(Protocol):
    def submit(self, config: RunConfig) -> Run: ...

    def resume(self, run_id: str, epochs: int | None = None) -> Run: ...


__all__ = ["InlineRunner", "Runner", "ThreadRunner", "can_resume", "enqueue", "resume"]
