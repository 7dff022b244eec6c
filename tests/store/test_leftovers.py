"""What killed processes leave is swept away at every start, and nothing else is."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from making_runs import import_folder, open_home, run_config

from tl_core.locks import hold_lock
from tl_core.store import Artifacts, SqlStore, find_leftovers, sweep
from tl_core.store.identity import belong_together, pair

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from tl_core.files import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    if sys.argv[2:]:
        print("writing", flush=True)
        sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def artifacts(tmp_path: Path, store: SqlStore) -> Artifacts:
    """Return the folders of a home that belongs to the store."""
    home = Artifacts(tmp_path / "home")
    assert belong_together(store, home)
    return home


def make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "file").write_text("x")
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_folders_and_files_without_a_record_are_swept_away(
    store: SqlStore, artifacts: Artifacts, config, dataset
):
    store.add_dataset(dataset, [], [])
    run = store.add_run(config, dataset.name)
    binned = store.add_run(config, dataset.name)
    store.bin_run(binned.id)
    for run_id in (run.id, binned.id, "tbcdfghj"):
        make(artifacts.run_folder(run_id))
        artifacts.run_process(run_id).write_text("1")
    for dataset_id in (dataset.id, "f" * 16):
        make(artifacts.dataset_folder(dataset_id))
    make(artifacts.home / "staging" / "of a killed import")
    (artifacts.home / "staging" / "of another.lock").touch()
    said = {leftover.path.name: leftover.sentence for leftover in find_leftovers(store, artifacts)}
    assert said.keys() == {"tbcdfghj", "tbcdfghj.pid", "f" * 16, "of a killed import"}
    assert "its import was killed at the end" in said["f" * 16]
    assert "deletion was cut short" in said["tbcdfghj"]

    sweep(store, artifacts)
    assert list(find_leftovers(store, artifacts)) == []
    assert names(artifacts.home / "runs") == {run.id, binned.id}
    assert names(artifacts.home / "datasets") == {dataset.id}
    assert names(artifacts.home / "staging") == set()
    assert {name for name in names(artifacts.home / "locks") if name.endswith(".pid")} == {
        f"{run.id}.pid",
        f"{binned.id}.pid",
    }


def test_what_somebody_is_about_to_record_stays(store: SqlStore, artifacts: Artifacts):
    dataset = make(artifacts.dataset_folder("f" * 16))
    run = make(artifacts.run_folder("tbcdfghj"))
    locks = artifacts.dataset_lock("f" * 16), artifacts.run_lock("tbcdfghj")
    with hold_lock(locks[0]), hold_lock(locks[1]), artifacts.staging_folder() as staging:
        sweep(store, artifacts)
        assert dataset.exists() and run.exists() and staging.exists()
    with hold_lock(artifacts.upkeep_lock):
        sweep(store, artifacts)
        assert dataset.exists(), "a restoration is under way"
    sweep(store, artifacts)
    assert not dataset.exists() and not run.exists()


def test_another_database_sweeps_nothing_away(tmp_path: Path, store: SqlStore, artifacts, open_url):
    kept = make(artifacts.dataset_folder("f" * 16))
    other = open_url(f"sqlite:///{tmp_path / 'other.db'}")
    assert not belong_together(other, artifacts)
    sweep(other, artifacts)
    assert kept.exists()
    # A person who knows better says so.
    pair(other, artifacts)
    sweep(other, artifacts)
    assert not kept.exists()
    assert not belong_together(store, artifacts)


def test_a_lost_database_costs_no_files(tmp_path: Path, colours_folder):
    workspace = open_home(tmp_path)
    dataset = import_folder(workspace, colours_folder)
    workspace.store.close()
    for path in tmp_path.glob("transferlab.db*"):
        path.unlink()
    open_home(tmp_path).store.close()
    assert workspace.artifacts.dataset_folder(dataset.id).exists()


def test_an_installation_of_an_earlier_release_is_recognised(tmp_path: Path, colours_folder):
    workspace = open_home(tmp_path)
    dataset = import_folder(workspace, colours_folder)
    run = workspace.store.add_run(run_config(dataset), dataset.name)
    workspace.store.put_setting("installation", "")
    workspace.artifacts.identity.unlink()
    workspace.store.close()
    orphan = make(workspace.artifacts.dataset_folder("f" * 16))
    again = open_home(tmp_path)
    assert not orphan.exists() and again.store.get_run(run.id) == run
    assert again.artifacts.dataset_folder(dataset.id).exists()


def test_a_file_of_a_killed_writer_goes_and_that_of_a_living_one_stays(
    store: SqlStore, artifacts: Artifacts, config
):
    run = store.add_run(config, "flowers")
    folder = artifacts.run_folder(run.id) / "outputs"
    for place in (folder / "x", artifacts.home / "paces.json"):
        program = [sys.executable, "-c", KILLED_WHILE_WRITING, str(place)]
        assert subprocess.run(program, check=False).returncode == -signal.SIGKILL
    assert len(names(folder)) == 1
    living = [*program[:-1], str(folder / "y"), "waits"]
    with subprocess.Popen(living, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        assert len(names(folder)) == 2
        sweep(store, artifacts)
        assert len(names(folder)) == 1
        assert not [*artifacts.home.glob(".*")]
        writer.kill()
    sweep(store, artifacts)
    assert names(folder) == set()
