"""Binding of a workspace to a person."""

import os
import re
from dataclasses import replace
from pathlib import Path

from tl_core.access.bound_store import BoundStore
from tl_core.access.rights import Rights
from tl_core.data.images import image_path
from tl_core.records import OPERATOR, Person
from tl_core.store import Artifacts, SqlStore, Store
from tl_core.store.absent import no_run
from tl_core.workspace import Workspace

_ID = re.compile("[0-9a-z]{0,32}")


def bind(workspace: Workspace, person: Person) -> Workspace:
    """Return the workspace as this person has it; the operator has the house's own.

    Args:
        workspace: the house's own.

    Raises:
        TypeError: the workspace is bound to somebody already.
    """
    if not isinstance(workspace.store, SqlStore):
        raise TypeError("A workspace is bound to a person once: bind the house's own.")
    if person == OPERATOR:
        return workspace
    bound = BoundStore(workspace.store, person.id, workspace.artifacts)
    store: Store = bound
    return replace(
        workspace,
        store=store,
        artifacts=BoundArtifacts(workspace.artifacts.home, bound.rights),
        cache=workspace.cache and workspace.cache.scoped(person.id),
        # Keys to everything, and places outside, are the operator's.
        settings=workspace.settings.model_copy(update={"api_key": None, "mlflow_uri": None}),
        person=person,
    )


def sample_image(workspace: Workspace, run_id: str, sha256: str) -> Path:
    """Return the file of one of the images that are shown with a run.

    Raises:
        UnknownRun: there is no such run, or the image is not among those.
    """
    run = workspace.store.get_run(run_id)
    for image in workspace.store.list_sample_images(run.id):
        if image.sha256 == sha256:
            # Not the bound artifacts, where somebody else's dataset has no files.
            folder = Artifacts(workspace.artifacts.home).dataset_folder(run.config.data.dataset_id)
            return image_path(folder, image)
    raise no_run(run_id)


class BoundArtifacts(Artifacts):
    """Files of which those that a person may not see do not exist.

    Their paths lead nowhere, so that nothing is read there, and nothing can be written.
    """

    def __init__(self, home: Path, rights: Rights) -> None:
        super().__init__(home)
        self._rights = rights

    def dataset_folder(self, dataset_id: str) -> Path:
        is_new = self._rights.house.standing_of_dataset(dataset_id) is None
        is_seen = is_new or self._rights.sees_dataset(dataset_id)
        return super().dataset_folder(dataset_id) if is_seen and _is_id(dataset_id) else NOWHERE

    def run_folder(self, run_id: str) -> Path:
        return super().run_folder(run_id) if self._is_open(run_id) else NOWHERE

    def run_lock(self, run_id: str) -> Path:
        return super().run_lock(run_id) if self._is_open(run_id) else NOWHERE

    def run_process(self, run_id: str) -> Path:
        return super().run_process(run_id) if self._is_open(run_id) else NOWHERE

    def _is_open(self, run_id: str) -> bool:
        """Return whether a run's files may be reached: one's own, and those of nobody yet."""
        is_new = self._rights.house.standing_of_run(run_id) is None
        return _is_id(run_id) and (is_new or self._rights.sees_files(run_id))

    def weights_folder(self, owner: str) -> Path:
        person = self._rights.person
        is_seen = person.leads or owner in (OPERATOR.id, person.id)
        return super().weights_folder(owner) if is_seen and _is_id(owner) else NOWHERE

    def stored_datasets(self) -> set[str]:
        return {each for each in super().stored_datasets() if self._rights.sees_dataset(each)}

    def stored_runs(self) -> set[str]:
        return {each for each in super().stored_runs() if self._rights.sees_files(each)}

    def lock_files(self) -> list[Path]:
        # Their names are ids, and looking after them is the server's.
        return []

    def staged(self) -> list[Path]:
        return []

    def delete_dataset(self, dataset_id: str) -> None:
        is_gone = self._rights.house.standing_of_dataset(dataset_id) is None
        if is_gone or self._rights.changes_dataset(dataset_id):
            super().delete_dataset(dataset_id)

    def delete_run(self, run_id: str) -> None:
        is_gone = self._rights.house.standing_of_run(run_id) is None
        if is_gone or self._rights.changes_run(run_id):
            super().delete_run(run_id)


NOWHERE = Path(os.devnull, "nothing")
"""Path at which nothing is and nothing can be made, since what is above it is no folder."""


def _is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
