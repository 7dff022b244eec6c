"""Erasing of a person's space: runs, datasets, presets and weights, with their files."""

import shutil
import time
from contextlib import suppress

from tl_core.bin import empty_bin
from tl_core.datasets.importing import delete_dataset
from tl_core.errors import DatasetInUse, RunNotReady, UnknownDataset, UnknownRun
from tl_core.store import RunQuery, Store
from tl_core.workspace import Workspace

_PATIENCE_SECONDS = 5.0
"""Longest wait for running runs to end, which takes a worker about two seconds."""
_LOOK_SECONDS = 0.1


def stop_runs(store: Store, person_id: str) -> None:
    """Cancel all runs of a person that wait or run."""
    for run in store.list_runs(RunQuery(owner=person_id)):
        if not run.state.is_finished:
            store.request_cancel(run.id)


def erase_space(workspace: Workspace, person_id: str) -> bool:
    """Delete everything that belongs to a person but shared datasets; return whether all is gone.

    A run that does not end within seconds stays, and so does its dataset.
    """
    store = workspace.store
    stop_runs(store, person_id)
    _wait_for_the_end(store, person_id)
    is_erased = True
    for run in store.list_runs(RunQuery(owner=person_id)):
        # A backup must not find the record without the files.
        with workspace.artifacts.changing():
            try:
                store.delete_run(run.id)
            except RunNotReady:
                is_erased = False
            except UnknownRun:
                # Somebody else has deleted it meanwhile.
                continue
            else:
                workspace.artifacts.delete_run(run.id)
    empty_bin(workspace, owner=person_id)
    for dataset in store.list_datasets():
        if dataset.owner != person_id or dataset.shared_at is not None:
            continue
        try:
            with suppress(UnknownDataset):
                delete_dataset(store, workspace.artifacts, dataset.id)
        except DatasetInUse:
            is_erased = False
    store.delete_presets(person_id)
    shutil.rmtree(workspace.artifacts.weights_folder(person_id), ignore_errors=True)
    return is_erased


def _wait_for_the_end(store: Store, person_id: str) -> None:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if not store.list_running_runs(owner=person_id):
            return
        time.sleep(_LOOK_SECONDS)
