"""Contract of a store, against which every backend is tested."""

from collections.abc import Sequence
from typing import Literal, Protocol

from tl_core.config import RunConfig
from tl_core.facts import RunFacts
from tl_core.records import (
    Binned,
    DatasetRecord,
    ImageRecord,
    MetricPoint,
    Prediction,
    Progress,
    Run,
    RunState,
    SavedPreset,
    SkippedFile,
    TestResult,
)

Asked = Literal["cancel", "pause"]
"""Requests that a running run can be sent."""

STATE_OF_STOPPED: dict[Asked | None, RunState] = {
    "cancel": RunState.CANCELLED,
    "pause": RunState.PAUSED,
    None: RunState.INTERRUPTED,
}
"""State of a run that ended before completion, by the request that it was sent."""


class Store(Protocol):
    """Datasets, runs and their reports. Safe to share between threads and processes."""

    # Datasets

    def add_dataset(
        self, record: DatasetRecord, images: Sequence[ImageRecord], skipped: Sequence[SkippedFile]
    ) -> DatasetRecord:
        """Store a dataset, or return the one already stored under that id, even from the bin."""

    def get_dataset(self, dataset: str) -> DatasetRecord:
        """Return a dataset by id, unique prefix of an id (at least four characters) or unique name.

        Raises:
            UnknownDataset: none or several match.
        """

    def list_datasets(self) -> list[DatasetRecord]:
        """List all datasets, newest first."""

    def list_images(self, dataset_id: str) -> list[ImageRecord]:
        """List the images of a dataset, in order of `position`."""

    def list_skipped(self, dataset_id: str) -> list[SkippedFile]: ...

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete a dataset and the records of its images; runs on it keep their results.

        Raises:
            UnknownDataset: no dataset has this id.
            DatasetInUse: a queued, running or paused run needs it.
        """

    # Runs

    def add_run(
        self,
        config: RunConfig,
        dataset_name: str,
        facts: RunFacts | None = None,
        state: RunState = RunState.QUEUED,
    ) -> Run:
        """Add a run under a new short id.

        Args:
            state: QUEUED, or PAUSED while files that the run needs are still being copied.
        """

    def get_run(self, run: str) -> Run:
        """Return a run by id or unique prefix of an id (at least four characters).

        Raises:
            UnknownRun: none or several match.
        """

    def list_runs(self) -> list[Run]:
        """List all runs, newest first."""

    def delete_run(self, run_id: str) -> None:
        """Delete a run that is not running, with its metrics and predictions.

        Raises:
            UnknownRun: no run has this id.
            RunNotReady: it is running; stop it first.
        """

    def claim_next_run(self) -> Run | None:
        """Set the queued run that was added first to RUNNING and return it; None if none is queued.

        No two callers get the same run. A run that is queued again keeps its original place.
        """

    def claim_run(self, run_id: str) -> Run | None:
        """Set this run to RUNNING and return it; None if it is no longer queued."""

    def request_cancel(self, run_id: str) -> None:
        """Ask a running run to stop for good; cancel a queued or paused one at once.

        Finished runs do not change.
        """

    def request_pause(self, run_id: str) -> None:
        """Ask a running run to pause; pause a queued one at once.

        Other runs do not change, and neither does one that was already asked to be cancelled.
        """

    def asked_of(self, run_id: str) -> Asked | None:
        """Return the request that a run was sent, if any; "cancel" if the run no longer exists."""

    def is_cancel_requested(self, run_id: str) -> bool:
        """Return whether a run was asked to be cancelled; true if the run no longer exists."""

    def queue_again(self, run_id: str, config: RunConfig | None = None) -> Run:
        """Queue a paused, cancelled, interrupted or failed run again, keeping its reports.

        The fact `resumed` counts how often a run that had started was queued again. Of several
        simultaneous callers, one succeeds.

        Args:
            config: replaces the run's settings; None keeps them.

        Raises:
            UnknownRun: no run has this id.
            RunNotReady: it is queued, running or completed.
        """

    def update_run(
        self,
        run_id: str,
        *,
        progress: Progress | None = None,
        epochs_done: int | None = None,
        best_epoch: int | None = None,
        val_accuracy: float | None = None,
        result: TestResult | None = None,
        facts: RunFacts | None = None,
    ) -> None:
        """Change the given fields; `facts` are merged into the stored ones (`RunFacts.merged`)."""

    def annotate_run(
        self,
        run_id: str,
        *,
        title: str | None = None,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        is_favourite: bool | None = None,
    ) -> Run:
        """Change the given annotations of a run; its settings and results stay.

        Raises:
            UnknownRun: no run has this id.
            ConfigError: a text is too long, or there are too many tags.
        """

    def finish_run(self, run_id: str, state: RunState, message: str = "") -> None:
        """Move an unfinished run to a finished state or to PAUSED; finished runs do not change.

        A run that was meanwhile asked to be cancelled is cancelled instead of paused.

        Args:
            message: `Run.message`, for what does not follow from the run's other fields.
        """

    def list_running_runs(self) -> list[Run]:
        """List the runs in state RUNNING, in any process."""

    # Metrics and predictions of runs

    def append_metrics(self, run_id: str, points: Sequence[MetricPoint]) -> None:
        """Store metrics, skipping each `seq` already stored; those of a deleted run are dropped."""

    def list_metrics(self, run_id: str, after: int = -1) -> list[MetricPoint]:
        """List the points with `seq` greater than `after`, in order, without the preview's."""

    def list_preview(self, run_id: str) -> list[MetricPoint]:
        """List the points of the preview of learning, whose `seq` is negative, in order."""

    def drop_metrics(self, run_id: str, after_epoch: int) -> None:
        """Delete the points of epochs later than `after_epoch`."""

    def put_predictions(
        self, run_id: str, split: str, epoch: int, predictions: Sequence[Prediction]
    ) -> None:
        """Store predictions on a split, replacing those of an earlier epoch."""

    def list_predictions(self, run_id: str, split: str) -> tuple[int, list[Prediction]]:
        """Return the epoch of the predictions (0 if there are none), and them by position."""

    # Bin: the methods above do not find what is in it

    def bin_dataset(self, dataset_id: str) -> None:
        """Put a dataset into the bin, from which it can be restored; its images stay.

        Raises:
            UnknownDataset: no dataset has this id.
            DatasetInUse: a queued, running or paused run needs it.
        """

    def bin_run(self, run_id: str) -> None:
        """Put a run into the bin; one that is queued waits there until it is restored.

        Raises:
            UnknownRun: no run has this id.
            RunNotReady: it is running; stop it first.
        """

    def restore_dataset(self, dataset_id: str) -> bool:
        """Take a dataset out of the bin; return whether it was there."""

    def restore_run(self, run_id: str) -> bool:
        """Take a run out of the bin; return whether it was there."""

    def list_bin(self) -> list[Binned]:
        """List what is in the bin, what was put there last first."""

    def delete_binned(self, binned: Binned) -> bool:
        """Delete for good what is still in the bin since that time; return whether it was."""

    # Saved presets

    def save_preset(self, name: str, description: str, config: RunConfig) -> SavedPreset:
        """Save the settings of `config` under a name, without its dataset.

        Raises:
            ConfigError: the name is empty, too long or taken.
        """

    def list_presets(self) -> list[SavedPreset]:
        """List the saved presets, ordered by name."""

    def delete_preset(self, name: str) -> None:
        """Delete a saved preset, if it exists."""

    def close(self) -> None:
        """Close every connection."""
