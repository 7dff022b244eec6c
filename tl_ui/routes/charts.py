"""Charts for the routes: each figure is built once for all viewers and cached until it changes."""

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache

from tl_core.charts import Chart
from tl_core.charts.confusion import MatrixView, confusion_chart
from tl_core.charts.curves import accuracy_chart, learning_rate_chart, loss_chart
from tl_core.charts.preview import preview_chart
from tl_core.errors import TransferLabError, UnknownDataset
from tl_core.records import OPERATOR, MetricPoint, Person, Prediction, Run
from tl_core.runs.summary import is_busy, runs_compared
from tl_core.store.contract import Store
from tl_ui.optimizers.curves import COMPARISON_CHARTS
from tl_ui.run.phases import borders

KINDS = ("loss", "accuracy", "learning-rate", "preview", "confusion", "confusion-test")
_PLAIN = MatrixView()
CHECK_SECONDS = 0.7
"""Minimum time between two queries of the store for a chart, for any number of viewers."""
_REST = 100
"""Pause after building a chart, as a multiple of the time it took: training needs the processor."""
_LONGEST_REST = 5.0
"""Maximum of that pause, in seconds."""


class UnknownChart(TransferLabError):
    """There is no chart of that kind, or no such comparison."""

    status = 404


@dataclass(frozen=True, slots=True)
class Payload:
    """Response with a chart."""

    version: str
    """Digest of the content."""
    body: bytes
    """JSON object with version, live, title, alt, height and figure."""
    packed: bytes
    """Body compressed with gzip."""


@dataclass
class _Entry:
    """Cached chart."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    due_at: float = float("-inf")
    """Time of the next check, by the monotonic clock."""
    state: Any = None
    """State of the store from which the payload was built; None to rebuild it at the next check."""
    payload: Payload | None = None
    points: dict[str, list[MetricPoint]] = field(default_factory=dict)
    """Metrics by run, its state and how often it was resumed."""


class RunCharts:
    """Cache of the charts viewed last, at most `capacity` of them. Thread-safe."""

    def __init__(self, store: Store, capacity: int = 64) -> None:
        self._store = store
        self._entries: LRUCache[tuple[Any, ...], _Entry] = LRUCache(capacity)
        self._lock = threading.Lock()

    def get(self, run_id: str, kind: str, view: MatrixView = _PLAIN) -> Payload:
        """Return the chart, which may lag by `CHECK_SECONDS` to `_LONGEST_REST`.

        Args:
            view: display options of a confusion matrix.

        Raises:
            UnknownChart: there is no such kind.
            UnknownRun: there is no such run.
        """
        _check_kind(kind, KINDS)

        def check(entry: _Entry) -> None:
            run = self._store.get_run(run_id)
            if kind in ("loss", "accuracy", "learning-rate"):
                self._check_metrics(entry, run, kind)
            elif kind == "preview":
                self._check_preview(entry, run)
            else:
                self._check_predictions(entry, run, kind, view)

        return self._get((run_id, kind, view), check)

    def compare(
        self,
        comparison_id: str,
        kind: str,
        *,
        store: Store | None = None,
        person: Person = OPERATOR,
    ) -> Payload:
        """Return a chart of all runs of a comparison that a person may see.

        Args:
            store: bound to the person; by default the whole store.

        Raises:
            UnknownChart: there is no such kind, or no run belongs to such a comparison.
        """
        _check_kind(kind, COMPARISON_CHARTS)

        def check(entry: _Entry) -> None:
            self._check_comparison(entry, comparison_id, kind, store or self._store)

        return self._get(("comparison", comparison_id, kind, person), check)

    def _get(self, key: tuple[Any, ...], check: Callable[[_Entry], None]) -> Payload:
        # LRUCache itself is not thread-safe.
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
        # A lock per chart: viewers of one chart wait for it, viewers of others do not.
        with entry.lock:
            started = time.monotonic()
            if entry.payload is None or started >= entry.due_at:
                check(entry)
                ended = time.monotonic()
                rest = min(_LONGEST_REST, _REST * (ended - started))
                entry.due_at = ended + max(CHECK_SECONDS, rest)
            assert entry.payload is not None
            return entry.payload

    def _check_metrics(self, entry: _Entry, run: Run, kind: str) -> None:
        points = self._points(entry, run)
        state = (is_busy(run), *_extent(points), bool(run.facts.plan))
        if entry.state == state:
            return
        epochs = run.config.train.epochs
        # While the run goes on, a later epoch may still become the best.
        best_epoch = None if is_busy(run) else run.best_epoch
        if kind == "loss":
            chart = loss_chart(points, borders(run), best_epoch)
        elif kind == "accuracy":
            chart = accuracy_chart(points, borders(run), epochs, best_epoch)
        else:
            chart = learning_rate_chart(points, borders(run), epochs)
        entry.payload = _payload(chart, live=is_busy(run))
        entry.state = state

    def _check_preview(self, entry: _Entry, run: Run) -> None:
        points = self._store.list_preview(run.id)
        n_train = run.facts.splits.train if run.facts.splits else 0
        state = (is_busy(run), *_extent(points), n_train)
        if entry.state != state:
            entry.payload = _payload(preview_chart(points, n_train), live=is_busy(run))
            entry.state = state

    def _points(self, entry: _Entry, run: Run) -> list[MetricPoint]:
        # A resumed run drops the points of the epoch that it repeats, so they are read again.
        key = f"{run.id} {run.state} {run.facts.resumed}"
        if key not in entry.points:
            outdated = [old for old in entry.points if old.startswith(f"{run.id} ")]
            for old in outdated:
                del entry.points[old]
        points = entry.points.setdefault(key, [])
        # Only what is new is read, since a long run has thousands of points.
        points += self._store.list_metrics(run.id, after=points[-1].seq if points else -1)
        return points

    def _check_comparison(self, entry: _Entry, comparison_id: str, kind: str, store: Store) -> None:
        runs = runs_compared(store, comparison_id)
        if not runs:
            raise UnknownChart("There is no such comparison, or it was deleted.")
        lines = [(run, self._points(entry, run)) for run in runs]
        live = any(is_busy(run) for run in runs)
        state = (live, [_extent(points) for _, points in lines])
        if entry.state != state:
            entry.payload = _payload(COMPARISON_CHARTS[kind](lines), live=live)
            entry.state = state

    def _check_predictions(self, entry: _Entry, run: Run, kind: str, view: MatrixView) -> None:
        state = (is_busy(run), run.epochs_done, run.result is not None)
        if entry.state == state:
            return
        split = "test" if kind == "confusion-test" else "val"
        epoch, predictions = self._store.list_predictions(run.id, split)
        title = "Test" if split == "test" else "Validation"
        if split == "val" and epoch:
            title = f"Validation after epoch {epoch}"
        chart = confusion_chart(predictions, self._classes(run, predictions), title, view)
        # An epoch's predictions may be stored a moment after the run reports the epoch.
        is_settled = not is_busy(run) or (split == "val" and epoch >= run.epochs_done)
        entry.payload = _payload(chart, live=is_busy(run))
        entry.state = state if is_settled else None

    def _classes(self, run: Run, predictions: list[Prediction]) -> list[str]:
        # The dataset may have been deleted, and old runs did not record their classes.
        if names := run.facts.classes:
            return list(names)
        try:
            return list(self._store.get_dataset(run.config.data.dataset_id).classes)
        except UnknownDataset:
            n = len(predictions[0].probabilities) if predictions else 0
            return [f"class {label + 1}" for label in range(n)]


def _check_kind(kind: str, known: Collection[str]) -> None:
    if kind not in known:
        raise UnknownChart(f"There is no chart {kind[:40]!r}; there are {', '.join(known)}.")


def _extent(points: list[MetricPoint]) -> tuple[int, int]:
    """Return number and last sequence number of a run's points."""
    return len(points), points[-1].seq if points else -1


def _payload(chart: Chart, *, live: bool) -> Payload:
    content = {
        "live": live,
        "title": chart.title,
        "alt": chart.alt,
        "height": chart.height,
        "figure": chart.figure,
    }
    # NaN is not JSON, so a browser could not read the chart.
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Class names may hold lone surrogates, which UTF-8 cannot encode.
    raw = text.encode(errors="replace")
    version = hashlib.sha256(raw).hexdigest()[:16]
    # The version is a digest of the rest, so it is put in front of the finished JSON.
    body = b'{"version":"%s",' % version.encode() + raw[1:]
    # Compressed once here, not for each viewer.
    return Payload(version, body, gzip.compress(body, 5))
