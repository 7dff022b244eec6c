"""Runs of a store that is bound to a person: reading, changing, reports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

from tl_core.access.bound_datasets import Bound
from tl_core.config import RunConfig
from tl_core.errors import NotAllowed
from tl_core.facts import RunFacts
from tl_core.records import (
    ImageRecord,
    MetricPoint,
    Person,
    Prediction,
    Run,
    RunState,
)
from tl_core.store.absent import no_dataset, no_run
from tl_core.store.contract import Asked, Move
from tl_core.store.queries import EVERY_RUN, RunQuery, RunSummary, Usage
from tl_core.store.turns import Waiting

_QUEUEING = Lock()
_OWN_WEIGHTS = "its owner's own weights"
"""Words in place of the name of a file, which only who has it may see."""


class BoundRuns(Bound):
    """Part of the `Store` contract, for one person: finding and changing runs."""

    def add_run(
        self,
        config: RunConfig,
        dataset_name: str,
        facts: RunFacts | None = None,
        state: RunState = RunState.QUEUED,
        *,
        owner: str = "",
    ) -> Run:
        person = self.rights.person
        if owner not in ("", person.id):
            raise NotAllowed("A run can be added to one's own space only.")
        # The very id: a worker must never find another dataset by that name.
        if not self.rights.trains_on(config.data.dataset_id):
            raise no_dataset(config.data.dataset_id)
        # Together, since two tabs must not both take the last place.
        with _QUEUEING:
            self._allowance().check_run()
            return self._house.add_run(config, dataset_name, facts, state, owner=person.id)

    def get_run(self, run: str) -> Run:
        person = self.rights.person
        found = self._house.get_run(run, reader=None if person.leads else person.id)
        return _as_seen_by(person, found)

    def list_runs(self, query: RunQuery = EVERY_RUN) -> list[Run]:
        person = self.rights.person
        if person.leads:
            return self._house.list_runs(query)
        is_theirs = query.owner in (None, person.id)
        return self._house.list_runs(replace(query, owner=person.id)) if is_theirs else []

    def summarise_runs(self) -> list[RunSummary]:
        person = self.rights.person
        return self._house.summarise_runs(owner=None if person.leads else person.id)

    def list_running_runs(self, *, owner: str | None = None) -> list[Run]:
        person = self.rights.person
        if person.leads:
            return self._house.list_running_runs(owner=owner)
        is_theirs = owner in (None, person.id)
        return self._house.list_running_runs(owner=person.id) if is_theirs else []

    def list_published(self) -> list[Run]:
        person = self.rights.person
        return [_as_seen_by(person, run) for run in self._house.list_published()]

    def list_sample_images(self, run_id: str) -> list[ImageRecord]:
        return self._house.list_sample_images(run_id) if self.rights.sees_samples(run_id) else []

    def publish_run(self, run_id: str, *, shows_images: bool = False) -> Run:
        # Nobody agrees to it for somebody else.
        if not self.rights.owns_run(run_id):
            raise no_run(run_id)
        return self._house.publish_run(run_id, shows_images=shows_images)

    def withdraw_run(self, run_id: str) -> None:
        if self.rights.changes_run(run_id):
            self._house.withdraw_run(run_id)

    def withdraw_runs(self, owner: str) -> None:
        if owner != self.rights.person.id:
            self.rights.require_admin()
        self._house.withdraw_runs(owner)

    def delete_run(self, run_id: str) -> None:
        if not self.rights.changes_run(run_id):
            raise no_run(run_id)
        self._house.delete_run(run_id)

    def update_run(self, run_id: str, **changes: Any) -> None:
        if self.rights.changes_run(run_id):
            self._house.update_run(run_id, **changes)

    def annotate_run(self, run_id: str, **changes: Any) -> Run:
        if not self.rights.changes_run(run_id):
            raise no_run(run_id)
        return self._house.annotate_run(run_id, **changes)


class BoundStates(Bound):
    """Part of the `Store` contract, for one person: states of runs."""

    def claim_next_run(self) -> Run | None:
        # The queue is the house's, and only its worker takes from it.
        _ = self.rights.person
        return None

    def claim_run(self, run_id: str) -> Run | None:
        return self._house.claim_run(run_id) if self.rights.owns_run(run_id) else None

    def list_queue(self, newcomer: str | None = None) -> list[Waiting]:
        person = self.rights.person
        if person.leads:
            return self._house.list_queue(newcomer)
        thought_of = person.id if newcomer is not None else None
        queue = self._house.list_queue(thought_of)
        # How many others wait is told, and not who and what.
        return [each if each.owner == person.id else Waiting("", "") for each in queue]

    def move_run(self, run_id: str, where: Move) -> None:
        if not self.rights.sees_run(run_id):
            raise no_run(run_id)
        self.rights.require_lead()
        self._house.move_run(run_id, where)

    def hold_queue(self, is_held: bool) -> None:
        self.rights.require_lead()
        self._house.hold_queue(is_held)

    def is_queue_held(self) -> bool:
        _ = self.rights.person
        return self._house.is_queue_held()

    def let_rest(self, until: Mapping[str, float]) -> None:
        self.rights.require_admin()
        self._house.let_rest(until)

    def usage_of(self, owner: str) -> Usage:
        person = self.rights.person
        if owner != person.id and not person.leads:
            return Usage(0, (), 0.0, 0, (), ())
        return self._house.usage_of(owner)

    def request_cancel(self, run_id: str) -> None:
        if self.rights.stops_run(run_id):
            self._house.request_cancel(run_id)

    def request_pause(self, run_id: str) -> None:
        if self.rights.stops_run(run_id):
            self._house.request_pause(run_id)

    def asked_of(self, run_id: str) -> Asked | None:
        return self._house.asked_of(run_id) if self.rights.stops_run(run_id) else "cancel"

    def is_cancel_requested(self, run_id: str) -> bool:
        return self.asked_of(run_id) == "cancel"

    def queue_again(self, run_id: str, config: RunConfig | None = None) -> Run:
        if not self.rights.stops_run(run_id):
            raise no_run(run_id)
        if config and not self.rights.trains_on(config.data.dataset_id):
            # Somebody who leads may resume a run as it is, on whatever dataset it is.
            run = self._house.get_run(run_id)
            if config.data.dataset_id != run.config.data.dataset_id:
                raise no_dataset(config.data.dataset_id)
        with _QUEUEING:
            # Whoever leads may resume anybody's.
            if self.rights.owns_run(run_id):
                self._allowance().check_run()
            return self._house.queue_again(run_id, config)

    def put_back(self, run_id: str, facts: RunFacts | None = None) -> Run | None:
        return self._house.put_back(run_id, facts) if self.rights.changes_run(run_id) else None

    def finish_run(self, run_id: str, state: RunState, message: str = "") -> None:
        if self.rights.changes_run(run_id):
            self._house.finish_run(run_id, state, message)


class BoundReports(Bound):
    """Part of the `Store` contract, for one person: metrics and predictions."""

    def append_metrics(self, run_id: str, points: Sequence[MetricPoint]) -> None:
        if self.rights.changes_run(run_id):
            self._house.append_metrics(run_id, points)

    def list_metrics(self, run_id: str, after: int = -1) -> list[MetricPoint]:
        return self._house.list_metrics(run_id, after) if self.rights.sees_run(run_id) else []

    def list_preview(self, run_id: str) -> list[MetricPoint]:
        return self._house.list_preview(run_id) if self.rights.sees_run(run_id) else []

    def drop_metrics(self, run_id: str, after_epoch: int) -> None:
        if self.rights.changes_run(run_id):
            self._house.drop_metrics(run_id, after_epoch)

    def put_predictions(
        self, run_id: str, split: str, epoch: int, predictions: Sequence[Prediction]
    ) -> None:
        if self.rights.changes_run(run_id):
            self._house.put_predictions(run_id, split, epoch, predictions)

    def list_predictions(self, run_id: str, split: str) -> tuple[int, list[Prediction]]:
        if not self.rights.sees_run(run_id):
            return 0, []
        return self._house.list_predictions(run_id, split)


def _as_seen_by(person: Person, run: Run) -> Run:
    """Return a run without what its owner keeps to themselves when they publish it."""
    if person.leads or run.owner == person.id:
        return run
    # These name other runs, which were not published.
    facts = run.facts.without("comparison", "continues")
    seen = replace(run, note="", tags=(), is_favourite=False, facts=facts)
    return _without_names_of_weights(seen)


def _without_names_of_weights(run: Run) -> Run:
    """Return a run that tells of a weights file only that there was one."""
    model = run.config.model
    if not model.weights.startswith("file:"):
        return run
    model = model.model_copy(update={"weights": f"file:{_OWN_WEIGHTS}"})
    # It names the tensors of the file, too.
    facts = run.facts.merged(RunFacts(weights=f"It began with {_OWN_WEIGHTS}."))
    return replace(run, config=run.config.model_copy(update={"model": model}), facts=facts)
