"""The doctor names what is wrong in a sentence, repairs what it can, and leaves the rest alone."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from disks import fill, remount
from making_runs import import_folder, open_home, run_config

from tl_core.data.images import image_path, thumbnail_path
from tl_core.locks import hold_lock
from tl_core.records import DatasetRecord, Run, RunState
from tl_core.upkeep.doctor import examine
from tl_core.workspace import Workspace


def found(workspace: Workspace, *, repair: bool = False) -> dict[str, str]:
    """Return what the doctor says, by name of the check and subject."""
    examined = examine(workspace.settings, repair=repair)
    return {f"{one.finding.check} {one.finding.subject}": one.finding.sentence for one in examined}


def left_after_repair(workspace: Workspace) -> list[str]:
    return [
        f"{one.finding.check}: {one.failure}"
        for one in examine(workspace.settings, repair=True)
        if not one.is_repaired
    ]


def change(workspace: Workspace, statement: str, *values) -> None:
    """Change the database as no release of ours would."""
    file = workspace.settings.home / "transferlab.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)


@pytest.fixture
def run(workspace: Workspace, colours: DatasetRecord) -> Run:
    run = workspace.store.add_run(run_config(colours), colours.name)
    workspace.store.request_cancel(run.id)
    return workspace.store.get_run(run.id)


def test_nothing_is_wrong_with_finished_work(finished):
    assert found(finished[0]) == {}


def test_where_nothing_was_kept_yet_nothing_is_wrong_and_nothing_is_made(tmp_path: Path):
    settings = open_home(tmp_path / "other").settings
    gone = settings.model_copy(update={"home": tmp_path / "never"})
    assert list(examine(gone)) == [] and not gone.home.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_rights_folders_and_secret(workspace: Workspace):
    home = workspace.settings.home
    home.chmod(0o755)
    (home / "transferlab.db").chmod(0o644)
    (home / "token.secret").write_bytes(b"")
    (home / "token.secret").chmod(0o600)
    (home / "weights").write_text("")
    said = found(workspace)
    assert said.keys() == {
        f"rights {home}",
        f"rights {home / 'transferlab.db'}",
        "folders weights",
        "secret token.secret",
    }
    assert "Other accounts of this machine can open" in said[f"rights {home}"]
    home.chmod(0o755)
    assert left_after_repair(workspace) == [] and found(workspace) == {}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not (home / "token.secret").exists() and (home / "weights.put-aside").is_file()


def test_a_read_only_home_and_a_database_that_cannot_be_opened(workspace: Workspace, make_disk):
    home = make_disk()
    other = open_home(home)
    other.store.close()
    remount(home, "ro")
    said = found(other)
    assert "cannot be written (Read-only file system)" in said[f"home {home}"]
    assert "cannot be written" in said["database the database"]
    workspace.store.close()
    (workspace.settings.home / "transferlab.db").write_bytes(b"no database" * 1000)
    assert "file is not a database" in found(workspace)["database the database"]


def test_the_doctor_works_on_a_full_disk(make_disk, colours_folder):
    workspace = open_home(make_disk() / "home")
    import_folder(workspace, colours_folder)
    workspace.room.keep_back()
    workspace.store.close()
    fill(workspace.settings.home)
    said = found(workspace)
    assert said.keys() == {"room the disk"} and "The disk is full: " in said["room the disk"]


@pytest.mark.parametrize(
    ("changes", "said", "then"),
    [
        ("state = 'on holiday'", "its state is 'on holiday', which does not exist", None),
        ("config = '{}'", "its settings cannot be read", None),
        ("state = 'running'", "no process works on it", RunState.INTERRUPTED),
        ("state = 'queued', requested = 'pause'", "yet was asked to stop", RunState.QUEUED),
        ("state = 'queued', dataset_id = 'x'", "its dataset has been deleted", RunState.FAILED),
        ("state = 'completed'", "has no test result", RunState.INTERRUPTED),
        ("finished_at = NULL", "nobody knows since when", RunState.CANCELLED),
    ],
)
def test_impossible_states_become_possible(
    workspace: Workspace, run: Run, changes: str, said: str, then: RunState | None
):
    change(workspace, f"UPDATE runs SET {changes} WHERE id = ?", run.id)
    [(name, sentence)] = found(workspace).items()
    assert name == f"states {run.id}" and said in sentence
    assert left_after_repair(workspace) == [] and found(workspace) == {}
    if then is None:
        # Nothing can be done with it, so the bin keeps it away from the pages.
        assert workspace.store.list_runs() == [] and len(workspace.store.list_bin()) == 1
    else:
        assert workspace.store.get_run(run.id).state is then


def test_a_run_that_was_stopped_while_it_ran_is_in_order(workspace: Workspace, run: Run):
    for ask, state in (
        (workspace.store.request_cancel, RunState.CANCELLED),
        (workspace.store.request_pause, RunState.PAUSED),
    ):
        stopped = workspace.store.add_run(run.config, "stopped")
        workspace.store.claim_run(stopped.id)
        ask(stopped.id)
        workspace.store.finish_run(stopped.id, state)
    assert found(workspace) == {}


def test_a_run_whose_process_lives_is_left_alone(workspace: Workspace, run: Run):
    change(workspace, "UPDATE runs SET state = 'running' WHERE id = ?", run.id)
    with hold_lock(workspace.artifacts.run_lock(run.id)):
        assert found(workspace, repair=True) == {}
    assert workspace.store.get_run(run.id).state is RunState.RUNNING


def test_rows_that_belong_to_nothing_and_to_nobody(workspace: Workspace, run: Run):
    change(workspace, "UPDATE runs SET owner = 'gone'")
    said = found(workspace)
    assert said == {"owners gone": "1 row of runs belong to the person gone, whom nobody knows."}
    assert left_after_repair(workspace) == [] and found(workspace) == {}
    change(workspace, "INSERT INTO metrics VALUES ('nowhere', 0, 1, 1, 'val', 'loss', 0.5, 1)")
    assert "rows of metrics belong to a record" in found(workspace)["database the database"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    # A new file, since other datasets may share the old one.
    path.unlink()
    path.write_bytes(content)


def damage_images(workspace: Workspace, dataset: DatasetRecord) -> Path:
    """Lose one image and damage another; return the folder."""
    folder = workspace.artifacts.dataset_folder(dataset.id)
    images = workspace.store.list_images(dataset.id)
    image_path(folder, images[0]).unlink()
    flip(image_path(folder, images[1]))
    return folder


def test_lost_and_damaged_images_come_back_with_another_import(
    workspace: Workspace, colours: DatasetRecord, colours_folder: Path
):
    damage_images(workspace, colours)
    sentence = found(workspace)[f"images {colours.id}"]
    assert sentence.startswith("1 missing and 1 damaged of the 30 images of 'colours'")
    assert left_after_repair(workspace) == ["images: "], "there is no other copy"
    assert import_folder(workspace, colours_folder) == colours
    assert found(workspace) == {}


def test_images_are_taken_from_another_dataset_that_has_them(
    workspace: Workspace, colours: DatasetRecord, colours_folder: Path, tmp_path: Path
):
    for name in ("blue", "red"):
        (tmp_path / "fewer" / name).mkdir(parents=True)
        for file in (colours_folder / name).iterdir():
            (tmp_path / "fewer" / name / file.name).write_bytes(file.read_bytes())
    fewer = import_folder(workspace, tmp_path / "fewer")
    folder = damage_images(workspace, fewer)
    [thumbnail] = [thumbnail_path(folder, workspace.store.list_images(fewer.id)[2].sha256)]
    before = thumbnail.read_bytes()
    thumbnail.unlink()
    assert found(workspace).keys() == {f"images {fewer.id}", f"thumbnails {fewer.id}"}
    assert left_after_repair(workspace) == [] and found(workspace) == {}
    assert thumbnail.read_bytes() == before
    assert fewer.id != colours.id


def test_lost_models_damaged_outputs_and_a_damaged_cache(workspace: Workspace, run: Run):
    workspace.store.update_run(run.id, epochs_done=2, best_epoch=1)
    outputs = workspace.artifacts.outputs(run.id)
    outputs.mkdir(parents=True)
    (outputs / "val.safetensors").write_bytes(b"nothing of the kind")
    assert workspace.cache.shelf({"made by": "a test"}).write(["a"], np.zeros((1, 99), np.uint8))
    [segment] = workspace.cache.folder.rglob("*.rows")
    segment.write_bytes(segment.read_bytes()[:-1])
    said = found(workspace)
    place = segment.relative_to(workspace.settings.home)
    assert said.keys() == {f"models {run.id}", f"outputs {run.id}", f"cache {place}"}
    assert "The model of run" in said[f"models {run.id}"]
    assert f"runs/{run.id}/outputs/val.safetensors of run" in said[f"outputs {run.id}"]
    assert left_after_repair(workspace) == ["models: "]
    assert not segment.exists()


def test_leftovers_and_another_database(workspace: Workspace, run: Run):
    orphan = workspace.artifacts.run_folder("tbcdfghj")
    orphan.mkdir(parents=True)
    assert found(workspace).keys() == {"leftovers runs/tbcdfghj"}
    change(workspace, "UPDATE house_settings SET value = '\"another\"' WHERE name = 'installation'")
    assert found(workspace).keys() == {f"pairing {workspace.settings.home}"}
    assert left_after_repair(workspace) == [] and not orphan.exists()


def test_a_repair_that_fails_says_why(
    workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*arguments):
        raise OSError(30, "Read-only file system")

    make_private: Callable[..., None] = refuse
    workspace.settings.home.chmod(0o755)
    monkeypatch.setattr("tl_core.upkeep.home_checks.make_private", make_private)
    [one] = examine(workspace.settings, repair=True)
    assert not one.is_repaired and "Read-only file system" in one.failure
