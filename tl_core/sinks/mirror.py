"""Forwards a run's metrics to sinks in its own thread, so that no sink can slow or fail the run."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from tl_core.facts import RunFacts
from tl_core.records import MetricPoint, Run
from tl_core.settings import Settings
from tl_core.store import Store
from tl_core.text import without_folders

_log = logging.getLogger(__name__)
_PATIENCE = 20.0
"""Seconds that a finished run waits for the sinks to take its last metrics."""


class Sink(Protocol):
    """External receiver of a run's metrics. Any call may raise; the sink is then dropped."""

    name: str

    def start(self, run: Run) -> None: ...

    def write(self, points: Sequence[MetricPoint]) -> None: ...

    def finish(self, run: Run) -> None:
        """Close the run, with its test metrics where it was tested."""


class Mirror:
    """Copies a run's metrics from the store to its sinks, as a context manager.

    The run must have its final state in the store before the context is left.
    """

    def __init__(self, store: Store, run: Run, sinks: Sequence[Sink]) -> None:
        self._store = store
        self._run_id = run.id
        self._sinks = list(sinks)
        self._last_seq = -1
        self._has_news = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._forward, name=f"sinks-{run.id}", daemon=True)

    def __enter__(self) -> "Mirror":
        if self._sinks:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._sinks:
            return
        # Set first: a thread woken before would find the run going on, and wait without end.
        self._is_over.set()
        self._has_news.set()
        # A sink that hangs must not keep the runner from its next run; the thread is a daemon.
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            for sink in list(self._sinks):
                self._note(sink, f"not done {_PATIENCE:g} seconds after its end")

    def look(self) -> None:
        """Announce new metrics in the store. Returns at once."""
        self._has_news.set()

    def _forward(self) -> None:
        self._tell(lambda sink: sink.start(self._store.get_run(self._run_id)))
        while not self._is_over.is_set():
            self._has_news.wait()
            # Cleared before the store is read: metrics that arrive meanwhile set it again.
            self._has_news.clear()
            self._send()
        # Metrics may have been stored after the last look.
        self._send()
        self._tell(lambda sink: sink.finish(self._store.get_run(self._run_id)))

    def _send(self) -> None:
        points = self._store.list_metrics(self._run_id, after=self._last_seq)
        if points:
            self._last_seq = points[-1].seq
            self._tell(lambda sink: sink.write(points))

    def _tell(self, call: Callable[[Sink], None]) -> None:
        """Call every sink; drop one that fails, with a note on the run."""
        # Over a copy, as a sink that fails is removed on the way.
        for sink in list(self._sinks):
            try:
                call(sink)
            # Sinks call foreign libraries and servers, which can raise anything.
            except Exception as error:
                _log.warning("%s takes no more of run %s", sink.name, self._run_id, exc_info=True)
                self._sinks.remove(sink)
                self._note(sink, f"{type(error).__name__}: {without_folders(str(error))}"[:300])

    def _note(self, sink: Sink, reason: str) -> None:
        note = (
            f"{sink.name} did not take all of this run's figures ({reason}). "
            "The run itself is not affected."
        )
        # The store may be what fails, and a missing note must not end the run.
        with suppress(Exception):
            self._store.update_run(self._run_id, facts=RunFacts(notes=(note,)))


def open_mirror(store: Store, run: Run, settings: Settings) -> Mirror:
    """Return a mirror with the sinks named in `settings`; by default there are none."""
    sinks: list[Sink] = []
    if settings.tensorboard_folder:
        from tl_core.sinks.tensorboard import TensorBoard

        sinks.append(TensorBoard(settings.tensorboard_folder))
    if settings.mlflow_uri:
        from tl_core.sinks.mlflow import MLflow

        sinks.append(MLflow(settings.mlflow_uri))
    return Mirror(store, run, sinks)
