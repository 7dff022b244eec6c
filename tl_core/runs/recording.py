"""Recording of a run's events in the store."""

import platform
import time
from collections.abc import Mapping
from importlib.metadata import version

from tl_core.events import (
    BatchEnded,
    EpochEnded,
    Event,
    FactsFound,
    GoesOn,
    PreviewFitted,
    StageAdvanced,
    Tested,
)
from tl_core.facts import RunFacts
from tl_core.records import BEST_VAL, FIRST_OF_PREVIEW, PREVIEW, MetricPoint, Progress, Run
from tl_core.store import Store
from tl_core.training.progress import ProgressMeter

# Every flush is a transaction, which takes longer than a step of a small head.
_FLUSH_SECONDS = 0.5
_SHOW_SECONDS = 0.1
"""Shortest time between progress updates, since a small head takes thousands of steps a second."""
_POINTS_PER_RUN = 1_000
"""Largest number of batch losses stored; longer runs average over several steps."""


def environment() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    packages = ("torch", "torchvision", "timm", "pillow", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


class Recorder:
    """Writes events into the store: epochs at once, step metrics and progress twice a second."""

    def __init__(self, store: Store, run: Run, expected: Mapping[str, float] | None = None) -> None:
        """
        Args:
            expected: seconds that each stage should take.
        """
        self._store = store
        self._id = run.id
        self._epochs_done = run.epochs_done
        self._meter = ProgressMeter(
            run.config.train.epochs, run.facts.seconds_by_stage, expected=expected
        )
        self._points: list[MetricPoint] = []
        self._losses: list[BatchEnded] = []
        self._seq = 0
        self._preview_seq = FIRST_OF_PREVIEW
        self._progress: Progress | None = None
        self._shown = 0.0
        self._flushed = 0.0

    def __enter__(self) -> "Recorder":
        before = sum(self._meter.seconds.values())
        facts = RunFacts(environment=environment(), seconds_before=before)
        self._store.update_run(self._id, facts=facts)
        return self

    def __exit__(self, *_: object) -> None:
        self._meter.close()
        self._flush()
        self._store.update_run(self._id, facts=RunFacts(seconds_by_stage=self._meter.seconds))

    def write(self, event: Event) -> Progress | None:
        """Record an event, and return the run's progress if it is time to show it."""
        now = time.monotonic()
        progress = None
        if not isinstance(event, BatchEnded) or now - self._shown > _SHOW_SECONDS:
            progress = self._meter.update(event)
            self._shown = now
        self._progress = progress or self._progress
        match event:
            case FactsFound(facts):
                self._store.update_run(self._id, facts=facts)
            case PreviewFitted():
                self._add_preview(event)
            case GoesOn():
                self._go_on(event)
            case BatchEnded():
                self._add_batch(event)
            # A run that is resumed reports its last finished epoch again.
            case EpochEnded(epoch) if epoch > self._epochs_done:
                self._add_epoch(event)
            case Tested(result, predictions):
                run = self._store.get_run(self._id)
                # Before the result, which marks a run as complete even if its process dies here.
                self._store.put_predictions(self._id, "test", run.best_epoch or 0, predictions)
                self._store.update_run(self._id, result=result)
        is_frequent = isinstance(event, BatchEnded | StageAdvanced)
        if not is_frequent or now - self._flushed > _FLUSH_SECONDS:
            self._flush()
        return progress

    def _go_on(self, event: GoesOn) -> None:
        """Drop what is done again, and add what a killed process had not recorded yet."""
        if event.after_epoch < self._epochs_done:
            # The newest state was lost.
            self._epochs_done = event.after_epoch
            self._store.update_run(self._id, epochs_done=event.after_epoch)
        # If no epoch was finished, the preview is made again, too, whose points have epoch 0.
        self._store.drop_metrics(self._id, after_epoch=self._epochs_done or -1)
        # A resumed or continued run has metrics of its earlier epochs.
        earlier = self._store.list_metrics(self._id)
        self._seq = earlier[-1].seq + 1 if earlier else 0
        if event.after_epoch > self._epochs_done:
            for step in event.steps:
                self._add_batch(step)

    def _add_preview(self, event: PreviewFitted) -> None:
        self._points.append(
            MetricPoint(
                self._preview_seq,
                epoch=0,
                step=event.n_train,
                split=PREVIEW,
                name="accuracy",
                value=event.val_accuracy,
                n=event.n_val,
            )
        )
        self._preview_seq += 1
        if event.predictions:
            self._store.put_predictions(self._id, PREVIEW, event.n_train, event.predictions)

    def _add_batch(self, event: BatchEnded) -> None:
        self._losses.append(event)
        if len(self._losses) * _POINTS_PER_RUN >= event.total_steps:
            self._add_batch_losses()

    def _add_batch_losses(self) -> None:
        """Add the mean loss of the steps since the last point.

        A point never spans two epochs, so that a resumed run gets the same points.
        """
        if self._losses:
            n = sum(batch.n for batch in self._losses)
            # Weighted, because the last batch of an epoch may be smaller.
            mean = sum(batch.loss * batch.n for batch in self._losses) / n
            self._add_point(self._losses[-1], "train", "batch_loss", mean, n)
            self._losses.clear()

    def _add_epoch(self, event: EpochEnded) -> None:
        self._add_batch_losses()
        n_val = len(event.val_predictions)
        self._add_point(event, "train", "loss", event.train_loss, event.train_n)
        if event.train_accuracy is not None:
            self._add_point(event, "train", "accuracy", event.train_accuracy, event.train_n)
        self._add_point(event, "train", "learning_rate", event.learning_rate, event.train_n)
        self._add_point(event, "val", "loss", event.val_loss, n_val)
        self._add_point(event, "val", "accuracy", event.val_accuracy, n_val)
        # Before `epochs_done`: metrics of an uncounted epoch are dropped on resuming, but missing
        # ones would never be written.
        self._flush()
        splits = ("val", BEST_VAL) if event.is_best else ("val",)
        for split in splits:
            self._store.put_predictions(self._id, split, event.epoch, event.val_predictions)
        self._store.update_run(
            self._id,
            # Written at every epoch, because a killed process writes nothing at its end.
            facts=RunFacts(seconds_by_stage=self._meter.seconds_so_far()),
            epochs_done=event.epoch,
            best_epoch=event.epoch if event.is_best else None,
            val_accuracy=event.val_accuracy if event.is_best else None,
        )

    def _add_point(
        self, event: BatchEnded | EpochEnded, split: str, name: str, value: float, n: int
    ) -> None:
        self._points.append(MetricPoint(self._seq, event.epoch, event.step, split, name, value, n))
        self._seq += 1

    def _flush(self) -> None:
        if self._points:
            self._store.append_metrics(self._id, self._points)
            self._points.clear()
        if self._progress:
            self._store.update_run(self._id, progress=self._progress)
            self._progress = None
        self._flushed = time.monotonic()
