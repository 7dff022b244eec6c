"""Room is kept back for deleting, the cache is given up first, and a full disk can be cured."""

import numpy as np
import pytest
from disks import fill
from making_runs import import_folder, open_home, run_config

from tl_core.bin import empty_bin
from tl_core.errors import StoreFull
from tl_core.events import EpochEnded
from tl_core.records import RunState
from tl_core.room import Room
from tl_core.runners import InlineRunner
from tl_core.settings import Settings
from tl_core.upkeep.doctor import examine
from tl_core.workspace import open_workspace

FULL = r"The disk of the store at .* is full.* delete what is no longer needed and empty the bin"


@pytest.fixture
def disk(make_disk):
    return make_disk()


def test_a_full_disk_is_cured_by_deleting(disk, colours_folder):
    workspace = open_home(disk / "home")
    dataset = import_folder(workspace, colours_folder)
    run = workspace.store.add_run(run_config(dataset), dataset.name)
    workspace.room.keep_back()
    kept_back = workspace.room.kept_back
    assert kept_back >= 2 * 2**20
    workspace.store.close()
    fill(disk)

    again = open_home(disk / "home")
    assert again.store.get_run(run.id).state is RunState.QUEUED
    fill(disk)
    with pytest.raises(StoreFull, match=FULL):
        for number in range(10_000):
            again.store.save_preset(f"Preset {number}", "x" * 1000, run.config)
    again.store.request_cancel(run.id)
    again.store.bin_run(run.id)
    again.store.bin_dataset(dataset.id)
    assert {entry.binned.id for entry in empty_bin(again)} == {run.id, dataset.id}
    # What was freed is kept back for the next time.
    assert 0 < again.room.kept_back <= kept_back


def test_without_a_reserve_the_files_go_before_the_record(disk, colours_folder):
    workspace = open_home(disk / "home")
    dataset = import_folder(workspace, colours_folder)
    workspace.store.bin_dataset(dataset.id)
    fill(disk)
    # Nothing is left even in the log that is open.
    with pytest.raises(StoreFull):
        for number in range(10_000):
            workspace.store.save_preset(f"Preset {number}", "x" * 1000, run_config(dataset))
    assert [entry.binned.id for entry in empty_bin(workspace)] == [dataset.id]
    assert workspace.store.list_bin() == []
    assert not workspace.artifacts.dataset_folder(dataset.id).exists()


def test_the_cache_is_given_up_before_the_reserve(disk):
    settings = Settings(home=disk, database_url=f"sqlite:///{disk / 'x.db'}")
    workspace = open_workspace(settings)
    shelf = workspace.cache.shelf({"made by": "a test"})
    # The cache leaves gigabytes to others, which this disk does not have.
    workspace.cache._space._keep_free = 0
    for number in range(4):
        assert shelf.write([str(number)], np.zeros((1, 2**20), np.uint8))
    room = workspace.room
    room.keep_back()
    kept_back = room.kept_back
    fill(disk)
    assert room.is_short
    with room.for_deleting():
        assert room.free >= room.enough and room.kept_back == kept_back
    assert 0 < workspace.cache.bytes_kept() < 4 * 2**20


def test_room_is_kept_back_only_where_there_is_plenty(disk):
    room = Room(disk, None)
    filler = fill(disk)
    room.keep_back()
    assert room.kept_back == 0
    filler.unlink()
    room.look_after()
    assert room.kept_back == room.enough


def test_a_disk_that_cannot_be_asked_counts_as_full(tmp_path):
    room = Room(tmp_path / "gone", None)
    assert room.is_short and room.free == room.kept_back == 0
    room.look_after()
    with room.for_deleting():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_a_disk_that_fills_up_fails_with_a_sentence(make_disk, colours_folder):
    disk = make_disk("training", megabytes=64)
    workspace = open_home(disk / "home")
    dataset = import_folder(workspace, colours_folder)
    workspace.room.keep_back()

    def fill_up(event, progress):
        if isinstance(event, EpochEnded):
            fill(disk)

    run = InlineRunner(workspace, fill_up).submit(run_config(dataset, epochs=50))
    assert run.state is RunState.FAILED and "disk" in run.message and "full" in run.message
    workspace.store.bin_run(run.id)
    assert [entry.binned.id for entry in empty_bin(workspace)] == [run.id]
    assert [one.finding.check for one in examine(workspace.settings)] in ([], ["room"])
