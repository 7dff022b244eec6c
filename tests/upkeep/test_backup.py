"""A backup holds all that is kept as of one moment, and comes back whole or not at all."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from disks import small_disk
from making_runs import import_folder, run_config
from safetensors.numpy import save_file
from sqlalchemy import select

from tl_core.errors import BackupRefused, OutputRefused
from tl_core.locks import hold_lock
from tl_core.records import MetricPoint, Person, Prediction, Role, RunState, Session
from tl_core.secret_files import write_private
from tl_core.settings import Settings
from tl_core.store import restoration
from tl_core.store.snapshot import newest_version
from tl_core.store.tables import metadata
from tl_core.upkeep.backup import make_backup
from tl_core.upkeep.doctor import examine
from tl_core.upkeep.restore import restore_backup
from tl_core.workspace import Workspace, open_workspace

NAME = "Björk \0 \ud800 <script>"


@pytest.fixture
def home(tmp_path: Path, url: str, colours_folder: Path) -> Iterator[Workspace]:
    """Open an installation with something in every table."""
    workspace = open_workspace(Settings(home=tmp_path / "home", database_url=url))
    fill(workspace, colours_folder)
    yield workspace
    workspace.store.close()


def fill(workspace: Workspace, colours_folder: Path) -> None:
    store = workspace.store
    dataset = import_folder(workspace, colours_folder)
    run = store.add_run(run_config(dataset), NAME)
    store.claim_run(run.id)
    store.append_metrics(run.id, [MetricPoint(0, 1, 1, "val", "loss", float("nan"), 5)])
    store.put_predictions(run.id, "val", 1, [Prediction(0, 1, (0.25, 0.75, 0.0))])
    store.finish_run(run.id, RunState.FAILED, NAME)
    store.bin_run(store.add_run(run_config(dataset), "in the bin").id)
    store.save_preset("Mine", NAME, run.config)
    store.add_person(Person("ada", NAME, Role.MEMBER, 1.5), word="w")
    store.add_session(Session("t", "ada", 1.0, 2e9))
    folder = workspace.artifacts.run_folder(run.id)
    folder.mkdir(parents=True)
    save_file({"weights": np.arange(3.0)}, folder / "model.safetensors")
    own = workspace.settings.home / "weights" / "of" / "ada"
    own.mkdir(parents=True)
    (own / "own.safetensors").write_bytes(b"weights")
    write_private(workspace.settings.home / "token.secret", b"s" * 32)


def records(workspace: Workspace) -> dict[str, list]:
    """Return the rows of all tables but those of sign-ins and of the installation itself."""
    kept = [t for t in metadata.sorted_tables if t.name not in ("sessions", "house_settings")]
    with workspace.store.reading() as connection:
        return {t.name: sorted(map(repr, connection.execute(select(t)))) for t in kept}


def files(workspace: Workspace) -> dict[str, bytes]:
    home = workspace.settings.home
    return {
        str(path.relative_to(home)): path.read_bytes()
        for top in ("datasets", "runs", "weights")
        for path in (home / top).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def open_elsewhere(folder: Path) -> Workspace:
    return open_workspace(Settings(home=folder, database_url=f"sqlite:///{folder / 'new.db'}"))


def rewrite(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Write a backup anew with changed parts."""
    other = file.with_name("changed.zip")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
    return other


def test_a_backup_of_either_database_comes_back_elsewhere(home: Workspace, tmp_path: Path):
    [run] = home.store.list_runs()
    (home.artifacts.run_folder(run.id) / ".half.unfinished").write_bytes(b"half")
    made = make_backup(home.settings, tmp_path / "b.zip")
    assert (made.n_datasets, made.n_runs) == (1, 2) and made.n_bytes == made.file.stat().st_size
    if os.name != "nt":
        assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    with zipfile.ZipFile(made.file) as archive:
        names = archive.namelist()
    assert not [name for name in names if "unfinished" in name or "sessions" in name]
    assert "files/token.secret" in names and not [name for name in names if ".db" in name]

    other = open_elsewhere(tmp_path / "other")
    restored = restore_backup(other.settings, made.file)
    assert (restored.n_datasets, restored.n_runs) == (1, 2)
    assert records(other) == records(home) and files(other) == files(home)
    assert (other.settings.home / "token.secret").read_bytes() == b"s" * 32
    assert list(examine(other.settings)) == []
    # Numbers of runs go on where they were.
    assert other.store.add_run(run.config, "next").id != run.id
    other.store.close()


def test_what_is_there_is_replaced_only_when_asked_and_then_as_a_whole(
    home: Workspace, tmp_path: Path
):
    made = make_backup(home.settings, tmp_path / "b.zip")
    before = records(home), files(home)
    [run] = home.store.list_runs()
    later = home.store.add_run(run.config, "later")
    home.store.request_cancel(later.id)
    shutil.rmtree(home.artifacts.run_folder(run.id))
    home.artifacts.run_folder(later.id).mkdir()
    with pytest.raises(BackupRefused, match=r"holds 1 dataset and 3 runs, .* give --replace"):
        restore_backup(home.settings, made.file)
    restore_backup(home.settings, made.file, replace=True)
    assert (records(home), files(home)) == before
    assert home.store.person_in_session("t") is None, "an ended session must not come back"
    assert [one.finding.sentence for one in examine(home.settings)] == []
    added = home.store.add_run(run.config, "after that")
    assert home.store.get_run(added.id) == added


def test_a_run_that_trains_is_not_pulled_away(home: Workspace, tmp_path: Path):
    made = make_backup(home.settings, tmp_path / "b.zip")
    [run] = home.store.list_runs()
    home.store.claim_run(home.store.add_run(run.config, "training").id)
    [training] = home.store.list_running_runs()
    with hold_lock(home.artifacts.run_lock(training.id)):
        with pytest.raises(BackupRefused, match=rf"\({training.id}\) are training: pause or stop"):
            restore_backup(home.settings, made.file, replace=True)
        # A backup disturbs nobody.
        assert make_backup(home.settings, tmp_path / "c.zip").n_runs == 3
    restore_backup(home.settings, made.file, replace=True)
    assert home.store.list_running_runs() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda name, content: content[:-1] if name.endswith(".png") else content, "is not what"),
        (lambda name, content: None if name == "manifest.json" else content, "no backup of"),
        (lambda name, content: None if name.endswith("runs.jsonl") else content, "is missing"),
        (
            lambda name, content: (
                content.replace(b"files/token.secret", b"files/../x")
                if name == "manifest.json"
                else content
            ),
            "is no name that a backup gives",
        ),
        (
            lambda name, content: (
                json.dumps({"format": 1, "schema": 999}).encode()
                if name == "manifest.json"
                else content
            ),
            rf"newer TransferLab \(its schema has version 999, this release knows "
            rf"{newest_version()}\): update",
        ),
    ],
    ids=["changed", "another zip", "a part is missing", "a way out", "newer"],
)
def test_a_damaged_or_strange_file_changes_nothing(
    workspace: Workspace, colours_folder: Path, tmp_path: Path, change, said: str
):
    fill(workspace, colours_folder)
    made = make_backup(workspace.settings, tmp_path / "b.zip")
    before = records(workspace), files(workspace)
    with pytest.raises(BackupRefused, match=said):
        restore_backup(workspace.settings, rewrite(made.file, change), replace=True)
    assert (records(workspace), files(workspace)) == before
    assert list((workspace.settings.home / "staging").iterdir()) == []


@pytest.mark.parametrize("keep", [0, 100, -30])
def test_a_file_that_was_cut_off_changes_nothing(
    workspace: Workspace, colours: object, tmp_path: Path, keep: int
):
    made = make_backup(workspace.settings, tmp_path / "b.zip")
    made.file.write_bytes(made.file.read_bytes()[:keep])
    with pytest.raises(BackupRefused, match=r"b\.zip is no whole backup .* Nothing was changed"):
        restore_backup(workspace.settings, made.file, replace=True)
    with pytest.raises(BackupRefused, match=r"There is no file .*nowhere\.zip"):
        restore_backup(workspace.settings, tmp_path / "nowhere.zip")


def test_an_error_in_the_middle_takes_everything_back(
    workspace: Workspace, colours_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(workspace, colours_folder)
    made = make_backup(workspace.settings, tmp_path / "b.zip")
    before = records(workspace), files(workspace)

    def fail(*arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("tl_core.upkeep.restore.copy_over", fail)
    with pytest.raises(BackupRefused, match=r"Input/output error\. Nothing was changed"):
        restore_backup(workspace.settings, made.file, replace=True)
    assert (records(workspace), files(workspace)) == before
    assert list(examine(workspace.settings)) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tl_core.secret_files import write_private
from tl_core.settings import Settings
from tl_core.store import restoration
from tl_core.upkeep import restore

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

place, home, file = sys.argv[1:]
setattr(restore if place == "copy_over" else restoration, place, die)
if place == "move_into_place":
    moves = []
    def move(made, target):
        if len(moves) == 3:
            die()
        moves.append(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        made.rename(target)
    restoration.move_into_place = move
settings = Settings(home=Path(home))
restore.restore_backup(settings, Path(file), replace=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("place", "is_restored"),
    [("move_into_place", False), ("copy_over", False), ("_finish", True)],
)
def test_a_killed_restoration_is_finished_or_taken_back_at_the_next_start(
    workspace: Workspace, colours_folder: Path, tmp_path: Path, place: str, is_restored: bool
):
    fill(workspace, colours_folder)
    made = make_backup(workspace.settings, tmp_path / "b.zip")
    then = records(workspace), files(workspace)
    [run] = workspace.store.list_runs()
    workspace.store.request_cancel(workspace.store.add_run(run.config, "later").id)
    now = records(workspace), files(workspace)
    arguments = [place, str(workspace.settings.home), str(made.file)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    again = open_workspace(workspace.settings)
    assert (records(again), files(again)) == (then if is_restored else now)
    assert list(examine(again.settings)) == []
    left = {path.name for path in again.settings.home.iterdir()}
    assert not [name for name in left if name.startswith(("before-", "restoring"))]
    again.store.close()


def test_what_a_server_added_after_a_killed_restoration_stays(workspace: Workspace):
    artifacts = workspace.artifacts
    fresh = artifacts.home / "fresh"
    exchange = restoration.exchange(workspace.store, artifacts, fresh, ("datasets",))
    artifacts.dataset_folder("old").mkdir(parents=True)
    with pytest.raises(RuntimeError, match="on the way"), exchange:
        artifacts.dataset_folder("added").mkdir()
        raise RuntimeError("on the way")
    assert artifacts.stored_datasets() == {"old", "added"}


def test_places_where_no_backup_is_written(workspace: Workspace, tmp_path: Path):
    taken = tmp_path / "taken.zip"
    taken.write_text("mine")
    with pytest.raises(OutputRefused, match="is there already"):
        make_backup(workspace.settings, taken)
    assert taken.read_text() == "mine"
    with pytest.raises(OutputRefused, match="There is no folder"):
        make_backup(workspace.settings, tmp_path / "nowhere" / "b.zip")
    with pytest.raises(OutputRefused, match="would be lost with it"):
        make_backup(workspace.settings, workspace.settings.home / "b.zip")


def test_a_full_disk_refuses_a_backup_and_a_restoration(
    workspace: Workspace, colours: object, tmp_path: Path
):
    (workspace.settings.home / "weights").mkdir()
    (workspace.settings.home / "weights" / "large").write_bytes(os.urandom(3 * 2**20))
    made = make_backup(workspace.settings, tmp_path / "b.zip")
    with small_disk(tmp_path / "small", 2) as small:
        with pytest.raises(OutputRefused, match="its disk is full"):
            make_backup(workspace.settings, small / "b.zip")
        assert list(small.iterdir()) == []
        other = Settings(home=small / "home", database_url=f"sqlite:///{tmp_path / 'new.db'}")
        with pytest.raises(BackupRefused, match=r"needs 3\.\d MB .*: make room first"):
            restore_backup(other, made.file)
