"""What a store does, written once. Every backend is tested against this."""

from collections.abc import Sequence
from typing import Any, Protocol

from tl_core.config import RunConfig
from tl_core.records import (
    DatasetRecord,
    ImageRecord,
    MetricPoint,
    Prediction,
    Progress,
    Run,
    RunState,
    SkippedFile,
    TestResult,
)


class Store(Protocol):
    """Datasets, runs and what runs report. Safe to share between threads and processes."""

    # Datasets

    def add_dataset(
        self, record: DatasetRecord, images: Sequence[ImageRecord], skipped: Sequence[SkippedFile]
    ) -> DatasetRecord:
        """Keep a dataset, or give back the one already kept under that id."""

    def get_dataset(self, dataset: str) -> DatasetRecord:
        """By id, unique start of an id (four characters or more), or unique name.

        Raises:
            UnknownDataset: nothing, or more than one thing, goes by that.
        """

    def list_datasets(self) -> list[DatasetRecord]:
        """Newest first."""

    def list_images(self, dataset_id: str) -> list[ImageRecord]:
        """In order of `position`."""

    def list_skipped(self, dataset_id: str) -> list[SkippedFile]: ...

    def delete_dataset(self, dataset_id: str) -> None:
        """Forget a dataset and its images. Runs on it stay, with their figures.

        Raises:
            UnknownDataset: there is none.
            DatasetInUse: a run that is not finished reads it.
        """

    # Runs

    def add_run(self, config: RunConfig, dataset_name: str, facts: dict[str, Any] | None = None) -> Run:
        """A new run, queued, under a fresh short id."""

    def get_run(self, run: str) -> Run:
        """By id or unique start of an id (four characters or more).

        Raises:
            UnknownRun: nothing, or more than one thing, goes by that.
        """

    def list_runs(self) -> list[Run]:
        """Newest first."""

    def delete_run(self, run_id: str) -> None:
        """Forget a finished or queued run and everything it reported.

        Raises:
            UnknownRun: there is none.
            RunNotReady: it is running; stop it first.
        """

    def claim_next_run(self) -> Run | None:
        """The run that has been queued longest, now running; None if none is queued. Never given to two callers."""

    def claim_run(self, run_id: str) -> Run | None:
        """That run, now running; None if it is not queued any more."""

    def request_cancel(self, run_id: str) -> None:
        """Ask a running run to stop, and cancel a queued one at once. A finished one stays as it is."""

    def is_cancel_requested(self, run_id: str) -> bool:
        """True also when the run no longer exists."""

    def update_run(
        self,
        run_id: str,
        *,
        progress: Progress | None = None,
        epochs_done: int | None = None,
        best_epoch: int | None = None,
        val_accuracy: float | None = None,
        result: TestResult | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Change what is given; `facts` are merged into those already there."""

    def finish_run(self, run_id: str, state: RunState, message: str = "") -> None:
        """Move an unfinished run to a finished state. A run that is finished stays as it is."""

    def list_running_runs(self) -> list[Run]:
        """Those in state RUNNING, whoever runs them."""

    # What runs report

    def append_metrics(self, run_id: str, points: Sequence[MetricPoint]) -> None:
        """Idempotent by `seq`. Points of a deleted run are dropped."""

    def list_metrics(self, run_id: str, after: int = -1) -> list[MetricPoint]:
        """Points with `seq` greater than `after`, in order."""

    def put_predictions(self, run_id: str, split: str, epoch: int, predictions: Sequence[Prediction]) -> None:
        """Keep a split's predictions, in place of an earlier epoch's."""

    def list_predictions(self, run_id: str, split: str) -> tuple[int, list[Prediction]]:
        """The epoch they are from (0 when there are none yet) and the predictions, in order of position."""

    def close(self) -> None:
        """Let go of every connection."""
