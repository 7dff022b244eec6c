"""Sizes add up to what is on the disk, and freeing space loses nothing."""

from pathlib import Path

import numpy as np
import pytest
from making_runs import import_folder, run_config

from tl_core.access import Directory, bind
from tl_core.records import DatasetRecord, Run
from tl_core.upkeep.freeing import free_space
from tl_core.upkeep.sizes import measure
from tl_core.workspace import Workspace


@pytest.fixture
def run(workspace: Workspace, colours: DatasetRecord) -> Run:
    """Make a run of 1,700 bytes, of which 400 are an export and 300 a training state."""
    run = workspace.store.add_run(run_config(colours), colours.name)
    workspace.store.request_cancel(run.id)
    folder = workspace.artifacts.run_folder(run.id)
    folder.mkdir(parents=True)
    for name, n in (
        ("model.safetensors", 1000),
        ("export-onnx.zip", 400),
        ("training-state.pt", 300),
    ):
        (folder / name).write_bytes(bytes(n))
    return run


def bytes_below(folder: Path) -> int:
    files = {
        path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()
    }
    return sum(files.values())


def test_images_that_datasets_share_count_once(
    workspace: Workspace, colours: DatasetRecord, colours_folder: Path, tmp_path: Path
):
    for name in ("blue", "red"):
        (tmp_path / "fewer" / name).mkdir(parents=True)
        for file in (colours_folder / name).iterdir():
            (tmp_path / "fewer" / name / file.name).write_bytes(file.read_bytes())
    fewer = import_folder(workspace, tmp_path / "fewer")
    sizes = measure(workspace)
    assert {item.id for item in sizes.items} == {colours.id, fewer.id}
    on_disk = bytes_below(workspace.settings.home / "datasets")
    # Halves of odd sizes are rounded.
    assert sizes.total("dataset") == pytest.approx(on_disk, abs=2 * colours.n)


def test_what_is_in_the_bin_counts_as_such(workspace: Workspace, run: Run):
    assert measure(workspace).total("run") == 1700
    workspace.store.bin_run(run.id)
    sizes = measure(workspace)
    assert (sizes.total("run"), sizes.total("bin")) == (0, 1700)
    assert sizes.states == 0, "they go with the bin"


def test_freeing_takes_what_can_be_made_again_and_tells_the_rest(workspace: Workspace, run: Run):
    assert workspace.cache.shelf({"made by": "a test"}).write(["a"], np.zeros((1, 5000), np.uint8))
    kept = workspace.cache.bytes_kept()
    assert kept > 5000 and measure(workspace).cache == kept
    freed = free_space(workspace)
    assert (freed.cache, freed.again, freed.bin, freed.states) == (kept, 400, 0, 300)
    assert freed.largest[-1] == ("run", run.id, "colours", 1300)
    folder = workspace.artifacts.run_folder(run.id)
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "training-state.pt"}
    assert free_space(workspace).again == 0


def test_a_person_sees_and_frees_their_own(workspace: Workspace, run: Run, colours: DatasetRecord):
    person, _ = Directory(workspace).join("Ada")
    theirs = bind(workspace, person)
    assert measure(theirs).items == () and measure(theirs).cache == 0
    assert free_space(theirs).again == 0
    assert (workspace.artifacts.run_folder(run.id) / "export-onnx.zip").exists()
    assert measure(workspace).by_person().keys() == {""}
