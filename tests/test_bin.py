"""The bin: what is deleted can be restored for a week, and then is gone with its files."""

import time
from pathlib import Path

import pytest
from making_runs import run_config

from tl_core import bin as bins
from tl_core.bin import SECONDS_KEPT, BinClock, delete_expired, empty_bin, list_bin, restore
from tl_core.data.paths import source_from_path
from tl_core.datasets.importing import import_dataset
from tl_core.errors import NotInBin, UnknownDataset
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.workspace import Workspace


@pytest.fixture
def run(workspace: Workspace, colours: DatasetRecord) -> Run:
    """Make a run whose files take 1,000 bytes."""
    run = workspace.store.add_run(run_config(colours), colours.name, state=RunState.PAUSED)
    folder = workspace.artifacts.run_folder(run.id)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(1000))
    return run


@pytest.fixture
def binned(workspace: Workspace, colours: DatasetRecord, run: Run) -> set[str]:
    """Put the run and its dataset into the bin and return their ids."""
    workspace.store.bin_run(run.id)
    workspace.store.bin_dataset(colours.id)
    return {run.id, colours.id}


def files_of(workspace: Workspace) -> set[Path]:
    home = workspace.settings.home
    return {path for part in ("datasets", "runs") for path in (home / part).rglob("*.*")}


def test_sizes_are_those_of_the_files_which_stay_until_the_bin_is_emptied(workspace, binned, run):
    files = files_of(workspace)
    entries = list_bin(workspace)
    assert {entry.binned.id for entry in entries} == binned
    assert sum(entry.n_bytes for entry in entries) == sum(path.stat().st_size for path in files)
    assert {entry.n_bytes for entry in entries if entry.binned.kind == "run"} == {1000}
    assert all(entry.gone_at == entry.binned.binned_at + 7 * 86_400 for entry in entries)
    assert {entry.binned.id for entry in empty_bin(workspace)} == binned
    assert list_bin(workspace) == [] and files_of(workspace) == set()
    with pytest.raises(NotInBin, match=run.id):
        restore(workspace, run.id)


def test_what_is_restored_is_as_it_was(workspace, colours, run, binned):
    before = files_of(workspace)
    assert restore(workspace, run.id).kind == "run"
    assert restore(workspace, colours.id).kind == "dataset"
    assert workspace.store.get_run(run.id) == run
    assert workspace.store.get_dataset(colours.id) == colours
    assert empty_bin(workspace) == []
    assert files_of(workspace) == before


def test_only_what_has_been_there_for_a_week_is_deleted_by_itself(
    workspace, colours, run, monkeypatch
):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - SECONDS_KEPT - 1)
    workspace.store.bin_run(run.id)
    monkeypatch.setattr(time, "time", lambda: now - SECONDS_KEPT + 60)
    workspace.store.bin_dataset(colours.id)
    monkeypatch.setattr(time, "time", lambda: now)
    assert [entry.binned.id for entry in delete_expired(workspace)] == [run.id]
    assert [entry.binned.id for entry in list_bin(workspace)] == [colours.id]
    assert not workspace.artifacts.run_folder(run.id).exists()


def test_a_server_deletes_what_has_expired_at_its_start(workspace, run, monkeypatch):
    monkeypatch.setattr(bins, "SECONDS_KEPT", -1)
    workspace.store.bin_run(run.id)
    clock = BinClock(workspace)
    clock.start()
    clock.stop()
    clock._thread.join()
    assert list_bin(workspace) == [] and not workspace.artifacts.run_folder(run.id).exists()


def test_what_is_restored_while_the_bin_is_emptied_stays(workspace, run, monkeypatch):
    workspace.store.bin_run(run.id)
    entries = list_bin(workspace)
    restore(workspace, run.id)
    monkeypatch.setattr(bins, "list_bin", lambda *_, **_some: entries)
    assert empty_bin(workspace) == []
    assert workspace.store.get_run(run.id) == run
    assert workspace.artifacts.checkpoint(run.id).exists()


def test_the_same_images_again_restore_their_dataset(workspace, colours, colours_folder):
    workspace.store.bin_dataset(colours.id)
    with pytest.raises(UnknownDataset):
        workspace.store.get_dataset(colours.id)
    source = source_from_path(colours_folder)
    limits = workspace.settings.limits
    imported = import_dataset(
        workspace.store, workspace.artifacts, source, name="Another name", limits=limits
    )
    assert imported.was_in_bin and imported.already_known
    assert imported.record == workspace.store.get_dataset(colours.id) == colours
    assert list_bin(workspace) == []
