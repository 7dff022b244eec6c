"""Imports of datasets, each in its own thread, so that closing the page loses nothing."""

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from tl_core.cancellation import Stop
from tl_core.data.choosing import Reading
from tl_core.data.ingest import IngestProgress
from tl_core.data.sources import Listing, Source
from tl_core.datasets.importing import Imported, import_dataset
from tl_core.errors import Cancelled, TransferLabError
from tl_core.logs import logged_as
from tl_core.text import without_folders
from tl_core.workspace import Workspace
from tl_ui.data.questions import Question, make_question

_log = logging.getLogger(__name__)
AT_ONCE = 2
"""Imports that run at the same time; others wait, since each decodes on two threads."""
KEEP_SECONDS = 3600


@dataclass
class Import:
    """Import whose state pages read while its thread works."""

    id: str
    name: str
    started: float = field(default_factory=time.monotonic)
    progress: IngestProgress | None = None
    """Progress; None while the import waits for others."""
    question: Question | None = None
    """Question that waits for a person; None while there is none."""
    result: Imported | None = None
    error: str = ""
    ended: float | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_finished(self) -> bool:
        return self.ended is not None

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the speed so far; None before it is reliable."""
        elapsed = time.monotonic() - self.started
        progress = self.progress
        if progress is None or progress.phase != "checking images" or not progress.total:
            return None
        if progress.done < 20 or elapsed < 1:
            return None
        return elapsed / progress.done * (progress.total - progress.done)

    def cancel(self) -> None:
        self._stop.set()
        if question := self.question:
            question.wake()


class Imports:
    """Imports of one person in this process."""

    def __init__(self, workspace: Workspace, slots: threading.Semaphore | None = None) -> None:
        """Create a list without imports.

        Args:
            workspace: bound to the person, to whom the datasets then belong.
            slots: places in which imports run, shared with other people's.
        """
        self._workspace = workspace
        self._all: dict[str, Import] = {}
        self._slots = slots or threading.Semaphore(AT_ONCE)

    def get(self, import_id: str) -> Import | None:
        """Return an import; None if there is none or it ended over an hour ago."""
        return self._all.get(import_id)

    def start(self, name: str, opening: AbstractContextManager[Source]) -> Import:
        """Start an import; its thread enters `opening` and always leaves it at the end."""
        self._forget_old()
        job = Import(uuid.uuid4().hex[:12], name)
        self._all[job.id] = job
        # A daemon: an import can be repeated, and must not hold up the server's shutdown.
        worker = threading.Thread(
            target=self._work, args=(job, opening), name=f"import-{job.id}", daemon=True
        )
        worker.start()
        return job

    def _work(self, job: Import, opening: AbstractContextManager[Source]) -> None:
        with logged_as(person=self._workspace.person.id):
            self._carry_out(job, opening)

    def _carry_out(self, job: Import, opening: AbstractContextManager[Source]) -> None:
        try:
            # Opened before the wait for a slot, in which an upload could otherwise expire.
            with opening as source, self._slots:
                # The wait does not count in the estimate of the time left.
                job.started = time.monotonic()
                job.result = self._import(job, source)
        except Cancelled as error:
            job.error = f"{error} Nothing was imported."
        except TransferLabError as error:
            job.error = without_folders(str(error))
        except Exception as error:
            job.error = (
                f"The import failed unexpectedly ({type(error).__name__}). Nothing was imported."
            )
            _log.exception("An import failed")
        finally:
            # Last, since pages take it as a sign that result or error is there.
            job.ended = time.monotonic()

    def _import(self, job: Import, source: Source) -> Imported:
        def update(progress: IngestProgress) -> None:
            job.progress = progress

        return import_dataset(
            self._workspace.store,
            self._workspace.artifacts,
            source,
            name=job.name,
            limits=self._workspace.settings.limits,
            on_progress=update,
            stop=Stop(job._stop.is_set),
            choose=partial(self._ask, job),
        )

    def _ask(self, job: Import, readings: Sequence[Reading], listing: Listing) -> str:
        """Wait until a person has chosen a reading of the folders."""
        job.question = make_question(readings, listing, self._workspace.settings.limits)
        # Others import meanwhile: a person may take long.
        self._slots.release()
        try:
            return job.question.wait(Stop(job._stop.is_set))
        finally:
            self._slots.acquire()
            job.question = None
            # The wait does not count in the estimate of the time left.
            job.started = time.monotonic()

    def _forget_old(self) -> None:
        oldest = time.monotonic() - KEEP_SECONDS
        # Copied, since other sessions may start imports meanwhile.
        for job in list(self._all.values()):
            if job.ended is not None and job.ended < oldest:
                self._all.pop(job.id, None)
