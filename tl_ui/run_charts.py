"""A run's charts as the routes hand them out: each figure is built once for all who look, and kept while it holds."""

import gzip
import hashlib
import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from tl_core.errors import TransferLabError, UnknownDataset
from tl_core.records import MetricPoint, Prediction, Run
from tl_core.store.contract import Store
from tl_ui.charts import Chart, accuracy_chart, confusion_chart, loss_chart

KINDS = ("loss", "accuracy", "confusion", "confusion-test")
CHECK_SECONDS = 0.7
"""However many look, the store is asked about a chart no more often than this."""


class UnknownChart(TransferLabError):
    """There is no chart of that kind."""


@dataclass(frozen=True, slots=True)
class Payload:
    version: str
    """Changes with whatever the reader would see."""
    body: bytes
    """JSON: version, live, title, alt, figure."""
    packed: bytes
    """The same, gzipped once for everyone."""


@dataclass
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    checked_at: float = float("-inf")
    state: tuple[Any, ...] | None = None
    """What the payload was built from; None when it should be built again at the next look."""
    payload: Payload | None = None
    points: list[MetricPoint] = field(default_factory=list)


class RunCharts:
    """The charts looked at last, at most `capacity` of them. Safe to share between threads."""

    def __init__(self, store: Store, capacity: int = 64) -> None:
        self._store = store
        self._capacity = capacity
        self._entries: OrderedDict[tuple[str, str, bool], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, run_id: str, kind: str, *, normalise: bool = False) -> Payload:
        """The chart as it stands, no older than `CHECK_SECONDS`.

        Raises:
            UnknownChart: no such kind.
            UnknownRun: no such run.
        """
        if kind not in KINDS:
            raise UnknownChart(f"There is no chart {kind[:40]!r}; there are {', '.join(KINDS)}.")
        entry = self._entry((run_id, kind, normalise))
        with entry.lock:
            if entry.payload is None or time.monotonic() - entry.checked_at >= CHECK_SECONDS:
                self._look(entry, run_id, kind, normalise)
                entry.checked_at = time.monotonic()
            assert entry.payload is not None
            return entry.payload

    def _entry(self, key: tuple[str, str, bool]) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)
            return entry

    def _look(self, entry: _Entry, run_id: str, kind: str, normalise: bool) -> None:
        run = self._store.get_run(run_id)
        if kind in ("loss", "accuracy"):
            self._look_at_metrics(entry, run, kind)
        else:
            self._look_at_predictions(entry, run, kind, normalise)

    def _look_at_metrics(self, entry: _Entry, run: Run, kind: str) -> None:
        last = entry.points[-1].seq if entry.points else -1
        entry.points += self._store.list_metrics(run.id, after=last)
        state = (run.state.is_finished, len(entry.points))
        if entry.state != state:
            chart = loss_chart(entry.points) if kind == "loss" else accuracy_chart(entry.points)
            entry.payload, entry.state = _payload(chart, run), state

    def _look_at_predictions(self, entry: _Entry, run: Run, kind: str, normalise: bool) -> None:
        state = (run.state.is_finished, run.epochs_done, run.result is not None)
        if entry.state == state:
            return
        split = "test" if kind == "confusion-test" else "val"
        epoch, predictions = self._store.list_predictions(run.id, split)
        where = "Test" if split == "test" else f"Validation after epoch {epoch}" if epoch else "Validation"
        chart = confusion_chart(predictions, self._classes(run, predictions), where, normalise=normalise)
        # The predictions of an epoch may be written a moment after the run says that it is done.
        is_settled = run.state.is_finished or (split == "val" and epoch >= run.epochs_done)
        entry.payload, entry.state = _payload(chart, run), state if is_settled else None

    def _classes(self, run: Run, predictions: list[Prediction]) -> list[str]:
        """As the run remembers them, since the dataset may be gone; numbers where nobody does."""
        if names := run.facts.get("classes"):
            return list(names)
        try:
            return list(self._store.get_dataset(run.config.data.dataset_id).classes)
        except UnknownDataset:
            n = len(predictions[0].probabilities) if predictions else 0
            return [f"class {label + 1}" for label in range(n)]


def _payload(chart: Chart, run: Run) -> Payload:
    content = {
        "live": not run.state.is_finished,
        "title": chart.title,
        "alt": chart.alt,
        "height": chart.height,
        "figure": chart.figure,
    }
    raw = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="replace")
    version = hashlib.sha256(raw).hexdigest()[:16]
    body = b'{"version":"%s",' % version.encode() + raw[1:]
    return Payload(version, body, gzip.compress(body, 5))
