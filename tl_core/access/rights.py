"""Rights of a person: what they may see and change, asked of the store each time."""

from dataclasses import dataclass

from tl_core.access.presence import person_with_id
from tl_core.errors import NotAdmitted, NotAllowed
from tl_core.records import Binned, Person
from tl_core.store import SqlStore


@dataclass(frozen=True)
class Rights:
    """Rights of one person in the house's store. Ids are exact here: no names, no prefixes."""

    house: SqlStore
    person_id: str

    @property
    def person(self) -> Person:
        """Return the person as they are now.

        Raises:
            NotAdmitted: they were removed, or never let in.
        """
        person = person_with_id(self.house, self.person_id)
        if person is None or person.removed_at is not None:
            raise NotAdmitted(
                "You are not let in here any more: join again, or ask whoever runs this server."
            )
        return person

    def sees_run(self, run_id: str) -> bool:
        person = self.person
        run = self.house.standing_of_run(run_id)
        if run is None:
            return False
        return person.leads or run.owner == person.id or (run.is_shown and not run.in_bin)

    def owns_run(self, run_id: str) -> bool:
        person = self.person
        run = self.house.standing_of_run(run_id)
        return run is not None and run.owner == person.id

    def stops_run(self, run_id: str) -> bool:
        """Return whether they may pause, cancel and resume a run."""
        return self.owns_run(run_id) or (self.person.leads and self.sees_run(run_id))

    def changes_run(self, run_id: str) -> bool:
        return self.owns_run(run_id) or (self.person.administers and self.sees_run(run_id))

    def sees_samples(self, run_id: str) -> bool:
        person = self.person
        run = self.house.standing_of_run(run_id)
        if run is None:
            return False
        is_shown = run.is_shown and run.shows_images and not run.in_bin
        return person.leads or run.owner == person.id or is_shown

    def sees_files(self, run_id: str) -> bool:
        """Return whether they may read a run's model and outputs, which are never published."""
        return self.owns_run(run_id) or (self.person.leads and self.sees_run(run_id))

    def sees_dataset(self, dataset_id: str) -> bool:
        person = self.person
        dataset = self.house.standing_of_dataset(dataset_id)
        if dataset is None:
            return False
        is_shown = dataset.is_shown and not dataset.in_bin
        return person.leads or dataset.owner == person.id or is_shown

    def trains_on(self, dataset_id: str) -> bool:
        """Return whether they may train on a dataset: their own, or a shared one."""
        person = self.person
        dataset = self.house.standing_of_dataset(dataset_id)
        if dataset is None or dataset.in_bin:
            return False
        return dataset.owner == person.id or dataset.is_shown

    def owns_dataset(self, dataset_id: str) -> bool:
        person = self.person
        dataset = self.house.standing_of_dataset(dataset_id)
        return dataset is not None and dataset.owner == person.id

    def changes_dataset(self, dataset_id: str) -> bool:
        return self.owns_dataset(dataset_id) or (
            self.person.administers and self.sees_dataset(dataset_id)
        )

    def changes_binned(self, binned: Binned) -> bool:
        changes = self.changes_run if binned.kind == "run" else self.changes_dataset
        return changes(binned.id)

    def knows_person(self, person_id: str) -> bool:
        """Return whether they may look somebody up: themselves, and who shows something."""
        person = self.person
        return person.leads or person_id == person.id or self.house.has_shown(person_id)

    def require_lead(self) -> None:
        """
        Raises:
            NotAllowed: the person neither leads nor administers.
        """
        if not self.person.leads:
            raise NotAllowed("Only a teacher or a lead can do that: ask one of them.")

    def require_admin(self) -> None:
        """
        Raises:
            NotAllowed: the person does not administer.
        """
        if not self.person.administers:
            raise NotAllowed("Only the teacher or an administrator can do that: ask them.")
