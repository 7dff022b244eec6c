"""Contract of a store, against which every backend is tested."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from tl_core.config import RunConfig
from tl_core.facts import RunFacts
from tl_core.records import (
    Binned,
    DatasetRecord,
    ImageRecord,
    MetricPoint,
    Person,
    Prediction,
    Progress,
    Role,
    Run,
    RunState,
    SavedPreset,
    Session,
    SkippedFile,
    TestResult,
)
from tl_core.store.queries import EVERY_RUN, RunQuery, RunSummary, Usage
from tl_core.store.turns import Waiting

Asked = Literal["cancel", "pause"]
"""Requests that a running run can be sent."""

Move = Literal["front", "later"]
"""Directions in which a waiting run can be moved in the queue."""

STATE_OF_STOPPED: dict[Asked | None, RunState] = {
    "cancel": RunState.CANCELLED,
    "pause": RunState.PAUSED,
    None: RunState.INTERRUPTED,
}
"""State of a run that ended before completion, by the request that it was sent."""


class Store(Protocol):
    """Datasets, runs and their reports, people. Safe to share between threads and processes.

    What a person gets is bound to them (`access.bind`): what they may not see does not exist there.
    """

    @property
    def owner(self) -> str:
        """Return the id of the person to whom belongs what is added; empty for the operator."""

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
        *,
        owner: str = "",
    ) -> Run:
        """Add a run under a new short id.

        Args:
            owner: id of the person it belongs to; a store that is bound to one takes no other.
            state: QUEUED, or PAUSED while files that the run needs are still being copied.
        """

    def get_run(self, run: str) -> Run:
        """Return a run by id or unique prefix of an id (at least four characters).

        Raises:
            UnknownRun: none or several match.
        """

    def list_runs(self, query: RunQuery = EVERY_RUN) -> list[Run]:
        """List the chosen runs, newest first."""

    def summarise_runs(self) -> list[RunSummary]:
        """List all runs in short, newest first."""

    def delete_run(self, run_id: str) -> None:
        """Delete a run that is not running, with its metrics and predictions.

        Raises:
            UnknownRun: no run has this id.
            RunNotReady: it is running; stop it first.
        """

    def claim_next_run(self) -> Run | None:
        """Set the run whose turn it is to RUNNING and return it; None if none is to start.

        People take turns (`store.turns`). No two callers get the same run. A run that is queued
        again keeps its original place among those of the same person.
        """

    def claim_run(self, run_id: str) -> Run | None:
        """Set this run to RUNNING and return it; None if it is no longer queued."""

    def list_queue(self, newcomer: str | None = None) -> list[Waiting]:
        """List the runs that wait, in the order in which they will be taken.

        Args:
            newcomer: id of a person; a run of theirs that would be queued now is listed as well.
        """

    def move_run(self, run_id: str, where: Move) -> None:
        """Move a waiting run in the queue.

        "front" puts it before all others. "later" puts it behind the other waiting runs of its
        owner; if there are none, everyone else has a turn before it.

        Raises:
            UnknownRun: no run has this id.
            RunNotReady: it does not wait in the queue.
        """

    def hold_queue(self, is_held: bool) -> None:
        """Let no more runs start, or let them start again; what is running goes on."""

    def is_queue_held(self) -> bool:
        """Return whether no run is to start at the moment."""

    def let_rest(self, until: Mapping[str, float]) -> None:
        """Let the waiting runs of some people wait, each until a time in seconds since the epoch.

        Whoever is not among them rests no more.
        """

    def usage_of(self, owner: str) -> Usage:
        """Return the use that a person makes of what all share."""

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

    def put_back(self, run_id: str, facts: RunFacts | None = None) -> Run | None:
        """Queue a running run again whose process has ended; it is the next, as its turn had come.

        The fact `resumed` counts it as for `queue_again`.

        Args:
            facts: merged into the stored ones.

        Returns:
            Its record; None if it is not running, or was asked to stop meanwhile.
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

    def list_running_runs(self, *, owner: str | None = None) -> list[Run]:
        """List the runs in state RUNNING, in any process; with `owner`, those of one person."""

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

    def list_bin(self, *, owner: str | None = None) -> list[Binned]:
        """List what is in the bin, what was put there last first; `owner` as in `list_runs`."""

    def delete_binned(self, binned: Binned) -> bool:
        """Delete for good what is still in the bin since that time; return whether it was."""

    # Saved presets

    def save_preset(self, name: str, description: str, config: RunConfig) -> SavedPreset:
        """Save the settings of `config` under a name, without its dataset.

        Raises:
            ConfigError: the name is empty, too long or taken by another preset of the same person.
        """

    def list_presets(self) -> list[SavedPreset]:
        """List one's saved presets and the shared ones, ordered by name.

        One's own hides a shared one of the same name.
        """

    def delete_preset(self, name: str) -> None:
        """Delete one's saved preset, if it exists."""

    def delete_presets(self, owner: str) -> None:
        """Delete all presets of a person, shared ones too."""

    # Shown to others

    def share_dataset(self, dataset_id: str, is_shared: bool = True) -> DatasetRecord:
        """Let everyone see and use a dataset, or its owner alone again.

        Raises:
            UnknownDataset: no dataset has this id.
            NotAllowed: the store is bound to somebody who may not decide that.
        """

    def share_preset(self, name: str, is_shared: bool = True) -> None:
        """Let everyone use one's preset, or oneself alone again.

        Raises:
            ConfigError: there is none of that name.
            NotAllowed: as `share_dataset`.
        """

    def publish_run(self, run_id: str, *, shows_images: bool = False) -> Run:
        """Show a tested run to everyone: its figures and curves, and sample images if agreed to.

        Raises:
            UnknownRun: no run has this id.
            RunNotReady: it has not been tested.
        """

    def withdraw_run(self, run_id: str) -> None:
        """Show a run to its owner alone again."""

    def withdraw_runs(self, owner: str) -> None:
        """Withdraw all runs of a person."""

    def list_published(self) -> list[Run]:
        """List the published runs, those published last first."""

    def list_sample_images(self, run_id: str) -> list[ImageRecord]:
        """List up to `MOST_SAMPLES` test images of a run, without their names.

        Others than the owner see those of a published run, if its owner agreed.
        """

    # People: a store that is bound to a member knows only the member, one bound to a lead lists
    # people, and one bound to an admin changes them; sessions are the server's alone.

    def add_person(
        self, person: Person, *, word: str | None = None, subject: str | None = None
    ) -> bool:
        """Add a person; return False if id, word or subject are taken.

        Args:
            word: digest of the word with which they come back.
            subject: what they are called by the provider that signs them in.
        """

    def find_person(
        self, *, person_id: str | None = None, word: str | None = None, subject: str | None = None
    ) -> Person | None:
        """Return the person to whom all that is given applies, even a removed one."""

    def has_shown(self, person_id: str) -> bool:
        """Return whether a person has published or shared something that is still shown."""

    def list_people(self) -> list[Person]:
        """List everyone, also those removed, in the order in which they joined."""

    def change_person(
        self,
        person_id: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        word: str | None = None,
        removed_at: float | None = None,
    ) -> Person:
        """Change what is given.

        Raises:
            UnknownPerson: nobody has this id.
        """

    def delete_person(self, person_id: str) -> None:
        """Delete a person and their sessions; datasets and runs stay."""

    def add_session(self, session: Session) -> None: ...

    def person_in_session(self, token: str) -> Person | None:
        """Return whose session this is; None if it has ended, or they were removed."""

    def end_session(self, token: str) -> None: ...

    def end_sessions(self, person_id: str) -> None:
        """End all sessions of a person."""

    def drop_ended_sessions(self) -> None:
        """Forget the sessions whose time is over."""

    def get_setting(self, name: str) -> Any:
        """Return a setting for everyone, which is JSON; None if it was never made."""

    def put_setting(self, name: str, value: Any, *, keep: bool = False) -> None:
        """Make a setting for everyone.

        Args:
            keep: an earlier value stays.
        """

    def close(self) -> None:
        """Close every connection."""
