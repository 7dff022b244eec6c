"""What a store does, written once. Every backend is tested against this."""

from collections.abc import Sequence
from typing import Literal, Protocol

from tl_core.config import RunConfig
from tl_core.facts import RunFacts
from tl_core.records import (
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
"""What a running run can be asked for."""

STATE_OF_STOPPED: dict[Asked | None, RunState] = {
    "cancel": RunState.CANCELLED,
    "pause": RunState.PAUSED,
    None: RunState.INTERRUPTED,
}
"""State of a run that ended before it was completed, by what was asked of it."""


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
            DatasetInUse: a run that is queued, running or paused needs it.
        """

    # Runs

    def add_run(
        self,
        config: RunConfig,
        dataset_name: str,
        facts: RunFacts | None = None,
        state: RunState = RunState.QUEUED,
    ) -> Run:
        """A new run under a fresh short id: queued, or paused while what it needs is still being put in place."""

    def get_run(self, run: str) -> Run:
        """By id or unique start of an id (four characters or more).

        Raises:
            UnknownRun: nothing, or more than one thing, goes by that.
        """

    def list_runs(self) -> list[Run]:
        """Newest first."""

    def delete_run(self, run_id: str) -> None:
        """Forget a run that is not running, and everything it reported.

        Raises:
            UnknownRun: there is none.
            RunNotReady: it is running; stop it first.
        """

    def claim_next_run(self) -> Run | None:
        """Of the queued runs the one that was added first, now running; None if none is queued.

        Never given to two callers. A run that is queued again keeps the place it was added in.
        """

    def claim_run(self, run_id: str) -> Run | None:
        """That run, now running; None if it is not queued any more."""

    def request_cancel(self, run_id: str) -> None:
        """Ask a running run to stop for good, and cancel one that waits at once. A finished one stays as it is."""

    def request_pause(self, run_id: str) -> None:
        """Ask a running run to pause, and pause a queued one at once. Any other stays as it is.

        Who has asked a run to be cancelled has the last word.
        """

    def asked_of(self, run_id: str) -> Asked | None:
        """What a running run is asked for; "cancel" also when the run no longer exists."""

    def is_cancel_requested(self, run_id: str) -> bool:
        """True also when the run no longer exists."""

    def queue_again(self, run_id: str, config: RunConfig | None = None) -> Run:
        """Queue a run that was paused, cancelled, interrupted or has failed; what it has reported stays.

        With `config` it goes on with that instead. The fact `resumed` counts how often a run that had begun was
        queued again. Of callers at the same time, one succeeds.

        Raises:
            UnknownRun: there is none.
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
        """Change what is given; `facts` are merged into those already there (`RunFacts.merged`)."""

    def annotate_run(
        self,
        run_id: str,
        *,
        title: str | None = None,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        is_favourite: bool | None = None,
    ) -> Run:
        """Change what people say of a run, as far as it is given; nothing that it was trained with or has shown.

        Raises:
            UnknownRun: there is none.
            ConfigError: something is too long, or there are too many tags.
        """

    def finish_run(self, run_id: str, state: RunState, message: str = "") -> None:
        """Move an unfinished run to a finished state, or to PAUSED. A run that is finished stays as it is.

        A run that was asked to be cancelled meanwhile is cancelled instead of paused.

        Args:
            message: becomes `Run.message`: what cannot be told from the run's other fields.
        """

    def list_running_runs(self) -> list[Run]:
        """Those in state RUNNING, whoever runs them."""

    # What runs report

    def append_metrics(self, run_id: str, points: Sequence[MetricPoint]) -> None:
        """Idempotent by `seq`. Points of a deleted run are dropped."""

    def list_metrics(self, run_id: str, after: int = -1) -> list[MetricPoint]:
        """Points with `seq` greater than `after`, in order."""

    def drop_metrics(self, run_id: str, after_epoch: int) -> None:
        """Forget the points of later epochs."""

    def put_predictions(
        self, run_id: str, split: str, epoch: int, predictions: Sequence[Prediction]
    ) -> None:
        """Keep a split's predictions, in place of an earlier epoch's."""

    def list_predictions(self, run_id: str, split: str) -> tuple[int, list[Prediction]]:
        """The epoch they are from (0 when there are none yet) and the predictions, in order of position."""

    # Presets that people have saved

    def save_preset(self, name: str, description: str, config: RunConfig) -> SavedPreset:
        """Keep the settings of `config` under a name; its dataset is left out.

        Raises:
            ConfigError: the name is empty, too long, or taken.
        """

    def list_presets(self) -> list[SavedPreset]:
        """In order of name."""

    def delete_preset(self, name: str) -> None:
        """Forget a saved preset; one that is not there is no error."""

    def close(self) -> None:
        """Let go of every connection."""
