"""Commands of the bin."""

from pathlib import Path

import pytest
from cli.commanding import answer, complaint, run
from making_runs import import_folder, make_colours, open_home


@pytest.fixture
def dataset_id(home: Path, tmp_path: Path) -> str:
    """Put a dataset into the bin and return its id."""
    workspace = open_home(home)
    dataset = import_folder(workspace, make_colours(tmp_path / "colours", 3))
    workspace.store.bin_dataset(dataset.id)
    workspace.store.close()
    return dataset.id


def test_what_is_in_the_bin_is_listed_and_restored(home: Path, dataset_id: str):
    (entry,) = answer(run(home, "bin", "list", "--json"))
    assert (entry["kind"], entry["id"], entry["name"]) == ("dataset", dataset_id, "colours")
    assert entry["n_bytes"] > 0 and entry["gone_at"] == entry["binned_at"] + 7 * 86_400
    told = run(home, "bin", "list").stdout
    assert dataset_id in told and "of disk until then" in told
    assert "Restored the dataset colours" in run(home, "bin", "restore", dataset_id).stdout
    assert run(home, "bin", "list").stdout == "The bin is empty.\n"
    assert dataset_id in complaint(run(home, "bin", "restore", dataset_id))


def test_an_emptied_bin_holds_nothing_and_its_files_are_gone(home: Path, dataset_id: str):
    folder = home / "datasets" / dataset_id
    assert folder.exists()
    (entry,) = answer(run(home, "bin", "empty", "--json"))
    assert entry["id"] == dataset_id
    assert not folder.exists()
    assert answer(run(home, "bin", "list", "--json")) == []
