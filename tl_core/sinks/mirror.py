"""Passes a run's figures on from a thread of its own: what others do with them can neither slow nor fail the run."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from tl_core.facts import RunFacts
from tl_core.records import MetricPoint, Run
from tl_core.settings import Settings
from tl_core.store import Store

_log = logging.getLogger(__name__)
_PATIENCE = 20.0
"""Seconds that a finished run waits for others to take its last figures."""


class Sink(Protocol):
    """A place outside that a run's figures go to. Any call may raise, and none is made after that."""

    name: str

    def start(self, run: Run) -> None: ...

    def write(self, points: Sequence[MetricPoint]) -> None: ...

    def finish(self, run: Run) -> None:
        """The run as it ended; with its test figures where it was tested."""


class Mirror:
    """Tells sinks what the store has. Use it as a context; the run is finished, in the store, when it is left."""

    def __init__(self, store: Store, run: Run, sinks: Sequence[Sink]) -> None:
        self._store, self._run_id, self._sinks = store, run.id, list(sinks)
        self._after = -1
        self._news, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._pass_on, name=f"sinks-{run.id}", daemon=True)

    def __enter__(self) -> "Mirror":
        if self._sinks:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._sinks:
            self._is_over.set()
            self._news.set()
            self._thread.join(_PATIENCE)
            if self._thread.is_alive():
                for sink in list(self._sinks):
                    self._note(sink, f"not done {_PATIENCE:g} seconds after its end")

    def look(self) -> None:
        """There is something new in the store. Returns at once."""
        self._news.set()

    def _pass_on(self) -> None:
        self._tell(lambda sink: sink.start(self._store.get_run(self._run_id)))
        while not self._is_over.is_set():
            self._news.wait()
            self._news.clear()
            self._send()
        self._send()
        self._tell(lambda sink: sink.finish(self._store.get_run(self._run_id)))

    def _send(self) -> None:
        points = self._store.list_metrics(self._run_id, after=self._after)
        if points:
            self._after = points[-1].seq
            self._tell(lambda sink: sink.write(points))

    def _tell(self, call: Callable[[Sink], None]) -> None:
        """One that fails is told nothing more, and the run says so."""
        for sink in list(self._sinks):
            try:
                call(sink)
            except Exception as error:  # whatever it is, it is no business of the run's
                _log.warning("%s takes no more of run %s", sink.name, self._run_id, exc_info=True)
                self._sinks.remove(sink)
                self._note(sink, f"{type(error).__name__}: {error}"[:300])

    def _note(self, sink: Sink, why: str) -> None:
        note = f"{sink.name} did not take all of this run's figures ({why}). The run itself is not affected."
        with suppress(Exception):
            self._store.update_run(self._run_id, facts=RunFacts(notes=(note,)))


def open_mirror(store: Store, run: Run, settings: Settings) -> Mirror:
    """To what the operator has asked for; to nothing, as a rule."""
    sinks: list[Sink] = []
    if settings.tensorboard_folder:
        from tl_core.sinks.tensorboard import TensorBoard

        sinks.append(TensorBoard(settings.tensorboard_folder))
    if settings.mlflow_uri:
        from tl_core.sinks.mlflow import MLflow

        sinks.append(MLflow(settings.mlflow_uri))
    return Mirror(store, run, sinks)
