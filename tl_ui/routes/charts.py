"""Charts as the routes hand them out: each figure is built once for all who look, and kept while it holds."""

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache

from tl_core.charts import Chart
from tl_core.charts.confusion import MatrixView, confusion_chart
from tl_core.charts.curves import accuracy_chart, learning_rate_chart, loss_chart
from tl_core.errors import TransferLabError, UnknownDataset
from tl_core.records import MetricPoint, Prediction, Run
from tl_core.runs.summary import is_busy, runs_compared
from tl_core.store.contract import Store
from tl_ui.optimizers.curves import COMPARISON_CHARTS
from tl_ui.run.phases import borders

KINDS = ("loss", "accuracy", "learning-rate", "confusion", "confusion-test")
_PLAIN = MatrixView()
CHECK_SECONDS = 0.7
"""However many look, the store is asked about a chart no more often than this."""
_REST = 100
"""A chart that took long to make is left alone for so many times as long: training goes on beside
it."""
_LONGEST_REST = 5.0
"""Seconds that a chart is left alone at most."""


class UnknownChart(TransferLabError):
    """There is no chart of that kind, or no comparison to draw."""

    status = 404


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
    due_at: float = float("-inf")
    """By the monotonic clock."""
    state: Any = None
    """What the payload was built from; None when it should be built again at the next look."""
    payload: Payload | None = None
    points: dict[str, list[MetricPoint]] = field(default_factory=dict)
    """By run and what had happened to it: when it is resumed, points of an epoch that is done again are gone."""


class RunCharts:
    """The charts looked at last, at most `capacity` of them. Safe to share between threads."""

    def __init__(self, store: Store, capacity: int = 64) -> None:
        self._store = store
        self._entries: LRUCache[tuple[Any, ...], _Entry] = LRUCache(capacity)
        self._lock = threading.Lock()

    def get(self, run_id: str, kind: str, view: MatrixView = _PLAIN) -> Payload:
        """The chart as it stands, or as it stood a moment ago (`CHECK_SECONDS`, `_LONGEST_REST`).

        Args:
            view: of a confusion matrix.

        Raises:
            UnknownChart: no such kind.
            UnknownRun: no such run.
        """
        if kind not in KINDS:
            raise UnknownChart(f"There is no chart {kind[:40]!r}; there are {', '.join(KINDS)}.")
        return self._get((run_id, kind, view), lambda entry: self._look(entry, run_id, kind, view))

    def compare(self, comparison_id: str, kind: str) -> Payload:
        """A chart of all runs of a comparison.

        Raises:
            UnknownChart: no such kind, or no run belongs to such a comparison.
        """
        if kind not in COMPARISON_CHARTS:
            raise UnknownChart(
                f"There is no chart {kind[:40]!r}; there are {', '.join(COMPARISON_CHARTS)}."
            )
        return self._get(
            ("comparison", comparison_id, kind),
            lambda entry: self._compare(entry, comparison_id, kind),
        )

    def _get(self, key: tuple[Any, ...], look: Callable[[_Entry], None]) -> Payload:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
        with entry.lock:
            started = time.monotonic()
            if entry.payload is None or started >= entry.due_at:
                look(entry)
                ended = time.monotonic()
                entry.due_at = ended + max(
                    CHECK_SECONDS, min(_LONGEST_REST, _REST * (ended - started))
                )
            assert entry.payload is not None
            return entry.payload

    def _look(self, entry: _Entry, run_id: str, kind: str, view: MatrixView) -> None:
        run = self._store.get_run(run_id)
        if kind in ("loss", "accuracy", "learning-rate"):
            self._look_at_metrics(entry, run, kind)
        else:
            self._look_at_predictions(entry, run, kind, view)

    def _look_at_metrics(self, entry: _Entry, run: Run, kind: str) -> None:
        points = self._points(entry, run)
        state = (is_busy(run), *_seen(points), bool(run.facts.plan))
        if entry.state == state:
            return
        epochs = run.config.train.epochs
        kept = None if is_busy(run) else run.best_epoch
        if kind == "loss":
            chart = loss_chart(points, borders(run), kept)
        elif kind == "accuracy":
            chart = accuracy_chart(points, borders(run), epochs, kept)
        else:
            chart = learning_rate_chart(points, borders(run), epochs)
        entry.payload = _payload(chart, live=is_busy(run))
        entry.state = state

    def _points(self, entry: _Entry, run: Run) -> list[MetricPoint]:
        key = f"{run.id} {run.state} {run.facts.resumed}"
        if key not in entry.points:
            entry.points = {
                k: points for k, points in entry.points.items() if not k.startswith(f"{run.id} ")
            }
        points = entry.points.setdefault(key, [])
        points += self._store.list_metrics(run.id, after=points[-1].seq if points else -1)
        return points

    def _compare(self, entry: _Entry, comparison_id: str, kind: str) -> None:
        runs = runs_compared(self._store.list_runs(), comparison_id)
        if not runs:
            raise UnknownChart("There is no such comparison, or not any more.")
        lines = [(run, self._points(entry, run)) for run in runs]
        live = any(is_busy(run) for run in runs)
        state = (live, [_seen(points) for _, points in lines])
        if entry.state != state:
            entry.payload = _payload(COMPARISON_CHARTS[kind](lines), live=live)
            entry.state = state

    def _look_at_predictions(self, entry: _Entry, run: Run, kind: str, view: MatrixView) -> None:
        state = (is_busy(run), run.epochs_done, run.result is not None)
        if entry.state == state:
            return
        split = "test" if kind == "confusion-test" else "val"
        epoch, predictions = self._store.list_predictions(run.id, split)
        where = "Test" if split == "test" else "Validation"
        if split == "val" and epoch:
            where = f"Validation after epoch {epoch}"
        chart = confusion_chart(predictions, self._classes(run, predictions), where, view)
        # The predictions of an epoch may be written a moment after the run says that it is done.
        is_settled = not is_busy(run) or (split == "val" and epoch >= run.epochs_done)
        entry.payload = _payload(chart, live=is_busy(run))
        entry.state = state if is_settled else None

    def _classes(self, run: Run, predictions: list[Prediction]) -> list[str]:
        """As the run remembers them, since the dataset may be gone; numbers where nobody does."""
        if names := run.facts.classes:
            return list(names)
        try:
            return list(self._store.get_dataset(run.config.data.dataset_id).classes)
        except UnknownDataset:
            n = len(predictions[0].probabilities) if predictions else 0
            return [f"class {label + 1}" for label in range(n)]


def _seen(points: list[MetricPoint]) -> tuple[int, int]:
    return len(points), points[-1].seq if points else -1


def _payload(chart: Chart, *, live: bool) -> Payload:
    content = {
        "live": live,
        "title": chart.title,
        "alt": chart.alt,
        "height": chart.height,
        "figure": chart.figure,
    }
    raw = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        errors="replace"
    )
    version = hashlib.sha256(raw).hexdigest()[:16]
    body = b'{"version":"%s",' % version.encode() + raw[1:]
    return Payload(version, body, gzip.compress(body, 5))
