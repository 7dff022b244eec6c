"""Datasets, presets and the bin of a store that is bound to a person."""

from collections.abc import Sequence

from tl_core.access.allowance import Allowance, allowance_of, bytes_in
from tl_core.access.rights import Rights
from tl_core.config import RunConfig
from tl_core.datasets.importing import owned
from tl_core.errors import DatasetInUse, NotAllowed, UnknownDataset
from tl_core.records import Binned, DatasetRecord, ImageRecord, SavedPreset, SkippedFile
from tl_core.store import Artifacts, SqlStore
from tl_core.store.absent import no_dataset, no_run


class Bound:
    """Base of the parts of a bound store."""

    def __init__(self, house: SqlStore, person_id: str, artifacts: Artifacts) -> None:
        """
        Args:
            house: store with everything.
            person_id: id of the person for whom it is asked.
            artifacts: the house's own, to measure what they keep.
        """
        self._house = house
        self._artifacts = artifacts
        self.rights = Rights(house, person_id)

    @property
    def owner(self) -> str:
        return self.rights.person_id

    def _allowance(self) -> Allowance:
        """Return what the person may still use."""
        return allowance_of(self._house, self.rights.person, self._artifacts)


class BoundDatasets(Bound):
    """Part of the `Store` contract, for one person: datasets."""

    def add_dataset(
        self, record: DatasetRecord, images: Sequence[ImageRecord], skipped: Sequence[SkippedFile]
    ) -> DatasetRecord:
        # The id follows from content and person, so nobody can meet somebody else's.
        if record != owned(record, self.rights.person.id):
            raise NotAllowed("A dataset can be added to one's own space only.")
        is_new = self._house.standing_of_dataset(record.id) is None
        if is_new and not record.is_copy:
            allowance = self._allowance()
            allowance.check_images(record.n)
            # Its files are in place already, and go again if it is refused.
            allowance.check_disk(bytes_in(self._artifacts.dataset_folder(record.id)))
        return self._house.add_dataset(record, images, skipped)

    def get_dataset(self, dataset: str) -> DatasetRecord:
        person = self.rights.person
        try:
            # An id is never taken for the name of something else.
            is_id = person.leads and self._house.standing_of_dataset(dataset) is not None
            return self._house.get_dataset(dataset, reader=None if is_id else person.id)
        except UnknownDataset:
            # A name may be that of one's own dataset and of somebody else's: one's own is meant.
            if not person.leads:
                raise
        return self._house.get_dataset(dataset)

    def list_datasets(self) -> list[DatasetRecord]:
        person = self.rights.person
        return self._house.list_datasets(reader=None if person.leads else person.id)

    def list_images(self, dataset_id: str) -> list[ImageRecord]:
        return self._house.list_images(dataset_id) if self.rights.sees_dataset(dataset_id) else []

    def list_skipped(self, dataset_id: str) -> list[SkippedFile]:
        return self._house.list_skipped(dataset_id) if self.rights.sees_dataset(dataset_id) else []

    def share_dataset(self, dataset_id: str, is_shared: bool = True) -> DatasetRecord:
        self.rights.require_lead()
        self._check_changes(dataset_id)
        return self._house.share_dataset(dataset_id, is_shared)

    def delete_dataset(self, dataset_id: str) -> None:
        self._check_changes(dataset_id)
        try:
            self._house.delete_dataset(dataset_id)
        except DatasetInUse as error:
            raise self._in_use(error) from None

    def bin_dataset(self, dataset_id: str) -> None:
        self._check_changes(dataset_id)
        try:
            self._house.bin_dataset(dataset_id)
        except DatasetInUse as error:
            raise self._in_use(error) from None

    def restore_dataset(self, dataset_id: str) -> bool:
        is_allowed = self.rights.changes_dataset(dataset_id)
        return is_allowed and self._house.restore_dataset(dataset_id)

    def _check_changes(self, dataset_id: str) -> None:
        if not self.rights.changes_dataset(dataset_id):
            raise no_dataset(dataset_id)

    def _in_use(self, error: DatasetInUse) -> DatasetInUse:
        # The sentence names the runs, which may be those of others if the dataset was shared once.
        if self.rights.person.leads:
            return error
        return DatasetInUse(
            "This dataset cannot be deleted while runs need it: wait for them, or stop them first."
        )


class BoundBin(Bound):
    """Part of the `Store` contract, for one person: the bin."""

    def bin_run(self, run_id: str) -> None:
        if not self.rights.changes_run(run_id):
            raise no_run(run_id)
        self._house.bin_run(run_id)

    def restore_run(self, run_id: str) -> bool:
        return self.rights.changes_run(run_id) and self._house.restore_run(run_id)

    def list_bin(self, *, owner: str | None = None) -> list[Binned]:
        person = self.rights.person
        if person.administers:
            return self._house.list_bin(owner=owner)
        return self._house.list_bin(owner=person.id) if owner in (None, person.id) else []

    def delete_binned(self, binned: Binned) -> bool:
        return self.rights.changes_binned(binned) and self._house.delete_binned(binned)


class BoundPresets(Bound):
    """Part of the `Store` contract, for one person: saved presets."""

    def save_preset(self, name: str, description: str, config: RunConfig) -> SavedPreset:
        owner = self.rights.person.id
        return self._house.save_preset(name, description, config, owner=owner)

    def list_presets(self) -> list[SavedPreset]:
        return self._house.list_presets(reader=self.rights.person.id)

    def delete_preset(self, name: str) -> None:
        self._house.delete_preset(name, owner=self.rights.person.id)

    def delete_presets(self, owner: str) -> None:
        if owner != self.rights.person.id:
            self.rights.require_admin()
        self._house.delete_presets(owner)

    def share_preset(self, name: str, is_shared: bool = True) -> None:
        self.rights.require_lead()
        self._house.share_preset(name, is_shared, owner=self.rights.person.id)
